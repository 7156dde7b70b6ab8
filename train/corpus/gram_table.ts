/** The n-grams of a text: each distinct one once, in order, as a whole number. */

/** The longest gram: six bytes are 48 bits, which a number holds exactly. */
export const LONGEST = 6;

/** The distinct grams of one length in a text, ascending. */
export interface GramTable {
  /** Bytes of a gram. */
  readonly length: number;
  /** Each gram as a number to base 256, its first byte the most significant. */
  readonly keys: Float64Array;
  /** How often each stands in the text. */
  readonly occurrences: Uint32Array;
}

/**
 * The distinct grams of a text. Takes 8 bytes per byte of the text while it works.
 *
 * @param length bytes of a gram, from 0 to {@linkcode LONGEST}; the one gram of no bytes stands before each byte
 */
export function gramTable(text: Uint8Array, length: number): GramTable {
  if (length === 0) return { length, keys: Float64Array.of(0), occurrences: Uint32Array.of(text.length) };
  const all = new Float64Array(Math.max(0, text.length - length + 1));
  const highest = 256 ** (length - 1);
  let key = 0;
  for (let i = 0; i < text.length; i++) {
    key = (key % highest) * 256 + text[i];
    if (i >= length - 1) all[i - length + 1] = key;
  }
  all.sort();
  let distinct = 0;
  for (let i = 0; i < all.length; i++) if (i === 0 || all[i] !== all[i - 1]) distinct++;
  const keys = new Float64Array(distinct), occurrences = new Uint32Array(distinct);
  for (let i = 0, at = -1; i < all.length; i++) {
    if (i === 0 || all[i] !== all[i - 1]) keys[++at] = all[i];
    occurrences[at]++;
  }
  return { length, keys, occurrences };
}

/** A gram's number. */
export function gramKey(gram: ArrayLike<number>): number {
  let key = 0;
  for (let i = 0; i < gram.length; i++) key = key * 256 + gram[i];
  return key;
}

/** Where a gram stands in its table; −1 where it does not. */
export function indexOfGram({ keys }: GramTable, key: number): number {
  let low = 0, high = keys.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] === key) return middle;
    if (keys[middle] < key) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
