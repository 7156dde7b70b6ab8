/**
 * What each switch changes, by how much, and how sure that is: statistics over matched pairs of configurations.
 *
 * **The unit is a pair of configurations**, alike in all but one switch and trained alike; the difference of a pair is the mean
 * over the seeds that both have. So more seeds make a pair's difference more precise, and do not count as more pairs.
 *
 * **What is tested.** Each configuration is in one pair of a switch, so if the switch did nothing and runs differed by
 * independent chance alone, on and off could be swapped in each pair by itself: that is the null hypothesis of the sign
 * flips. It is sharp ("changes nothing in any pair"); a switch that helps in some cells and harms as much in others
 * breaks it too, but is hardly found by a test of the mean, whose flips then scatter by the interaction as well. The pairs
 * are not wholly independent: configurations of one seed share initial weights and text offsets where they have them in
 * common, so neighbours in the grid (one layer more, another switch) may err alike. What all runs of a seed share
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
import { SWITCHES, type SwitchKey } from "../../cells/factors.ts";
import { bcaInterval, type Interval } from "./bootstrap.ts";
import { type Contrast, contrasts, matchedBlocks, type Measure, settingsName } from "./matched.ts";
import { holm, signFlipP } from "./permutation.ts";
import { type LogLossRegression, logLossRegression } from "./regression.ts";
import type { Unit } from "../../cells/unit.ts";
import type { RunRow } from "../data/rows.ts";

/** What one switch alone changes, in the measure's unit; less than 0: the measure is lower with the switch on. */
export interface SwitchEffect {
  key: SwitchKey;
  label: string;
  pairs: number;
  /** Mean over the pairs of `on − off`; undefined without a pair. */
  difference: number | undefined;
  /** BCa 95 % interval of the mean; undefined with fewer than {@linkcode FEWEST_PAIRS} pairs. */
  interval: Interval | undefined;
  /** Two-sided sign-flip p, as it is and corrected by Holm over the switches, each measure by itself; undefined without a pair. */
  p: number | undefined;
  p_holm: number | undefined;
  /** Pairs in which the measure is lower with the switch on. */
  lower: number;
  /** Least and most seeds of a pair; 0 without a pair. */
  seeds: { least: number; most: number };
  /** The mean difference by each seed alone, over the pairs that have it. */
  by_seed: { seed: number; pairs: number; difference: number }[];
  /** {@linkcode seedDisagreement}, corrected by Holm over the switches: small where pairs of one seed err alike. */
  p_seeds: number | undefined;
}

/** What two switches change together beyond what each changes alone. */
export interface Interaction {
  /** In the order of `SWITCHES`. */
  switches: [SwitchKey, SwitchKey];
  quadruples: number;
  /** Mean over the quadruples of `both − only the first − only the second + neither`; undefined without one. */
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
  /** Share of the variance of pairs' differences that seed noise explains, over all switches; see {@linkcode noiseShare}. */
  share: number | undefined;
}

/** Everything that a report says on switches. */
export interface Effects {
  /** What the runs' models read: `min_loss` is in nats per that. */
  reads: Unit;
  min_loss: SwitchEffect[];
  test_bits_per_byte: SwitchEffect[];
  /** Of `min_loss`. */
  interactions: Interaction[];
  /** Undefined where no configuration has two seeds: then seed noise is unknown. */
  seed_noise: SeedNoise | undefined;
  regression: LogLossRegression | undefined;
}

/** With fewer pairs a two-sided sign-flip test cannot reach 5 %, whatever they show, and a bootstrap has too little to draw from. */
export const FEWEST_PAIRS = 6;

/** Everything that a report says on switches. The order of `rows` does not matter. */
export function effectsOf(rows: readonly RunRow[]): Effects {
  return {
    reads: rows[0]?.reads ?? "byte",
    min_loss: switchEffects(rows, "min_loss"),
    test_bits_per_byte: switchEffects(rows, "test_bits_per_byte"),
    interactions: interactions(rows, "min_loss"),
    seed_noise: seedNoise(rows),
    regression: logLossRegression(rows),
  };
}

/** What each switch alone changes, in the order of `SWITCHES`; both p are corrected over those that have one. */
export function switchEffects(rows: readonly RunRow[], measure: Measure): SwitchEffect[] {
  const effects = SWITCHES.map(({ key, label }) => {
    const pairs = contrasts(matchedBlocks(rows, [key]), measure);
    return { key, label, ...effectOf(pairs, `${measure}/${key}`) };
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

function effectOf(pairs: readonly Contrast[], name: string): Omit<SwitchEffect, "key" | "label" | "p_holm"> {
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

function bySeed(pairs: readonly Contrast[]): SwitchEffect["by_seed"] {
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
 * the two seeds might as well be swapped. Of several p the smallest, corrected by Holm. Where it is small, pairs of one seed err
 * alike: another seed may well give a mean outside the interval.
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

/** What each two switches change together beyond what each changes alone, in the order of `SWITCHES`. */
export function interactions(rows: readonly RunRow[], measure: Measure): Interaction[] {
  return SWITCHES.flatMap(({ key: first }, i) =>
    SWITCHES.slice(i + 1).map(({ key: second }) => {
      const quadruples = contrasts(matchedBlocks(rows, [first, second]), measure);
      const differences = quadruples.map(({ difference }) => difference);
      return {
        switches: [first, second] as [SwitchKey, SwitchKey],
        quadruples: quadruples.length,
        ...meanWithInterval(differences, `${measure}/${first}/${second}`),
      };
    })
  );
}

/** The seed noise of `min_loss`; undefined where no configuration has two seeds. */
export function seedNoise(rows: readonly RunRow[]): SeedNoise | undefined {
  const groups = Map.groupBy(rows, (row) => `${row.id} ${settingsName(row)}`);
  const repeated = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group.map((row) => row.min_loss))
    .filter(({ length }) => length > 1).map((losses) => losses.sort((a, b) => a - b));
  if (!repeated.length) return undefined;
  return {
    configurations: repeated.length,
    deviation: Math.sqrt(pooledVariance(repeated)),
    share: noiseShare(SWITCHES.map(({ key }) => contrasts(matchedBlocks(rows, [key]), "min_loss"))),
  };
}

/** Differences that scatter by less than this, in nats, are alike but for rounding. */
const ROUNDING = 1e-10;

/** `Σ (y − ȳ_group)² / Σ (n_group − 1)` over groups, each of at least one value, some of two. */
function pooledVariance(groups: readonly (readonly number[])[]): number {
  const squares = groups.map((group) => variance([...group]) * group.length);
  return sum(squares) / sum(groups.map((group) => group.length - 1));
}

/**
 * How much of the variance of pairs' differences is seed noise: `(s² · mean(1/nᵢ)) / Var(dᵢ)`, where `dᵢ` is the mean
 * difference of pair `i` over its `nᵢ` seeds and `s²` the variance of single seeds' differences within a pair, pooled;
 * numerator and denominator are summed over the switches. What on and off of one seed have in common is in neither. At most 1;
 * the rest is that a switch does more in some configurations than in others. Undefined where pairs do not differ.
 */
function noiseShare(switches: readonly (readonly Contrast[])[]): number | undefined {
  let noise = 0, all = 0;
  for (const pairs of switches) {
    const seeds = pairs.map(({ by_seed }) => by_seed.map(({ difference }) => difference));
    if (pairs.length < 2 || !seeds.some(({ length }) => length > 1)) continue;
    noise += pooledVariance(seeds) * mean(seeds.map(({ length }) => 1 / length));
    all += pooledVariance([pairs.map(({ difference }) => difference)]);
  }
  return Math.sqrt(all) > ROUNDING ? Math.min(1, noise / all) : undefined;
}
