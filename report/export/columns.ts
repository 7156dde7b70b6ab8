/**
 * What the tables for other tools hold: one row per run, and one per logged loss. Every column stands here once, with its type
 * and what it means; each format is made from these lists.
 */
import type { CellConfig } from "../../cells/config.ts";
import type { Configuration, FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { isWhole, type Metric, type MetricKind, ofKinds } from "../../experiments/study/metric.ts";
import { type MetricKey, METRICS } from "../../experiments/study/metrics.ts";
import {
  dateIn,
  isFinished,
  type KnownFields,
  type RunResult,
  type TIME_KEYS,
} from "../../experiments/study/result.ts";
import { amountRead } from "../data/reading.ts";
import { type Column, type ColumnType, factorColumn, type Value } from "../data/table.ts";
import { type MemoryCurve, RESETS } from "../../train/scoring/state_resets.ts";

/** Where a run stands, as far as its result says. */
export type Status = "done" | "failed" | "running";

export function statusOf(result: RunResult): Status {
  // A run that was done and failed on its way to more steps counts as failed, as `status` counts it.
  if (result.failed !== undefined) return "failed";
  return isFinished(result) ? "done" : "running";
}

/** A key of a result that is a column as it stands: its type, what it means, and what stands for an absent one. */
type Plain<Type extends ColumnType, V> = readonly [type: Type, about: string, absent?: V];

type AnyPlain = Plain<ColumnType, Value>;

/** What becomes of a key: a column of its type, several columns, or none, where another table holds it. */
type Field<V> = V extends boolean ? Plain<"boolean", boolean>
  : V extends number ? Plain<"int" | "double", number> | readonly Column<RunResult>[]
  : V extends string ? Plain<"string", string>
  : readonly Column<RunResult>[] | "in the curves";

/** The keys that name a run. */
type NameKey = "id" | "seed";
type Fields<Key extends keyof KnownFields> = { readonly [K in Key]-?: Field<NonNullable<KnownFields[K]>> };

/** What comes before a run's configuration. */
const NAME_FIELDS: Fields<NameKey> & { readonly status: readonly Column<RunResult>[] } = {
  id: ["string", "SHA-256 of the configuration; runs of one id differ only by seed"],
  seed: ["int", "seed of the initial weights and of the text offsets"],
  status: [{
    name: "status",
    type: "string",
    about: "done, failed, or running (in progress, or stopped before its end)",
    of: statusOf,
  }],
};

/** Those that say more of it, without its configuration and its metrics, which have tables of their own. */
type OwnKey = Exclude<keyof KnownFields, keyof CellConfig | NameKey | MetricKey>;

/** What comes behind its configuration: how experiment 02 came to train it. */
const CHOICE_FIELDS = {
  "old id": ["string", "experiment 02: the configuration of experiment 01 that this one comes from"],
  control: ["boolean", "experiment 02: drawn at random from the configurations that were not promoted", false],
} as const satisfies Partial<Fields<OwnKey>>;

/** What comes behind the size and the quality of its model: how long it was to train. */
const TRAINING_FIELDS = {
  "training steps": ["int", "steps asked for"],
} as const satisfies Partial<Fields<OwnKey>>;

/** What comes last, in order. A key that the schema of results has and none of these lists does not compile. */
const FIELDS: Fields<Exclude<OwnKey, keyof typeof CHOICE_FIELDS | keyof typeof TRAINING_FIELDS>> = {
  "start time": timeColumn("start time", "when the run began"),
  "end time": timeColumn("end time", "when the run ended"),
  "batch size": ["int", "batch size (parallel sequences)"],
  "history size": ["int", "sequence length before the state is reset, bytes or tokens (see tokens)"],
  log_every: ["int", "steps between two logged losses"],
  dataset: ["string", "name of the corpus"],
  corpus_sha1: ["string", "SHA-1 of the whole corpus"],
  tokens: ["string", "what the model reads: bytes, or byte-pair tokens", "bytes"],
  vocabulary: ["int", "vocabulary size: number of different bytes or tokens (see tokens)", 256],
  bytes_per_token: ["double", "mean bytes per token of the training split", 1],
  tokenizer_sha1: ["string", "SHA-1 of the study's tokenizer.json"],
  space: ["string", "name of the study's space, if it is not the built-in one"],
  space_sha256: ["string", "SHA-256 of its module, the study's space.ts"],
  train_sha1: ["string", "SHA-1 of its training split"],
  test_sha1: ["string", "SHA-1 of its test split"],
  engine: ["string", "engine that trained the run, or its last part"],
  adapter: ["string", "what that engine ran on"],
  earlier_engines: [{
    name: "earlier_engines",
    type: "string",
    about: "engines that did the first steps, as JSON, if another finished the run",
    of: ({ earlier_engines }) => earlier_engines === undefined ? null : JSON.stringify(earlier_engines),
  }],
  owner: ["string", "process that trains the run: host:pid"],
  attempt: ["int", "number of the attempt at the run that wrote the result"],
  failed: ["string", "why the run failed; a shorter result that it had before is kept in the other columns"],
  failed_at_step: ["int", "step at which it failed"],
  failed_time: timeColumn("failed_time", "when it failed"),
  cellspace_version: ["string", "version of cellspace that wrote the result"],
  scored_on: ["string", "where it was scored: cpu, or webgpu with its adapter"],
  test_bytes_asked: ["int", "bytes of the test split to be scored, if not all of it"],
  sample: [
    sampleColumn("text", "string", "text that the model generated, invalid UTF-8 as U+FFFD"),
    sampleColumn("prompt", "string", "prompt that it read first, from the test split"),
    sampleColumn("bytes", "int", "bytes that it generated"),
    sampleColumn("temperature", "double", "sampling temperature"),
    sampleColumn("seed", "int", "sampling seed"),
  ],
  memory: [
    memoryColumn(
      "memory_gain",
      "double",
      "loss increase under state resets, before every byte or token (see tokens), bits per byte",
      ({ gain }) => gain,
    ),
    memoryColumn(
      "memory_context",
      "int",
      "bytes or tokens (see tokens) of context beyond which more does not help; none: more than 128",
      ({ context }) => context,
    ),
    memoryColumn("memory_bytes", "int", "bytes of the test split that were scored with resets", ({ bytes }) => bytes),
    memoryColumn("memory_carried", "double", "bits per byte of these with the state carried", ({ carried }) => carried),
    ...RESETS.map((every) =>
      memoryColumn(
        `memory_reset_${every}`,
        "double",
        `bits per byte of these with the state set to zero every ${
          every === 1 ? "byte or token" : `${every} bytes or tokens`
        }`,
        ({ reset }) => reset.find((entry) => entry.every === every)?.bits_per_byte ?? null,
      )
    ),
  ],
  loss: "in the curves",
  loss_before_failure: "in the curves",
};

function memoryColumn(
  name: string,
  type: ColumnType,
  about: string,
  of: (memory: MemoryCurve) => Value,
): Column<RunResult> {
  return { name, type, about, of: ({ memory }) => memory ? of(memory) : null };
}

function sampleColumn(
  key: keyof NonNullable<RunResult["sample"]>,
  type: ColumnType,
  about: string,
): Column<RunResult> {
  return { name: `sample_${key}`, type, about, of: ({ sample }) => sample?.[key] ?? null };
}

/** A result's own keys as columns. */
function plainColumn(key: string, [type, about, absent = null]: AnyPlain): Column<RunResult> {
  const valueOf = (result: RunResult) => (result[key] ?? absent) as Value;
  return { name: key, type, about, of: valueOf };
}

/** A time of a result as a column. */
function timeColumn(name: typeof TIME_KEYS[number], about: string): readonly Column<RunResult>[] {
  return [{ name, type: "time", about, of: (result) => dateIn(result, name) }];
}

function columnsOf(
  fields: Readonly<Record<string, AnyPlain | readonly Column<RunResult>[] | "in the curves">>,
): Column<RunResult>[] {
  return Object.entries(fields).flatMap(([key, field]) => {
    if (field === "in the curves") return [];
    return isPlain(field) ? [plainColumn(key, field)] : field;
  });
}

/** What two runs with another number of steps back may be equal in. */
const READ_COLUMN: Column<RunResult> = {
  name: "tokens_read",
  type: "int",
  about: "bytes or tokens (see tokens) read in training: steps done × steps back × batch size",
  of: (result) =>
    result.steps_done === undefined ? null : amountRead({
      config: result as Configuration,
      steps_done: result.steps_done,
      batch_size: result["batch size"],
    }),
};

/** A metric's column. */
function metricColumn(metric: Metric): Column<RunResult> {
  return plainColumn(metric.key, [isWhole(metric) ? "int" : "double", metric.about]);
}

/**
 * Columns of the table of runs, in order; those of the configuration follow from the table of factors, whether or not they vary, and those of
 * what was measured from the table of metrics.
 */
export function runColumns(
  { factors }: FactorTable = GATED,
  metrics: readonly Metric[] = METRICS,
): Column<RunResult>[] {
  const measured = (kinds: readonly MetricKind[]) => ofKinds(metrics, kinds).map(metricColumn);
  return [
    ...columnsOf(NAME_FIELDS),
    ...factors.map((factor) => factorColumn(factor, (result: RunResult) => result as Configuration)),
    ...columnsOf(CHOICE_FIELDS),
    ...measured(["size", "quality", "extent"]),
    ...columnsOf(TRAINING_FIELDS),
    ...measured(["cost"]),
    READ_COLUMN,
    ...columnsOf(FIELDS),
  ];
}

function isPlain(field: AnyPlain | readonly Column<RunResult>[]): field is AnyPlain {
  return typeof field[0] === "string";
}

/** A logged loss of a run. */
export interface LoggedLoss {
  readonly id: string;
  readonly seed: number;
  readonly step: number;
  readonly smoothed_loss: number;
}

export const CURVE_COLUMNS: readonly Column<LoggedLoss>[] = [
  { name: "id", type: "string", about: "the run's id", of: ({ id }) => id },
  { name: "seed", type: "int", about: "the run's seed", of: ({ seed }) => seed },
  { name: "step", type: "int", about: "steps done when the loss was logged", of: ({ step }) => step },
  {
    name: "smoothed_loss",
    type: "double",
    about: "smoothed training loss, nats per byte or token (see tokens of the run); of a failed run up to its failure",
    of: ({ smoothed_loss }) => smoothed_loss,
  },
];
