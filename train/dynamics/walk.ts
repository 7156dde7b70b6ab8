/** A model's way through a text: every stream is read token by token, and observers look at each measured token. */
import { buildGraph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { sizeOf, type Tensor } from "../../cells/graph/tensor.ts";
import type { EvaluationModel } from "../../cells/language_model.ts";
import type { Watched } from "./progress.ts";
import { Float64Graph } from "./float64.ts";
import { type Observer, outputsOf, StreamReader } from "./stream_reader.ts";
import type { Streams, VisitedStates } from "./streams.ts";
import { type CheckedModel, modelOfRows } from "./weighted_model.ts";

/** Tokens of each stream between two words of progress. */
const TOKENS_AT_ONCE = 64;

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
 * @param evaluation the model with a row for each stream
 * @param action what an error says was being done
 * @throws {UserError} if a state becomes infinite or NaN
 */
export async function walk(
  evaluation: EvaluationModel,
  model: CheckedModel,
  streams: Streams,
  observers: readonly Observer[],
  action: string,
  { onProgress, signal }: Watched = {},
): Promise<void> {
  signal?.throwIfAborted();
  await using step = await openStep(evaluation, model, outputsOf(observers));
  const start = new Map(evaluation.states.map(({ name, shape }) => [name, new Float64Array(sizeOf(shape))]));
  const reader = new StreamReader({ step, streams, states: [...start.keys()], observers }, start), { total } = reader;
  while (reader.position < total) {
    await reader.advance(action);
    if (reader.position % TOKENS_AT_ONCE && reader.position < total) continue;
    onProgress?.(reader.position, total);
    signal?.throwIfAborted();
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
  const evaluation = modelOfRows(model, streams.streams), recorder = new StateRecorder(evaluation, streams);
  await walk(evaluation, model, streams, [recorder], action, watched);
  return recorder.visited;
}
