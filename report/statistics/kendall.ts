/** Kendall's τ-b: how far two orders agree, over a population of which some have been measured. */

/** Part of a population: how many there are, and both values of those that were measured, a random sample of them. */
export interface Stratum {
  population: number;
  values: readonly (readonly [x: number, y: number])[];
}

/**
 * Kendall's τ-b between `x` and `y`,
 *
 *     τ_b = Σ sgn(xᵢ − xⱼ) sgn(yᵢ − yⱼ) / √(Σ [xᵢ ≠ xⱼ] · Σ [yᵢ ≠ yⱼ])
 *
 * (M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945) 239-251), whose three sums go over all pairs
 * of the population. Of pairs within a stratum, and of pairs between two, only those are known whose both ends were measured:
 * their mean stands for all of that kind, times the number of such pairs in the population. So each pair counts by the
 * inverse of its chance to be drawn (D. G. Horvitz and D. J. Thompson, "A generalization of sampling without replacement from a
 * finite universe", Journal of the American Statistical Association 47 (1952) 663-685), and a sample that has more of one
 * stratum than the population does not bend the result. With all measured, or one stratum alone, it is the plain τ-b.
 *
 * @param counts how often each value counts, for resamples; once where absent. A value makes no pair with itself.
 * @returns −1 to 1; undefined where all pairs tie in one of the values
 */
export function kendallTauB(
  strata: readonly Stratum[],
  counts: readonly (readonly number[])[] = strata.map(({ values }) => values.map(() => 1)),
): number | undefined {
  // Lists of numbers, not of pairs: bootstraps come here thousands of times.
  const [xs, ys] = [0, 1].map((which) => strata.map(({ values }) => Float64Array.from(values, (pair) => pair[which])));
  let agreement = 0, distinctX = 0, distinctY = 0;
  for (const [a, first] of strata.entries()) {
    for (let b = a; b < strata.length; b++) {
      const second = strata[b], one = counts[a], two = counts[b], otherX = xs[b], otherY = ys[b];
      let pairs = 0, signs = 0, differX = 0, differY = 0;
      for (let i = 0; i < first.values.length; i++) {
        if (!one[i]) continue;
        const count = one[i], x = xs[a][i], y = ys[a][i];
        for (let j = a === b ? i + 1 : 0; j < otherX.length; j++) {
          const weight = count * two[j];
          if (!weight) continue;
          const signX = Math.sign(x - otherX[j]), signY = Math.sign(y - otherY[j]);
          pairs += weight;
          signs += weight * signX * signY;
          differX += weight * Math.abs(signX);
          differY += weight * Math.abs(signY);
        }
      }
      const all = a === b ? first.population * (first.population - 1) / 2 : first.population * second.population;
      const share = pairs ? all / pairs : 0;
      agreement += share * signs;
      distinctX += share * differX;
      distinctY += share * differY;
    }
  }
  return distinctX && distinctY ? agreement / Math.sqrt(distinctX * distinctY) : undefined;
}
