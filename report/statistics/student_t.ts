/** Student's t and Fisher's F, with any number of degrees of freedom, and the interval of a mean that follows from the first. */
import { gammaln, mean, sampleStandardDeviation } from "simple-statistics";
import type { Interval } from "./bootstrap.ts";

/** Below this a factor of the continued fraction is taken for it: a zero would end the recurrence. */
const TINY = 1e-300;
const PRECISION = 1e-16, MOST_TERMS = 10_000;

/**
 * The regularised incomplete beta function `I_x(a, b)`, by its continued fraction. Source: NIST Digital Library of Mathematical Functions,
 * 8.17.22, in the modified recurrence of W. J. Lentz (I. J. Thompson and A. R. Barnett, Journal of Computational Physics 64 (1986) 490-509).
 *
 * @param x from 0 to 1
 * @param a above 0
 * @param b above 0
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // There the fraction converges in about √max(a, b) terms.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const safe = (value: number) => Math.abs(value) < TINY ? TINY : value;
  let c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), fraction = d;
  for (let m = 1; m < MOST_TERMS; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 / safe(1 + term * d);
      c = safe(1 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < PRECISION) break;
  }
  return front * fraction;
}

/** `P(|T| > |t|)` with `degrees` degrees of freedom, above 0: the two-sided p of a t. */
export function pOfT(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** `P(F > f)` with these degrees of freedom: the p of a ratio of two mean squares. @param f at least 0 */
export function pOfF(f: number, numerator: number, denominator: number): number {
  return incompleteBeta(denominator / (denominator + numerator * f), denominator / 2, numerator / 2);
}

/** The `t` that `|T|` stays below with this probability, above 0 and below 1: by halving, to the last digits. */
export function quantileT(probability: number, degrees: number): number {
  const beyond = 1 - probability;
  let low = 0, high = 1;
  while (pOfT(high, degrees) > beyond) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (pOfT(middle, degrees) > beyond) low = middle;
    else high = middle;
  }
}

const CONFIDENCE = 0.95;

/** The 95 % interval of an estimate with this standard error, `estimate ± t(0.975, degrees) · error`. */
export function intervalT(estimate: number, error: number, degrees: number): Interval {
  // An error of 0 has no need of a quantile, which is slow to find.
  const half = error > 0 ? quantileT(CONFIDENCE, degrees) * error : 0;
  return { low: estimate - half, high: estimate + half };
}

/** The 95 % interval of the mean of independent, normal values, `ȳ ± t(0.975, n − 1) · s / √n`; undefined with fewer than two. */
export function meanInterval(values: readonly number[]): Interval | undefined {
  if (values.length < 2) return undefined;
  const error = sampleStandardDeviation([...values]) / Math.sqrt(values.length);
  return intervalT(mean([...values]), error, values.length - 1);
}
