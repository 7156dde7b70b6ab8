/**
 * Byte recall: how far back a state says which byte was read.
 * See docs/dynamics.md, "The measures".
 */
import { checkWhole } from "../../cells/bounds.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import type { Watched } from "./progress.ts";
import { type Gains, ReadoutFit } from "./readout.ts";
import { leastTokens, RecallPairs } from "./recall_pairs.ts";
import { RECALL_LAGS, type StreamOptions } from "./stream_options.ts";
import { cutStreams, type Streams, type Trajectory } from "./streams.ts";
import { visitedStates } from "./walk.ts";
import { checkModel, type WeightedModel } from "./weighted_model.ts";

/** Recall of the byte (or token) that was read so many steps ago. */
export interface RecallAtLag {
  /** Steps back: 0 is the byte that was read last. */
  readonly lag: number;
  /**
   * Bits of it that a linear softmax readout of the state tells, less those that it seems to tell where pairs are shuffled:
   * `[H − CE] − [H − CE of shuffled pairs]`.
   */
  readonly bits: Estimate;
  /** What was subtracted, `H − CE` of shuffled pairs, bits: not above 0 but for chance, since no readout codes a byte in fewer than H. */
  readonly shuffled: number;
}

/** What {@linkcode byteRecall} finds. */
export interface ByteRecall extends Required<StreamOptions> {
  /** Pairs of state and byte that each readout was fitted to, those that choose its scale included. */
  readonly fitted: number;
  /** Pairs that it was scored on. */
  readonly scored: number;
  /** H(x): entropy of single bytes, bits, of those that were scored (at lag 0). */
  readonly entropy: number;
  /** From lag 0 on, each lag up to where two in a row are no more than two standard errors above zero, or to the most that was asked for. */
  readonly lags: readonly RecallAtLag[];
  /** Sum of the bits over all these lags. */
  readonly total: Estimate;
  /** The last lag whose bits are more than two standard errors above zero; null where there is none. */
  readonly horizon: number | null;
}

/** What {@linkcode byteRecall} takes; all of it may be absent. Progress is counted in readouts that were fitted. */
export interface ByteRecallOptions extends StreamOptions, Watched {
  /** The longest lag; absent: 16. */
  readonly lags?: number;
}

const ACTION = "measure byte recall";

/**
 * How many bits of the byte (or token) that was read `k` steps ago a state tells, for each lag `k`: `[H − CE] − [H − CE of shuffled pairs]`.
 *
 * `CE` is the held-out cross-entropy, bits, of a linear softmax readout of `x_{t−k}` from `s_t`, all carried state of all layers after reading `x_t`.
 * `H` is the entropy of single bytes among those scored, and falls out of the difference. So a readout that finds nothing gives 0, and one that always
 * knows gives the cross-entropy of the scored bytes under the fitted ones' frequencies, which is H and a little more.
 *
 * Of each stream's states the first three quarters are fitted to, the last of which (an eighth, and at most 1,024 of all streams) only choose the scale
 * of the weights. The last quarter is scored: contiguous text that no readout was fitted to. States are whitened by the fitted part. A readout starts as
 * the classes' mean states and is fitted by two passes of Adam with a small ridge; then its logits are scaled, from those of the bytes' frequencies
 * (0) to twice its own, to where rows it was not fitted to have the lowest loss. Frequencies have half a count more for each byte that occurs, so one
 * that was not fitted to costs no infinite loss.
 *
 * The bits are those of this readout, a lower bound of what a linear one can tell. L-BFGS over all rows, with the ridge chosen by rows apart, finds more:
 * 4.42 in the place of 4.25 at lag 1 and 2.28 in the place of 2.19 at lag 3 (seen, an LSTM of 2 × 32 states), but reads all rows 280 times and not twice.
 *
 * Shuffled pairs are the same states and bytes, each byte with another state of its part. They are independent at every lag, so what a readout gains on
 * them over the bytes' frequencies is fitted once, at lag 0, and each lag's own frequencies stand for the rest. It is all but nothing, since the scale
 * that is chosen is 0: between −0.0009 and 0.0004 bits (seen in ten fits, other shuffles and lags).
 *
 * Bytes of a text tell of each other. So a state that holds the last byte alone has bits at lag 1 too, as many as that byte tells of the one before
 * it. What a state *keeps* is seen in independent bytes only.
 *
 * It is not Jaeger's memory capacity: how much of a made-up input a linear readout finds again depends on how that input is scaled, and can be any
 * number (arXiv 2502.04832). Bytes of a text have no scale. But what stands in directions whose deviation is less than 1e-5 of the states' own is lost.
 *
 * Seen with the defaults on one busy core, beside the walk: 2.3 seconds for 17 lags of a gated cell of 2 × 32 states and 59 different bytes, 14 for 12
 * lags of one of 2 × 256. Memory: twice all states of all measured tokens, 8 bytes a number.
 *
 * ```ts ignore
 * const { lags, total, horizon } = await byteRecall(model, corpus.test);
 * const rows = lags.map(({ lag, bits }) => [lag, bits.value, bits.standard_error]);
 * ```
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; absent options: 8 streams of 4,096 tokens, warm-up 512
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing, or one or a state is not finite
 */
export async function byteRecall(
  model: WeightedModel,
  text: Tokens,
  { lags, onProgress, signal, ...cut }: ByteRecallOptions = {},
): Promise<ByteRecall> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION);
  checkLags(streams, lags);
  signal?.throwIfAborted();
  const states = await visitedStates(checked, streams, ACTION, { signal });
  return recallOf({ streams, states }, { lags, onProgress, signal });
}

/** {@linkcode byteRecall} along streams that have been walked through already. */
export async function recallOf(
  trajectory: Trajectory,
  { lags = RECALL_LAGS, onProgress, signal }: Omit<ByteRecallOptions, keyof StreamOptions> = {},
): Promise<ByteRecall> {
  const { streams } = trajectory;
  checkLags(streams, lags);
  const pairs = await RecallPairs.of(trajectory, lags), total = lags + 2;
  await using fit = await ReadoutFit.open(pairs.rows, pairs.tokens.length);
  let done = 0;
  const gainsOf = async (classes: Values) => {
    signal?.throwIfAborted();
    const gains = await fit.score(classes);
    onProgress?.(++done, total);
    return gains;
  };
  const shuffled = (await gainsOf(pairs.shuffledClasses())).gains;
  const found: Found[] = [];
  for (let lag = 0; lag <= lags && !isForgotten(found); lag++) {
    const classes = pairs.classes(lag), scored = classes.subarray(-streams.streams * pairs.rows.scored);
    found.push(compare(lag, await gainsOf(classes), shuffled, entropyOf(scored)));
  }
  if (done < total) onProgress?.(total, total);
  const { fitted, validated, scored } = pairs.rows;
  return {
    streams: streams.streams,
    tokens: streams.tokens,
    warm_up: streams.warm_up,
    fitted: fitted + validated,
    scored: streams.streams * scored,
    entropy: found[0].entropy,
    lags: found.map(({ recall }) => recall),
    total: estimateOf(shuffled.map((_, i) => found.reduce((sum, { perStream }) => sum + perStream[i], 0))),
    horizon: found.findLast(({ recall }) => isAboveZero(recall))?.recall.lag ?? null,
  };
}

function checkLags({ tokens, warm_up }: Streams, lags = RECALL_LAGS): void {
  checkWhole(ACTION, "lags", lags, 0);
  const least = leastTokens(warm_up, lags);
  if (tokens >= least) return;
  throw new RangeError(
    `Cannot ${ACTION}: tokens is ${tokens}, must be at least ${least} for lags to ${lags} and a warm-up of ${warm_up}`,
  );
}

/** A lag, with what estimates are made of. */
interface Found {
  readonly recall: RecallAtLag;
  /** Bits of each stream. */
  readonly perStream: readonly number[];
  readonly entropy: number;
}

function compare(lag: number, { coded, gains }: Gains, shuffled: readonly number[], entropy: number): Found {
  const perStream = gains.map((gain, i) => (gain - shuffled[i]) / Math.LN2);
  const crossEntropy = estimateOf(coded.map((nats, i) => nats - shuffled[i])).value! / Math.LN2;
  return { recall: { lag, bits: estimateOf(perStream), shuffled: entropy - crossEntropy }, perStream, entropy };
}

/** Entropy of the classes' frequencies, bits. */
function entropyOf(classes: Values): number {
  const counts = new Map<number, number>();
  for (const each of classes) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts.values()].reduce((bits, n) => bits - n / classes.length * Math.log2(n / classes.length), 0);
}

/** Without a standard error nothing is: with one stream, lags go on to the last, and there is no horizon. */
function isAboveZero({ bits: { value, standard_error } }: RecallAtLag): boolean {
  return standard_error !== null && value! > 2 * standard_error;
}

function isForgotten(found: readonly Found[]): boolean {
  const last = found.slice(-2).map(({ recall }) => recall);
  return last.length === 2 && last.every((recall) => recall.bits.standard_error !== null && !isAboveZero(recall));
}
