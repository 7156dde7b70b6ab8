/**
 * The loss increase under state resets: a model's score with its state set to zero before every token (bytes are tokens, where nothing else is
 * said), before every second, and so on, beside its score with the state carried. It is no measure of what memory gives: the zero state is none
 * that the model was trained to start from so often. What memory gives is the metric `gain_over_order_1`.
 */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { LoadedModel } from "./model.ts";

/** Every how many tokens the state is set to zero. Powers of two: then what starts at a multiple of one starts at one of all before. */
export const RESETS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;
const LONGEST = RESETS[RESETS.length - 1];

/** A loss that is less than this, in bits per byte, does not count. */
const NEGLIGIBLE = 0.01;

/** At most so many tokens are scored with resets, from the beginning of the text: of them all it would take six times as long as a score. */
export const PART_TOKENS = 32_768;

/** States of windows that are in memory at a time, in numbers: 16 MiB. */
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
 * @param model opened for scores; so many rows as it has are read at once
 * @param count tokens that are scored: `text[1…count]`
 */
export async function scoreWindows(
  model: LoadedModel,
  text: Tokens,
  count: number,
  { first, end }: StartRange,
): Promise<WindowScores> {
  const scores = RESETS.map((every) => new Float64Array(Math.ceil(end / every) - Math.ceil(first / every)));
  const floats = model.states.values().reduce((sum, { length }) => sum + length / model.rows, 0);
  const block = LONGEST * Math.max(1, Math.floor(MOST_FLOATS / Math.max(1, floats) / LONGEST));
  for (let at = first; at < end; at += block) {
    const blockEnd = Math.min(end, at + block), sums = new Float64Array(blockEnd - at);
    const beginnings = new Beginnings(model, sums.length, floats);
    const open = new Int32Array(sums.length), nodes = new Int32Array(sums.length);
    for (let i = 0; i < sums.length; i++) nodes[i] = text[open[i] = at + i] ?? 0;
    let length = 1, windows = sums.length;
    for (let t = 0; t < LONGEST; t++) {
      if (t === length) {
        length *= 2;
        const all = windows;
        windows = 0;
        for (let i = 0; i < all; i++) {
          if (open[i] % length !== 0) continue;
          nodes[windows] = nodes[i];
          open[windows++] = open[i];
        }
      }
      const nll = await beginnings.extend(nodes.subarray(0, windows), open, text, t);
      const level = RESETS.findIndex((every) => every === t + 1);
      for (let i = 0; i < windows; i++) {
        if (open[i] + t < count) sums[open[i] - at] += nll[nodes[i]];
        if (level >= 0) scores[level][(open[i] - first) / RESETS[level]] = sums[open[i] - at];
      }
    }
  }
  return scores;
}

/** What windows begin with: a tree of tokens, of which the deepest nodes have a state each. */
class Beginnings {
  /** Of each node, the states one after the other: those that are read, and those that are written. */
  #states: Float32Array;
  #next: Float32Array;
  /** Of each node the one above it, the token that is read, and the one behind that. */
  readonly #parents: Int32Array;
  readonly #tokens: Uint16Array;
  readonly #targets: Uint16Array;
  #reader: LoadedModel;
  /** Whether no two windows begin alike any more. */
  #areAllApart = false;

  /**
   * @param most nodes at a time
   * @param floats numbers of a node's states
   */
  constructor(private readonly model: LoadedModel, most: number, private readonly floats: number) {
    this.#states = new Float32Array(most * floats);
    this.#next = new Float32Array(most * floats);
    this.#parents = new Int32Array(most);
    // The last rows of a chunk may have no node.
    this.#tokens = new Uint16Array(most + model.rows);
    this.#targets = new Uint16Array(most + model.rows);
    this.#reader = model;
  }

  /**
   * Reads one more token of each window.
   *
   * @param nodes of each window the number of its node, which becomes that of the node below: the same for windows that go on alike. Before the
   * first token (`t` is 0) its node is that token
   * @returns of each new node the negative log-likelihood of the token behind the one that was read
   */
  async extend(nodes: Int32Array, starts: Int32Array, text: Tokens, t: number): Promise<Float32Array> {
    const count = this.#grow(nodes, starts, text, t);
    const nll = new Float32Array(count), chunks = Math.ceil(count / this.model.rows);
    // About as many rows in each chunk, and more than one: a lone row is multiplied in another order.
    const rows = Math.max(2, Math.ceil(count / chunks));
    if (this.#reader.rows !== rows) this.#reader = this.model.withRows(rows);
    for (let first = 0; first < count; first += rows) {
      const end = Math.min(count, first + rows);
      if (t === 0) this.#reader.reset();
      else this.#take(first, end);
      const part = (tokens: Uint16Array) => tokens.subarray(first, first + rows);
      nll.set((await this.#reader.nll(part(this.#tokens), part(this.#targets))).subarray(0, end - first), first);
      this.#keep(first, end);
    }
    [this.#states, this.#next] = [this.#next, this.#states];
    return nll;
  }

  /** Gives each window its new node. Returns how many there are. */
  #grow(nodes: Int32Array, starts: Int32Array, text: Tokens, t: number): number {
    const known = new Map<number, number>(), { vocabulary } = this.model;
    let count = 0;
    for (let i = 0; i < nodes.length; i++) {
      const read = starts[i] + t, parent = nodes[i], target = text[read + 1] ?? 0, key = parent * vocabulary + target;
      const node = this.#areAllApart ? undefined : known.get(key);
      nodes[i] = node ?? count;
      if (node !== undefined) continue;
      if (!this.#areAllApart) known.set(key, count);
      this.#parents[count] = parent;
      this.#tokens[count] = text[read] ?? 0;
      this.#targets[count] = target;
      count++;
    }
    this.#areAllApart ||= count === nodes.length;
    return count;
  }

  /** Gives the model's rows the states of nodes above `first` … `end`. Plain loops: for some numbers in a row, a view takes longer than to copy them. */
  #take(first: number, end: number): void {
    const { floats } = this, states = this.#states, parents = this.#parents;
    let offset = 0;
    for (const state of this.#reader.states.values()) {
      const size = state.length / this.#reader.rows;
      for (let node = first, to = 0; node < end; node++) {
        for (let from = parents[node] * floats + offset, stop = from + size; from < stop;) state[to++] = states[from++];
      }
      offset += size;
    }
  }

  /** Keeps the states of the model's rows as those of the new nodes `first` … `end`. */
  #keep(first: number, end: number): void {
    const { floats } = this, next = this.#next;
    let offset = 0;
    for (const state of this.#reader.states.values()) {
      const size = state.length / this.#reader.rows;
      for (let node = first, from = 0; node < end; node++) {
        for (let to = node * floats + offset, stop = to + size; to < stop;) next[to++] = state[from++];
      }
      offset += size;
    }
  }
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
