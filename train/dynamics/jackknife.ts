/** How sure a statistic is that is no mean over streams. */

/**
 * The standard error of a statistic, of its values with each stream left out in turn: `√((S − 1)/S · Σ (θᵢ − θ̄)²)`; null where there is one
 * stream, or one of the values is. Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 11.
 */
export function jackknife(values: readonly (number | null)[]): number | null {
  const found = values.filter((value) => value !== null), { length } = found;
  if (length < 2 || length < values.length) return null;
  const mean = found.reduce((a, b) => a + b, 0) / length;
  return Math.sqrt((length - 1) / length * found.reduce((sum, value) => sum + (value - mean) ** 2, 0));
}
