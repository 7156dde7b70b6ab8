/**
 * Whether the ranking holds where configurations are trained otherwise: at another learning rate, with another optimizer. For each training
 * factor, configurations that are otherwise identical, also in the other training factors, are compared by the score on the validation split,
 * where results of earlier versions have none by the lowest training loss.
 */
import { canonicalJsonIn } from "../../cells/config.ts";
import { type Factor, type FactorTable, type FactorValue, isQuantity, isTuned, valueOf } from "../../cells/factor.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { cohortsOf } from "../data/baselines.ts";
import { criterionOfRows, type MergedRow } from "../data/merged.ts";
import { levelsIn, settingsBesideSteps, settingsName } from "../data/rows.ts";
import { variedTraining, withDefaults } from "../data/training_factors.ts";
import { bestOverCommonSeeds, meansOverCommonSeeds } from "./common_seeds.ts";
import { kendallTauB } from "./kendall.ts";

/** One configuration at the values of a training factor that it was trained at. */
export interface TrainedRow {
  /** By value, in the order of the factor's values. */
  readonly rows: ReadonlyMap<FactorValue, MergedRow>;
  /** Where it is best by the criterion, over the seeds that it was trained with at all of them. */
  readonly best: FactorValue;
  /** Whether `best` is the least or the most of several values of a quantity that it was trained at: a value beyond may be better. */
  readonly edge: "lowest" | "highest" | undefined;
  readonly isBaseline: boolean;
}

/** The rankings at two values of a training factor. */
export interface RankingPair {
  readonly from: FactorValue;
  readonly to: FactorValue;
  /** Configurations, no baselines, that have the criterion's number at both with a seed in common; and that were trained at either. */
  readonly both: number;
  readonly either: number;
  /** Kendall's τ-b of the criterion's means over the seeds in common; undefined with fewer than two, or where all tie. */
  readonly tau: number | undefined;
  /** The best of them at each; undefined without one. */
  readonly best: { readonly from: MergedRow; readonly to: MergedRow; readonly same: boolean } | undefined;
}

/** What is known of one training factor. */
export interface TrainingRanking {
  readonly factor: Factor;
  /** By what configurations are compared. */
  readonly criterion: Criterion;
  readonly levels: readonly FactorValue[];
  readonly pairs: readonly RankingPair[];
  /** Configurations that were trained at several values, best first. */
  readonly trained: readonly TrainedRow[];
}

/**
 * The rankings by each training factor that rows vary.
 *
 * @param rows configurations, best first
 * @returns one for each factor that some configuration was trained at several values of, in the order of the table
 */
export function trainingRankings(rows: readonly MergedRow[], table: FactorTable): TrainingRanking[] {
  const own = new Set(cohortsOf(table, rows).own), criterion = criterionOfRows(rows);
  return variedTraining(table, rows).flatMap((factor) => {
    const groups = [...Map.groupBy(rows, (row) => trainedOtherwise(row, factor, table)).values()];
    const several = groups.filter(({ length }) => length > 1);
    if (!several.length) return [];
    const isOwn = ([row]: readonly MergedRow[]) => own.has(row), levels = levelsIn(factor, several.flat());
    const ownTables = groups.filter(isOwn).map((group) => byLevel(group, factor));
    return [{
      factor,
      criterion,
      levels,
      pairs: levels.flatMap((from, i) => levels.slice(i + 1).map((to) => pairOf(ownTables, criterion, from, to))),
      trained: several.map((group) => trainedRow(group, factor, criterion, !isOwn(group))),
    }];
  });
}

/**
 * All that a configuration is but for one training factor, and how long it was trained on what. Where values of the factor cost each another time
 * (see {@linkcode isTuned}), how long follows from the value: rankings are then each of one value.
 */
function trainedOtherwise({ config, runs: [run] }: MergedRow, factor: Factor, table: FactorTable): string {
  const settings = isTuned(factor) ? settingsName(run) : JSON.stringify(settingsBesideSteps(run));
  return `${canonicalJsonIn(table, withDefaults(config, [factor]))} ${settings}`;
}

type ByLevel = ReadonlyMap<FactorValue, MergedRow>;

function byLevel(group: readonly MergedRow[], factor: Factor): ByLevel {
  const levels = levelsIn(factor, group);
  return new Map(levels.map((value) => [value, group.find(({ config }) => valueOf(factor, config) === value)!]));
}

/** @param group best first */
function trainedRow(
  group: readonly MergedRow[],
  factor: Factor,
  criterion: Criterion,
  isBaseline: boolean,
): TrainedRow {
  const rows = byLevel(group, factor), values = [...rows.keys()];
  const best = valueOf(factor, bestOverCommonSeeds(group, criterion).config);
  const edge = !isQuantity(factor)
    ? undefined
    : best === values[0]
    ? "lowest"
    : best === values.at(-1)
    ? "highest"
    : undefined;
  return { rows, best, edge, isBaseline };
}

function pairOf(
  tables: readonly ByLevel[],
  criterion: Criterion,
  from: FactorValue,
  to: FactorValue,
): RankingPair {
  const both = tables.flatMap((rows) => {
    const one = rows.get(from), two = rows.get(to);
    const means = one && two && meansOverCommonSeeds([one, two], criterion);
    return means ? [{ one, two, x: means[0], y: means[1] }] : [];
  });
  const lowest = (of: "x" | "y") => both.reduce((best, entry) => entry[of] < best[of] ? entry : best, both[0]);
  const best = both.length
    ? { from: lowest("x").one, to: lowest("y").two, same: lowest("x") === lowest("y") }
    : undefined;
  return {
    from,
    to,
    both: both.length,
    either: tables.filter((rows) => rows.has(from) || rows.has(to)).length,
    tau: kendallTauB([{ population: both.length, values: both.map(({ x, y }) => [x, y]) }]),
    best,
  };
}
