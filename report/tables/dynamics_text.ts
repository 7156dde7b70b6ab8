/** How tables head a number on dynamics, and write its values. */
import type { Unit } from "../../cells/unit.ts";
import { type DynamicsMetric, dynamicsUnit } from "../../experiments/study/dynamics_metrics.ts";
import { dynamicsOf } from "../data/dynamics.ts";
import type { MergedRow, Spread } from "../data/merged.ts";
import { capital, formatFixed, NONE } from "./format.ts";

/** A metric's unit as headings have it: `nats/byte`. */
export function unitInHeading(metric: DynamicsMetric, reads: Unit): string | undefined {
  return dynamicsUnit(metric, reads)?.replace(" per ", "/");
}

/**
 * Words on dynamics, which are written for models that read bytes, of models that read tokens: `token recall`. What is measured on the text
 * itself, in bits per byte, stays so.
 */
export function wordsIn(reads: Unit, words: string): string {
  if (reads === "byte") return words;
  return words.replace(/(?<!bits per )\b(b|B)yte(?=s?\b)/g, (_, first: string) => first === "B" ? "Token" : reads);
}

/** A metric's name as a sentence begins with it: `Byte recall`. */
export function metricTitle({ name }: DynamicsMetric, reads: Unit): string {
  return capital(wordsIn(reads, name));
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
