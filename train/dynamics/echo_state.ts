/** Echo state: whether what a model does depends on its input alone, or also on the state that it started from. */
import { checkWhole } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { State } from "../../cells/language_model.ts";
import { checkSeed, randomStream } from "../corpus/random.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import { Merging, type StreamMerging } from "./merging.ts";
import type { Watched } from "./progress.ts";
import type { StreamOptions } from "./stream_options.ts";
import { cutStreams, type Streams, tokenFeeds, type Trajectory, type VisitedStates } from "./streams.ts";
import { openStep, visitedStates } from "./walk.ts";
import { type CheckedModel, checkModel, modelOfRows, type WeightedModel } from "./weighted_model.ts";

/** What {@linkcode echoState} finds. */
export interface EchoState extends Pick<Required<StreamOptions>, "streams"> {
  /** Random starts of each stream. */
  readonly starts: number;
  /** Tokens that each start reads, at most: reading ends where all starts of all streams have merged. */
  readonly tokens: number;
  /** States are merged whose largest difference in any number is below this. */
  readonly tolerance: number;
  /** Share of the starts that end in the largest group of merged states, from 1/starts (none have merged) to 1 (all). */
  readonly merged_share: Estimate;
  /**
   * Distinct responses: groups of merged states at the end. 1: the model has the echo state property, as far as these starts tell. More: it has not,
   * or it forgets too slowly to tell by then; starts that are 1 apart need about `−14/λ₁` tokens to come within 1e-6.
   */
  readonly responses: Estimate;
  /** Tokens after which all starts of a stream had merged; value null where in some stream they never did. */
  readonly merged_after: Estimate;
  /** Starts, of all streams, whose state became infinite or NaN; they are in no group. */
  readonly diverged: number;
}

/** What {@linkcode echoState} takes; all of it may be absent. Progress is in tokens of each stream; its end may come early. */
export interface EchoStateOptions extends StreamOptions, Watched {
  /** Random starts of each stream, at least 2; absent: 16. */
  readonly starts?: number;
  /** Of the random starts; absent: 0. */
  readonly seed?: number;
}

const ACTION = "measure the echo state";
/** A model that forgets at all has mostly merged within some hundreds of tokens; one that does not costs all of them. */
const DEFAULTS: Required<StreamOptions> = { streams: 4, tokens: 2048, warm_up: 256 };
const STARTS = 16;
/** States whose spread random starts are drawn from: of each stream so many. */
const VISITED = 512;
const TOLERANCE = 1e-6;
/** Half the range of a start: standard deviations of the visited states, and what it is at least. */
const DEVIATIONS = 3, LEAST = 1;
const TOKENS_AT_ONCE = 32;

/**
 * Whether a model forgets the state that it started from (the echo state property): in each stream, random starts read the same tokens until all
 * have merged, or all tokens are read. Sources: Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks",
 * 2001; Yildiz, Jaeger and Kiebel, "Re-visiting the echo state property", 2012; of the number of responses Ceni et al., "The echo index and
 * multistability in input-driven recurrent neural networks", 2020.
 *
 * Two states are merged where their largest difference in any number is below 1e-6, and what is merged with one of a group is in it. Starts that
 * merge and part again, as in a chaotic model they may, are as they are at the end.
 *
 * Each number of a start is uniform within three standard deviations of its mean over visited states, and at least within ±1 of it: wider than
 * what the text leads to, so that other responses than the usual one are found, and never one point. It takes each number for itself, so it may
 * start a cell from where it can never come (a sigmoid's state below 0, the normaliser of an sLSTM near 0). Such a start that ends infinite or
 * NaN is counted as diverged. That all starts merge is no proof: a rare response may be missed.
 *
 * All starts of all streams are one batch: a token costs a forward step of `streams · starts` rows. Seen with the defaults, on one core: 0.1 to 0.5
 * seconds for gated cells of 2 × 32 states, 18 for one of 2 × 256 whose starts never merge.
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; absent options: 4 streams of 2,048 tokens, warm-up (of the
 * visited states) 256
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing or not finite, a visited state does not stay finite, or the model carries no state
 */
export async function echoState(
  model: WeightedModel,
  text: Tokens,
  { starts = STARTS, seed = 0, onProgress, signal, ...cut }: EchoStateOptions = {},
): Promise<EchoState> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION, DEFAULTS);
  checkStarts(starts, seed);
  const visited = await visitedStates(checked, { ...streams, tokens: Math.min(streams.tokens, VISITED) }, ACTION, {
    signal,
  });
  return readFromStarts(checked, streams, visited, { starts, seed, onProgress, signal });
}

/**
 * {@linkcode echoState} along streams that have been walked through already: its own number of them, and of their tokens, or as many as there are.
 * The spread of its starts is that of all states that were visited.
 *
 * @throws {RangeError} if the number of starts or the seed is out of bounds; {@linkcode UserError} if there is no state
 */
export function echoStateOf(
  model: CheckedModel,
  { streams, states }: Trajectory,
  options: Omit<EchoStateOptions, keyof StreamOptions> = {},
): Promise<EchoState> {
  const starts = streams.starts.slice(0, DEFAULTS.streams), tokens = Math.min(streams.tokens, DEFAULTS.tokens);
  return readFromStarts(model, { ...streams, starts, streams: starts.length, tokens }, states, options);
}

async function readFromStarts(
  model: CheckedModel,
  { text, starts: begins, streams, tokens, warm_up }: Streams,
  visited: VisitedStates,
  { starts = STARTS, seed = 0, onProgress, signal }: Omit<EchoStateOptions, keyof StreamOptions>,
): Promise<EchoState> {
  checkStarts(starts, seed);
  if (!visited.size) throw new UserError(`Cannot ${ACTION}: the model carries no state`);
  const evaluation = modelOfRows(model, streams * starts);
  await using step = await openStep(evaluation, model);
  const rows = begins.flatMap((begin) => Array.from({ length: starts }, () => begin + warm_up));
  let states = randomStarts(visited, evaluation.states, seed), read = 0;
  const merging = new Merging({ streams, starts, tolerance: TOLERANCE });
  for (merging.see(states, 0); read < tokens && !merging.isOver;) {
    states = await step.run(new Map([...states, ...tokenFeeds(text, rows, read)]));
    merging.see(states, ++read);
    if (read % TOKENS_AT_ONCE) continue;
    onProgress?.(read, tokens);
    signal?.throwIfAborted();
  }
  onProgress?.(tokens, tokens);
  const found = merging.streams, of = (value: (stream: StreamMerging) => number) => estimateOf(found.map(value));
  return {
    streams,
    starts,
    tokens,
    tolerance: TOLERANCE,
    merged_share: of(({ groups }) => maxOf(groups, 0) / starts),
    responses: of(({ groups }) => groups.length),
    merged_after: of(({ mergedAfter }) => mergedAfter ?? NaN),
    diverged: found.reduce((total, { diverged }) => total + diverged, 0),
  };
}

function checkStarts(starts: number, seed: number): void {
  checkWhole(ACTION, "starts", starts, 2);
  checkSeed(seed);
}

/**
 * Random states, one for each row of the shapes: uniform around the mean of each number over visited states, within three standard deviations or
 * 1, whichever is more. Each state has random numbers of its own.
 */
export function randomStarts(
  visited: VisitedStates,
  states: readonly State[],
  seed: number,
): Map<string, Values> {
  return new Map(states.map(({ name, shape }) => {
    const { uniform } = randomStream(seed, `echo_state/${name}`), spread = spreadOf(visited.get(name)!, shape[1]);
    const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
      const { mean, deviation } = spread[i % shape[1]];
      return mean + (2 * uniform() - 1) * Math.max(DEVIATIONS * deviation, LEAST);
    });
    return [name, values];
  }));
}

/** Mean and standard deviation of each number over all rows of all streams. */
function spreadOf(streams: readonly Values[], size: number): { readonly mean: number; readonly deviation: number }[] {
  const rows = streams.reduce((total, { length }) => total + length / size, 0);
  return Array.from({ length: size }, (_, at) => {
    const over = (value: (x: number) => number) => {
      let sum = 0;
      for (const values of streams) for (let i = at; i < values.length; i += size) sum += value(values[i]);
      return sum / rows;
    };
    const mean = over((x) => x);
    return { mean, deviation: Math.sqrt(over((x) => (x - mean) ** 2)) };
  });
}
