/**
 * Whether the ranking holds where configurations are trained otherwise: at another learning rate, with another optimizer. For each training
 * factor, configurations that are otherwise identical, also in the other training factors, are compared by the lowest training loss.
 */
import { mean } from "simple-statistics";
import { canonicalJsonIn } from "../../cells/config.ts";
import { type Factor, type FactorTable, type FactorValue, isQuantity, valueOf } from "../../cells/factor.ts";
import { cohortsOf } from "../data/baselines.ts";
import type { MergedRow } from "../data/merged.ts";
import { levelsIn, settingsName } from "../data/rows.ts";
import { variedTraining, withDefaults } from "../data/training_factors.ts";
import { kendallTauB } from "./kendall.ts";

/** One configuration at the values of a training factor that it was trained at. */
export interface TrainedRow {
  /** By value, in the order of the factor's values. */
  readonly rows: ReadonlyMap<FactorValue, MergedRow>;
  /** Where its mean lowest training loss is lowest. */
  readonly best: FactorValue;
  /** Whether `best` is the least or the most of several values of a quantity that it was trained at: a value beyond may be better. */
  readonly edge: "lowest" | "highest" | undefined;
  readonly isBaseline: boolean;
}

/** The rankings at two values of a training factor. */
export interface RankingPair {
  readonly from: FactorValue;
  readonly to: FactorValue;
  /** Configurations, no baselines, that were trained at both with a seed in common; and at either. */
  readonly both: number;
  readonly either: number;
  /** Kendall's τ-b of the mean lowest losses over the seeds in common; undefined with fewer than two, or where all tie. */
  readonly tau: number | undefined;
  /** The best of them at each; undefined without one. */
  readonly best: { readonly from: MergedRow; readonly to: MergedRow; readonly same: boolean } | undefined;
}

/** What is known of one training factor. */
export interface TrainingRanking {
  readonly factor: Factor;
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
  const own = new Set(cohortsOf(table, rows).own);
  return variedTraining(table, rows).flatMap((factor) => {
    const groups = [...Map.groupBy(rows, (row) => trainedOtherwise(row, factor, table)).values()];
    const several = groups.filter(({ length }) => length > 1);
    if (!several.length) return [];
    const isOwn = ([row]: readonly MergedRow[]) => own.has(row), levels = levelsIn(factor, several.flat());
    const ownTables = groups.filter(isOwn).map((group) => byLevel(group, factor));
    return [{
      factor,
      levels,
      pairs: levels.flatMap((from, i) => levels.slice(i + 1).map((to) => pairOf(ownTables, from, to))),
      trained: several.map((group) => trainedRow(group, factor, !isOwn(group))),
    }];
  });
}

/** All that a configuration is but for one training factor, and how long it was trained on what. */
function trainedOtherwise({ config, runs: [run], log_every }: MergedRow, factor: Factor, table: FactorTable): string {
  return `${canonicalJsonIn(table, withDefaults(config, [factor]))} ${settingsName(run)} ${log_every}`;
}

type ByLevel = ReadonlyMap<FactorValue, MergedRow>;

function byLevel(group: readonly MergedRow[], factor: Factor): ByLevel {
  const levels = levelsIn(factor, group);
  return new Map(levels.map((value) => [value, group.find(({ config }) => valueOf(factor, config) === value)!]));
}

/** @param group best first */
function trainedRow(group: readonly MergedRow[], factor: Factor, isBaseline: boolean): TrainedRow {
  const rows = byLevel(group, factor), best = valueOf(factor, group[0].config), values = [...rows.keys()];
  const edge = !isQuantity(factor)
    ? undefined
    : best === values[0]
    ? "lowest"
    : best === values.at(-1)
    ? "highest"
    : undefined;
  return { rows, best, edge, isBaseline };
}

function pairOf(tables: readonly ByLevel[], from: FactorValue, to: FactorValue): RankingPair {
  const both = tables.flatMap((rows) => {
    const one = rows.get(from), two = rows.get(to);
    return one && two ? commonMeans(one, two) : [];
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

/** Mean lowest losses of a configuration at two values over the seeds that it was trained with at both; none without such a seed. */
function commonMeans(one: MergedRow, two: MergedRow): { one: MergedRow; two: MergedRow; x: number; y: number }[] {
  const others = new Map(two.runs.map(({ seed, min_loss }) => [seed, min_loss]));
  const common = one.runs.filter(({ seed }) => others.has(seed));
  if (!common.length) return [];
  return [{
    one,
    two,
    x: mean(common.map(({ min_loss }) => min_loss)),
    y: mean(common.map(({ seed }) => others.get(seed)!)),
  }];
}
