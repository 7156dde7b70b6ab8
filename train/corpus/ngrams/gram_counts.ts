/**
 * Counts of n-grams in a long text, for the grams of another, shorter text: all that an n-gram model needs to score the latter.
 *
 * Every position of the long text gives one 64-bit number: the six bytes from there, and the byte before. In sorted order the
 * grams of each length stand together, so one pass over the numbers counts all lengths at once, and sees by how many different bytes each
 * gram is preceded. Nothing is kept but what is asked for: memory does not grow with the number of different grams.
 */
import { type GramTable, LONGEST } from "./gram_table.ts";

/** So many grams have a count of one, two, three and four. Index 0 is not used. */
export type CountsOfCounts = readonly number[];

/** What follows a context: how often anything does, and how many different bytes do so once, twice, and more often. */
export interface Followers {
  readonly total: Uint32Array;
  readonly once: Uint16Array;
  readonly twice: Uint16Array;
  readonly often: Uint16Array;
}

/** One way to count the grams of one length. Entry `i` of an array belongs to the table's gram `i`; what no model needs has no entries. */
export interface Counts {
  readonly count: Uint32Array;
  /** The same of the one-byte-longer grams that begin with gram `i`, taken together. */
  readonly followers: Followers;
  /** Over all different grams of the long text, whether they are in the table or not. */
  readonly countsOfCounts: CountsOfCounts;
}

/** The grams of one length: how often each stands in the long text, and after how many different bytes. */
export interface GramCounts {
  readonly occurrences: Counts;
  readonly continuations: Counts;
}

/** So many numbers are sorted at once, and more of a text that has more than {@linkcode PARTS} times as many. */
const PART = 1 << 24;
const PARTS = 32;
/** Most bytes have one before them; the text's first has none. */
const NO_BYTE = 256;

/** Options of {@linkcode countGrams}. */
export interface CountOptions {
  /** Called with the number of positions counted so far. */
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
  /** Numbers to be sorted at once, where it is not for the text's length to say. */
  readonly part?: number;
}

/**
 * Counts the grams of `tables` in a text. Beside the counts it takes 128 MiB, or a quarter of a byte per byte of the text where that is more;
 * and more than that only where one pair of bytes begins a greater part of the text's positions.
 *
 * @param tables of one text, those of lengths 0 to {@linkcode LONGEST}
 * @returns for each length
 * @throws the signal's reason, when it is aborted
 */
export async function countGrams(
  text: Uint8Array,
  tables: readonly GramTable[],
  { onProgress, signal, part }: CountOptions = {},
): Promise<GramCounts[]> {
  const counter = new SortedCounter(tables);
  const pairs = countPairs(text), limit = part ?? Math.max(PART, Math.ceil(text.length / PARTS));
  let done = 0;
  for (let from = 0; from < pairs.length;) {
    let to = from, size = 0;
    do size += pairs[to++]; while (to < pairs.length && size + pairs[to] <= limit);
    if (size) counter.add(positionsBetween(text, from, to, size));
    from = to;
    done += size;
    onProgress?.(done);
    // A turn for what else waits: Ctrl-C, say.
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
  return counter.finish();
}

/** How many positions begin with each two bytes; the last byte counts as followed by 0. */
function countPairs(text: Uint8Array): Uint32Array {
  const pairs = new Uint32Array(1 << 16);
  for (let i = 0; i < text.length; i++) pairs[text[i] << 8 | (i + 1 < text.length ? text[i + 1] : 0)]++;
  return pairs;
}

/**
 * The sorted numbers of all positions whose first two bytes are from `from` to below `to`. In the upper half of a number are the
 * first four bytes; in the lower the fifth, the sixth, the byte before (nine bits), and how many of the six are there (four bits).
 */
function positionsBetween(text: Uint8Array, from: number, to: number, size: number): BigUint64Array {
  const numbers = new BigUint64Array(size);
  const words = new Uint32Array(numbers.buffer);
  const end = text.length, byte = (i: number) => i < end ? text[i] : 0;
  let at = 0;
  const put = (i: number, length: number) => {
    words[at + LOW] = byte(i + 4) << 24 | byte(i + 5) << 16 | (i ? text[i - 1] : NO_BYTE) << 4 | length;
    words[at + HIGH] = text[i] << 24 | byte(i + 1) << 16 | byte(i + 2) << 8 | byte(i + 3);
    at += 2;
  };
  for (let i = 0; i < end; i++) {
    const pair = text[i] << 8 | byte(i + 1);
    if (pair >= from && pair < to) put(i, Math.min(LONGEST, end - i));
  }
  return numbers.sort();
}

/** Which half of a 64-bit number comes first in memory. */
const [LOW, HIGH] = new Uint8Array(new Uint16Array([1]).buffer)[0] ? [0, 1] : [1, 0];

/** Counts while numbers come in order. A gram is open from its first number until one comes that does not begin with it. */
class SortedCounter {
  readonly #occurrences: Tally[];
  readonly #continuations: Tally[];
  /** For each length: whether a byte has stood before the open gram, as the number of the gram after which it last did. */
  readonly #seen = Array.from({ length: LONGEST + 1 }, () => new Float64Array(NO_BYTE));
  readonly #opened = new Float64Array(LONGEST + 1);
  /** For each length: the place in its table up to which grams have been closed. */
  readonly #place = new Uint32Array(LONGEST + 1);
  #high = 0;
  #low = 0;
  #isEmpty = true;

  constructor(private readonly tables: readonly GramTable[]) {
    // The longest grams are no contexts, and models that they end with count how often they occur.
    this.#occurrences = tables.map(({ keys }, n) => new Tally(keys.length, n < LONGEST ? keys.length : 0));
    this.#continuations = tables.map(({ keys }, n) =>
      new Tally(n < LONGEST ? keys.length : 0, n < LONGEST - 1 ? keys.length : 0)
    );
    this.#opened.fill(1);
  }

  add(numbers: BigUint64Array): void {
    const words = new Uint32Array(numbers.buffer);
    for (let i = 0; i < words.length;) {
      const high = words[i + HIGH], low = words[i + LOW];
      let times = 1;
      for (i += 2; i < words.length && words[i + LOW] === low && words[i + HIGH] === high; i += 2) times++;
      if (!this.#isEmpty) this.#closeBeyond(commonBytes(high, low, this.#high, this.#low));
      this.#isEmpty = false;
      this.#high = high;
      this.#low = low;
      this.#count(low & 15, low >>> 4 & 511, times);
    }
  }

  #count(length: number, before: number, times: number): void {
    for (let n = 1; n <= length; n++) {
      this.#occurrences[n].open += times;
      if (n === LONGEST || before === NO_BYTE || this.#seen[n][before] === this.#opened[n]) continue;
      this.#seen[n][before] = this.#opened[n];
      this.#continuations[n].open++;
    }
  }

  /** Closes the open grams that are longer than `common`, the longest first: they are followers of the shorter ones. */
  #closeBeyond(common: number): void {
    for (let n = LONGEST; n > common; n--) {
      const place = this.#find(n);
      this.#occurrences[n].close(place, this.#occurrences[n - 1]);
      this.#continuations[n].close(place, this.#continuations[n - 1]);
      this.#opened[n]++;
    }
  }

  /** The place of the open gram of `n` bytes in its table, −1 where it is not there. Grams are closed in the table's order. */
  #find(n: number): number {
    const { keys } = this.tables[n], places = this.#place;
    const key = n <= 4 ? this.#high >>> 8 * (4 - n) : this.#high * 256 ** (n - 4) + (this.#low >>> 8 * (8 - n));
    let place = places[n];
    while (place < keys.length && keys[place] < key) place++;
    places[n] = place;
    return keys[place] === key ? place : -1;
  }

  finish(): GramCounts[] {
    if (!this.#isEmpty) this.#closeBeyond(0);
    for (const tallies of [this.#occurrences, this.#continuations]) tallies[0].closeEmpty();
    return this.tables.map((_, n) => ({
      occurrences: this.#occurrences[n],
      continuations: this.#continuations[n],
    }));
  }
}

/** Bytes that two numbers have in common at their beginning, up to six. */
function commonBytes(high: number, low: number, otherHigh: number, otherLow: number): number {
  if (high !== otherHigh) return Math.clz32(high ^ otherHigh) >>> 3;
  return 4 + Math.min(2, Math.clz32(low ^ otherLow) >>> 3);
}

/** The counts of one length as they come in. */
class Tally implements Counts {
  readonly count: Uint32Array;
  readonly followers: Followers;
  readonly countsOfCounts: number[] = [0, 0, 0, 0, 0];
  /** Of the open gram. */
  open = 0;
  /** What follows the open gram: in all, and how many bytes once, twice, more often. */
  #total = 0;
  readonly #kinds = new Uint16Array(4);

  /**
   * @param grams whose counts are kept
   * @param contexts whose followers are kept
   */
  constructor(grams: number, contexts: number) {
    this.count = new Uint32Array(grams);
    const kind = () => new Uint16Array(contexts);
    this.followers = { total: new Uint32Array(contexts), once: kind(), twice: kind(), often: kind() };
  }

  /**
   * Ends the open gram.
   *
   * @param place in the table, −1 where it is not asked for
   * @param context the tally of the grams that are shorter by their last byte
   */
  close(place: number, context: Tally): void {
    const { open } = this;
    // No byte precedes the first gram of a text; and a text's last bytes begin no longer gram.
    if (open > 0) {
      if (open < 5) this.countsOfCounts[open]++;
      context.#total += open;
      context.#kinds[open < 3 ? open : 3]++;
      if (place >= 0) this.count[place] = open;
      this.open = 0;
    }
    this.#keepFollowers(place);
  }

  /** Ends the gram of no bytes. */
  closeEmpty(): void {
    this.#keepFollowers(0);
  }

  #keepFollowers(place: number): void {
    if (this.#total === 0) return;
    if (place >= 0) {
      this.followers.total[place] = this.#total;
      this.followers.once[place] = this.#kinds[1];
      this.followers.twice[place] = this.#kinds[2];
      this.followers.often[place] = this.#kinds[3];
    }
    this.#total = 0;
    this.#kinds.fill(0);
  }
}
