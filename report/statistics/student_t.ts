/** Student's t distribution with a whole number of degrees of freedom, and the interval of a mean that follows from it. */
import { mean, sampleStandardDeviation } from "simple-statistics";
import type { Interval } from "./bootstrap.ts";

/**
 * `P(|T| < t)` with `degrees` degrees of freedom, a finite sum over powers of `cos θ`, `θ = atan(t / √degrees)`.
 * Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 26.7.4.
 *
 * @param t at least 0
 * @param degrees a whole number of at least 1
 */
export function withinT(t: number, degrees: number): number {
  const theta = Math.atan(t / Math.sqrt(degrees)), cosine = Math.cos(theta), isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1, sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < degrees; k += 2) {
    term *= (k - 1) / k * cosine ** 2;
    sum += term;
  }
  return isOdd ? 2 / Math.PI * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
}

/** The `t` that `|T|` stays below with this probability, above 0 and below 1: by halving, to the last digits. */
export function quantileT(probability: number, degrees: number): number {
  let low = 0, high = 1;
  while (withinT(high, degrees) < probability) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (withinT(middle, degrees) < probability) low = middle;
    else high = middle;
  }
}

const CONFIDENCE = 0.95;

/** The 95 % interval of the mean of independent, normal values, `ȳ ± t(0.975, n − 1) · s / √n`; undefined with fewer than two. */
export function meanInterval(values: readonly number[]): Interval | undefined {
  if (values.length < 2) return undefined;
  const centre = mean([...values]), error = sampleStandardDeviation([...values]) / Math.sqrt(values.length);
  const half = quantileT(CONFIDENCE, values.length - 1) * error;
  return { low: centre - half, high: centre + half };
}
