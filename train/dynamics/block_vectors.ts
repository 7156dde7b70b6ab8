/** Vectors of one layer and one stream that Jacobians stretch and turn, and what their decompositions have come to. */
import type { Values } from "../../cells/graph/interpreter.ts";
import type { State } from "../../cells/language_model.ts";
import { tangentName } from "./jacobian.ts";
import { orthonormalize } from "./orthonormal.ts";

/** States and changes by their inputs' names. A change is `[count, streams, size]`, row-major. */
export type Carried = ReadonlyMap<string, Values>;

/** Which vectors they are. */
export interface BlockOptions {
  /** Those of the layer that are read. */
  readonly states: readonly State[];
  /** Carried numbers of these states. */
  readonly numbers: number;
  /** Vectors: at most as many as numbers. */
  readonly count: number;
  readonly stream: number;
}

/**
 * The most tokens between two decompositions. In exact arithmetic their number changes nothing: `QR` of a product of Jacobians is that of its factors one
 * after the other. How many there are follows from how far the vectors come to lie along each other.
 */
const MOST_TOKENS = 16;

/** Nats per token that rounding may move an exponent by. One that it may move more is too small for float64. */
const RESOLUTION = 1e-6;

/** How much worse than seen so far the next tokens may be. */
const MARGIN = 1.3;

/** How fast the worst that was seen is forgotten, by decomposition. */
const DECAY = 0.98;

/** Adds up `ln R_t,ii`. */
export class BlockVectors {
  readonly #sums: Float64Array;
  readonly #rounding: Float64Array;
  readonly #vectors: readonly Float64Array[];
  readonly #leastLeft: number;
  /** What a token takes of the smallest share, in nats: at first so much that one comes at a time. */
  #lossPerToken: number;

  constructor(private readonly options: BlockOptions) {
    const { count, numbers } = options;
    this.#sums = new Float64Array(count);
    this.#rounding = new Float64Array(count);
    this.#vectors = Array.from({ length: count }, () => new Float64Array(numbers));
    this.#leastLeft = roundingOf(RESOLUTION, numbers);
    this.#lossPerToken = -Math.log(this.#leastLeft);
  }

  /** How many tokens should come before the next decomposition. */
  get tokensAtOnce(): number {
    const most = Math.floor(-Math.log(this.#leastLeft) / (MARGIN * this.#lossPerToken));
    return Math.max(1, Math.min(MOST_TOKENS, most));
  }

  /**
   * Decomposes the vectors among some changes, in place.
   *
   * @param tokens how many have changed them since the last time
   * @param isMeasured whether these count
   * @returns whether enough digits are left; if not, nothing has been done
   */
  decompose(carried: Carried, tokens: number, isMeasured: boolean): boolean {
    const { numbers } = this.options;
    this.#copy(carried, "take");
    const { diagonal, shares } = orthonormalize(this.#vectors);
    const least = shares.reduce((a, b) => Math.min(a, b));
    this.#lossPerToken = Math.max(this.#lossPerToken * DECAY, -Math.log(least) / tokens);
    if (tokens > 1 && least < this.#leastLeft) return false;
    this.#copy(carried, "put");
    for (let i = 0; isMeasured && i < diagonal.length; i++) {
      this.#sums[i] += Math.log(diagonal[i]);
      this.#rounding[i] += roundingOf(shares[i], numbers);
    }
    return true;
  }

  /** Puts vectors in the place of those among some changes. */
  start(carried: Carried, vectors: readonly Float64Array[]): void {
    vectors.forEach((vector, i) => this.#vectors[i].set(vector));
    this.#copy(carried, "put");
  }

  /** Puts the vectors of the last decomposition among some changes. */
  restore(carried: Carried): void {
    this.#copy(carried, "put");
  }

  /** Exponents by vector, nats per token; −∞ where they are too small for float64. */
  exponents(tokens: number): Float64Array {
    return this.#sums.map((sum, i) => this.#rounding[i] > RESOLUTION * tokens ? -Infinity : sum / tokens);
  }

  /** Between changes, which a graph reads and makes by state, and vectors, each with the numbers of all states. */
  #copy(carried: Carried, direction: "take" | "put"): void {
    const { states, stream } = this.options;
    let first = 0;
    for (const { name, shape: [streams, size] } of states) {
      const changes = carried.get(tangentName(name))!;
      this.#vectors.forEach((vector, i) => {
        const from = (i * streams + stream) * size;
        if (direction === "take") copyNumbers(changes, from, vector, first, size);
        else copyNumbers(vector, first, changes, from, size);
      });
      first += size;
    }
  }
}

/** A loop: views of arrays, for `set()`, would take longer to make than so few numbers to copy. */
function copyNumbers(source: Float64Array, from: number, target: Float64Array, to: number, count: number): void {
  for (let i = 0; i < count; i++) target[to + i] = source[from + i];
}

/**
 * How far rounding may move the logarithm of an entry that is such a share of the longest vector: its error is that of a sum of `numbers` products.
 * Source: Higham, "Accuracy and stability of numerical algorithms", 2002, section 3.1.
 */
function roundingOf(share: number, numbers: number): number {
  return numbers * Number.EPSILON / share;
}
