/**
 * Byte-pair encoding, learned from a text: the most frequent pair of neighbours becomes a token of its own, again and again.
 * Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016, on bytes.
 *
 * Each different word is there once, with how often it occurs. A pair knows where it stands (a linked list through the words), so
 * a merge touches those places alone: it takes the pairs on both sides away and puts new ones there. All pairs with the new token
 * are new, and every other count only falls; so the queue of pairs may hold counts that are too high, which are put right when
 * they come first.
 */
import TinyQueue from "tinyqueue";
import { Words } from "./words.ts";

/** Two tokens that become one. */
export type Merge = readonly [left: number, right: number];

/** Tokens 0 to 255 are the bytes. */
export const BYTES = 256;

/** A pair that occurs once is no pattern. */
const LEAST_COUNT = 2;

/** Longer texts are learned on a sample: what is kept per byte of a word is 24 bytes, and a text may be one word. */
export const MOST_LEARNED_BYTES = 128 * 2 ** 20;
const SAMPLE_BLOCKS = 128;

/** Where words end. */
const BOUNDARY = -1;
const NONE = -1;

/**
 * Learns the merges of a vocabulary.
 *
 * The most frequent pair comes first; of several, that with the smaller left token, then the smaller right one. No two tokens
 * stand for the same bytes: between two cuts, the same bytes are always taken apart in the same way.
 *
 * @param vocabulary tokens in all, bytes included
 * @param most of a longer text, so many bytes are read, in blocks spread evenly over it
 * @returns merge `i` makes token `256 + i`; fewer than asked for where no pair is left that occurs twice
 */
export function learnMerges(text: Uint8Array, vocabulary: number, most = MOST_LEARNED_BYTES): Merge[] {
  const words = new Words(text);
  if (text.length <= most) words.count();
  else {
    const block = Math.floor(most / SAMPLE_BLOCKS);
    for (let i = 0; i < SAMPLE_BLOCKS; i++) {
      const start = Math.floor(i * (text.length - block) / (SAMPLE_BLOCKS - 1));
      words.count(start, start + block);
    }
  }
  return new Learner(text, words).learn(vocabulary);
}

/** A pair in the queue, with its count when it was put there. */
interface Candidate {
  readonly pair: number;
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

class Learner {
  /** By position: the token that begins there, {@linkcode BOUNDARY} between words; stale inside a token. */
  readonly #tokens: Int32Array;
  /** The length of a token, at its first and at its last position. */
  readonly #spans: Uint32Array;
  /** How often the word of a position occurs. */
  readonly #weights: Uint32Array;
  /** The pair that begins at a position, and the positions before and after it in the pair's list. */
  readonly #pairs: Int32Array;
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  /** By pair. */
  readonly #lefts: number[] = [];
  readonly #rights: number[] = [];
  readonly #counts: number[] = [];
  readonly #firsts: number[] = [];
  readonly #queue = new TinyQueue<Candidate>([], (a, b) => b.count - a.count || a.left - b.left || a.right - b.right);

  constructor(text: Uint8Array, { starts, ends, counts }: Words) {
    const length = starts.reduce((total, start, word) => total + ends[word] - start + 1, 1);
    this.#tokens = new Int32Array(length).fill(BOUNDARY);
    this.#spans = new Uint32Array(length).fill(1);
    this.#weights = new Uint32Array(length);
    this.#pairs = new Int32Array(length).fill(NONE);
    this.#before = new Int32Array(length);
    this.#after = new Int32Array(length);
    const pairs = new Int32Array(BYTES * BYTES).fill(NONE);
    let at = 1;
    starts.forEach((start, word) => {
      for (let from = start; from < ends[word]; from++, at++) {
        this.#tokens[at] = text[from];
        this.#weights[at] = counts[word];
        if (from + 1 === ends[word]) continue;
        const key = text[from] * BYTES + text[from + 1];
        if (pairs[key] === NONE) pairs[key] = this.#newPair(text[from], text[from + 1]);
        this.#link(at, pairs[key]);
      }
      at++;
    });
    this.#counts.forEach((_, pair) => this.#offer(pair));
  }

  learn(vocabulary: number): Merge[] {
    const merges: Merge[] = [];
    while (BYTES + merges.length < vocabulary) {
      const best = this.#queue.pop();
      if (!best) break;
      const { pair, left, right, count } = best;
      if (count !== this.#counts[pair]) this.#offer(pair);
      else {
        this.#merge(pair, BYTES + merges.length);
        merges.push([left, right]);
      }
    }
    return merges;
  }

  #newPair(left: number, right: number): number {
    this.#lefts.push(left);
    this.#rights.push(right);
    this.#counts.push(0);
    return this.#firsts.push(NONE) - 1;
  }

  #offer(pair: number): void {
    const count = this.#counts[pair];
    if (count >= LEAST_COUNT) this.#queue.push({ pair, left: this.#lefts[pair], right: this.#rights[pair], count });
  }

  #link(at: number, pair: number): void {
    const next = this.#firsts[pair];
    this.#pairs[at] = pair;
    this.#before[at] = NONE;
    this.#after[at] = next;
    if (next !== NONE) this.#before[next] = at;
    this.#firsts[pair] = at;
    this.#counts[pair] += this.#weights[at];
  }

  #unlink(at: number): void {
    const pair = this.#pairs[at], before = this.#before[at], after = this.#after[at];
    if (before === NONE) this.#firsts[pair] = after;
    else this.#after[before] = after;
    if (after !== NONE) this.#before[after] = before;
    this.#pairs[at] = NONE;
    this.#counts[pair] -= this.#weights[at];
  }

  /** Makes one token of a pair wherever it stands. */
  #merge(pair: number, token: number): void {
    const tokens = this.#tokens, spans = this.#spans, pairs = this.#pairs;
    // The pairs that the token makes with what stands before and behind it.
    const behind = new Map<number, number>(), ahead = new Map<number, number>();
    const pairOf = (left: number, right: number) => {
      const [side, other] = right === token ? [behind, left] : [ahead, right];
      let found = side.get(other);
      if (found === undefined) side.set(other, found = this.#newPair(left, right));
      return found;
    };
    for (const at of this.#placesOf(pair)) {
      // In a run of one token, the place before has taken this one's half.
      if (pairs[at] !== pair) continue;
      const second = at + spans[at], end = second + spans[second];
      const previous = tokens[at - 1] === BOUNDARY ? NONE : at - spans[at - 1];
      this.#unlink(at);
      if (previous !== NONE) this.#unlink(previous);
      if (tokens[end] !== BOUNDARY) this.#unlink(second);
      tokens[at] = token;
      spans[at] = spans[end - 1] = end - at;
      if (previous !== NONE) this.#link(previous, pairOf(tokens[previous], token));
      if (tokens[end] !== BOUNDARY) this.#link(at, pairOf(token, tokens[end]));
    }
    for (const made of [...behind.values(), ...ahead.values()]) this.#offer(made);
  }

  /** Where a pair stands. In runs of one token the places overlap: they come from left to right. */
  #placesOf(pair: number): number[] {
    const places: number[] = [];
    for (let at = this.#firsts[pair]; at !== NONE; at = this.#after[at]) places.push(at);
    return this.#lefts[pair] === this.#rights[pair] ? places.sort((a, b) => a - b) : places;
  }
}
