/**
 * What each factor changes, by how much, and how sure that is: statistics over matched pairs of configurations. A factor is
 * compared by the two values of its contrast: a switch off and on. What follows speaks of switches; it holds for all.
 *
 * **The unit is a pair of configurations**, identical but for one switch and trained with the same settings; the difference of a pair is the mean
 * over the seeds that both have. So more seeds make a pair's difference more precise, and do not count as more pairs.
 *
 * **What is tested.** Each configuration is in one pair of a switch, so if the switch did nothing and runs differed by
 * independent chance alone, on and off could be swapped in each pair by itself: that is the null hypothesis of the sign
 * flips. It is sharp ("changes nothing in any pair"); a switch that helps in some cells and harms as much in others
 * breaks it too, but is hardly found by a test of the mean, whose flips then scatter by the interaction as well. The pairs
 * are not wholly independent: configurations of one seed share initial weights and text offsets where they have them in
 * common, so neighbours in the grid (one layer more, another switch) may have correlated errors. What all runs of a seed share
 * cancels in a pair; what its pairs share does not, and makes p and interval too optimistic. Where there are several seeds this
 * is tested ({@linkcode seedDisagreement}): their own means (`by_seed`) should differ by no more than independent pairs would.
 *
 * **What the interval covers.** It resamples pairs: how far the mean would move had other configurations like these been
 * tried. It speaks of configurations like this grid's, on this text, trained so long; of other layer counts or sizes it
 * knows nothing. It speaks of other seeds only as far as their noise differs from pair to pair; with one seed there is
 * nothing to check that against, so seed noise is then unknown, and nothing here says that a switch is better.
 */
import { mean, sum, variance } from "simple-statistics";
import { extentOf, minOf } from "../../cells/extremes.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { bcaInterval, type Interval } from "./bootstrap.ts";
import {
  type Contrast,
  contrasts,
  contrastsIn,
  type FactorContrast,
  matchedBlocks,
  type Measure,
  ROUNDING,
} from "./matched.ts";
import { holm, signFlipP } from "./permutation.ts";
import { type PairShares, pairShares } from "./pair_shares.ts";
import { type LogLossRegression, logLossRegression } from "./regression.ts";
import type { Unit } from "../../cells/unit.ts";
import { ownCellRows, type RunRow, settingsName } from "../data/rows.ts";

/** What one factor alone changes, in the measure's unit; less than 0: the measure is lower at the contrast's second value. */
export interface FactorEffect extends FactorContrast {
  pairs: number;
  /** Mean over the pairs of `to − from`, for a switch `on − off`; undefined without a pair. */
  difference: number | undefined;
  /** BCa 95 % interval of the mean; undefined with fewer than {@linkcode FEWEST_PAIRS} pairs. */
  interval: Interval | undefined;
  /** Two-sided sign-flip p, as it is and corrected by Holm over the factors, each measure by itself; undefined without a pair. */
  p: number | undefined;
  p_holm: number | undefined;
  /** Pairs in which the measure is lower at the second value. */
  lower: number;
  /** Least and most seeds of a pair; 0 without a pair. */
  seeds: { least: number; most: number };
  /** The mean difference by each seed alone, over the pairs that have it. */
  by_seed: { seed: number; pairs: number; difference: number }[];
  /** {@linkcode seedDisagreement}, corrected by Holm over the factors: small where errors are correlated within a seed. */
  p_seeds: number | undefined;
}

/** What two factors change together beyond what each changes alone. */
export interface Interaction {
  /** In the order of their table. */
  factors: readonly [FactorContrast, FactorContrast];
  matched_sets: number;
  /** Mean over the matched sets of `both − only the first − only the second + neither`; undefined without one. */
  difference: number | undefined;
  /** BCa 95 % interval, not corrected for the number of interactions; undefined with fewer than {@linkcode FEWEST_PAIRS}. */
  interval: Interval | undefined;
}

/** How much runs of one configuration differ by their seed. */
export interface SeedNoise {
  /** Configurations with at least two seeds. */
  configurations: number;
  /**
   * Pooled standard deviation of `min_loss` within a configuration, in its unit:
   * `√(Σ (y − ȳ_configuration)² / Σ (n_configuration − 1))`.
   */
  deviation: number;
  /** Share of the variance of pairs' differences that seed noise explains, over all factors; see {@linkcode noiseShare}. */
  share: number | undefined;
}

/** Everything that a report says on factors. */
export interface Effects {
  /** What the runs' models read: `min_loss` is in nats per that. */
  reads: Unit;
  min_loss: FactorEffect[];
  test_bits_per_byte: FactorEffect[];
  /** Of `min_loss`. */
  interactions: Interaction[];
  /** Undefined where no configuration has two seeds: then seed noise is unknown. */
  seed_noise: SeedNoise | undefined;
  regression: LogLossRegression | undefined;
  /** Where runs differ in how they are trained: how the pairs are spread. */
  training: PairShares[];
}

/** With fewer pairs a two-sided sign-flip test cannot reach 5 %, whatever they show, and a bootstrap has too little to draw from. */
export const FEWEST_PAIRS = 6;

/** Everything that a report says on factors. The order of `rows` does not matter. */
export function effectsOf(rows: readonly RunRow[], table: FactorTable = GATED): Effects {
  return {
    reads: rows[0]?.reads ?? "byte",
    min_loss: factorEffects(rows, "min_loss", table),
    test_bits_per_byte: factorEffects(rows, "test_bits_per_byte", table),
    interactions: interactions(rows, "min_loss", table),
    seed_noise: seedNoise(rows, table),
    regression: logLossRegression(rows, table),
    training: pairShares(rows, table),
  };
}

/** What each factor alone changes, in the order of the table; both p are corrected over those that have one. */
export function factorEffects(
  rows: readonly RunRow[],
  measure: Measure,
  table: FactorTable = GATED,
): FactorEffect[] {
  const effects = contrastsIn(table, rows).map((contrast) => {
    const pairs = contrasts(matchedBlocks(rows, [contrast], table), measure);
    return { ...contrast, ...effectOf(pairs, `${measure}/${contrast.factor.key}`) };
  });
  const p_holm = correct(effects.map(({ p }) => p));
  const p_seeds = correct(effects.map((effect) => effect.p_seeds));
  return effects.map((effect, i) => ({ ...effect, p_holm: p_holm[i], p_seeds: p_seeds[i] }));
}

/** Holm's correction over those that there are. */
function correct(ps: readonly (number | undefined)[]): (number | undefined)[] {
  const corrected = holm(ps.flatMap((p) => p ?? []));
  return ps.map((p) => (p === undefined ? undefined : corrected.shift()));
}

function effectOf(
  pairs: readonly Contrast[],
  name: string,
): Omit<FactorEffect, keyof FactorContrast | "p_holm"> {
  const differences = pairs.map(({ difference }) => difference);
  const [fewest, most] = extentOf(pairs.map(({ by_seed }) => by_seed.length));
  return {
    pairs: pairs.length,
    ...meanWithInterval(differences, name),
    p: pairs.length ? signFlipP(differences, { name }) : undefined,
    lower: differences.filter((difference) => difference < 0).length,
    seeds: pairs.length ? { least: fewest, most } : { least: 0, most: 0 },
    by_seed: bySeed(pairs),
    p_seeds: seedDisagreement(pairs, name),
  };
}

function meanWithInterval(differences: readonly number[], name: string): Pick<Interaction, "difference" | "interval"> {
  return {
    difference: differences.length ? mean([...differences]) : undefined,
    interval: differences.length < FEWEST_PAIRS ? undefined : bcaInterval(differences, { name }),
  };
}

function bySeed(pairs: readonly Contrast[]): FactorEffect["by_seed"] {
  const groups = Map.groupBy(pairs.flatMap(({ by_seed }) => by_seed), ({ seed }) => seed);
  return [...groups].sort(([a], [b]) => a - b).map(([seed, own]) => ({
    seed,
    pairs: own.length,
    difference: mean(own.map(({ difference }) => difference)),
  }));
}

/**
 * Whether seeds disagree on the mean difference by more than independent pairs would. For each two seeds: the sign-flip p of the
 * pairs' differences by the one less those by the other; the null hypothesis is that in each pair, independently of the others,
 * the two seeds might as well be swapped. Of several p the smallest, corrected by Holm. Where it is small, errors are correlated
 * within a seed: another seed may well give a mean outside the interval.
 *
 * @returns undefined where no two seeds have {@linkcode FEWEST_PAIRS} pairs
 */
export function seedDisagreement(pairs: readonly Contrast[], name: string): number | undefined {
  const seeds = bySeed(pairs).map(({ seed }) => seed);
  const of = ({ by_seed }: Contrast, seed: number) => by_seed.find((one) => one.seed === seed)?.difference;
  const ps = seeds.flatMap((a, i) =>
    seeds.slice(i + 1).flatMap((b) => {
      const both = pairs.filter((pair) => of(pair, a) !== undefined && of(pair, b) !== undefined);
      const differences = both.map((pair) => of(pair, a)! - of(pair, b)!);
      return both.length < FEWEST_PAIRS ? [] : signFlipP(differences, { name: `${name}/seeds/${a}/${b}` });
    })
  );
  return ps.length ? minOf(holm(ps)) : undefined;
}

/** What each two factors change together beyond what each changes alone, in the order of the table. */
export function interactions(rows: readonly RunRow[], measure: Measure, table: FactorTable = GATED): Interaction[] {
  const compared = contrastsIn(table, rows);
  return compared.flatMap((first, i) =>
    compared.slice(i + 1).map((second): Interaction => {
      const matched_sets = contrasts(matchedBlocks(rows, [first, second], table), measure);
      const differences = matched_sets.map(({ difference }) => difference);
      return {
        factors: [first, second],
        matched_sets: matched_sets.length,
        ...meanWithInterval(differences, `${measure}/${first.factor.key}/${second.factor.key}`),
      };
    })
  );
}

/** The seed noise of `min_loss` in the table's own cell; undefined where no configuration has two seeds. */
export function seedNoise(rows: readonly RunRow[], table: FactorTable = GATED): SeedNoise | undefined {
  const groups = Map.groupBy(ownCellRows(table, rows), (row) => `${row.id} ${settingsName(row)}`);
  const repeated = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group.map((row) => row.min_loss))
    .filter(({ length }) => length > 1).map((losses) => losses.sort((a, b) => a - b));
  if (!repeated.length) return undefined;
  return {
    configurations: repeated.length,
    deviation: Math.sqrt(pooledVariance(repeated)),
    share: noiseShare(
      contrastsIn(table, rows).map((contrast) => contrasts(matchedBlocks(rows, [contrast], table), "min_loss")),
    ),
  };
}

/** `Σ (y − ȳ_group)² / Σ (n_group − 1)` over groups, each of at least one value, some of two. */
function pooledVariance(groups: readonly (readonly number[])[]): number {
  const squares = groups.map((group) => variance([...group]) * group.length);
  return sum(squares) / sum(groups.map((group) => group.length - 1));
}

/**
 * How much of the variance of pairs' differences is seed noise: `(s² · mean(1/nᵢ)) / Var(dᵢ)`, where `dᵢ` is the mean
 * difference of pair `i` over its `nᵢ` seeds and `s²` the variance of single seeds' differences within a pair, pooled;
 * numerator and denominator are summed over the factors. What both values have in common in one seed is in neither. At most 1;
 * the rest is that a factor does more in some configurations than in others. Undefined where pairs do not differ.
 */
function noiseShare(factors: readonly (readonly Contrast[])[]): number | undefined {
  let noise = 0, all = 0;
  for (const pairs of factors) {
    const seeds = pairs.map(({ by_seed }) => by_seed.map(({ difference }) => difference));
    if (pairs.length < 2 || !seeds.some(({ length }) => length > 1)) continue;
    noise += pooledVariance(seeds) * mean(seeds.map(({ length }) => 1 / length));
    all += pooledVariance([pairs.map(({ difference }) => difference)]);
  }
  return Math.sqrt(all) > ROUNDING ? Math.min(1, noise / all) : undefined;
}
