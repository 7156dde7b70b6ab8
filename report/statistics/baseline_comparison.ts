/**
 * The best configuration of the table's own cell against each baseline. **What is chosen** is chosen by the score on the validation split, where
 * results of earlier versions have none by the lowest training loss; **what is compared** is the score on the test split, paired by seed: runs of
 * one seed share the text's offsets, and weights where they have them in common. The unit is a seed, so the interval is Student's t over the
 * seeds' differences, and with one seed there is none.
 *
 * The best of many owes a part of its score to chance, by which it was chosen; its score on other text is free of the chance of what it was
 * chosen by, not of that of its weights. So a lead of the best of N is somewhat too large.
 */
import { mean } from "simple-statistics";
import { type Factor, type FactorTable, isTuned, valueOf } from "../../cells/factor.ts";
import { cohortsOf } from "../data/baselines.ts";
import { cellNameIn } from "../data/cell_names.ts";
import { countConfigurations, criterionOfRows, type MergedRow } from "../data/merged.ts";
import { ownCellRows, settingsName } from "../data/rows.ts";
import { trainedAt, variedTraining, withDefaults } from "../data/training_factors.ts";
import { configIdIn } from "../../cells/config.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import type { Interval } from "./bootstrap.ts";
import type { Measure } from "./matched.ts";
import { bestOverCommonSeeds } from "./common_seeds.ts";
import { meanInterval } from "./student_t.ts";

/** The difference of two configurations by a measure, in its unit: less than 0, and the first one is better. */
export interface PairedBySeed {
  /** Seeds by which both have the measure, ascending. */
  readonly seeds: readonly number[];
  /** Mean over these seeds of `first − second`; undefined without one. */
  readonly difference: number | undefined;
  /** 95 % t interval of the mean over seeds; undefined with fewer than two. */
  readonly interval: Interval | undefined;
}

/** One baseline against the best configuration of the table's own cell. */
export interface BaselineComparison extends PairedBySeed {
  /** What its cell is called. */
  readonly name: string;
  readonly baseline: MergedRow;
  /** Whether both were trained for as many steps on the same text, with batches and passes of the same size, and logged as often. */
  readonly sameSettings: boolean;
}

/** What the best configuration is compared with. */
export interface BestAgainst {
  /** The best of the table's own cell; in a study without it, of all cells. */
  readonly best: MergedRow;
  /** What it was chosen by. */
  readonly criterion: Criterion;
  readonly cell: string;
  /** What it was chosen from, itself among them: so many configurations. */
  readonly from: readonly MergedRow[];
  readonly of: number;
  /** How all of these were trained, in words; empty where a study has one way alone, or each has its own. */
  readonly trained: string;
  /** Where each has its own: how many training settings it is the best of. */
  readonly ways?: ReadonlyMap<MergedRow, number>;
  readonly measure: Measure;
  /** Baselines, best first by the same criterion. */
  readonly comparisons: readonly BaselineComparison[];
}

/** The answers to one question: at equal training, and each at its own best. */
export interface BaselineAnswers {
  /** Trained as most configurations of the table's own cell are; undefined where no baseline is trained so. */
  readonly equal: BestAgainst | undefined;
  /** Each configuration trained as is best for it; undefined where that compares the same. */
  readonly tuned: BestAgainst | undefined;
  /** Whether some are trained in several ways, and `tuned` compares the same for all that. */
  readonly isTunedSame: boolean;
}

/** `first − second` by each seed that has the measure in both, ascending by seed. */
export function differencesBySeed(
  first: MergedRow,
  second: MergedRow,
  measure: Measure,
): { readonly seed: number; readonly difference: number }[] {
  const values = new Map(second.runs.map((run) => [run.seed, run[measure]]));
  return first.runs.flatMap((run) => {
    const one = run[measure], two = values.get(run.seed);
    return one === undefined || two === undefined ? [] : [{ seed: run.seed, difference: one - two }];
  });
}

/** Compares by seed; see {@linkcode PairedBySeed}. */
export function pairedBySeed(first: MergedRow, second: MergedRow, measure: Measure): PairedBySeed {
  const paired = differencesBySeed(first, second, measure), differences = paired.map(({ difference }) => difference);
  return {
    seeds: paired.map(({ seed }) => seed),
    difference: differences.length ? mean(differences) : undefined,
    interval: meanInterval(differences),
  };
}

/**
 * Compares the best configuration with each baseline.
 *
 * @param rows configurations, best first
 * @param condition how all of them are trained, in words, where others of the study are not
 * @returns undefined where there are not two cells to compare
 */
export function compareBaselines(
  rows: readonly MergedRow[],
  table: FactorTable,
  condition = "",
): BaselineAnswers | undefined {
  const varied = variedTraining(table, rows), { own } = cohortsOf(table, rows), criterion = criterionOfRows(rows);
  const equal = varied.length ? trainedAlike(rows, own, varied) : rows;
  const trained = [condition, varied.length ? trainedAt(varied, equal[0]) : ""].filter(Boolean).join(", ");
  const atEqual = bestAgainst(equal, table, criterion, trained);
  if (!varied.length) return atEqual && { equal: atEqual, tuned: undefined, isTunedSame: false };
  const ways = bestTrained(rows, table),
    best = bestAgainst([...ways.keys()], table, criterion, condition),
    atBest = best && { ...best, ways };
  const isTunedSame = atEqual !== undefined && atBest !== undefined && isSame(atEqual, atBest);
  return atEqual || atBest ? { equal: atEqual, tuned: isTunedSame ? undefined : atBest, isTunedSame } : undefined;
}

/**
 * The same for each value of what a study varies and none is chosen of (see {@linkcode isTuned}): the usual values first, then by
 * their order. Where it varies nothing of the kind, one answer for all.
 */
export function compareBaselinesByCondition(rows: readonly MergedRow[], table: FactorTable): BaselineAnswers[] {
  const conditions = variedTraining(table, rows).filter((factor) => !isTuned(factor));
  const usual = (row: MergedRow) => conditions.every((factor) => valueOf(factor, row.config) === factor.default);
  const groups = [...Map.groupBy(rows, (row) => trainedAt(conditions, row))].map(([name, group]) => ({ name, group }))
    .sort((a, b) =>
      Number(usual(b.group[0])) - Number(usual(a.group[0])) ||
      conditions.reduce(
        (order, factor) =>
          order || Number(valueOf(factor, a.group[0].config)) - Number(valueOf(factor, b.group[0].config)),
        0,
      )
    );
  // Where other cells alone have a value, nothing is there that they could be baselines of.
  const isOf = ownCellRows(table, rows).length
    ? (group: readonly MergedRow[]) => ownCellRows(table, group).length > 0
    : () => true;
  return groups.flatMap(({ name, group }) => isOf(group) ? compareBaselines(group, table, name) ?? [] : []);
}

/** Whether the same configurations are compared: each is best as most are trained. */
function isSame(one: BestAgainst, two: BestAgainst): boolean {
  const rows = comparedRows(two), others = comparedRows(one);
  return others.length === rows.length && others.every((row, i) => row === rows[i]);
}

/** The best one, and what it is compared with. */
export function comparedRows({ best, comparisons }: BestAgainst): MergedRow[] {
  return [best, ...comparisons.map(({ baseline }) => baseline)];
}

/** The rows that are trained as most of `own` are; where several ways are as frequent, as usual, or as the best of these. */
function trainedAlike(
  rows: readonly MergedRow[],
  own: readonly MergedRow[],
  varied: readonly Factor[],
): MergedRow[] {
  const trainedHow = (row: MergedRow) => trainedAt(varied, row);
  const isUsual = ([{ config }]: readonly MergedRow[]) =>
    varied.every((factor) => valueOf(factor, config) === factor.default);
  const [[most]] = [...Map.groupBy(own, trainedHow)].sort(([, one], [, two]) =>
    two.length - one.length || Number(isUsual(two)) - Number(isUsual(one))
  );
  return rows.filter((row) => trainedHow(row) === most);
}

/**
 * Of each configuration the row of the training that is best for it over the seeds that all its ways have, and of how many ways; rows are best
 * first, and so is what comes of them.
 */
export function bestTrained(rows: readonly MergedRow[], table: FactorTable): Map<MergedRow, number> {
  const varied = variedTraining(table, rows), criterion = criterionOfRows(rows);
  const groups = Map.groupBy(
    rows,
    ({ config, runs: [run] }) => `${configIdIn(table, withDefaults(config, varied))} ${settingsName(run)}`,
  );
  const ways = new Map([...groups.values()].map((group) => [bestOverCommonSeeds(group, criterion), group.length]));
  return new Map(rows.flatMap((row) => ways.has(row) ? [[row, ways.get(row)!]] : []));
}

/** @param rows best first */
function bestAgainst(
  rows: readonly MergedRow[],
  table: FactorTable,
  criterion: Criterion,
  trained: string,
): BestAgainst | undefined {
  const [best = rows[0]] = ownCellRows(table, rows);
  if (!best) return undefined;
  const cell = cellNameIn(table, best.config), isOther = ({ config }: MergedRow) => cellNameIn(table, config) !== cell;
  const others = rows.filter(isOther), from = rows.filter((row) => !isOther(row));
  if (!others.length) return undefined;
  const sameSettings = (row: MergedRow) => isTrainedAs(best, row);
  const isScored = others.some((row) =>
    sameSettings(row) && pairedBySeed(best, row, "test_bits_per_byte").seeds.length > 0
  );
  const measure = isScored ? "test_bits_per_byte" : "min_loss";
  return {
    best,
    criterion,
    cell,
    from,
    of: countConfigurations(from),
    trained,
    measure,
    comparisons: others.map((baseline): BaselineComparison => ({
      name: cellNameIn(table, baseline.config),
      baseline,
      sameSettings: sameSettings(baseline),
      ...(sameSettings(baseline)
        ? pairedBySeed(best, baseline, measure)
        : { seeds: [], difference: undefined, interval: undefined }),
    })),
  };
}

/** Whether both were trained for as many steps, on the same text, in the same batches, and logged as often. */
export function isTrainedAs(one: MergedRow, two: MergedRow): boolean {
  return settingsName(one.runs[0]) === settingsName(two.runs[0]);
}
