/**
 * Rows -> one row per configuration, merged over its seeds: what pictures and tables show. Statistics on switches take the
 * runs themselves, because they compare seed with seed.
 */
import { mean, sampleStandardDeviation } from "simple-statistics";
import { extentOf, maxOf, minOf } from "../../cells/extremes.ts";
import type { CellConfig } from "../../cells/config.ts";
import { settingsName } from "../statistics/matched.ts";
import type { Unit } from "../../cells/unit.ts";
import type { RunRow } from "./rows.ts";

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

/** A configuration's finished runs that were trained with the same settings, merged over their seeds. */
export interface MergedRow {
  /** The start of the id, as short as tells all rows apart, at least 8 characters: what pages and pictures call the row. */
  name: string;
  id: string;
  config: CellConfig;
  label: string;
  /** At least one, ascending by seed. */
  runs: readonly RunRow[];
  /** Nats per what the models read. */
  min_loss: Spread;
  reads: Unit;
  bytes_per_token: number;
  /** On the test split, over the seeds that have been scored; undefined where none has. */
  test_bits_per_byte: Spread | undefined;
  /** Seconds. */
  train_seconds: Spread;
  parameters: number;
  /** Steps of each run. */
  steps_done: number;
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
 * @returns best first: by mean lowest loss, then by id
 */
export function mergeSeeds(rows: readonly RunRow[]): MergedRow[] {
  const groups = Map.groupBy(rows, (row) => `${row.id} ${settingsName(row)} ${row.log_every}`);
  const merged = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, runs]) => mergeOne(runs));
  const names = namesOf(merged.map(({ id }) => id));
  return merged.map((row, i): MergedRow => ({ name: names[i], ...row }))
    .sort((a, b) => a.min_loss.mean - b.min_loss.mean || (a.name < b.name ? -1 : 1));
}

function mergeOne(group: readonly RunRow[]): Omit<MergedRow, "name"> {
  const runs = group.toSorted((a, b) => a.seed - b.seed);
  const [{ id, config, label, reads, bytes_per_token, parameters, steps_done, log_every, control }] = runs;
  const scores = runs.flatMap((run) => run.test_bits_per_byte ?? []);
  return {
    id,
    config,
    label,
    runs,
    min_loss: spreadOf(runs.map((run) => run.min_loss)),
    reads,
    bytes_per_token,
    test_bits_per_byte: scores.length ? spreadOf(scores) : undefined,
    train_seconds: spreadOf(runs.map((run) => run.train_seconds)),
    parameters,
    steps_done,
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
  const seen = new Map<string, number>();
  return ids.map((id) => {
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return id.slice(0, length) + (count > 1 ? `-${count}` : "");
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
