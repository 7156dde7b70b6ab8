/**
 * Rows -> one row per configuration, merged over its seeds: what pictures and tables show. Statistics on switches take the
 * runs themselves, because they compare them by seed.
 */
import { mean, sampleStandardDeviation } from "simple-statistics";
import { extentOf, maxOf, minOf } from "../../cells/extremes.ts";
import type { CellConfig } from "../../cells/config.ts";
import type { Unit } from "../../cells/unit.ts";
import type { Metric } from "../../experiments/study/metric.ts";
import { type FinishedMetric, METRICS, type NamedMetric } from "../../experiments/study/metrics.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { compareRanked, criterionOfRuns, metricOfCriterion, type Ranked } from "./criterion.ts";
import { type MetricName, metricName, metricOfRun, type RunRow, settingsName } from "./rows.ts";

/** One number over some seeds, in the number's unit. */
export interface Spread {
  mean: number;
  /** Sample standard deviation, `√(Σ (y − ȳ)² / (n − 1))`; undefined with one seed. */
  deviation: number | undefined;
  least: number;
  most: number;
  /** Seeds that have the number. */
  count: number;
}

/**
 * The metrics of a configuration's runs by their names in rows: those that its runs share as they are, others over the seeds that have them,
 * undefined where none has.
 */
export type MergedMetrics = {
  [M in NamedMetric as MetricName<M["key"]>]: M extends { readonly shared: true } ? number
    : M extends FinishedMetric ? Spread
    : Spread | undefined;
};

/**
 * A configuration's finished runs that were trained with the same settings, merged over their seeds. Each of its metrics is one of its keys.
 */
export interface MergedRow extends MergedMetrics {
  /** The start of the id, as short as tells all rows apart, at least 8 characters: what pages and pictures call the row. */
  name: string;
  id: string;
  config: CellConfig;
  label: string;
  /** At least one, ascending by seed. */
  runs: readonly RunRow[];
  reads: Unit;
  bytes_per_token: number;
  log_every: number;
  /** In experiment 02: drawn at random from what was not chosen. */
  control: boolean;
}

/** Of numbers, at least one. */
export function spreadOf(values: readonly number[]): Spread {
  const [least, most] = extentOf(values);
  return {
    mean: mean([...values]),
    deviation: values.length > 1 ? sampleStandardDeviation([...values]) : undefined,
    least,
    most,
    count: values.length,
  };
}

/**
 * Merges the seeds of each configuration. Runs of one configuration that were trained in different ways (for more steps, say)
 * stay apart: their losses are not draws of one number. The order of `rows` does not matter.
 *
 * @param metrics what is measured of each run
 * @returns best first: by the mean of what they are chosen by (`experiments/study/criterion.ts`), then by id
 */
export function mergeSeeds(rows: readonly RunRow[], metrics: readonly Metric[] = METRICS): MergedRow[] {
  const groups = Map.groupBy(rows, (row) => `${row.id} ${settingsName(row)}`);
  const merged = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, runs]) => mergeOne(runs, metrics));
  const names = namesOf(merged.map(({ id }) => id)), criterion = criterionOfRuns(rows);
  return merged.map((row, i): MergedRow => ({ name: names[i], ...row }))
    .sort((a, b) => compareRanked(criterion, meansOf(a), meansOf(b)) || (a.name < b.name ? -1 : 1));
}

function meansOf({ min_loss, validation_bits_per_byte, test_bits_per_byte }: MergedRow): Ranked {
  return {
    min_loss: min_loss.mean,
    validation_bits_per_byte: validation_bits_per_byte?.mean,
    test_bits_per_byte: test_bits_per_byte?.mean,
  };
}

/** What the best of these configurations is chosen by. All rows of a report, not some of them, say it. */
export function criterionOfRows(rows: readonly MergedRow[]): Criterion {
  return criterionOfRuns(rows.flatMap(({ runs }) => runs));
}

/** The number that a configuration is ranked by; undefined where it has none yet, and so comes last. */
export function rankedBy(row: MergedRow, criterion: Criterion): Spread | undefined {
  return row[metricOfCriterion(criterion)];
}

/** A metric of a configuration's runs; undefined where none has it. */
export function metricOf(row: MergedRow, metric: Metric): Spread | number | undefined {
  return row[metricName(metric) as keyof MergedMetrics];
}

function metricsOf(runs: readonly RunRow[], metrics: readonly Metric[]): MergedMetrics {
  return Object.fromEntries(metrics.map((metric) => {
    const values = runs.flatMap((run) => metricOfRun(run, metric) ?? []);
    return [metricName(metric), metric.shared ? values[0] : values.length ? spreadOf(values) : undefined];
  })) as MergedMetrics;
}

function mergeOne(group: readonly RunRow[], metrics: readonly Metric[]): Omit<MergedRow, "name"> {
  const runs = group.toSorted((a, b) => a.seed - b.seed);
  const [{ id, config, label, reads, bytes_per_token, log_every, control }] = runs;
  return {
    ...metricsOf(runs, metrics),
    id,
    config,
    label,
    runs,
    reads,
    bytes_per_token,
    log_every,
    control,
  };
}

const SHORTEST_NAME = 8;

/** Prefixes of ids that tell them apart; a number behind those of a configuration that stands there more than once. */
function namesOf(ids: readonly string[]): string[] {
  const different = new Set(ids);
  let length = SHORTEST_NAME;
  while (new Set([...different].map((id) => id.slice(0, length))).size < different.size) length++;
  return numbered(ids.map((id) => id.slice(0, length)));
}

/** Names, each with a number behind it from its second time on: `a`, `b`, `a-2`. */
export function numbered(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return name + (count > 1 ? `-${count}` : "");
  });
}

/** One point of a configuration's training curve, nats per what the models read. */
export interface CurvePoint {
  step: number;
  /** The mean over the seeds. */
  loss: number;
  least: number;
  most: number;
}

/**
 * A configuration's curve: the mean over its seeds at each logged step, thinned evenly to at most about `most` points. The
 * first, the lowest and the last point always stay, so a thinned picture shows the same start, minimum and end.
 */
export function curveOf(row: MergedRow, most = Infinity): CurvePoint[] {
  const means = meanCurve(row), { length } = means;
  const stride = Math.max(1, Math.ceil(length / most));
  const lowest = means.reduce((best, loss, i) => (loss < means[best] ? i : best), 0);
  return means.flatMap((loss, i) => {
    if (i % stride !== 0 && i !== lowest && i !== length - 1) return [];
    const [least, most] = extentOf(row.runs.map((run) => run.loss[i]));
    return [{ step: (i + 1) * row.log_every, loss, least, most }];
  });
}

/** The mean over a configuration's seeds at each logged step, as far as all of them go. */
export function meanCurve({ runs }: MergedRow): readonly number[] {
  if (runs.length === 1) return runs[0].loss;
  const length = minOf(runs.map(({ loss }) => loss.length));
  return Array.from({ length }, (_, i) => mean(runs.map(({ loss }) => loss[i])));
}

/** How many configurations there are: one that was trained in different ways has several rows. */
export function countConfigurations(rows: readonly MergedRow[]): number {
  return new Set(rows.map(({ id }) => id)).size;
}

/** The most seeds that a row has. */
export function mostSeeds(rows: readonly MergedRow[]): number {
  return maxOf(rows.map(({ runs }) => runs.length));
}
