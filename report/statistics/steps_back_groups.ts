/** Configurations with several numbers of steps back, each as one group: what `stepsBackAnswers` compares. */
import { canonicalJsonIn } from "../../cells/config.ts";
import { type Factor, type FactorTable, isQuantity, valueOf } from "../../cells/factor.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { cohortsOf } from "../data/baselines.ts";
import { cellNameIn } from "../data/cell_names.ts";
import type { MergedRow } from "../data/merged.ts";
import { stepsBack } from "../data/reading.ts";
import { distinct, levelsIn, type RunRow, settingsBesideSteps } from "../data/rows.ts";
import { withDefaults } from "../data/training_factors.ts";
import { bestOverCommonSeeds } from "./common_seeds.ts";

/** A configuration with a number of steps back. */
export interface TrainedWith {
  readonly k: number;
  readonly row: MergedRow;
  /** Of so many settings the row is the best one: more than one only where settings are chosen. */
  readonly of: number;
  /** Quantities that are chosen, of which the row has the least or the most of several values: a value beyond may be better. */
  readonly edges: readonly Factor[];
}

/** Runs of one configuration with several numbers of steps back. */
export interface Group {
  /** With each number of steps back, best first. */
  readonly rows: readonly MergedRow[];
  readonly trained: readonly TrainedWith[];
  readonly best: MergedRow;
  readonly isBaseline: boolean;
  readonly runs: readonly RunRow[];
}

/** So many configurations are shown by themselves, and so many baselines: each has a colour. */
export const MOST_CHOSEN = 6;

/**
 * Configurations that differ in more than these factors are apart; so are runs in other batches, on other texts, or logged at other updates.
 *
 * @param factors the number of steps back, and what is chosen for each number of them: the best over the seeds that all settings have
 */
export function groupsOf(
  rows: readonly MergedRow[],
  factors: readonly [stepsBack: Factor, ...chosen: Factor[]],
  criterion: Criterion,
  table: FactorTable,
): Group[] {
  const [, ...chosen] = factors;
  const own = new Set(cohortsOf(table, rows).own);
  const groups = Map.groupBy(
    rows,
    ({ config, runs: [run] }) =>
      `${canonicalJsonIn(table, withDefaults(config, factors))} ${JSON.stringify(settingsBesideSteps(run))}`,
  );
  return [...groups.values()].filter((group) => distinct(group, stepsBack).length > 1).map((group) => {
    const best = distinct(group, stepsBack).map((k) => bestSetting(group, k, chosen, criterion));
    const kept = new Set(best.flatMap(({ rows }) => rows)), rows = group.filter((row) => kept.has(row));
    return {
      rows,
      trained: best.map(({ trained }) => trained),
      best: rows[0],
      isBaseline: !own.has(group[0]),
      runs: rows.flatMap(({ runs }) => runs),
    };
  });
}

/** The rows of a group with `k` steps back that have the best setting: several where some are longer than others. */
function bestSetting(group: readonly MergedRow[], k: number, chosen: readonly Factor[], criterion: Criterion) {
  const same = group.filter((row) => stepsBack(row) === k);
  const bySetting = Map.groupBy(same, ({ config }) => JSON.stringify(chosen.map((factor) => valueOf(factor, config))));
  const settings = [...bySetting.values()].map((rows) => ({ rows, runs: rows.flatMap(({ runs }) => runs) }));
  const { rows } = bestOverCommonSeeds(settings, criterion), [row] = rows;
  const edges = chosen.filter((factor) => isAtEdge(row, same, factor));
  return { rows, trained: { k, row, of: settings.length, edges } satisfies TrainedWith };
}

function isAtEdge(row: MergedRow, same: readonly MergedRow[], factor: Factor): boolean {
  const levels = levelsIn(factor, same), value = valueOf(factor, row.config);
  return isQuantity(factor) && levels.length > 1 && (value === levels[0] || value === levels.at(-1));
}

/** The best ones; of other cells the best of each. @param groups best first */
export function shownGroups(groups: readonly Group[], isBaseline: boolean, table: FactorTable): Group[] {
  const wanted = groups.filter((group) => group.isBaseline === isBaseline);
  const nameOf = ({ best }: Group) => cellNameIn(table, best.config);
  const shown = isBaseline
    ? wanted.filter((group, i) => wanted.findIndex((other) => nameOf(other) === nameOf(group)) === i)
    : wanted;
  return shown.slice(0, MOST_CHOSEN);
}
