/**
 * Results -> tidy rows, one per finished run, which the figures and tables read. Runs that have not finished
 * are handed on as a list of their own, so that a report can count them.
 */
import { type CellConfig, configIn } from "../../cells/config.ts";
import {
  appliesTo,
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  shownFactors,
  valueOf,
  variedFactors,
} from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { oneLine } from "../../cells/visible_text.ts";
import type { MemoryCurve } from "../../train/scoring/state_resets.ts";
import { type Unit, unitOf } from "../../cells/unit.ts";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import type { Metric } from "../../experiments/study/metric.ts";
import { labelIn } from "./cell_names.ts";
import { compareRanked, criterionOfRuns } from "./criterion.ts";
import { type FinishedMetric, METRICS, type NamedMetric, SCORE_KEYS } from "../../experiments/study/metrics.ts";
import { type FinishedResult, isFinished, type RunResult, type Sample } from "../../experiments/study/result.ts";

/** A metric's name in rows: its key, with `_` for each space. */
export type MetricName<Key extends string> = Key extends `${infer First} ${infer Rest}` ? `${First}_${MetricName<Rest>}`
  : Key;

/** The metrics of one finished run by their names in rows; undefined where the run lacks one, as it has no score before it is evaluated. */
export type RunMetrics = {
  [M in NamedMetric as MetricName<M["key"]>]: M extends FinishedMetric ? number : number | undefined;
};

/**
 * One finished run; what is text in it can be shown as it stands. Losses in nats per byte, or per token where its model reads these. Each of
 * its metrics is one of its keys.
 */
export interface RunRow extends RunMetrics {
  id: string;
  /** Two runs of one configuration differ by seed alone. */
  seed: number;
  /** A value for each factor of the rows' table; those of another table than the built-in one stand beside its keys. */
  config: CellConfig;
  /** The configuration in a short line. */
  label: string;
  /** Smoothed loss, rounded (see {@linkcode withShownLoss}): value `i`, from 0, was logged after `(i + 1) * log_every` steps. */
  loss: readonly number[];
  log_every: number;
  /** `bytes`, or which tokens. */
  tokens: string;
  reads: Unit;
  /** Mean bytes that a token of the training split stands for; 1 for bytes. */
  bytes_per_token: number;
  /** Bytes of the test split that the run was scored on at most, where that was not all of it. */
  test_bytes_asked: number | undefined;
  /** The loss increase under state resets, where it has been scored with resets. */
  memory: MemoryCurve | undefined;
  batch_size: number;
  /** Bytes or tokens of one pass. */
  history_size: number;
  dataset: string;
  /** Of the whole text: a name may stand for a file that has been changed. */
  corpus_sha1: string;
  engine: string;
  adapter: string;
  /** What the model writes, where it has been drawn. */
  sample: Sample | undefined;
  /** In experiment 02: drawn at random from what was not chosen. */
  control: boolean;
  /** What was measured of the dynamics of its model; absent where nothing was. */
  readonly dynamics?: RunDynamics;
}

/** What a folder of results comes to. */
export interface RunTable {
  /** Finished runs, best first (see `experiments/study/criterion.ts`), then by id and seed. */
  rows: RunRow[];
  /** Runs without a curve: under way, or stopped before their end, or failed; by id and seed. */
  unfinished: RunResult[];
  /** Finished runs that failed when they were taken further: a row shows the shorter run. */
  failed_later: RunResult[];
  /** Finished runs of which other engines, adapters or versions of this program did the first steps. */
  mixed: RunResult[];
  /** How many results each version wrote. */
  versions: ReadonlyMap<string, number>;
  /** Runs whose test score is not part of the rows: see {@linkcode comparableScores}. */
  scored_otherwise: FinishedResult[];
  /** Bytes of the test split that the scores in the rows are of, where that is not all of it. */
  test_bytes_asked: number | undefined;
}

/**
 * Splits results into rows and unfinished runs. The order of the input does not matter.
 *
 * @param table whose factors stand in the results
 * @param metrics what is measured of each run
 */
export function tableOf(
  results: readonly RunResult[],
  table: FactorTable = GATED,
  metrics: readonly Metric[] = METRICS,
): RunTable {
  const { finished, scored_otherwise, test_bytes_asked } = comparableScores(results.filter(isFinished));
  const rows = finished.map((result) => rowOf(result, table, metrics));
  const criterion = criterionOfRuns(rows);
  rows.sort((a, b) => compareRanked(criterion, a, b) || byName(a, b));
  const unfinished = results.filter((result) => !isFinished(result)).sort(byName);
  const failed_later = results.filter((result) => isFinished(result) && result.failed !== undefined).sort(byName);
  const mixed = results.filter((result) => isFinished(result) && result.earlier_engines?.length).sort(byName);
  const versions = Map.groupBy(results, ({ cellspace_version }) => oneLine(cellspace_version));
  return {
    rows,
    unfinished,
    failed_later,
    mixed,
    versions: new Map([...versions].map(([version, of]) => [version, of.length])),
    scored_otherwise: scored_otherwise.sort(byName),
    test_bytes_asked,
  };
}

/** Keys of a score on the test split, and of what follows from it. */
const TEST_KEYS = SCORE_KEYS.filter((key) => !key.startsWith("validation"));

/**
 * Scores that can be compared: on the same part of the test split, in as many streams with the same warm-up. Where some were made otherwise, the
 * largest group stays, of several the one with most bytes; the other runs come without a test score.
 */
function comparableScores(results: readonly FinishedResult[]) {
  const scored = results.filter(({ test_loss }) => test_loss !== undefined);
  const cutOf = ({ test_bytes_asked, test_streams, test_warm_up }: FinishedResult) =>
    JSON.stringify([test_bytes_asked, test_streams, test_warm_up]);
  const [most] = [...Map.groupBy(scored, cutOf).values()].sort((a, b) =>
    b.length - a.length || b[0].test_bytes! - a[0].test_bytes! || (cutOf(a[0]) < cutOf(b[0]) ? -1 : 1)
  );
  const others = new Set(scored.filter((result) => cutOf(result) !== cutOf(most[0])));
  const withoutTest = (result: FinishedResult) =>
    Object.fromEntries(Object.entries(result).filter(([key]) => !TEST_KEYS.includes(key))) as FinishedResult;
  return {
    finished: results.map((result) => others.has(result) ? withoutTest(result) : result),
    scored_otherwise: [...others],
    test_bytes_asked: most?.[0].test_bytes_asked,
  };
}

/** A metric's name in rows. */
export function metricName({ key }: Metric): string {
  return key.replaceAll(" ", "_");
}

/** A metric of a run. */
export function metricOfRun(run: RunRow, metric: Metric): number | undefined {
  return run[metricName(metric) as keyof RunMetrics];
}

/** Significant digits of a curve's losses: more than pictures and sentences tell apart, in half the room on a page. */
export const LOSS_DIGITS = 7;

function shownLoss(loss: readonly number[]): number[] {
  return loss.map((value) => Number(value.toPrecision(LOSS_DIGITS)));
}

/** A result with its curve as reports have it. */
export function withShownLoss<Result extends RunResult>(result: Result): Result {
  return result.loss ? { ...result, loss: shownLoss(result.loss) } : result;
}

function metricsOf(result: FinishedResult, metrics: readonly Metric[]): RunMetrics {
  return Object.fromEntries(metrics.map((metric) => [metricName(metric), result[metric.key]])) as RunMetrics;
}

function rowOf(result: FinishedResult, table: FactorTable, metrics: readonly Metric[]): RunRow {
  const config = configIn(result, table);
  return {
    ...metricsOf(result, metrics),
    id: result.id,
    seed: result.seed,
    config,
    label: labelIn(table, config) + (result.control ? " (a control)" : ""),
    loss: shownLoss(result.loss),
    log_every: result.log_every,
    tokens: oneLine(result.tokens ?? "bytes"),
    reads: unitOf(result),
    bytes_per_token: result.bytes_per_token ?? 1,
    test_bytes_asked: result.test_bytes_asked,
    memory: result.memory,
    batch_size: result["batch size"],
    history_size: result["history size"],
    dataset: oneLine(result.dataset),
    corpus_sha1: result.corpus_sha1,
    engine: oneLine(result.engine),
    adapter: oneLine(result.adapter),
    sample: result.sample,
    control: result.control === true,
  };
}

/** By id and seed, so that equal results give equal bytes, in whatever order they come. */
export function sortRuns(results: readonly RunResult[]): RunResult[] {
  return results.toSorted(byName);
}

function byName(a: { id: string; seed: number }, b: { id: string; seed: number }): number {
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return a.seed - b.seed;
}

/** The distinct values of one property, ascending. */
export function distinct<Row, Value extends number | string>(
  rows: readonly Row[],
  of: (row: Row) => Value,
): Value[] {
  return [...new Set(rows.map(of))].sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Runs with other training settings or another text are no partners: more steps alone would make a smaller loss, and a loss that is logged more
 * often a smaller lowest one.
 */
export function settingsName(row: RunRow): string {
  return JSON.stringify([row.steps_done, ...settingsBesideSteps(row)]);
}

/** All of {@linkcode settingsName} but how long the run was trained, in which runs that go back by several numbers of steps always differ. */
export function settingsBesideSteps(row: RunRow): (number | string)[] {
  const { log_every, batch_size, history_size, dataset, corpus_sha1 } = row;
  return [log_every, batch_size, history_size, dataset, corpus_sha1];
}

/** What has a configuration: a run, or a configuration's runs together. */
export interface Configured {
  readonly config: Configuration;
}

/** The factors that tables and words show of these rows: see {@linkcode shownFactors}. */
export function shownIn(table: FactorTable, rows: readonly Configured[]): Factor[] {
  return shownFactors(table, rows.map(({ config }) => config));
}

/** The factors that pictures and statistics are of: see {@linkcode variedFactors}. */
export function variedIn(table: FactorTable, rows: readonly Configured[]): Factor[] {
  return variedFactors(table, rows.map(({ config }) => config));
}

/** The rows that have the table's own cell. */
export function ownCellRows<Row extends Configured>(table: FactorTable, rows: readonly Row[]): Row[] {
  return rows.filter(({ config }) => table.isOwnCell(config));
}

/** The rows that a factor says something of: see {@linkcode appliesTo}. */
export function rowsOf<Row extends Configured>(table: FactorTable, factor: Factor, rows: readonly Row[]): Row[] {
  return rows.filter(({ config }) => appliesTo(table, factor, config));
}

/** The values of a factor that occur: off before on, numbers ascending, choices in their own order, other names by their letters. */
export function levelsIn(factor: Factor, rows: readonly Configured[]): FactorValue[] {
  const found = distinct(rows, ({ config }) => rankOf(factor, valueOf(factor, config)));
  const values = new Map(rows.map(({ config }) => {
    const value = valueOf(factor, config);
    return [rankOf(factor, value), value];
  }));
  return found.map((rank) => values.get(rank)!);
}

/** What a factor's values are sorted by. */
function rankOf(factor: Factor, value: FactorValue): number | string {
  if (factor.kind !== "choice") return Number(value);
  return factor.choices ? factor.choices.findIndex((choice) => choice.value === value) : `${value}`;
}
