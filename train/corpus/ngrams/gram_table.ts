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
 * The distinct grams of a text, by length, from the one gram of no bytes to those of {@linkcode LONGEST}. Takes 8 bytes per byte of the
 * text while it works.
 */
export function gramTables(text: Uint8Array): GramTable[] {
  const tables = [longestGrams(text)];
  for (let length = LONGEST - 1; length >= 0; length--) {
    const last = length <= text.length ? gramKey(text.subarray(text.length - length)) : undefined;
    tables.unshift(shortened(tables[0], last));
  }
  return tables;
}

function longestGrams(text: Uint8Array): GramTable {
  const all = new Float64Array(Math.max(0, text.length - LONGEST + 1));
  const highest = 256 ** (LONGEST - 1);
  let key = 0;
  for (let i = 0; i < text.length; i++) {
    key = (key % highest) * 256 + text[i];
    if (i >= LONGEST - 1) all[i - LONGEST + 1] = key;
  }
  all.sort();
  const { keys, occurrences, size } = counted(all, (key) => key);
  return { length: LONGEST, keys: keys.slice(0, size), occurrences: occurrences.slice(0, size) };
}

/**
 * Grams without their last bytes.
 *
 * @param last the only gram of the shorter length that begins no longer one: the text's last bytes; undefined where the text is shorter
 */
function shortened(table: GramTable, last: number | undefined): GramTable {
  const { keys, occurrences, size } = counted(table.keys, (key) => Math.floor(key / 256), table.occurrences);
  let end = size;
  if (last !== undefined) {
    const place = placeOf(keys.subarray(0, size), last);
    if (place === size || keys[place] !== last) {
      keys.copyWithin(place + 1, place, size);
      occurrences.copyWithin(place + 1, place, size);
      keys[place] = last;
      occurrences[place] = 0;
      end++;
    }
    occurrences[place]++;
  }
  return { length: table.length - 1, keys: keys.slice(0, end), occurrences: occurrences.slice(0, end) };
}

/** Distinct keys made of sorted ones, in arrays with room for one more. */
function counted(sorted: Float64Array, keyOf: (key: number) => number, times?: Uint32Array) {
  let size = 0, before = -1;
  for (let i = 0; i < sorted.length; i++) {
    const key = keyOf(sorted[i]);
    if (key !== before) size++;
    before = key;
  }
  const keys = new Float64Array(size + 1), occurrences = new Uint32Array(size + 1);
  for (let i = 0, at = -1; i < sorted.length; i++) {
    const key = keyOf(sorted[i]);
    if (at < 0 || key !== keys[at]) keys[++at] = key;
    occurrences[at] += times ? times[i] : 1;
  }
  return { keys, occurrences, size };
}

/** A gram's number. */
export function gramKey(gram: Uint8Array): number {
  return gram.reduce((key, byte) => key * 256 + byte, 0);
}

/** Where a gram stands in its table; −1 where it does not. */
export function indexOfGram({ keys }: GramTable, key: number): number {
  const place = placeOf(keys, key);
  return keys[place] === key ? place : -1;
}

/** The place of the first key that is not below `key`. */
function placeOf(keys: Float64Array, key: number): number {
  let low = 0, high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
