/** How tables head a number on dynamics, and write its values. */
import type { Unit } from "../../cells/unit.ts";
import { type DynamicsMetric, dynamicsUnit } from "../../experiments/study/dynamics_metrics.ts";
import { dynamicsOf } from "../data/dynamics.ts";
import type { MergedRow, Spread } from "../data/merged.ts";
import { formatFixed, NONE } from "./format.ts";

/** A metric's unit as headings have it: `nats/byte`. */
export function unitInHeading(metric: DynamicsMetric, reads: Unit): string | undefined {
  return dynamicsUnit(metric, reads)?.replace(" per ", "/");
}

/** A heading with its unit: `λ₁, nats/byte`. */
export function dynamicsHeading(metric: DynamicsMetric, reads: Unit): string {
  const unit = unitInHeading(metric, reads);
  return unit === undefined ? metric.heading : `${metric.heading}, ${unit}`;
}

/** A metric of a configuration as a cell of a table: its mean over seeds ± standard deviation; a dash where no seed has it. */
export function dynamicsText(row: MergedRow, metric: DynamicsMetric): string {
  const spread = dynamicsOf(row, metric);
  if (!spread) return NONE;
  const some = spread.count < row.runs.length ? ` (${spread.count} of ${row.runs.length} seeds)` : "";
  return spreadText(spread, metric) + some;
}

/** A mean ± standard deviation, to the decimals of a metric. */
export function spreadText(
  { mean, deviation }: Pick<Spread, "mean" | "deviation">,
  { decimals }: DynamicsMetric,
): string {
  const text = formatFixed(mean, decimals);
  return deviation === undefined ? text : `${text} ± ${formatFixed(deviation, decimals)}`;
}
