/**
 * How a text is cut into words before pairs are merged: no token spans two words. The rule is one of bytes, so that it is exact on
 * any of them: those above ASCII count as letters, whatever characters they are parts of, or of none.
 *
 * A word is letters, digits, or other signs, each with the one space before it; or white space. Of several white spaces the last
 * goes with the word behind them, as in GPT-2's rule ("Language Models are Unsupervised Multitask Learners", 2019), of which this
 * is a form without Unicode's tables.
 */

const OTHER = 0, LETTER = 1, DIGIT = 2, WHITE = 3;
const SPACE = 0x20;

/** The kind of each byte. */
const KIND = new Uint8Array(256).map((_, byte) => {
  if (byte === SPACE || (byte >= 0x09 && byte <= 0x0d)) return WHITE;
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  const isAscii = byte < 0x80, lower = byte | 0x20;
  return !isAscii || (lower >= 0x61 && lower <= 0x7a) ? LETTER : OTHER;
});

/** The same rule on characters, for programs that cut by a regular expression (Oniguruma, Rust, JavaScript). */
export const WORD_PATTERN = [
  String.raw` ?[^\x00-\x40\x5B-\x60\x7B-\x7F]+`,
  String.raw` ?[0-9]+`,
  String.raw` ?[\x00-\x08\x0E-\x1F\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7F]+`,
  String.raw`[\x09-\x0D\x20]+(?![^\x09-\x0D\x20])`,
  String.raw`[\x09-\x0D\x20]`,
].join("|");

/** The end of the word that begins at `start`. */
export function wordEnd(text: Uint8Array, start: number, end: number = text.length): number {
  let at = start, kind = KIND[text[at]];
  if (kind === WHITE) {
    do at++; while (at < end && KIND[text[at]] === WHITE);
    if (at === end) return end;
    if (at - start > 1) return at - 1;
    if (text[start] !== SPACE) return at;
    kind = KIND[text[at]];
  }
  do at++; while (at < end && KIND[text[at]] === kind);
  return at;
}

/** The different words of a text, numbered in the order in which they come. They are kept as places in the text. */
export class Words {
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** How often each occurs. */
  readonly counts: number[] = [];
  readonly #hashes: number[] = [];
  /** An open hash table: numbers of words, plus one; 0 where none is. Its size is a power of two. */
  #table = new Uint32Array(2 ** 12);

  constructor(private readonly text: Uint8Array) {}

  /** Counts the words of a part of the text. */
  count(start: number = 0, end: number = this.text.length): void {
    for (let at = start; at < end;) {
      const next = wordEnd(this.text, at, end);
      this.counts[this.number(at, next)]++;
      at = next;
    }
  }

  /** The number of a word that stands somewhere in the text; a new one where it was not seen before. */
  number(start: number, end: number): number {
    const { text } = this;
    // FNV-1a.
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ text[at], 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot]; slot = (slot + 1) & mask) {
      const known = this.#table[slot] - 1;
      if (this.#hashes[known] === hash && this.#isSame(known, start, end)) return known;
    }
    this.#table[slot] = this.starts.push(start);
    this.ends.push(end);
    this.counts.push(0);
    this.#hashes.push(hash);
    if (2 * this.starts.length > this.#table.length) this.#grow();
    return this.starts.length - 1;
  }

  #isSame(known: number, start: number, end: number): boolean {
    const { text } = this, first = this.starts[known];
    if (this.ends[known] - first !== end - start) return false;
    for (let i = end - start - 1; i >= 0; i--) if (text[first + i] !== text[start + i]) return false;
    return true;
  }

  #grow(): void {
    this.#table = new Uint32Array(2 * this.#table.length);
    const mask = this.#table.length - 1;
    this.#hashes.forEach((hash, number) => {
      let slot = hash & mask;
      while (this.#table[slot]) slot = (slot + 1) & mask;
      this.#table[slot] = number + 1;
    });
  }
}
