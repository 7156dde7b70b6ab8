/**
 * What a metric is: a number that is measured of each run, and all that the rest of the program derives from its record. The metrics
 * themselves stand in `metrics.ts`.
 */
import type { z } from "zod";
import type { Unit } from "../../cells/unit.ts";

/** When a metric is known: before the first step, after the last one, or once the run's model has been scored. */
export type MetricStage = "start" | "training" | "score";

/**
 * What a metric tells: the size of the model, how well it predicts, what of the test split was scored and how, or what training took.
 * Metrics of one kind stand together in tables and exports, in the order of their own table.
 */
export type MetricKind = "size" | "quality" | "extent" | "cost";

/**
 * How tables write a metric of several seeds: mean ± standard deviation; the mean as a whole number, as a time, or to so many decimals.
 */
export type MetricFormat = "spread" | "count" | "seconds" | { readonly decimals: number };

/** A metric's column in tables of configurations. */
export interface MetricColumn {
  /** Its heading on the page, without the unit. */
  readonly heading: string;
  /** Its heading in the terminal's table of the best runs, without the unit; absent: it is not in that table. */
  readonly terminal?: string;
  /** Named in headings; absent: the values say it themselves, or it has none. `nats` are per what the models read. */
  readonly unit?: "nats" | "bits/byte" | "bytes";
  /** How its cells are written. */
  readonly format: MetricFormat;
  /** Whether the heading may take several lines. */
  readonly turn?: true;
  /** Whether the page's table has it where a person asks for it, and not at first: it follows from others, or says nothing of how good a model is. */
  readonly extra?: true;
}

/** A number that is measured of each run. */
export interface Metric {
  /** Its key in results, and the name of its column in exports. */
  readonly key: string;
  /** When it is known. */
  readonly stage: MetricStage;
  /** What it tells. */
  readonly kind: MetricKind;
  /** What its values may be. Those of a schema of whole numbers are whole numbers in exports too. */
  readonly schema: z.ZodNumber;
  /**
   * Whether each result that has reached the stage has it. Only metrics that the first version wrote may say so: results of earlier versions
   * lack the others, and must stay readable.
   */
  readonly required?: true;
  /** Whether it is equal in all runs of one configuration that were trained with the same settings: so it has no spread over seeds. */
  readonly shared?: true;
  /** Whether a lower or a higher value is the better one; absent: neither is. */
  readonly better?: "lower" | "higher";
  /** What its value says, in one line: the description of its column in exports. */
  readonly about: string;
  /** Its column on the page, which is shown where some run has the metric; absent: it has none. */
  readonly column?: MetricColumn;
  /** Its tag among TensorBoard's scalars; absent: it is none. */
  readonly scalar?: string;
}

/** A metric that tables have a column of. */
export type ShownMetric = Metric & { readonly column: MetricColumn };

export function isShown(metric: Metric): metric is ShownMetric {
  return metric.column !== undefined;
}

/** The metrics of these kinds, kind by kind. */
export function ofKinds<M extends Metric>(metrics: readonly M[], kinds: readonly MetricKind[]): M[] {
  return kinds.flatMap((kind) => metrics.filter((metric) => metric.kind === kind));
}

/** Zod's formats of whole numbers: `z.number().int()`, `z.int32()`, `z.uint32()`. */
const WHOLE: ReadonlySet<string | null> = new Set(["safeint", "int32", "uint32"]);

/** Whether a metric's values are whole numbers. */
export function isWhole({ schema }: Metric): boolean {
  return WHOLE.has(schema.format);
}

/** The unit that a heading names; undefined where it names none. */
export function unitIn({ unit }: MetricColumn, reads: Unit): string | undefined {
  return unit === "nats" ? `nats/${reads}` : unit;
}

/** A schema for each metric that results of earlier versions may lack. */
export function optionalFieldsOf(metrics: readonly Metric[]): Record<string, z.ZodOptional<z.ZodNumber>> {
  return Object.fromEntries(
    metrics.filter(({ required }) => !required).map(({ key, schema }) => [key, schema.optional()]),
  );
}
