/**
 * The truncation gap: what the gradient of a trained model loses where it goes back through one step and not through several.
 * See docs/bptt.md, "How much of the gradient is lost".
 */
import { checkWhole } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { MAX_BPTT } from "../../cells/factors.ts";
import { buildGraph, type Graph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { buildTrainingStep, gradientName, INPUTS } from "../../cells/language_model.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { whyUnusable } from "../training/weights.ts";
import { agreementOf, type GradientAgreement, joinedProducts, streamProducts } from "./agreement.ts";
import { Float64Graph } from "./float64.ts";
import type { Watched } from "./progress.ts";
import type { StreamOptions } from "./stream_options.ts";
import { cutStreams, type Streams, type Trajectory, type VisitedStates } from "./streams.ts";
import { visitedStates } from "./walk.ts";
import { type CheckedModel, checkModel, type WeightedModel } from "./weighted_model.ts";

/** What {@linkcode truncationGap} takes; all of it may be absent. Progress is counted in streams that were read for one of the steps back. */
export interface TruncationGapOptions extends StreamOptions, Watched {
  /** Steps back that are compared with one; each must divide `tokens`. Absent: 1, 2, 4, 8, 16, 32. */
  readonly bptt?: readonly number[];
}

/** How far the gradient through one step agrees with that through `bptt` steps. */
export interface StepsBackGap {
  /** k: the steps that the second gradient goes back. */
  readonly bptt: number;
  /** Of all weights as one vector; a weight without a gradient counts as zeros. */
  readonly whole: GradientAgreement;
  /** Of each weight and bias, names sorted. */
  readonly weights: Readonly<Record<string, GradientAgreement>>;
}

/** What {@linkcode truncationGap} finds. */
export interface TruncationGap extends Required<StreamOptions> {
  /** Mean cross-entropy over all measured tokens, nats per token. */
  readonly loss: number;
  /** One for each of the options' `bptt`, in their order. */
  readonly gaps: readonly StepsBackGap[];
  /** Weights that get no gradient through one step, names sorted: they are trained with more steps, or never. */
  readonly untrained_at_1: readonly string[];
}

const ACTION = "measure the truncation gap";
/** Fewer tokens than other measures read: each costs a gradient for every k. */
const DEFAULTS: Required<StreamOptions> = { streams: 8, tokens: 512, warm_up: 256 };
/** The steps back that are compared with one, where nothing else is said. */
const STEPS_BACK: readonly number[] = [1, 2, 4, 8, 16, 32];

/**
 * Cosine and ratio of norms of the mean gradient through one step to the mean gradient through k steps, with the weights as they are.
 *
 * Each stream of the text is walked once, from a zero state through its warm-up, and cut into chunks of k tokens as in training. `g_k` is the mean,
 * over all chunks of all streams, of the gradient of the chunk's mean loss (nats per token), where the state at a chunk's start is a constant. So
 * every k reads the same tokens with the same states; only the way back differs. The ratio is `‖g₁‖ / ‖g_k‖`. All numbers are float64, and
 * the gradients those of the training step's graph.
 *
 * It takes about as long as three forward passes over `streams · tokens` tokens for every k, on one thread in float64: 6 floating-point operations
 * for each weight and token; and each k has a graph of its own to be opened, which takes longer than to read with it where states are few.
 * Memory: of each measured token the states, and of each stream two gradients, 8 bytes a number. Seen with the defaults (8 streams of 512
 * tokens, six k) on one busy core: 1.2 seconds for a gated cell of 1 × 32 states, 11 for one of 2 × 256.
 *
 * ```ts ignore
 * const { gaps } = await truncationGap(model, corpus.test, { bptt: [4, 16], streams: 8, tokens: 512 });
 * const rows = gaps.map(({ bptt, whole }) => [bptt, whole.cosine, whole.cosine_standard_error]);
 * ```
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; absent options: 8 streams of 512 tokens, warm-up 256
 * @throws {RangeError} if a number is out of bounds, a k does not divide `tokens`, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing, or one, the loss or a gradient is not finite
 */
export async function truncationGap(
  model: WeightedModel,
  text: Tokens,
  { bptt = STEPS_BACK, onProgress, signal, ...cut }: TruncationGapOptions = {},
): Promise<TruncationGap> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION, DEFAULTS);
  checkStepsBack(bptt, streams.tokens);
  signal?.throwIfAborted();
  const states = await visitedStates(checked, streams, ACTION, { signal });
  return gapOf(checked, { streams, states }, { bptt, onProgress, signal });
}

/** {@linkcode truncationGap} along streams that have been walked through already. */
export async function gapOf(
  model: CheckedModel,
  { streams, states }: Trajectory,
  { bptt = STEPS_BACK, onProgress, signal }: Omit<TruncationGapOptions, keyof StreamOptions> = {},
): Promise<TruncationGap> {
  checkStepsBack(bptt, streams.tokens);
  const measured = new Set([1, ...bptt]), total = measured.size * streams.streams;
  let done = 0;
  const next = async () => {
    onProgress?.(++done, total);
    // A turn of the event loop, so that signals and timers are heard.
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
  };
  const first = await gradientsThrough(1, model, streams, states, next);
  const gaps: StepsBackGap[] = [];
  for (const k of bptt) {
    const through = k === 1 ? first : await gradientsThrough(k, model, streams, states, next);
    gaps.push(compare(k, first, through, streams.streams));
  }
  return {
    streams: streams.streams,
    tokens: streams.tokens,
    warm_up: streams.warm_up,
    loss: first.loss,
    gaps,
    untrained_at_1: first.names.filter((name) => !first.gradients.has(name)),
  };
}

function checkStepsBack(bptt: readonly number[], tokens: number): void {
  if (!bptt.length) throw new RangeError(`Cannot ${ACTION}: bptt is empty, must have a number of steps`);
  for (const [i, k] of bptt.entries()) {
    checkWhole(ACTION, "bptt", k, 1, MAX_BPTT);
    if (bptt.indexOf(k) < i) throw new RangeError(`Cannot ${ACTION}: bptt has ${k} twice, must have it once`);
    if (tokens % k) throw new RangeError(`Cannot ${ACTION}: tokens is ${tokens}, must be a multiple of ${k} steps`);
  }
}

/** What gradients through k steps come to. */
interface Through {
  /** Nats per token. */
  readonly loss: number;
  /** All weights, sorted. */
  readonly names: readonly string[];
  /** Of each weight that has one, the mean gradient of each stream. */
  readonly gradients: ReadonlyMap<string, readonly Float64Array[]>;
}

/** Tokens that one run of a graph reads, at most: enough rows for the matrix products. */
const TOKENS_AT_ONCE = 256;

/** Chunks of k tokens that are read at once: a divisor of all `chunks`, so that a mean over runs is one over chunks. */
function chunksAtOnce(chunks: number, k: number): number {
  let most = Math.max(1, Math.floor(TOKENS_AT_ONCE / k));
  while (chunks % most) most--;
  return most;
}

/** The mean gradients of the streams. A chunk's state is known, so chunks of one stream are rows of one batch. */
async function gradientsThrough(
  k: number,
  { cell, sizes, weights }: CheckedModel,
  streams: Streams,
  states: VisitedStates,
  next: () => Promise<void>,
): Promise<Through> {
  const batch = chunksAtOnce(streams.tokens / k, k), runs = streams.tokens / (k * batch);
  const step = buildTrainingStep(cell, { ...sizes, batch }, { bptt: k, withGradients: true });
  await using graph = await Float64Graph.open(lossAndGradients(step.graph), { weights });
  const gradients = new Map(step.trained.map((name): [string, Float64Array[]] => [name, []]));
  let loss = 0;
  for (let stream = 0; stream < streams.streams; stream++) {
    for (let run = 0; run < runs; run++) {
      const chunks = { stream, first: run * batch * k, batch, k };
      const results = await graph.run(chunkFeeds(streams, states, chunks));
      loss += results.get("loss")![0] / (runs * streams.streams);
      for (const [name, sums] of gradients) {
        const gradient = results.get(gradientName(name))!, sum = sums[stream] ??= new Float64Array(gradient.length);
        for (let i = 0; i < sum.length; i++) sum[i] += gradient[i] / runs;
      }
    }
    if (!Number.isFinite(loss)) throw new UserError(`Cannot ${ACTION}: the loss is ${loss}, must be finite`);
    for (const { name, shape } of step.parameters) {
      const why = gradients.has(name) && whyUnusable({ name, shape }, gradients.get(name)![stream]);
      if (why) throw new UserError(`Cannot ${ACTION}: the gradient of ${why}`);
    }
    await next();
  }
  return { loss, names: step.parameters.map(({ name }) => name), gradients };
}

/** A training step's graph without its update. */
function lossAndGradients({ outputs }: Graph): Graph {
  const wanted = [...outputs].filter(([name]) => name === "loss" || name.startsWith(gradientName("")));
  return buildGraph(Object.fromEntries(wanted));
}

/** Chunks of a stream that are read at once: `batch` of them, of `k` tokens each, from measured token `first` on. */
interface Chunks {
  readonly stream: number;
  readonly first: number;
  readonly batch: number;
  readonly k: number;
}

/** What a step reads of some chunks: tokens and targets, the rows of all chunks' first tokens first, and the states before each chunk. */
function chunkFeeds(
  { text, starts, tokens, warm_up }: Streams,
  states: VisitedStates,
  { stream, first, batch, k }: Chunks,
): Map<string, Values> {
  const begin = starts[stream] + warm_up + first, feeds = new Map<string, Values>();
  for (const [ahead, name] of [INPUTS.bytes, INPUTS.targets].entries()) {
    const rows = new Float64Array(k * batch);
    feeds.set(name, rows.map((_, row) => text[begin + (row % batch) * k + Math.floor(row / batch) + ahead]));
  }
  for (const [name, { [stream]: visited }] of states) {
    const size = visited.length / tokens, before = new Float64Array(batch * size);
    for (let chunk = 0; chunk < batch; chunk++) {
      const at = (first + chunk * k) * size;
      before.set(visited.subarray(at, at + size), chunk * size);
    }
    feeds.set(name, before);
  }
  return feeds;
}

function compare(k: number, first: Through, second: Through, streams: number): StepsBackGap {
  const products = first.names.map((name) =>
    streamProducts(first.gradients.get(name), second.gradients.get(name), streams)
  );
  return {
    bptt: k,
    whole: agreementOf(joinedProducts(products)),
    weights: Object.fromEntries(first.names.map((name, i) => [name, agreementOf(products[i])])),
  };
}
