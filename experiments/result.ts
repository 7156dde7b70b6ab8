/**
 * One run's record, as it stands in `results_*\/<id>.json`. The keys with spaces are the original study's;
 * new ones are snake_case. A run that has not finished has no `loss`.
 */
import { UserError } from "../cells/errors.ts";
import { z } from "zod";
import type { Score } from "../train/evaluate.ts";
import { type CellConfig, configFields, configId, describeSchemaError, pickConfig } from "../cells/config.ts";

const finishedFields = {
  /** Smoothed training loss, nats per byte, one value every `log_every` steps. */
  loss: z.array(z.number()).min(1),
  /** The smallest value of `loss`. */
  "min loss": z.number(),
  /** Unix seconds. */
  "end time": z.number(),
  /** Steps done, which is `training steps` rounded up to whole passes. */
  steps_done: z.number().int().positive(),
  /** Training time in seconds, without set-up and evaluation. */
  train_seconds: z.number().nonnegative(),
};

const evaluationFields = {
  /** Mean cross-entropy on the test split, nats per byte. */
  test_loss: z.number(),
  test_bits_per_byte: z.number(),
  /** Bytes scored. */
  test_bytes: z.number().int().positive(),
  /** Parallel streams that the test split was cut into, and how many unscored bytes each read first. */
  test_streams: z.number().int().positive(),
  test_warm_up: z.number().int().nonnegative(),
};

/** What to do about a damaged result. */
export const MEND_RESULT = "mend it, or move it away and the run is trained again";

/** Schema of a result, of a run that is under way as well as of a finished one. */
export const resultSchema = z.looseObject({
  ...configFields,
  id: z.string().regex(/^[0-9a-f]{64}$/),
  "start time": z.number(),
  /** Steps asked for. */
  "training steps": z.number().int().positive(),
  "batch size": z.number().int().positive(),
  /** Bytes of one pass. */
  "history size": z.number().int().positive(),
  /** The corpus' name. */
  dataset: z.string(),
  corpus_sha1: z.string(),
  seed: z.number().int().nonnegative(),
  /** Steps between two values of `loss`. */
  log_every: z.number().int().positive(),
  engine: z.string(),
  adapter: z.string(),
  /** Trainable numbers in the model, frozen ones included. */
  parameters: z.number().int().positive(),
  cellspace_version: z.string(),
  "old id": z.string().optional(),
  /** Who trains the run; gone when it has ended. */
  owner: z.string().optional(),
  /** Engines that did the run's first steps, where another finished it. */
  earlier_engines: z.array(z.object({ engine: z.string(), adapter: z.string(), steps: z.number().int() })).optional(),
  /** Why the run ended without a result, at which step, and its smoothed loss up to there. */
  failed: z.string().optional(),
  failed_at_step: z.number().int().nonnegative().optional(),
  loss_before_failure: z.array(z.number()).optional(),
  ...z.object({ ...finishedFields, ...evaluationFields }).partial().shape,
});

export type RunResult = z.infer<typeof resultSchema>;

/** A result that has its curve. */
export type FinishedResult = RunResult & z.infer<z.ZodObject<typeof finishedFields>>;

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
  return isFinished(result) ? result.steps_done >= steps : result.failed !== undefined;
}

/** The configuration that a result is of. */
export function configOf(result: RunResult): CellConfig {
  return pickConfig(result);
}

/**
 * Checks a parsed result file.
 *
 * @throws {UserError} naming the file and each wrong key
 */
export function parseResult(value: unknown, file: string): RunResult {
  const fail = (why: string) => new UserError(`Cannot read ${file}: ${why}; ${MEND_RESULT}`);
  const parsed = resultSchema.safeParse(value);
  if (!parsed.success) throw fail(describeSchemaError(parsed.error));
  const result = parsed.data;
  const id = configId(pickConfig(result, file));
  if (id !== result.id) throw fail(`its id is ${result.id}, that of its configuration is ${id}`);
  if (isFinished(result)) {
    const least = result.loss.reduce((a, b) => Math.min(a, b)),
      logged = Math.floor(result.steps_done / result.log_every);
    if (least !== result["min loss"]) {
      throw fail(`'min loss' is ${result["min loss"]}, the smallest of 'loss' is ${least}`);
    }
    if (logged !== result.loss.length) {
      throw fail(
        `'loss' has ${result.loss.length} values, ${result.steps_done} steps logged every ${result.log_every} give ${logged}`,
      );
    }
  }
  return result;
}

/** A score under the names that a result gives it. */
export function scoreFields(
  { nats, bits_per_byte, bytes, streams, warm_up }: Score,
): z.infer<z.ZodObject<typeof evaluationFields>> {
  return {
    test_loss: nats,
    test_bits_per_byte: bits_per_byte,
    test_bytes: bytes,
    test_streams: streams,
    test_warm_up: warm_up,
  };
}
