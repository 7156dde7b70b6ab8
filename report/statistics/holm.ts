/** Holm's correction for testing several hypotheses. */

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

/** {@linkcode holm} over those that there are. */
export function holmOfKnown(ps: readonly (number | undefined)[]): (number | undefined)[] {
  const corrected = holm(ps.flatMap((p) => p ?? []));
  return ps.map((p) => (p === undefined ? undefined : corrected.shift()));
}
