/** How tables head a metric's column, and write its values. */
import type { Unit } from "../../cells/unit.ts";
import { type MetricFormat, ofKinds, type ShownMetric, unitIn } from "../../experiments/study/metric.ts";
import { type MergedRow, metricOf, type Spread } from "../data/merged.ts";
import { metricOfRun, type RunRow } from "../data/rows.ts";
import { formatCount } from "../../cells/counts.ts";
import { formatFixed, formatSeconds, formatSpread, NONE } from "./format.ts";

/** Metrics in the order of columns: how good a model is, then what else there is to say. */
export function inTables<M extends ShownMetric>(metrics: readonly M[]): M[] {
  return ofKinds(metrics, ["quality", "size", "extent", "cost"]);
}

/** Whether a column of the metric says something of these rows: what each finished run has, or gets with its score, always stands there. */
export function isSaidOf(metric: ShownMetric, rows: readonly MergedRow[]): boolean {
  return metric.required === true || rows.some((row) => metricOf(row, metric) !== undefined);
}

/** A heading for the page: `test, bits/byte`. */
export function pageHeading({ column }: ShownMetric, reads: Unit): string {
  const unit = unitIn(column, reads);
  return unit === undefined ? column.heading : `${column.heading}, ${unit}`;
}

/** A heading for the terminal, without its unit, for which there is no room beside each other: see {@linkcode terminalUnits}. */
export function terminalHeading({ column: { heading, terminal = heading } }: ShownMetric): string {
  return terminal;
}

/** The units of the terminal's columns in a line: `min loss in nats/byte; test, validation in bits/byte`; none where none has one. */
export function terminalUnits(metrics: readonly ShownMetric[], reads: Unit): string[] {
  const units = Map.groupBy(metrics, ({ column }) => unitIn(column, reads));
  const parts = [...units].flatMap(([unit, own]) =>
    unit === undefined ? [] : [`${own.map(terminalHeading).join(", ")} in ${unit}`]
  );
  return parts.length ? [parts.join("; ")] : [];
}

/** A metric of a configuration as a cell of a table; {@linkcode NONE} where no run has it. */
export function metricText(row: MergedRow, metric: ShownMetric): string {
  const value = metricOf(row, metric);
  if (value === undefined) return NONE;
  return typeof value === "number"
    ? meanText(value, metric.column.format)
    : spreadText(value, row.runs.length, metric.column.format);
}

/** The same of one run. */
export function metricTextOfRun(run: RunRow, metric: ShownMetric): string {
  const value = metricOfRun(run, metric);
  return value === undefined ? NONE : meanText(value, metric.column.format);
}

/** A metric of a configuration as one number, its mean over the seeds that have it; undefined where none has. */
export function metricMean(row: MergedRow, metric: ShownMetric): number | undefined {
  const value = metricOf(row, metric);
  return typeof value === "object" ? value.mean : value;
}

/**
 * What a column is sorted by where the cell does not show it: a time in seconds, to the tenth. Undefined where the cell does, or no run has the
 * metric.
 */
export function sortValue(row: MergedRow, metric: ShownMetric): number | undefined {
  const value = metricMean(row, metric);
  return metric.column.format !== "seconds" || value === undefined ? undefined : Math.round(value * 10) / 10;
}

/** Bits per byte on the test split, with how many seeds it is of where some are not scored; a dash where none is. */
export function testScore({ test_bits_per_byte, runs }: MergedRow): string {
  return test_bits_per_byte ? spreadText(test_bits_per_byte, runs.length, "spread") : NONE;
}

/** @param seeds those that the configuration has, of which some may lack the number */
function spreadText(spread: Spread, seeds: number, format: MetricFormat): string {
  if (format !== "spread") return meanText(spread.mean, format);
  return formatSpread(spread) + (spread.count < seeds ? ` (${spread.count} of ${seeds} seeds)` : "");
}

function meanText(mean: number, format: MetricFormat): string {
  switch (format) {
    case "spread":
      return formatSpread({ mean, deviation: undefined });
    case "count":
      return formatCount(Math.round(mean));
    case "seconds":
      return formatSeconds(mean);
    default:
      return formatFixed(mean, format.decimals);
  }
}
