/**
 * The one table of what is measured of each run. From it follow the schema of results and the order of their keys, columns of the page, of
 * the terminal's table and of exports, means over seeds, and TensorBoard's scalars. A new metric is a record here, at the end of its
 * stage, and its computation: of a score in `session/score_metrics.ts`, of training in `session/run_files.ts`.
 */
import * as z from "zod";
import { HIGHEST_ORDER } from "../../train/corpus/ngrams/baselines.ts";
import { LIMITS } from "../../train/training/settings.ts";
import type { Metric, MetricKind, MetricStage } from "./metric.ts";

/** Losses are computed in 32-bit floats: what these do not hold no run has measured, and sums and squares of it would overflow. */
const MOST_LOSS = (2 - 2 ** -23) * 2 ** 127;
export const anyLoss = z.number().min(-MOST_LOSS).max(MOST_LOSS);

/** More seconds than anybody trains: a century. */
const MOST_SECONDS = 100 * 365.25 * 24 * 3600;

/**
 * The metrics, in the order of their stages. Keys with spaces are the original study's; new ones are snake_case. Losses are per token; bytes
 * are tokens, where nothing else is said.
 */
export const METRICS = [
  {
    key: "parameters",
    stage: "start",
    kind: "size",
    schema: z.number().int().positive(),
    required: true,
    shared: true,
    about: "parameters of the model, including frozen ones",
    column: { heading: "parameters", format: "count" },
  },
  {
    // The smallest value of `loss`.
    key: "min loss",
    stage: "training",
    kind: "quality",
    schema: anyLoss,
    required: true,
    better: "lower",
    about: "smallest logged smoothed training loss, nats per byte or token (see tokens)",
    column: { heading: "lowest loss", terminal: "min loss", unit: "nats", format: "spread", turn: true },
    scalar: "loss/min",
  },
  {
    // `training steps` rounded up to whole passes.
    key: "steps_done",
    stage: "training",
    kind: "cost",
    schema: z.number().int().positive().max(LIMITS.steps + LIMITS.history),
    required: true,
    shared: true,
    about: "steps done: whole passes",
    column: { heading: "steps", format: "count", extra: true },
  },
  {
    key: "train_seconds",
    stage: "training",
    kind: "cost",
    schema: z.number().nonnegative().max(MOST_SECONDS),
    required: true,
    about: "training time in seconds, without setup and evaluation",
    column: { heading: "time", terminal: "time", format: "seconds", extra: true },
  },
  {
    key: "test_loss",
    stage: "score",
    kind: "quality",
    schema: anyLoss,
    required: true,
    better: "lower",
    about: "mean cross-entropy on the test split, nats per byte or token (see tokens)",
  },
  {
    key: "test_bits_per_byte",
    stage: "score",
    kind: "quality",
    schema: anyLoss,
    required: true,
    better: "lower",
    about: "the same in bits per byte: all bits divided by all bytes",
    column: { heading: "test", terminal: "test", unit: "bits/byte", format: "spread", turn: true },
    scalar: "test/bits_per_byte",
  },
  {
    // Of tokens, those that the scored ones stand for.
    key: "test_bytes",
    stage: "score",
    kind: "extent",
    schema: z.number().int().positive(),
    required: true,
    about: "bytes of the test split that were scored",
  },
  {
    key: "test_tokens",
    stage: "score",
    kind: "extent",
    schema: z.number().int().positive(),
    about: "tokens that were scored, if their number differs from that of bytes",
  },
  {
    key: "test_streams",
    stage: "score",
    kind: "extent",
    schema: z.number().int().positive(),
    required: true,
    about: "parallel streams that the test split was scored in",
  },
  {
    key: "test_warm_up",
    stage: "score",
    kind: "extent",
    schema: z.number().int().nonnegative(),
    required: true,
    about: "bytes or tokens (see tokens) that each stream read first, unscored",
  },
  {
    // Between the orders of two n-gram baselines where the score lies between them. Absent where the study had none when it was scored.
    key: "context_order",
    stage: "score",
    kind: "quality",
    schema: z.number().min(-1).max(HIGHEST_ORDER),
    better: "higher",
    about: "order of the n-gram baseline that the score reaches: bytes of context, from -1 (none) to 5 (or more)",
    column: { heading: "context order", unit: "bytes", format: { decimals: 2 }, turn: true, extra: true },
  },
  {
    // Of the split's first bytes: see VALIDATION_BYTES. Absent from results of versions before 0.4, and where the split is too short to score.
    key: "validation_bits_per_byte",
    stage: "score",
    kind: "quality",
    schema: anyLoss,
    better: "lower",
    about: "bits per byte on the validation split, which ranks configurations",
    column: { heading: "validation", terminal: "validation", unit: "bits/byte", format: "spread", turn: true },
    scalar: "validation/bits_per_byte",
  },
  {
    key: "validation_bytes",
    stage: "score",
    kind: "extent",
    schema: z.number().int().positive(),
    about: "bytes of the validation split that were scored",
  },
  {
    // Absent where the study had no n-gram baselines when it was scored.
    key: "gain_over_order_1",
    stage: "score",
    kind: "quality",
    schema: anyLoss,
    better: "higher",
    about: "n-gram baseline of order 1 minus the test score, bits per byte: the gain from more context than one byte",
    column: { heading: "below order 1", unit: "bits/byte", format: { decimals: 3 }, turn: true },
  },
] as const satisfies readonly Metric[];

/** One of {@linkcode METRICS}, with its key as a type. */
export type NamedMetric = typeof METRICS[number];
type Required = Extract<NamedMetric, { readonly required: true }>;
type ScoreMetric = Extract<NamedMetric, { readonly stage: "score" }>;

/** The key of a metric in results. */
export type MetricKey = NamedMetric["key"];

/** Metrics that each finished run has, scored or not. */
export type FinishedMetric = Exclude<Required, ScoreMetric>;

/**
 * What a score measures. A metric that a score may lack is named too: so one that has a record and no computation does not compile.
 */
export type ScoreMetrics = {
  readonly [M in ScoreMetric as M["key"]]: M extends Required ? number : number | undefined;
};

/** The keys of a score's metrics. */
export const SCORE_KEYS: readonly string[] = METRICS.filter(({ stage }) => stage === "score").map(({ key }) => key);

type RequiredFields<Stage, Kind> = {
  readonly [M in Extract<Required, { readonly stage: Stage; readonly kind: Kind }> as M["key"]]: M["schema"];
};

/** A schema for each metric that all results have once they have reached a stage, of this kind or of any. */
export function requiredFields<Stage extends MetricStage, Kind extends MetricKind = MetricKind>(
  stage: Stage,
  kind?: Kind,
): RequiredFields<Stage, Kind> {
  const own = METRICS.filter((metric) =>
    "required" in metric && metric.stage === stage && (kind === undefined || metric.kind === kind)
  );
  return Object.fromEntries(own.map(({ key, schema }) => [key, schema])) as RequiredFields<Stage, Kind>;
}

/** A schema for each metric that results may lack, as {@linkcode resultFields} types it. */
export type OptionalFields = {
  readonly [M in Exclude<NamedMetric, Required> as M["key"]]: z.ZodOptional<M["schema"]>;
};
