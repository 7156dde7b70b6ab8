/** A model's way through a text: every stream is read token by token, and observers look at each measured token. */
import { UserError } from "../../cells/errors.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { sizeOf, type Tensor } from "../../cells/graph/tensor.ts";
import { type EvaluationModel, evaluationModel } from "../../cells/language_model.ts";
import type { Watched } from "./progress.ts";
import { Float64Graph } from "./float64.ts";
import { type Streams, tokenFeeds, type VisitedStates } from "./streams.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** Looks at a walk as it goes, so that nothing needs to be kept of what it sums up. */
export interface Observer {
  /** Tensors of the walk's graph that it looks at beside the states, each under a name that no state has. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /**
   * Called at each measured token.
   *
   * @param token from 0
   * @param values the states before the token, and the observer's outputs as it is read: the rows of all streams
   */
  see(token: number, values: ReadonlyMap<string, Values>): void;
}

/** Tokens that are read between two turns of the event loop. */
const TOKENS_AT_ONCE = 64;

/** The graph that a walk through these streams takes its steps with: a row for each stream. */
export const walkedModel = ({ cell, sizes }: CheckedModel, { streams }: Pick<Streams, "streams">): EvaluationModel =>
  evaluationModel(cell, { ...sizes, batch: streams });

/**
 * Opens the step of a model: the states before it and tokens in, the states after it out.
 *
 * @param outputs tensors of its graph that are to come out beside the states
 */
export function openStep(
  { graph, states }: EvaluationModel,
  { weights }: Pick<CheckedModel, "weights">,
  outputs: ReadonlyMap<string, Tensor> = new Map(),
): Promise<Float64Graph> {
  const after = states.map(({ name }) => [name, graph.outputs.get(name)!] as const);
  return Float64Graph.open(buildGraph(Object.fromEntries([...after, ...outputs])), { weights });
}

/**
 * Reads all streams, warm-up included, from a zero state. Progress is in tokens of each stream.
 *
 * @param evaluation of {@linkcode walkedModel}
 * @param action what an error says was being done
 * @throws {UserError} if a state becomes infinite or NaN
 */
export async function walk(
  evaluation: EvaluationModel,
  model: CheckedModel,
  { text, starts, tokens, warm_up }: Streams,
  observers: readonly Observer[],
  action: string,
  { onProgress, signal }: Watched = {},
): Promise<void> {
  const total = warm_up + tokens;
  signal?.throwIfAborted();
  await using step = await openStep(evaluation, model, outputsOf(observers));
  let states = new Map<string, Values>(
    evaluation.states.map(({ name, shape }) => [name, new Float64Array(sizeOf(shape))]),
  );
  for (let t = 0; t < total; t++) {
    const results = await step.run(new Map([...states, ...tokenFeeds(text, starts, t)]));
    if (t >= warm_up) {
      const values = new Map([...results, ...states]);
      for (const observer of observers) observer.see(t - warm_up, values);
    }
    states = new Map(evaluation.states.map(({ name }) => [name, results.get(name)!]));
    checkFinite(action, states.keys(), states, t);
    if ((t + 1) % TOKENS_AT_ONCE && t + 1 < total) continue;
    onProgress?.(t + 1, total);
    signal?.throwIfAborted();
  }
}

/** What some observers look at beside the states. */
export function outputsOf(observers: readonly Observer[]): Map<string, Tensor> {
  return new Map(observers.flatMap((observer) => [...observer.outputs]));
}

/** @throws {UserError} if a state is not finite after so many tokens and one more */
export function checkFinite(
  action: string,
  states: Iterable<string>,
  carried: ReadonlyMap<string, Values>,
  token: number,
): void {
  for (const name of states) {
    const values = carried.get(name)!;
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong === undefined) continue;
    throw new UserError(
      `Cannot ${action}: '${name}' is ${wrong} after ${token + 1} tokens of its stream, must be finite`,
    );
  }
}

/** Keeps the states of a walk. */
export class StateRecorder implements Observer {
  readonly outputs: ReadonlyMap<string, Tensor> = new Map();
  readonly visited: VisitedStates;

  constructor({ states }: EvaluationModel, { streams, tokens }: Pick<Streams, "streams" | "tokens">) {
    const empty = (size: number) => Array.from({ length: streams }, () => new Float64Array(tokens * size));
    this.visited = new Map(states.map(({ name, shape: [, size] }) => [name, empty(size)]));
  }

  see(token: number, values: ReadonlyMap<string, Values>): void {
    for (const [name, streams] of this.visited) {
      const all = values.get(name)!, size = all.length / streams.length;
      streams.forEach((own, s) => own.set(all.subarray(s * size, (s + 1) * size), token * size));
    }
  }
}

/** The states that each stream has before each of its measured tokens. Throws and reports as {@linkcode walk} does. */
export async function visitedStates(
  model: CheckedModel,
  streams: Streams,
  action: string,
  watched?: Watched,
): Promise<VisitedStates> {
  const evaluation = walkedModel(model, streams), recorder = new StateRecorder(evaluation, streams);
  await walk(evaluation, model, streams, [recorder], action, watched);
  return recorder.visited;
}
