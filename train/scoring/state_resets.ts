/**
 * The loss increase under state resets: a model's score with its state set to zero before every token (bytes are tokens, where nothing else is
 * said), before every second, and so on, beside its score with the state carried. It is no measure of what memory gives: the zero state is none
 * that the model was trained to start from so often. What memory gives is the metric `gain_over_order_1`.
 */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { ScoringModel } from "./scoring_model.ts";
import { Windows } from "./windows.ts";

/** Every how many tokens the state is set to zero. Powers of two: then what starts at a multiple of one starts at one of all before. */
export const RESETS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;
const LONGEST = RESETS[RESETS.length - 1];

/** A loss that is less than this, in bits per byte, does not count. */
const NEGLIGIBLE = 0.01;

/** At most so many tokens are scored with resets, from the beginning of the text: of them all it would take six times as long as a score. */
export const PART_TOKENS = 32_768;

/** States of windows that are in memory at a time, in numbers: two arrays of 16 MiB. */
const MOST_FLOATS = 2 ** 22;

/** A model's score by how often its state is set to zero, all over the same text. */
export interface MemoryCurve {
  /** The loss increase: bits per byte with a reset before every token, less those with a carried state. Files call it so. */
  readonly gain: number;
  /**
   * The context after which more does not help: 0 or a power of two, such that when more tokens than that have been read since a reset, the
   * model loses less than 0.01 bits per byte against a carried state. 0: the token itself is all that it uses. `null`: more than 128.
   */
  readonly context: number | null;
  /** Bytes scored. */
  readonly bytes: number;
  /** Bits per byte with the state carried. */
  readonly carried: number;
  /** Bits per byte with the state set to zero every `every` tokens. */
  readonly reset: readonly { readonly every: number; readonly bits_per_byte: number }[];
}

/** Summed cross-entropies of windows, nats: for each of {@linkcode RESETS}, those of the windows that start at its multiples. */
export type WindowScores = readonly Float64Array[];

/** Starts of windows, `[first, end)`; both multiples of 256, or `end` the number of tokens that are scored. */
export interface StartRange {
  readonly first: number;
  readonly end: number;
}

/** Starts of worker `i` of `workers`. */
export function rangeOf(tokens: number, i: number, workers: number): StartRange {
  const blocks = Math.ceil(tokens / LONGEST);
  const at = (share: number) => Math.min(tokens, LONGEST * Math.floor(share * blocks / workers));
  return { first: at(i), end: at(i + 1) };
}

/**
 * Scores windows that begin with a zero state. One window begins at each token, and is as long as the largest power of two, up to
 * 256, that divides its start; the sum over its first `k` tokens is what a reset every `k` tokens gives there. So all resets
 * together take five passes over the text instead of nine. What begins alike is computed once: of the shortest windows, which are most, few differ.
 *
 * @param model on the CPU
 * @param count tokens that are scored: `text[1…count]`
 * @param rows that are read at once, at least 2
 */
export async function scoreWindows(
  model: ScoringModel,
  text: Tokens,
  count: number,
  { first, end }: StartRange,
  rows: number = model.rows,
): Promise<WindowScores> {
  const scores = RESETS.map((every) => new Float64Array(Math.ceil(end / every) - Math.ceil(first / every)));
  const most = LONGEST * Math.max(1, Math.floor(MOST_FLOATS / Math.max(1, model.stateNumbers) / LONGEST));
  for (let at = first; at < end; at += most) {
    const starts = Int32Array.from({ length: Math.min(end - at, most) }, (_, i) => at + i);
    const windows = new Windows(model, text, starts, rows), sums = new Float64Array(starts.length);
    for (let t = 0; t < LONGEST;) {
      const { open, nodes, nll, steps } = await windows.read(t);
      for (const end = t + steps; t < end; t++) {
        const losses = nll.subarray(nll.length - (end - t) * nll.length / steps);
        const level = RESETS.findIndex((every) => every === t + 1);
        for (let i = 0; i < open.length; i++) {
          if (open[i] + t < count) sums[open[i] - at] += losses[nodes[i]];
          if (level >= 0) scores[level][(open[i] - first) / RESETS[level]] = sums[open[i] - at];
        }
      }
    }
  }
  return scores;
}

/**
 * The curve of windows that were scored in parts.
 *
 * @param parts in the order of the text
 * @param carried cross-entropy of each of the same tokens with the state carried, nats
 * @param bytes that these tokens stand for
 */
export function memoryCurve(
  parts: readonly WindowScores[],
  carried: Float32Array,
  bytes: number = carried.length,
): MemoryCurve {
  const tokens = carried.length, each = bytes / tokens;
  const bits = (nats: number, count = tokens) => nats / (count * each) / Math.LN2;
  const windows = RESETS.map((_, level) => parts.flatMap((part) => [...part[level]]));
  const before = new Float64Array(tokens + 1);
  carried.forEach((nats, i) => before[i + 1] = before[i] + nats);
  const reset = RESETS.map((every, level) => ({ every, bits_per_byte: bits(sumOf(windows[level])) }));
  // What is lost where more than half a window, up to the whole of it, has been read since the reset.
  const losses = RESETS.map((every, level) => {
    let lost = 0, count = 0;
    windows[level].forEach((nats, i) => {
      const middle = Math.min(tokens, i * every + Math.floor(every / 2)), end = Math.min(tokens, (i + 1) * every);
      const firstHalf = every === 1 ? 0 : windows[level - 1][2 * i];
      lost += nats - firstHalf - (before[end] - before[middle]);
      count += end - middle;
    });
    return count ? bits(lost, count) : 0;
  });
  const enough = losses.findIndex((_, level) => losses.slice(level).every((loss) => loss < NEGLIGIBLE));
  const all = bits(before[tokens]);
  return {
    gain: reset[0].bits_per_byte - all,
    context: enough < 0 ? null : [0, ...RESETS][enough],
    bytes,
    carried: all,
    reset,
  };
}

const sumOf = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
