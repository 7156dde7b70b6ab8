/** What a text is to a model: its bytes, or tokens that stand for several. */
import TinyQueue from "tinyqueue";
import { checkWhole, MAX_VOCABULARY } from "../../../cells/bounds.ts";
import { BYTES, learnMerges, type Merge } from "./learn.ts";
import { wordEnd, Words } from "./words.ts";

/** A text as a model reads it: each element is a token, below the vocabulary. */
export type Tokens = Uint8Array | Uint16Array;

/** The most bytes that all tokens together stand for: each of a few merges may be twice as long as the one before. */
const MOST_BYTES = 2 ** 30;

/** Turns bytes into tokens and back, exactly, whatever the bytes are. */
export interface Tokenizer {
  /** `bytes`, or `bpe:1024`. */
  readonly name: string;
  /** Tokens are the numbers below. */
  readonly vocabulary: number;
  /** Bytes that each token stands for. */
  readonly lengths: Uint32Array;
  /** A text as tokens; any bytes will do, UTF-8 or not. */
  encode(text: Uint8Array): Tokens;
  /** The bytes that tokens stand for: the inverse of `encode`. */
  decode(tokens: ArrayLike<number>): Uint8Array<ArrayBuffer>;
}

/** Each byte is a token. */
export const BYTE_TOKENIZER: Tokenizer = {
  name: "bytes",
  vocabulary: BYTES,
  lengths: new Uint32Array(BYTES).fill(1),
  encode: (text) => text,
  decode: (tokens) => Uint8Array.from(tokens),
};

/**
 * Bytes that a text of tokens stands for.
 *
 * @throws {RangeError} if it has a token that the tokenizer has not
 */
export function bytesOf(tokens: ArrayLike<number>, { lengths }: Pick<Tokenizer, "lengths">): number {
  let bytes = 0;
  for (let i = 0; i < tokens.length; i++) bytes += lengths[tokens[i]];
  if (Number.isNaN(bytes)) {
    throw new RangeError(
      `Cannot count the bytes of a text: it has a token outside the vocabulary of ${lengths.length}`,
    );
  }
  return bytes;
}

/** Byte-pair tokens: 0 to 255 are the bytes, each further one is two that stand side by side within a word. */
export class BytePairTokenizer implements Tokenizer {
  readonly name: string;
  readonly vocabulary: number;
  readonly lengths: Uint32Array;
  /** The bytes of all tokens, one after the other, and where each begins. */
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  /** By left token: what it becomes with the right one. */
  readonly #merged: Map<number, number>[];

  /**
   * A tokenizer of given merges; {@linkcode BytePairTokenizer.learn} finds them in a text.
   *
   * @param merges merge `i` makes token `256 + i` of two that came before it
   * @throws {RangeError} if one is of a token that is not there yet, or all are too many or stand for too many bytes
   */
  constructor(readonly merges: readonly Merge[]) {
    this.vocabulary = BYTES + merges.length;
    if (this.vocabulary > MAX_VOCABULARY) {
      throw new RangeError(`Cannot make ${this.vocabulary} tokens: must be at most ${MAX_VOCABULARY}`);
    }
    this.name = `bpe:${this.vocabulary}`;
    const lengths = this.lengths = new Uint32Array(this.vocabulary).fill(1, 0, BYTES);
    let total = BYTES;
    merges.forEach(([left, right], i) => {
      const token = BYTES + i;
      if (!isBelow(left, token) || !isBelow(right, token)) {
        throw new RangeError(`Cannot merge tokens ${left} and ${right} into ${token}: they must be below it`);
      }
      total += lengths[left] + lengths[right];
      if (total > MOST_BYTES) {
        throw new RangeError(
          `Cannot make token ${token}: all up to it have ${total} bytes, must have at most ${MOST_BYTES}`,
        );
      }
      lengths[token] = lengths[left] + lengths[right];
    });
    const starts = this.#starts = new Uint32Array(this.vocabulary);
    for (let token = 1; token < this.vocabulary; token++) starts[token] = starts[token - 1] + lengths[token - 1];
    const bytes = this.#bytes = new Uint8Array(starts.at(-1)! + lengths.at(-1)!);
    for (let byte = 0; byte < BYTES; byte++) bytes[byte] = byte;
    merges.forEach(([left, right], i) => {
      const start = starts[BYTES + i];
      bytes.copyWithin(start, starts[left], starts[left] + lengths[left]);
      bytes.copyWithin(start + lengths[left], starts[right], starts[right] + lengths[right]);
    });
    this.#merged = Array.from(lengths, () => new Map());
    merges.forEach(([left, right], i) => this.#merged[left].set(right, BYTES + i));
  }

  /**
   * Learns a vocabulary from a text; it may become smaller than asked for: see {@linkcode learnMerges}.
   *
   * @throws {RangeError} if the vocabulary has not room for all bytes, or is too large
   */
  static learn(text: Uint8Array, vocabulary: number): BytePairTokenizer {
    checkWhole("learn tokens", "vocabulary", vocabulary, BYTES, MAX_VOCABULARY);
    return new BytePairTokenizer(learnMerges(text, vocabulary));
  }

  /**
   * The bytes of a token.
   *
   * @throws {RangeError} if there is no such token
   */
  bytes(token: number): Uint8Array {
    checkWhole(`get the bytes of a token of ${this.name}`, "it", token, 0, this.vocabulary - 1);
    return this.#bytes.subarray(this.#starts[token], this.#starts[token] + this.lengths[token]);
  }

  /**
   * A text as tokens, in memory that workers share. Each different word is taken apart once; then the text is gone through again,
   * so that nothing else is kept as long as it is.
   */
  encode(text: Uint8Array): Uint16Array<SharedArrayBuffer> {
    const words = new Words(text);
    words.count();
    const { starts, ends, counts } = words;
    const longest = starts.reduce((most, start, word) => Math.max(most, ends[word] - start), 0);
    const speller = new Speller(this.#merged, longest);
    const firsts = new Float64Array(starts.length + 1), spelled: number[] = [];
    let length = 0;
    starts.forEach((start, word) => {
      speller.spell(text, start, ends[word], spelled);
      firsts[word + 1] = spelled.length;
      length += counts[word] * (firsts[word + 1] - firsts[word]);
    });
    const tokens = new Uint16Array(new SharedArrayBuffer(length * Uint16Array.BYTES_PER_ELEMENT));
    for (let start = 0, at = 0; start < text.length;) {
      const end = wordEnd(text, start), word = words.number(start, end), last = firsts[word + 1];
      for (let i = firsts[word]; i < last; i++) tokens[at++] = spelled[i];
      start = end;
    }
    return tokens;
  }

  /**
   * The bytes that tokens stand for, one token after the other.
   *
   * @throws {RangeError} if one is none of the vocabulary
   */
  decode(tokens: ArrayLike<number>): Uint8Array<ArrayBuffer> {
    const { lengths } = this, starts = this.#starts;
    const text = new Uint8Array(bytesOf(tokens, this));
    for (let i = 0, at = 0; i < tokens.length; i++) {
      const token = tokens[i];
      for (let from = starts[token]; from < starts[token] + lengths[token]; from++) text[at++] = this.#bytes[from];
    }
    return text;
  }
}

function isBelow(token: number, limit: number): boolean {
  return Number.isInteger(token) && token >= 0 && token < limit;
}

/** Takes words apart: merges what was learned first, and of that the leftmost, until nothing is left to merge. */
class Speller {
  /** By position in the word: the token that begins there. */
  readonly #tokens: Uint16Array;
  /** The length of a token, at its first and at its last position. */
  readonly #spans: Uint32Array;
  /** Whether a token begins at a position. */
  readonly #begins: Uint8Array;
  readonly #queue = new TinyQueue<number>();

  constructor(private readonly merged: readonly ReadonlyMap<number, number>[], longest: number) {
    this.#tokens = new Uint16Array(longest);
    this.#spans = new Uint32Array(longest);
    this.#begins = new Uint8Array(longest);
  }

  /** Adds the tokens of a word to a list. */
  spell(text: Uint8Array, start: number, end: number, list: number[]): void {
    const tokens = this.#tokens, spans = this.#spans, begins = this.#begins, queue = this.#queue;
    const length = end - start;
    for (let at = 0; at < length; at++) {
      tokens[at] = text[start + at];
      spans[at] = begins[at] = 1;
    }
    for (let at = 0; at + 1 < length; at++) this.#offer(at, at + 1);
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const token = Math.floor(next / POSITIONS), left = next - token * POSITIONS, right = left + spans[left];
      // What stood there when the pair was put in the queue may have become another token since.
      if (!begins[left] || right === length || this.merged[tokens[left]].get(tokens[right]) !== token) continue;
      const last = right + spans[right];
      tokens[left] = token;
      begins[right] = 0;
      spans[left] = spans[last - 1] = last - left;
      if (left > 0) this.#offer(left - spans[left - 1], left);
      if (last < length) this.#offer(left, last);
    }
    for (let at = 0; at < length; at += spans[at]) list.push(tokens[at]);
  }

  #offer(left: number, right: number): void {
    const token = this.merged[this.#tokens[left]].get(this.#tokens[right]);
    if (token !== undefined) this.#queue.push(token * POSITIONS + left);
  }
}

/** A token and a position in one number, which is exact: below 2^16, and below 2^32. */
const POSITIONS = 2 ** 32;
