/** What a sample without replacement says about a whole that is known by its number. */

/**
 * The upper end of the exact one-sided 95 % interval of how many of `population` have a property, when `found` of `sample` drawn
 * without replacement have it: the largest number at which so few, or fewer, are found in more than one draw of twenty. The
 * number found is hypergeometric. Source: J. P. Buonaccorsi, "A note on confidence intervals for proportions in finite
 * populations", The American Statistician 41 (1987) 215-218.
 *
 * @returns `found` to `population − sample + found`
 */
export function mostInPopulation(population: number, sample: number, found: number): number {
  const logs = logFactorials(population);
  const choose = (n: number, k: number) => logs[n] - logs[k] - logs[n - k];
  /** The chance to find at most `found`, if `having` of the population have it. */
  const chance = (having: number) => {
    let sum = 0;
    for (let x = Math.max(0, sample - (population - having)); x <= Math.min(found, having); x++) {
      sum += Math.exp(choose(having, x) + choose(population - having, sample - x) - choose(population, sample));
    }
    return sum;
  };
  let most = found;
  while (most < population - sample + found && chance(most + 1) > 0.05) most++;
  return most;
}

/** `ln i!` for each `i` up to `most`. */
function logFactorials(most: number): Float64Array {
  const logs = new Float64Array(most + 1);
  for (let i = 2; i <= most; i++) logs[i] = logs[i - 1] + Math.log(i);
  return logs;
}
