/** How a corpus is split, and the SHA-1 of what comes of it. */
import { createHash } from "../process/hash.ts";

/** Contiguous parts of a corpus, by share: training first, then validation, then test. */
export const SPLIT = { train: 0.9, validation: 0.05, test: 0.05 } as const;

/** Where the training and the validation split of so many bytes end; the test split ends with the corpus. */
export function splitEnds(bytes: number): { train: number; validation: number } {
  return { train: Math.floor(bytes * SPLIT.train), validation: Math.floor(bytes * (SPLIT.train + SPLIT.validation)) };
}

/** SHA-1s, hexadecimal. */
export interface SplitHashes {
  /** Of the whole corpus. */
  readonly sha1: string;
  /** Of the training split. */
  readonly train_sha1: string;
  /** Of the test split. */
  readonly test_sha1: string;
}

/** Hashes a corpus and its splits while its bytes go by, once and in order. */
export class SplitHasher {
  readonly #whole = createHash("sha1");
  readonly #test = createHash("sha1");
  readonly #ends: { train: number; validation: number };
  #train?: string;
  #seen = 0;

  /** @param bytes of the whole corpus */
  constructor(private readonly bytes: number) {
    this.#ends = splitEnds(bytes);
  }

  update(part: Uint8Array): void {
    const { train, validation } = this.#ends, from = this.#seen, to = from + part.length;
    const upToTrain = part.subarray(0, Math.max(0, train - from));
    this.#whole.update(upToTrain);
    // The training split is the corpus' beginning: its hash is that of the whole as it stands there.
    if (to >= train) this.#train ??= this.#whole.copy().digest("hex");
    this.#whole.update(part.subarray(upToTrain.length));
    if (to > validation) this.#test.update(part.subarray(Math.max(0, validation - from)));
    this.#seen = to;
  }

  /** @throws {RangeError} if not all bytes have gone by */
  digest(): SplitHashes {
    if (this.#seen !== this.bytes || this.#train === undefined) {
      throw new RangeError(`Cannot hash a corpus of ${this.bytes} bytes: got ${this.#seen}`);
    }
    return { sha1: this.#whole.digest("hex"), train_sha1: this.#train, test_sha1: this.#test.digest("hex") };
  }
}
