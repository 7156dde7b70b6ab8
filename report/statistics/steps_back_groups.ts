/** Configurations with several numbers of steps back, each as one group: what `stepsBackAnswers` compares. */
import { canonicalJsonIn } from "../../cells/config.ts";
import { type Factor, type FactorTable, isQuantity, valueOf } from "../../cells/factor.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { cohortsOf } from "../data/baselines.ts";
import { cellNameIn } from "../data/cell_names.ts";
import { metricOfCriterion } from "../data/criterion.ts";
import type { MergedRow } from "../data/merged.ts";
import { stepsBack } from "../data/reading.ts";
import { distinct, levelsIn, type RunRow, settingsBesideSteps, settingsName } from "../data/rows.ts";
import { withDefaults } from "../data/training_factors.ts";
import { bestOverCommonSeeds, meansOverCommonSeeds } from "./common_seeds.ts";

/** Runs of one configuration with several numbers of steps back. */
export interface Group {
  /** Best first. */
  readonly rows: readonly MergedRow[];
  readonly best: MergedRow;
  readonly isBaseline: boolean;
  readonly runs: readonly RunRow[];
}

/**
 * Configurations that differ in more than these factors are apart; so are runs in other batches, on other texts, or logged at other updates.
 *
 * @param rows best first
 */
export function groupsOf(rows: readonly MergedRow[], factors: readonly Factor[], table: FactorTable): Group[] {
  const own = new Set(cohortsOf(table, rows).own);
  const groups = Map.groupBy(
    rows,
    ({ config, runs: [run] }) =>
      `${canonicalJsonIn(table, withDefaults(config, factors))} ${JSON.stringify(settingsBesideSteps(run))}`,
  );
  return [...groups.values()].filter((group) => distinct(group, stepsBack).length > 1).map((group) => ({
    rows: group,
    best: group[0],
    isBaseline: !own.has(group[0]),
    runs: group.flatMap(({ runs }) => runs),
  }));
}

/** So many configurations are shown by themselves, and so many baselines: each has a colour. */
const MOST_SHOWN = 6;

/** The best ones; of other cells the best of each. @param groups best first */
export function shownGroups(groups: readonly Group[], isBaseline: boolean, table: FactorTable): Group[] {
  const wanted = groups.filter((group) => group.isBaseline === isBaseline);
  const nameOf = ({ best }: Group) => cellNameIn(table, best.config);
  const shown = isBaseline
    ? wanted.filter((group, i) => wanted.findIndex((other) => nameOf(other) === nameOf(group)) === i)
    : wanted;
  return shown.slice(0, MOST_SHOWN);
}

/** The best of several settings that a configuration was trained at with one number of steps back. */
export interface BestSetting {
  readonly row: MergedRow;
  /** All settings, this one too: other learning rates, say. */
  readonly tried: readonly MergedRow[];
  /** Quantities of which several values were tried. At an edge is the least or the most of them: a value beyond may be better. */
  readonly quantities: readonly { readonly factor: Factor; readonly isAtEdge: boolean }[];
}

/**
 * The best settings of each configuration with each number of steps back, over the seeds that all of its settings have. Those that were trained at
 * one setting are not among them: beside others that were chosen they would look worse than they are. Runs of other lengths are apart.
 *
 * @param tuned factors of which the best value is chosen
 */
export function bestSettings(
  rows: readonly MergedRow[],
  tuned: readonly Factor[],
  criterion: Criterion,
  table: FactorTable,
): BestSetting[] {
  const metric = metricOfCriterion(criterion);
  // What is being trained or scored yet neither counts as tried nor keeps the others from being compared.
  const scored = rows.filter(({ runs }) =>
    runs.some((run) => run[metric] !== undefined && run.test_bits_per_byte !== undefined)
  );
  const configurations = Map.groupBy(
    scored,
    ({ config, runs: [run] }) => `${canonicalJsonIn(table, withDefaults(config, tuned))} ${settingsName(run)}`,
  );
  return [...configurations.values()].flatMap((tried): BestSetting[] => {
    if (tried.length < 2 || !meansOverCommonSeeds(tried, criterion)) return [];
    const row = bestOverCommonSeeds(tried, criterion);
    return [{ row, tried, quantities: quantitiesOf(row, tried, tuned) }];
  });
}

/** Values are compared among otherwise identical settings: rates of one optimizer say nothing of another's. */
function quantitiesOf(row: MergedRow, tried: readonly MergedRow[], tuned: readonly Factor[]) {
  return tuned.filter(isQuantity).flatMap((factor) => {
    const others = tuned.filter((other) => other !== factor);
    const alike = tried.filter(({ config }) =>
      others.every((other) => valueOf(other, config) === valueOf(other, row.config))
    );
    const levels = levelsIn(factor, alike), value = valueOf(factor, row.config);
    return levels.length > 1 ? [{ factor, isAtEdge: value === levels[0] || value === levels.at(-1) }] : [];
  });
}
