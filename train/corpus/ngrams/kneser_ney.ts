/**
 * Interpolated modified Kneser-Ney smoothing over bytes. With the count c of a gram, the discounts D and the context h:
 *
 *     P(w | h) = (c(hw) − D(c(hw)) + (D₁ N₁(h) + D₂ N₂(h) + D₃ N₃₊(h)) · P'(w | h')) / Σ_v c(hv)
 *
 * N₁, N₂ and N₃₊ say how many different bytes follow h once, twice, and more often; h' is h without its first byte; P' is the same with the
 * *continuation* count, the number of different bytes before a gram, in place of c, down to the uniform distribution over 256 bytes.
 * What was never counted leaves all to P'. The probabilities of all bytes after a context sum to one.
 *
 * Source: Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (TR-10-98, Harvard, 1998), section 3.
 */
import type { Counts, CountsOfCounts, GramCounts } from "./gram_counts.ts";
import { type GramTable, indexOfGram } from "./gram_table.ts";

/** What is taken off a count of 1, 2, and 3 or more. Index 0: nothing off nothing. */
export type Discounts = readonly [0, number, number, number];

/** Where counts are too few to estimate discounts from: those that KenLM falls back to (`--discount_fallback`). */
const FALLBACK: Discounts = [0, 0.5, 1, 1.5];

/**
 * `Dᵢ = i − (i + 1) · Y · nᵢ₊₁ / nᵢ` with `Y = n₁ / (n₁ + 2 n₂)`, where nᵢ grams have a count of i (Chen and Goodman, equation 26);
 * {@linkcode FALLBACK} where one of them is none, or a discount does not lie between 0 and its count.
 */
export function discountsOf(n: CountsOfCounts): Discounts {
  const share = n[1] / (n[1] + 2 * n[2]);
  const discount = (i: number) => i - (i + 1) * share * n[i + 1] / n[i];
  const all = [0, discount(1), discount(2), discount(3)] as const;
  return all.every((value, i) => i === 0 || (value > 0 && value <= i && n[i + 1] > 0)) ? all : FALLBACK;
}

const BYTES = 256;

/**
 * The probability that a model of each order gives the last byte of each gram after those before it.
 *
 * @param tables the grams, of lengths 0 to n, of one text, so that each gram's parts are there too
 * @param counts theirs in the training text
 * @returns for order k, that is k bytes of context, from 0 to n − 1: the probabilities of the grams of k + 1 bytes, in their order
 */
export function kneserNey(tables: readonly GramTable[], counts: readonly GramCounts[]): Float64Array[] {
  const orders: Float64Array[] = [];
  let lower: Float64Array = Float64Array.of(1 / BYTES);
  for (let n = 1; n < tables.length; n++) {
    const contexts = placesOf(tables[n], tables[n - 1], (key) => Math.floor(key / BYTES));
    const shorter = placesOf(tables[n], tables[n - 1], (key) => key % BYTES ** (n - 1));
    const smoothed = (kind: keyof GramCounts) =>
      interpolate(counts[n][kind], counts[n - 1][kind], contexts, (i) => lower[shorter[i]]);
    orders.push(smoothed("occurrences"));
    if (n + 1 < tables.length) lower = smoothed("continuations");
  }
  return orders;
}

/** Where a part of each gram stands in the table of that length. */
function placesOf(table: GramTable, parts: GramTable, partOf: (key: number) => number): Uint32Array {
  const places = new Uint32Array(table.keys.length);
  for (let i = 0; i < places.length; i++) places[i] = indexOfGram(parts, partOf(table.keys[i]));
  return places;
}

/** @param lower the probability of gram `i` without its first byte */
function interpolate(
  { count, countsOfCounts }: Counts,
  { followers: { total, once, twice, often } }: Counts,
  contexts: Uint32Array,
  lower: (i: number) => number,
): Float64Array {
  const [, d1, d2, d3] = discountsOf(countsOfCounts), discounts = [0, d1, d2, d3];
  return Float64Array.from(count, (c, i) => {
    const h = contexts[i];
    if (total[h] === 0) return lower(i);
    const left = d1 * once[h] + d2 * twice[h] + d3 * often[h];
    return (c - discounts[Math.min(c, 3)] + left * lower(i)) / total[h];
  });
}
