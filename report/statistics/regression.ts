/** The original study's linear regression: the logarithm of the lowest loss on all hyperparameters at once. */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import { mean, standardDeviation } from "simple-statistics";
import { type Factor, type FactorTable, numberOf, valueOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { randomStream } from "../../train/corpus/random.ts";
import { levelsIn, ownCellRows, type RunRow, settingsName, variedIn } from "../data/rows.ts";

/** One hyperparameter of the regression. */
export interface RegressionTerm {
  factor: Factor;
  /**
   * Standardised coefficient: standard deviations of `ln(min_loss)` per standard deviation of the hyperparameter, all others
   * held. Undefined where all runs share one value, and for all terms where the values of some determine those of another.
   */
  coefficient: number | undefined;
}

/** A linear model of `ln(min_loss)`. */
export interface LogLossRegression {
  runs: number;
  /** Runs of the table's own cell with other training settings. */
  other_settings: number;
  /** Runs of other cells than the table's own. */
  baselines: number;
  /** Runs whose loss has no logarithm: 0, or rounded to less. */
  no_logarithm: number;
  terms: RegressionTerm[];
  /** Hyperparameters that are varied and have no term: the names of their values have no order. */
  without_term: Factor[];
  /** Parts of the cross-validation. */
  folds: number;
  /** `1 − Σ (y − ŷ)² / Σ (y − ȳ)²` over runs that the model and the mean `ȳ` had not seen. */
  r2: number;
}

/** A column of the regression: a switch and a choice of two are 0 or 1. */
interface Column {
  readonly factor: Factor;
  readonly value: (row: RunRow) => number;
}

/** Whether each of the factor's values among the runs is a number. */
function hasTerm(factor: Factor, runs: readonly RunRow[]): boolean {
  return levelsIn(factor, runs).every((value) => numberOf(factor, value) !== undefined);
}

function columnOf(factor: Factor): Column {
  return { factor, value: ({ config }) => numberOf(factor, valueOf(factor, config))! };
}

const FOLDS = 10;

/**
 * Ordinary least squares of `y = ln(min_loss)` on the hyperparameters that the runs vary, all standardised to mean 0 and standard
 * deviation 1 (population standard deviation of the runs, without n − 1); solved by singular values (ml-matrix). `R²` is by 10-fold
 * cross-validation, in which all seeds of a configuration are in one fold: another seed of a known configuration
 * would be too easy to predict. Runs of the table's own cell alone are taken, and of several training settings the most frequent one.
 *
 * @returns undefined with fewer than 10 configurations, or where all losses are equal
 */
export function logLossRegression(
  rows: readonly RunRow[],
  table: FactorTable = GATED,
): LogLossRegression | undefined {
  const own = ownCellRows(table, rows), positive = own.filter(({ min_loss }) => min_loss > 0);
  const runs = comparable(positive);
  const ids = [...new Set(runs.map(({ id }) => id))];
  const losses = runs.map(logLoss);
  if (ids.length < FOLDS || isConstant(losses)) return undefined;
  const shown = variedIn(table, runs);
  const columns = shown.filter((factor) => hasTerm(factor, runs)).map(columnOf);
  const varied = columns.filter(({ value }) => !isConstant(runs.map(value)));
  const fit = fitLinear(runs, varied);
  return {
    runs: runs.length,
    other_settings: positive.length - runs.length,
    baselines: rows.length - own.length,
    no_logarithm: own.length - positive.length,
    terms: columns.map((column) => ({
      factor: column.factor,
      coefficient: fit.rank === varied.length ? fit.coefficients[varied.indexOf(column)] : undefined,
    })),
    without_term: shown.filter((factor) => !hasTerm(factor, runs)),
    folds: FOLDS,
    r2: crossValidated(runs, foldsOf(ids), columns),
  };
}

function logLoss(row: RunRow): number {
  return Math.log(row.min_loss);
}

/** The runs with the most frequent training settings, by id and seed, so that sums do not depend on the order of `rows`. */
function comparable(rows: readonly RunRow[]): RunRow[] {
  const groups = Map.groupBy(rows, settingsName);
  const [largest = []] = [...groups].sort(([a, one], [b, two]) => two.length - one.length || (a < b ? -1 : 1))
    .map(([, group]) => group);
  return largest.toSorted((a, b) => (a.id === b.id ? a.seed - b.seed : a.id < b.id ? -1 : 1));
}

/** Which fold each configuration is in: shuffled from a seed (Fisher and Yates), then dealt out. */
function foldsOf(ids: readonly string[]): Map<string, number> {
  const stream = randomStream(0, "folds");
  const shuffled = [...ids];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const k = stream.integer(0, i);
    [shuffled[i], shuffled[k]] = [shuffled[k], shuffled[i]];
  }
  return new Map(shuffled.map((id, i) => [id, i % FOLDS]));
}

function crossValidated(
  runs: readonly RunRow[],
  folds: ReadonlyMap<string, number>,
  columns: readonly Column[],
): number {
  let residual = 0, total = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const known = runs.filter(({ id }) => folds.get(id) !== fold);
    const fit = fitLinear(known, columns.filter(({ value }) => !isConstant(known.map(value))));
    const average = mean(known.map(logLoss));
    for (const run of runs.filter(({ id }) => folds.get(id) === fold)) {
      residual += (logLoss(run) - fit.predict(run)) ** 2;
      total += (logLoss(run) - average) ** 2;
    }
  }
  return 1 - residual / total;
}

interface LinearFit {
  /** Of the standardised columns, in standard deviations of `y`; the smallest ones where the rank is too low to tell. */
  coefficients: number[];
  rank: number;
  predict(row: RunRow): number;
}

/** @param columns hyperparameters of which each has several values among the runs */
function fitLinear(runs: readonly RunRow[], columns: readonly Column[]): LinearFit {
  const scales = [...columns.map(({ value }) => scaleOf(runs.map(value))), scaleOf(runs.map(logLoss))];
  const own = scales[columns.length];
  const standardised = (row: RunRow) => columns.map(({ value }, i) => scales[i].to(value(row)));
  const design = new SingularValueDecomposition(new Matrix(runs.map(standardised)), { autoTranspose: true });
  const coefficients = design.solve(Matrix.columnVector(runs.map((run) => own.to(logLoss(run))))).to1DArray();
  return {
    coefficients,
    rank: design.rank,
    predict: (row) => own.from(standardised(row).reduce((sum, x, i) => sum + x * coefficients[i], 0)),
  };
}

/** To standard deviations from the mean, and back; values that are all equal become 0. */
function scaleOf(values: number[]) {
  const centre = mean(values);
  const width = isConstant(values) ? 1 : standardDeviation(values);
  return { to: (value: number) => (value - centre) / width, from: (scaled: number) => scaled * width + centre };
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}
