/**
 * One run's record, as it stands in `results_*\/<id>.json`. What is measured of a run follows from the table of metrics. The keys with spaces
 * are the original study's; new ones are snake_case. A run that has not finished has no `loss`.
 */
import * as z from "zod";
import { MAX_VOCABULARY } from "../../cells/bounds.ts";
import { oncePer } from "../../cells/once_per.ts";
import { minOf } from "../../cells/extremes.ts";
import { UserError } from "../../cells/errors.ts";
import { legSchema } from "../../train/training/leg.ts";
import type { MemoryCurve } from "../../train/scoring/state_resets.ts";
import type { Tokenizer, Tokens } from "../../train/corpus/tokens/tokenizer.ts";
import { MOST_TEMPERATURE, type SampleOptions } from "../../train/scoring/sample_text.ts";
import { LIMITS, passUpdates } from "../../train/training/settings.ts";
import { CELLSPACE_VERSION } from "../../train/version.ts";
import { GATED_SPACE, knownFieldsOf } from "../../cells/catalog/catalog.ts";
import {
  type CellConfig,
  type ConfigFields,
  configIdIn,
  configIn,
  parseWith,
  stepsBackOf,
  validAsAWhole,
} from "../../cells/config.ts";
import { type FactorTable, keysOf } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { type Metric, optionalFieldsOf } from "./metric.ts";
import { anyLoss, METRICS, type OptionalFields, requiredFields, SCORE_KEYS } from "./metrics.ts";

/** A configuration's id, and the SHA-1 of a corpus, as files have them. */
export const idSchema = z.string().regex(/^[0-9a-f]{64}$/, { abort: true });
export const sha1Schema = z.string().regex(/^[0-9a-f]{40}$/);

/** What names the space of a study and of its results, where that is not the built-in one: its name, and the SHA-256 of its module. */
export const spaceFields = {
  space: z.string().regex(/^[a-z][a-z0-9_]*$/),
  space_sha256: z.string().regex(/^[0-9a-f]{64}$/),
};

/** What every finished run's result has. */
const finishedSchema = z.object({
  /** Smoothed training loss, nats per token (bytes are tokens, where nothing else is said), one value every `log_every` steps. */
  loss: z.array(anyLoss).min(1, { abort: true }),
  ...requiredFields("training", "quality"),
  /** Unix seconds, by a clock that may be wrong: readers take no time for sure (see {@linkcode dateIn}). */
  "end time": z.number(),
  ...requiredFields("training", "cost"),
});

const evaluationSchema = z.object(requiredFields("score"));

const sampleSchema = z.object({
  /** What the model wrote: bytes as UTF-8, with U+FFFD for what is none. */
  text: z.string(),
  /** What it read before, of the test split. */
  prompt: z.string(),
  /** Bytes drawn. */
  bytes: z.number().int().positive(),
  temperature: z.number().nonnegative().max(MOST_TEMPERATURE),
  /** Of the draws; the same for all runs. */
  seed: z.number().int().nonnegative(),
});

/** The loss increase of a run's model under state resets: see train/scoring/state_resets.ts. */
const memorySchema: z.ZodType<MemoryCurve> = z.object({
  gain: anyLoss,
  context: z.number().int().nonnegative().nullable(),
  bytes: z.number().int().positive(),
  carried: anyLoss,
  reset: z.array(z.object({ every: z.number().int().positive(), bits_per_byte: anyLoss })),
});

/** A short text that a run's model wrote when it was scored. */
export type Sample = z.infer<typeof sampleSchema>;

/** What a result says beside its configuration, without what results of earlier versions may lack of a score. */
const ownFields = {
  id: idSchema,
  "start time": z.number(),
  /** Updates asked for: of a run that goes several steps back at a budget of tokens, those that it makes of them. */
  "training steps": z.number().int().positive().max(LIMITS.steps),
  "batch size": z.number().int().positive().max(LIMITS.batch),
  /** Tokens of one pass. */
  "history size": z.number().int().positive().max(LIMITS.history),
  /** The corpus' name. */
  dataset: z.string(),
  corpus_sha1: sha1Schema,
  /** What the model reads, where that is not bytes: `bpe:1024`, how many they are, and the SHA-1 of the study's `tokenizer.json`. */
  tokens: z.string().optional(),
  vocabulary: z.number().int().positive().max(MAX_VOCABULARY).optional(),
  tokenizer_sha1: sha1Schema.optional(),
  /** Mean bytes that one of them stands for in the training split. */
  bytes_per_token: z.number().min(1).optional(),
  space: spaceFields.space.optional(),
  space_sha256: spaceFields.space_sha256.optional(),
  /** Of the splits; results of the first versions have none. */
  train_sha1: sha1Schema.optional(),
  test_sha1: sha1Schema.optional(),
  /** Any that there may have been: a result of more seeds than the study has now is not in its list. */
  seed: z.number().int().nonnegative(),
  /** Steps between two values of `loss`. */
  log_every: z.number().int().positive().max(LIMITS.log_every),
  engine: z.string(),
  adapter: z.string(),
  ...requiredFields("start"),
  /** Which version of this program wrote the result, and did the last of its steps. */
  cellspace_version: z.string(),
  "old id": z.string().optional(),
  /** In experiment 02: drawn at random from what was not chosen; absent where it was chosen. */
  control: z.literal(true).optional(),
  /** Who trains the run; gone when it has ended. */
  owner: z.string().optional(),
  /** The number of the attempt that wrote this, of all processes that have begun the run; results of versions before 0.8 have none. */
  attempt: z.number().int().positive().optional(),
  /** Who did the run's first steps, where another engine, adapter or version of this program finished it. */
  earlier_engines: z.array(legSchema).optional(),
  /** Why the run ended without a result, at which step, and its smoothed loss up to there. */
  failed: z.string().optional(),
  failed_at_step: z.number().int().nonnegative().optional(),
  /** When it failed, Unix seconds: `end time` is that of the shorter result where there is one. */
  failed_time: z.number().optional(),
  loss_before_failure: z.array(anyLoss).optional(),
  ...finishedSchema.partial().shape,
  ...evaluationSchema.partial().shape,
};

/** What comes with a score beside its metrics; results of the first versions have none. */
const scoreObjects = {
  sample: sampleSchema.optional(),
  memory: memorySchema.optional(),
  /** Where the score was made: `cpu`, or `webgpu` with its adapter; results of versions before 0.5 have none. */
  scored_on: z.string().optional(),
  /** `--test-bytes`, where it cut the test split; absent where all of that was scored. */
  test_bytes_asked: z.number().int().positive().optional(),
};

/**
 * The fields of a result whose configuration is of this table.
 *
 * @param metrics what is measured of each run
 * @throws {UserError} if the table breaks a rule, or a factor has the name of another key
 */
export function resultFieldsOf(table: Space, metrics: readonly Metric[] = METRICS): ResultFields {
  const own = { ...ownFields, ...optionalFieldsOf(metrics), ...scoreObjects } as OwnFields;
  const taken = keysOf(table.factors).find((key) => Object.hasOwn(own, key));
  if (taken !== undefined) {
    throw new UserError(
      `Cannot use table '${table.name}': factor '${taken}' must have another key, results already have this one`,
    );
  }
  return z.looseObject({ ...knownFieldsOf(table), ...own });
}

type OwnFields = typeof ownFields & OptionalFields & typeof scoreObjects;
type ResultFields = z.ZodObject<ConfigFields & OwnFields, z.core.$loose>;

/** The fields of a result of the built-in space. */
export const resultFields: ResultFields = resultFieldsOf(GATED_SPACE);

/** Schema of a result, of a run that is under way as well as of a finished one. */
export function resultSchemaOf(table: Space): z.ZodType<RunResult> {
  return resultFieldsOf(table).refine(...validAsAWhole(table)).superRefine((result, context) =>
    checkTogether(table, result, context)
  );
}

/** One for each space: hundreds of results are read with it. */
const schemaOf = oncePer(resultSchemaOf);

export type RunResult = z.infer<typeof resultFields>;

/** The keys that this program knows, and what they hold; a file may have others beside them. */
export type KnownFields = z.infer<z.ZodObject<typeof resultFields.shape>>;
export const KNOWN_KEYS: readonly string[] = Object.keys(resultFields.shape);

/** A result that has its curve. */
export type FinishedResult = RunResult & z.infer<typeof finishedSchema>;

export function isFinished(result: RunResult): result is FinishedResult {
  return result.loss !== undefined && result["min loss"] !== undefined && result["end time"] !== undefined;
}

/** Whether a run is under way, or was when its process ended. */
export function isUnderWay(result: RunResult): boolean {
  return !isFinished(result) && result.failed === undefined;
}

/** Whether nothing is left to do for a run: it has done so many steps, or failed for good. */
export function hasEnded(result: RunResult | undefined, steps: number): boolean {
  if (!result) return false;
  return result.failed !== undefined || (isFinished(result) && result.steps_done >= steps);
}

/** The configuration that a result is of. */
export function configOf(result: RunResult, table: FactorTable): CellConfig {
  return configIn(result, table);
}

/** Keys of a result that hold times, Unix seconds. */
export const TIME_KEYS = ["start time", "end time", "failed_time"] as const;

/** One of a result's times; null where it has none, or a number that is no time: that says nothing against its other keys. */
export function dateIn(result: RunResult, key: typeof TIME_KEYS[number]): Date | null {
  const date = new Date(Math.round(1000 * (result[key] ?? NaN)));
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Where parts of a result that are right by themselves contradict each other: it was edited, or is half of one. */
function checkTogether(table: FactorTable, result: RunResult, context: z.RefinementCtx): void {
  const fail = (message: string) => context.addIssue({ code: "custom", message });
  const id = configIdIn(table, configIn(result, table));
  if (id !== result.id) fail(`its id is ${result.id}, that of its configuration is ${id}`);
  const parts = [
    ["a finished run", ["loss", "min loss", "steps_done"], finishedSchema],
    ["a score", ["test_loss", "test_bits_per_byte"], evaluationSchema],
  ] as const;
  for (const [what, signs, { shape }] of parts) {
    const missing = Object.keys(shape).filter((key) => result[key] === undefined);
    if (missing.length && signs.some((key) => result[key] !== undefined)) {
      return fail(`it lacks '${missing.join("', '")}' of ${what}`);
    }
  }
  const back = stepsBackOf(result), history = result["history size"];
  if (back > 1 && passUpdates({ history }, back) < 1) {
    fail(`it has ${back} steps back, 'history size' ${history} allows at most ${history - 1}`);
  }
  if (!isFinished(result)) return;
  const least = minOf(result.loss),
    logged = Math.floor(result.steps_done / result.log_every);
  if (least !== result["min loss"]) fail(`'min loss' is ${result["min loss"]}, the smallest of 'loss' is ${least}`);
  if (logged !== result.loss.length) {
    fail(
      `'loss' has ${result.loss.length} values, ${result.steps_done} steps logged every ${result.log_every} give ${logged}`,
    );
  }
}

/** A result was written by a version of this program that this one does not know. */
export class UnknownVersion extends UserError {}

/** Versions that differ in the last number alone write results that mean the same. */
const VERSION = /^(\d+)\.(\d+)\.\d+$/;

/**
 * Checks who wrote a result, before all else: what a later version means by its keys cannot be judged.
 *
 * @param value what was parsed from the file; where it names no version, {@linkcode parseResult} says what is wrong
 * @throws {UnknownVersion} naming the file
 */
export function checkVersion(value: unknown, file: string): void {
  const version = (value as Partial<RunResult> | null)?.cellspace_version;
  if (typeof version !== "string") return;
  const [, major, minor] = VERSION.exec(version)?.map(Number) ?? [];
  const [, ownMajor, ownMinor] = VERSION.exec(CELLSPACE_VERSION)!.map(Number);
  if (major < ownMajor || (major === ownMajor && minor <= ownMinor)) return;
  throw new UnknownVersion(
    `Cannot read ${file}: it was written by version '${version}' of cellspace, this is ${CELLSPACE_VERSION}; ` +
      "use the version that wrote it, or a newer one",
  );
}

/** @throws {UserError} naming the file, and each wrong key of what was parsed from it */
export function parseResult(value: unknown, file: string, space: Space = GATED_SPACE): RunResult {
  return parseWith(schemaOf(space), value, file);
}

/** The keys that come with a score and go with it. */
export const KEYS_OF_SCORE: readonly string[] = [...SCORE_KEYS, ...Object.keys(scoreObjects)];

/** A result as it was before its model was scored. */
export function withoutScore(result: FinishedResult): FinishedResult {
  return Object.fromEntries(Object.entries(result).filter(([key]) => !KEYS_OF_SCORE.includes(key))) as FinishedResult;
}

/** What a model drew, as a result keeps it. */
export function sampleOf(
  drawn: Tokens,
  { prompt, bytes, temperature, seed }: SampleOptions,
  tokenizer: Tokenizer,
): Sample {
  const decode = (tokens: Tokens, most?: number) =>
    new TextDecoder().decode(tokenizer.decode(tokens).subarray(0, most));
  return { text: decode(drawn, bytes), prompt: decode(prompt), bytes, temperature, seed };
}
