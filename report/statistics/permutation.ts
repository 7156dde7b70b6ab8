/** Sign-flip tests of matched differences, and Holm's correction for testing several. */
import { randomStream } from "../../train/corpus/random.ts";

/** Which flips are drawn, where there are too many to try all. */
export interface SignFlipOptions {
  /** Of the random stream. */
  name: string;
  /** Flips drawn; the smallest p is then `1 / (flips + 1)`. */
  flips?: number;
}

/** Up to so many differences all `2^n` flips are tried. */
const MOST_EXACT = 12;

/** Sums that differ by less than this share of `Σ |dᵢ|` count as equal: they may be one sum in two orders. */
const ROUNDING = 1e-12;

/**
 * The two-sided p of a mean difference over pairs: the share of all ways to flip the differences' signs whose sum is at
 * least as far from zero as the one seen. All `2^n` ways up to 12 differences; beyond, ways drawn at random, with the seen
 * one counted among them, `p = (1 + hits) / (1 + flips)`, so that p is never too small by chance (B. Phipson and G. K. Smyth,
 * "Permutation P-values Should Never Be Zero", Statistical Applications in Genetics and Molecular Biology 9 (2010) 39).
 *
 * The null hypothesis: within each pair, both values of the factor ("on" and "off") might as well have been swapped, in each
 * pair independently of the others. It is sharp: it says that the factor changes nothing in any pair, not just nothing on average.
 *
 * @param differences at least one
 */
export function signFlipP(differences: readonly number[], { name, flips = 9999 }: SignFlipOptions): number {
  const total = differences.reduce((sum, difference) => sum + Math.abs(difference), 0);
  const least = Math.abs(differences.reduce((sum, difference) => sum + difference, 0)) - ROUNDING * total;
  const tables = flippedSums(differences);
  if (differences.length <= MOST_EXACT) {
    const ways = 2 ** differences.length;
    let hits = 0;
    for (let way = 0; way < ways; way++) {
      if (Math.abs(tables.reduce((sum, table, i) => sum + table[way >> (BYTE * i) & 255], 0)) >= least) hits++;
    }
    return hits / ways;
  }
  const stream = randomStream(0, `sign_flips/${name}`);
  let hits = 0;
  for (let flip = 0; flip < flips; flip++) {
    let sum = 0;
    // The upper bits of a random number: the lowest ones of xoroshiro128+ are linear in its state.
    for (const table of tables) sum += table[Math.floor(stream.uniform() * 256)];
    if (Math.abs(sum) >= least) hits++;
  }
  return (1 + hits) / (1 + flips);
}

const BYTE = 8;

/** For each eight differences in turn, their sum under each of the 256 ways to flip their signs: bit `i` flips number `i`. */
function flippedSums(differences: readonly number[]): Float64Array[] {
  return Array.from({ length: Math.ceil(differences.length / BYTE) }, (_, chunk) => {
    const own = differences.slice(BYTE * chunk, BYTE * (chunk + 1));
    return new Float64Array(256).map((_, way) =>
      own.reduce((sum, difference, i) => sum + (way & (1 << i) ? -difference : difference), 0)
    );
  });
}

/**
 * Holm's step-down correction: the `k`-th smallest of `m` p-values (from 0) becomes the largest of `(m − j) pⱼ` over
 * `j ≤ k`, at most 1. Calling everything at or below 0.05 real is then wrong somewhere in at most 5 % of studies, however the
 * tests depend on each other. Source: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
 * Journal of Statistics 6 (1979) 65-70.
 *
 * @returns the corrected values in the order of `ps`
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => ps[a] - ps[b] || a - b);
  const corrected = new Array<number>(ps.length);
  let largest = 0;
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (ps.length - rank) * ps[i]));
    corrected[i] = largest;
  }
  return corrected;
}
