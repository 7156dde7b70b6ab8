/**
 * What more steps back change, at equal bytes read and at equal updates. With `k` steps back an update reads `k` times as much, so no two runs with
 * different `k` are equal in both. **Where runs are equal at their ends**, their scores are compared. **Where they are not**, their smoothed
 * training losses are, at the last point that all have logged and in which they are equal. Which of the two stands where follows from what the runs
 * have done, not from what was asked for.
 *
 * Differences are of pairs that differ in `k` alone, or in `k` and in what is best for it, paired by seed, with the intervals of docs/statistics.md, "The interval": of several
 * configurations as {@linkcode crossedMean} has them, of one by Student's t over its seeds, and of one seed none.
 */
import { mean } from "simple-statistics";
import { type Factor, type FactorTable, isTuned } from "../../cells/factor.ts";
import { STEPS_BACK } from "../../cells/factors.ts";
import type { Unit } from "../../cells/unit.ts";
import { extentOf, minOf } from "../../cells/extremes.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { cellNameIn, labelIn } from "../data/cell_names.ts";
import { criterionOfRows, type MergedRow } from "../data/merged.ts";
import {
  amountOf,
  amountRead,
  BASES,
  type Basis,
  equalRuns,
  lastCommonPoint,
  longRuns,
  lossAt,
  stepsBack,
} from "../data/reading.ts";
import { distinct, levelsIn, type RunRow } from "../data/rows.ts";
import { variedTraining, withDefaults } from "../data/training_factors.ts";
import { type Contrast, withoutRounding } from "./matched.ts";
import { type PairMean, pairMean } from "./pair_means.ts";
import { type BestSetting, bestSettings, type Group, groupsOf, shownGroups } from "./steps_back_groups.ts";

/** What runs with `k` steps back have done: the least and the most of them. */
export interface Extent {
  readonly k: number;
  readonly updates: readonly [least: number, most: number];
  /** Bytes or tokens, of all rows of a batch. */
  readonly read: readonly [least: number, most: number];
}

/** What is compared: the score on the test split, or the smoothed training loss, without the start of its smoothing. */
export type Quantity = "score" | "loss";

/** `to − from` steps back, in bits per byte of a score, in nats per what the models read of a loss; below zero more steps back are lower. */
export interface StepsBackChange {
  readonly from: number;
  readonly to: number;
  readonly change: PairMean;
  /** The same of the score on the validation split, where scores are compared and all runs have it. */
  readonly validation: PairMean | undefined;
}

/**
 * Why runs are not in a comparison. Of scores: they have none, or have done less or more than those that are equal. Of losses: they have
 * made fewer updates than most with as many steps back.
 */
export type LeftOutReason = "no score" | "less" | "more" | "short";

/** Runs with `k` steps back that are not in a comparison, for one reason. */
export interface LeftOut {
  readonly k: number;
  readonly reason: LeftOutReason;
  readonly runs: number;
  /** All runs with `k` of the configurations that are compared. */
  readonly of: number;
}

/** What runs are compared by at one basis. */
export interface BasisAnswer {
  readonly basis: Basis;
  /** Undefined where no two runs that differ in `k` alone have a point in common. */
  readonly quantity: Quantity | undefined;
  /** Of a loss: where it is taken, in updates, or in bytes or tokens of each parallel sequence of a batch. */
  readonly point: number | undefined;
  /** Steps back of the runs that are compared, ascending. */
  readonly levels: readonly number[];
  /** What these have done. */
  readonly extents: readonly Extent[];
  /** Runs of these configurations that are not in it. */
  readonly left_out: readonly LeftOut[];
  /** Over all configurations, no baselines, that were trained with both. */
  readonly changes: readonly StepsBackChange[];
}

/** A configuration's values by steps back, at one basis. */
export interface StepsBackPoint {
  readonly k: number;
  /** Over {@linkcode StepsBackPoint.seeds}. */
  readonly mean: number;
  /** Seeds that the configuration has with all of its numbers of steps back. */
  readonly seeds: readonly { readonly seed: number; readonly value: number }[];
}

/** One configuration at a basis. */
export interface ChosenAt {
  readonly points: readonly StepsBackPoint[];
  readonly changes: readonly StepsBackChange[];
}

/** A configuration that is shown by itself. */
export interface ChosenConfiguration {
  /** Without its steps back: `2 layers × 256, state gate + new state`, or `GRU, 2 layers × 256`. */
  readonly label: string;
  /** What its cell is called. */
  readonly cell: string;
  readonly isBaseline: boolean;
  /** With the steps back with which it ranks best. */
  readonly best: MergedRow;
  /** What stands for it with each number of steps back. */
  readonly rows: readonly MergedRow[];
  readonly at: Readonly<Record<Basis, ChosenAt>>;
}

/** Configurations with several numbers of steps back, compared. */
export interface StepsBackComparison {
  readonly factor: Factor;
  /** What is chosen for each configuration and number of steps back; empty where rows differ in these alone. */
  readonly tuned_factors: readonly Factor[];
  readonly reads: Unit;
  /** By what configurations are chosen. */
  readonly criterion: Criterion;
  /** All that was trained with several numbers of steps back, baselines too: a row for each of these numbers. */
  readonly rows: readonly MergedRow[];
  /** Of these one row for each configuration: that with which it ranks best. */
  readonly best: readonly MergedRow[];
  /** Configurations, no baselines, with several numbers of steps back. */
  readonly of: number;
  readonly at: Readonly<Record<Basis, BasisAnswer>>;
  /** The best ones, best first, then the best of each other cell. */
  readonly chosen: readonly ChosenConfiguration[];
}

/** What is known of steps back. */
export interface StepsBackAnswers extends StepsBackComparison {
  /**
   * The same with each configuration at its own best setting of what is chosen, such as the learning rate, with each number of steps back: fewer
   * updates may need larger ones. Of those that were trained at several settings with several numbers of steps back; undefined without any.
   */
  readonly tuned: TunedStepsBack | undefined;
}

/** See {@linkcode StepsBackAnswers.tuned}. */
export interface TunedStepsBack extends StepsBackComparison {
  /** What stands for each configuration with each number of steps back. */
  readonly settings: readonly BestSetting[];
}

/**
 * The answers of a study.
 *
 * @param rows configurations, best first
 * @returns undefined where no configuration was trained with several numbers of steps back
 */
export function stepsBackAnswers(all: readonly MergedRow[], table: FactorTable): StepsBackAnswers | undefined {
  const rows = all.filter(({ control }) => !control), varied = variedTraining(table, rows);
  const factor = varied.find(({ key }) => key === STEPS_BACK.key), criterion = criterionOfRows(all);
  const groups = factor ? groupsOf(rows, [factor], table) : [];
  if (!factor || !groups.length) return undefined;
  return {
    ...comparisonOf(groups, [factor], criterion, table),
    tuned: tunedComparison(rows, factor, varied.filter(isTuned), criterion, table),
  };
}

function tunedComparison(
  rows: readonly MergedRow[],
  factor: Factor,
  tuned: readonly Factor[],
  criterion: Criterion,
  table: FactorTable,
): TunedStepsBack | undefined {
  const best = new Map(bestSettings(rows, tuned, criterion, table).map((setting) => [setting.row, setting]));
  const groups = groupsOf(rows.filter((row) => best.has(row)), [factor, ...tuned], table);
  const settings = groups.flatMap((group) => group.rows.map((row) => best.get(row)!));
  if (!settings.length) return undefined;
  const chosen = tuned.filter((factor) => settings.some(({ tried }) => levelsIn(factor, tried).length > 1));
  return { ...comparisonOf(groups, [factor, ...chosen], criterion, table), settings };
}

/** @param differ in what rows of a group differ */
function comparisonOf(
  groups: readonly Group[],
  differ: readonly [stepsBack: Factor, ...tuned: Factor[]],
  criterion: Criterion,
  table: FactorTable,
): StepsBackComparison {
  const answers = BASES.map((basis) => answerAt(basis, groups));
  const at = Object.fromEntries(answers.map((answer) => [answer.basis, answer.answer])) as StepsBackComparison["at"];
  const shown = [false, true].flatMap((isBaseline) => shownGroups(groups, isBaseline, table));
  return {
    factor: differ[0],
    tuned_factors: differ.slice(1),
    reads: groups[0].best.reads,
    criterion,
    rows: groups.flatMap((group) => group.rows),
    best: groups.map(({ best }) => best),
    of: groups.filter(({ isBaseline }) => !isBaseline).length,
    at,
    chosen: shown.map((group): ChosenConfiguration => ({
      label: labelIn(table, withDefaults(group.best.config, differ)),
      cell: cellNameIn(table, group.best.config),
      isBaseline: group.isBaseline,
      best: group.best,
      rows: group.rows,
      at: Object.fromEntries(
        answers.map((answer) => [answer.basis, chosenAt(group, answer)]),
      ) as ChosenConfiguration["at"],
    })),
  };
}

/** How values are read at a basis. */
interface Reading {
  readonly basis: Basis;
  readonly answer: BasisAnswer;
  /** Whether a run has a part in it. */
  isCompared(run: RunRow): boolean;
  valueOf(run: RunRow): number;
}

function answerAt(basis: Basis, groups: readonly Group[]): Reading {
  const runs = groups.flatMap((group) => group.runs);
  const scored = equalRuns(runs.filter((run) => run.test_bits_per_byte !== undefined), basis);
  const reading = hasPairs(groups, scored)
    ? readingOf(basis, "score", undefined, scored, (run) => run.test_bits_per_byte!)
    : lossReading(basis, groups, runs);
  const { answer: { levels } } = reading, own = groups.filter(({ isBaseline }) => !isBaseline);
  return {
    ...reading,
    answer: {
      ...reading.answer,
      left_out: leftOut(runs, reading),
      changes: changesOf(own, reading, levels),
    },
  };
}

/** By steps back and reason. */
function leftOut(runs: readonly RunRow[], { basis, isCompared, answer: { quantity } }: Reading): LeftOut[] {
  const least = minOf(runs.filter(isCompared).map((run) => amountOf(run, basis)));
  const reasonOf = (run: RunRow): LeftOutReason => {
    if (quantity !== "score") return "short";
    if (run.test_bits_per_byte === undefined) return "no score";
    return amountOf(run, basis) < least ? "less" : "more";
  };
  return distinct(runs, stepsBack).flatMap((k) => {
    const same = runs.filter((run) => stepsBack(run) === k);
    const reasons = Map.groupBy(same.filter((run) => !isCompared(run)), reasonOf);
    return [...reasons].map(([reason, { length }]) => ({ k, reason, runs: length, of: same.length }));
  });
}

/** Whether some runs of these differ in `k` alone. */
function hasPairs(groups: readonly Group[], compared: readonly RunRow[]): boolean {
  const known = new Set(compared);
  return groups.some(({ runs }) => {
    const seeds = Map.groupBy(runs.filter((run) => known.has(run)), ({ seed }) => seed);
    return [...seeds.values()].some((same) => distinct(same, stepsBack).length > 1);
  });
}

/**
 * Losses at the last point that all runs have which are compared: those as long as most with as many steps back, and longer ones. A study that is
 * being extended has both, and one short run would pull all others to an early point. Where the long ones have no pair, all runs are compared.
 */
function lossReading(basis: Basis, groups: readonly Group[], runs: readonly RunRow[]): Reading {
  for (const compared of [longRuns(runs), runs]) {
    const point = lastCommonPoint(compared, basis);
    if (point !== undefined && hasPairs(groups, compared)) {
      return readingOf(basis, "loss", point, compared, (run) => lossAt(run, basis, point));
    }
  }
  return readingOf(basis, undefined, undefined, [], () => NaN);
}

function readingOf(
  basis: Basis,
  quantity: Quantity | undefined,
  point: number | undefined,
  runs: readonly RunRow[],
  valueOf: (run: RunRow) => number,
): Reading {
  const compared = new Set(runs), levels = distinct(runs, stepsBack);
  const extents = levels.map((k): Extent => {
    const own = runs.filter((run) => stepsBack(run) === k);
    return { k, updates: extentOf(own.map(({ steps_done }) => steps_done)), read: extentOf(own.map(amountRead)) };
  });
  return {
    basis,
    answer: { basis, quantity, point, levels, extents, left_out: [], changes: [] },
    isCompared: (run) => compared.has(run),
    valueOf,
  };
}

/** From the fewest steps back to each other, and from each to the next: all pairs of three. */
function levelPairs(levels: readonly number[]): [from: number, to: number][] {
  const [first, ...others] = levels;
  return [
    ...others.map((to): [number, number] => [first, to]),
    ...others.slice(1).map((to, i): [number, number] => [others[i], to]),
  ];
}

function changesOf(groups: readonly Group[], reading: Reading, levels: readonly number[]): StepsBackChange[] {
  const isValidated = reading.answer.quantity === "score" &&
    groups.every(({ runs }) =>
      runs.every((run) => !reading.isCompared(run) || run.validation_bits_per_byte !== undefined)
    );
  return levelPairs(levels).map(([from, to]) => {
    const meanOf = (valueOf: (run: RunRow) => number) =>
      pairMean(groups.flatMap((group) => contrastOf(group, reading, valueOf, from, to)));
    return {
      from,
      to,
      change: meanOf(reading.valueOf),
      validation: isValidated ? meanOf((run) => run.validation_bits_per_byte!) : undefined,
    };
  });
}

/** A configuration's differences, paired by seed; none where it has no seed with both. */
function contrastOf(
  { runs, best }: Group,
  { isCompared }: Reading,
  valueOf: (run: RunRow) => number,
  from: number,
  to: number,
): Contrast[] {
  const compared = runs.filter(isCompared);
  const by_seed = distinct(compared, ({ seed }) => seed).flatMap((seed) => {
    const [one, two] = [from, to].map((k) => compared.find((run) => run.seed === seed && stepsBack(run) === k));
    return one && two ? [{ seed, difference: withoutRounding(valueOf(two) - valueOf(one)) }] : [];
  });
  return by_seed.length
    ? [{ name: best.name, by_seed, difference: mean(by_seed.map(({ difference }) => difference)) }]
    : [];
}

function chosenAt(group: Group, reading: Reading): ChosenAt {
  const compared = group.runs.filter(reading.isCompared), levels = distinct(compared, stepsBack);
  const seeds = distinct(compared, ({ seed }) => seed).filter((seed) =>
    levels.every((k) => compared.some((run) => run.seed === seed && stepsBack(run) === k))
  );
  const points = levels.flatMap((k): StepsBackPoint[] => {
    const own = compared.filter((run) => stepsBack(run) === k && seeds.includes(run.seed));
    if (!own.length) return [];
    const values = own.map((run) => ({ seed: run.seed, value: reading.valueOf(run) })).sort((a, b) => a.seed - b.seed);
    return [{ k, mean: mean(values.map(({ value }) => value)), seeds: values }];
  });
  return { points, changes: changesOf([group], reading, levels).filter(({ change }) => change.pairs > 0) };
}
