/**
 * The same configurations in two studies: paired differences, whether the effects of factors hold there, and how far the rankings agree. Runs are
 * paired by configuration and seed; intervals are those of docs/statistics.md, "The interval" ({@linkcode crossedMean}).
 */
import { mean } from "simple-statistics";
import { UserError } from "../../cells/errors.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { StudyRuns } from "../data/other_studies.ts";
import {
  areOfOtherParts,
  lossBarrier,
  type PairedBaseline,
  type PairedConfig,
  type PairedStudies,
  pairStudies,
} from "../data/paired_studies.ts";
import type { RunRow } from "../data/rows.ts";
import { holmOfKnown } from "./holm.ts";
import { kendallTauB } from "./kendall.ts";
import {
  type Contrast,
  contrasts,
  contrastsIn,
  type FactorContrast,
  isActive,
  type MatchedBlock,
  matchedBlocks,
  type Measure,
  withoutRounding,
} from "./matched.ts";
import { type PairMean, pairMean, significantSide } from "./pair_means.ts";

/** The mean of `there − here`, in the measure's unit, with `p` corrected by Holm over the studies compared. */
export interface StudyMean extends PairMean {
  readonly p_holm: number | undefined;
}

/** What a factor changes in both studies, over the pairs and seeds that both have. */
export interface ComparedEffect extends FactorContrast {
  readonly here: PairMean;
  readonly there: PairMean;
  /** The effect there less the effect here, pair by pair and seed by seed. */
  readonly change: PairMean;
  /** `p` of the change, corrected by Holm over the factors. */
  readonly p_holm: number | undefined;
  /** Whether the sign changes, and both intervals are clear of zero. */
  readonly turns: boolean;
  /** Pairs in which the factor adds weights that are never trained: they are in none of the numbers. */
  readonly inactive: number;
}

/** How far two studies rank the same configurations alike, by the mean of the measure over common seeds. */
export interface ComparedRanking {
  readonly configurations: number;
  /** Kendall's τ-b; undefined where all tie. */
  readonly tau: number | undefined;
  /** The label of the best one of this study, and its place there, from 1. */
  readonly best: { readonly label: string; readonly place: number };
}

/** One baseline in both studies. */
export interface ComparedBaseline {
  readonly name: string;
  readonly label: string;
  readonly mean: PairMean;
}

/** A study compared with another. */
export interface StudyComparison extends PairedStudies {
  readonly means: Readonly<Record<Measure, StudyMean>>;
  /** What effects, ranking and baselines are compared by: the test score, where both have it. */
  readonly measure: Measure;
  readonly effects: readonly ComparedEffect[];
  /** Undefined with fewer than two configurations. */
  readonly ranking: ComparedRanking | undefined;
  readonly compared_baselines: readonly ComparedBaseline[];
}

/**
 * Compares a study with others.
 *
 * @throws {UserError} with one line, where one of them has nothing in common with it, or no number of both can be compared
 */
export function compareStudies(
  here: StudyRuns,
  others: readonly StudyRuns[],
  experiment: Experiment,
): StudyComparison[] {
  const comparisons = others.map((there) => compareWith(pairStudies(here, there), experiment));
  const corrected = (measure: Measure) => holmOfKnown(comparisons.map(({ means }) => means[measure].p));
  const test = corrected("test_bits_per_byte"), loss = corrected("min_loss");
  return comparisons.map((one, i) => ({
    ...one,
    means: {
      test_bits_per_byte: { ...one.means.test_bits_per_byte, p_holm: test[i] },
      min_loss: { ...one.means.min_loss, p_holm: loss[i] },
    },
  }));
}

function compareWith(paired: PairedStudies, experiment: Experiment): StudyComparison {
  const { own, baselines } = paired;
  const meanOf = (measure: Measure): StudyMean => ({ ...pairMean(differencesOf(own, measure)), p_holm: undefined });
  const isKnown = (measure: Measure) => differencesOf([...own, ...baselines], measure).length > 0;
  const measure = isKnown("test_bits_per_byte") ? "test_bits_per_byte" : "min_loss";
  if (!isKnown(measure)) throw new UserError(nothingToCompare(paired, experiment));
  return {
    ...paired,
    means: { test_bits_per_byte: meanOf("test_bits_per_byte"), min_loss: meanOf("min_loss") },
    measure,
    effects: comparedEffects(paired, measure),
    ranking: rankingOf(own, measure),
    compared_baselines: comparedBaselines(baselines, measure),
  };
}

/** Neither has a test score that the other has, and training losses are not alike. */
function nothingToCompare({ here, there, barriers }: PairedStudies, experiment: Experiment): string {
  const unscored = [here, there].filter(({ rows }) => rows.every((row) => row.test_bits_per_byte === undefined));
  const advice = unscored.length
    ? `; score them with ${unscored.map(({ dir }) => commandOn("evaluate", { dir }, experiment)).join(" and ")}`
    : "";
  return `Cannot compare study ${here.dir} with ${there.dir}: runs that both have are not scored in both, and their lowest ` +
    `training losses cannot be compared, for ${barriers.join(" and ")}${advice}`;
}

/** The measure of a run and of its partner; undefined where one lacks it, or both are no measure of the same thing. */
function valuesOf(pair: { here: RunRow; there: RunRow }, measure: Measure): readonly [number, number] | undefined {
  if (measure === "min_loss" ? lossBarrier(pair) : areOfOtherParts(pair)) return undefined;
  const here = pair.here[measure], there = pair.there[measure];
  return here === undefined || there === undefined ? undefined : [here, there];
}

/** `there − here` of each configuration by seed; those without the measure are left out. */
function differencesOf(pairs: readonly PairedConfig[], measure: Measure): Contrast[] {
  return pairs.flatMap(({ key, runs }) => {
    const by_seed = [...runs].flatMap(([seed, pair]) => {
      const values = valuesOf(pair, measure);
      return values ? [{ seed, difference: withoutRounding(values[1] - values[0]) }] : [];
    });
    return contrastOf(key, by_seed);
  });
}

function contrastOf(name: string, by_seed: Contrast["by_seed"]): Contrast[] {
  return by_seed.length ? [{ name, by_seed, difference: mean(by_seed.map(({ difference }) => difference)) }] : [];
}

/** What each factor changes here and there, for the contrasts that both tables have; none that no pair of both has. */
function comparedEffects(paired: PairedStudies, measure: Measure): ComparedEffect[] {
  const here = effectRows(paired, "here", measure), there = effectRows(paired, "there", measure);
  const theirs = contrastsIn(paired.there.space, there);
  const effects = contrastsIn(paired.here.space, here).flatMap((contrast): ComparedEffect[] => {
    const same = theirs.find(({ factor, from, to }) =>
      factor.key === contrast.factor.key && from === contrast.from && to === contrast.to
    );
    return same ? effectOf(paired, measure, { contrast, rows: here }, { contrast: same, rows: there }) : [];
  });
  const p_holm = holmOfKnown(effects.map(({ change }) => change.p));
  return effects.map((effect, i) => ({ ...effect, p_holm: p_holm[i] }));
}

/** The runs of one of both studies that have a partner with the measure; controls are not in effects. */
function effectRows({ own }: PairedStudies, side: "here" | "there", measure: Measure): RunRow[] {
  return own.flatMap(({ runs }) =>
    [...runs.values()].flatMap((pair) =>
      valuesOf(pair, measure) && !pair.here.control && !pair.there.control ? [pair[side]] : []
    )
  );
}

/** A factor's two values in one of both studies, and the runs that it is compared in. */
interface EffectSide {
  readonly contrast: FactorContrast;
  readonly rows: readonly RunRow[];
}

function effectOf(paired: PairedStudies, measure: Measure, here: EffectSide, there: EffectSide): ComparedEffect[] {
  const sideOf = (study: StudyRuns, { contrast, rows }: EffectSide) => {
    const blocks = matchedBlocks(rows, [contrast], study.space);
    return new Map(blocks.map((block) => [paired.keyOf(study, firstRun(block).config), {
      isActive: isActive(block, [contrast], study.space),
      contrast: contrasts([block], measure)[0],
    }]));
  };
  const ours = sideOf(paired.here, here), theirs = sideOf(paired.there, there);
  const common = [...ours].flatMap(([key, one]) => {
    const other = theirs.get(key);
    return other ? [{ key, one, other }] : [];
  });
  if (!common.length) return [];
  const active = common.filter(({ one, other }) => one.isActive && other.isActive)
    .map(({ key, one, other }) => bySide(key, one.contrast, other.contrast));
  const ofSide = (side: "here" | "there" | "change") => pairMean(active.flatMap((pair) => pair[side]));
  const means = { here: ofSide("here"), there: ofSide("there"), change: ofSide("change") };
  return [{
    ...here.contrast,
    ...means,
    p_holm: undefined,
    turns: significantSide(means.here.interval) * significantSide(means.there.interval) < 0,
    inactive: common.length - active.length,
  }];
}

function firstRun({ seeds: [{ runs: [run] }] }: MatchedBlock): RunRow {
  return run;
}

/** A pair's differences here, there, and there less here, at the seeds that both have: so all three are over the same runs. */
function bySide(key: string, here: Contrast, there: Contrast) {
  const others = new Map(there.by_seed.map(({ seed, difference }) => [seed, difference]));
  const both = here.by_seed.flatMap(({ seed, difference }) => {
    const other = others.get(seed);
    return other === undefined ? [] : [{ seed, here: difference, there: other }];
  });
  const of = (value: (one: { here: number; there: number }) => number) =>
    contrastOf(key, both.map((one) => ({ seed: one.seed, difference: value(one) })));
  return {
    here: of(({ here }) => here),
    there: of(({ there }) => there),
    change: of(({ here, there }) => withoutRounding(there - here)),
  };
}

function rankingOf(own: readonly PairedConfig[], measure: Measure): ComparedRanking | undefined {
  const ranked = own.flatMap(({ label, runs }) => {
    const values = [...runs.values()].flatMap((pair) => {
      const found = valuesOf(pair, measure);
      return found ? [found] : [];
    });
    return values.length ? [{ label, x: mean(values.map(([x]) => x)), y: mean(values.map(([, y]) => y)) }] : [];
  });
  if (ranked.length < 2) return undefined;
  const best = ranked.reduce((best, one) => one.x < best.x ? one : best);
  return {
    configurations: ranked.length,
    tau: kendallTauB([{ population: ranked.length, values: ranked.map(({ x, y }) => [x, y]) }]),
    best: { label: best.label, place: 1 + ranked.filter(({ y }) => y < best.y).length },
  };
}

function comparedBaselines(baselines: readonly PairedBaseline[], measure: Measure): ComparedBaseline[] {
  return baselines.flatMap(({ name, label, ...pair }) => {
    const differences = differencesOf([{ ...pair, label }], measure);
    return differences.length ? [{ name, label, mean: pairMean(differences) }] : [];
  });
}
