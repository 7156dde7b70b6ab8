/** What the model and the checkpoint of a run say of themselves, and whether a model is that of a result. */
import { UserError } from "../../cells/errors.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { BYTE_VOCABULARY, evaluationModel, type TrainingStep } from "../../cells/language_model.ts";
import { decodeEvaluation, differences } from "../../train/scoring/evaluation_file.ts";
import { type Checkpoint, type CheckpointOf, decodeCheckpoint } from "../../train/training/checkpoint.ts";
import { advised } from "../study/files.ts";
import { isOurModel } from "../study/ownership.ts";
import { configOf, type FinishedResult, type RunResult } from "../study/result.ts";
import { commandOn, remakeModel } from "../study/commands.ts";
import { runKey, shortKey } from "../study/run_key.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";

/** What a run's model says of itself: its text, its seed, and how many steps it has seen. */
export function modelFacts(
  { dataset, corpus_sha1, tokens, tokenizer_sha1, seed }: RunResult,
  steps: number,
): Record<string, string> {
  const read: Record<string, string> = tokens && tokenizer_sha1 ? { tokens, tokenizer_sha1 } : {};
  return { corpus: dataset, corpus_sha1, ...read, seed: String(seed), steps: String(steps) };
}

/** What the checkpoint of a run with this result says that it is of. */
export function checkpointOf(result: RunResult, table: FactorTable): CheckpointOf {
  const { seed, dataset: corpus, corpus_sha1, tokenizer_sha1, log_every } = result;
  const { "batch size": batch, "history size": history } = result;
  return {
    config: configOf(result, table),
    table,
    seed,
    corpus,
    corpus_sha1,
    tokenizer_sha1,
    batch,
    history,
    log_every,
  };
}

/**
 * Reads a run's checkpoint, which must be as far as its result and have its curve.
 *
 * @param about the run that it must be of
 * @param finished the result, where there is one
 * @throws {UserError} naming the file
 */
export async function decodeRunCheckpoint(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  step: TrainingStep,
  about: CheckpointOf,
  finished: FinishedResult | undefined,
): Promise<Checkpoint> {
  const fail = (why: string) => new UserError(`Cannot resume from ${path}: ${why}`);
  const checkpoint = await decodeCheckpoint(bytes, path, step, about);
  const { curve, steps_done } = checkpoint.state;
  if (finished && steps_done < finished.steps_done) {
    throw fail(`it is at step ${steps_done}, the run's result at step ${finished.steps_done}`);
  }
  if (finished?.loss.some((loss, i) => loss !== curve[i])) {
    throw fail("its curve differs from that of the run's result");
  }
  return checkpoint;
}

/**
 * Checks that a model is that of a result, before anything runs it: what it says of itself, and its inputs, outputs and weights.
 *
 * @throws {UserError} naming what disagrees
 */
export async function checkModel(
  model: Uint8Array,
  result: FinishedResult,
  path: string,
  study: Study,
  experiment: Experiment,
): Promise<void> {
  // What cellspace did not write is not replaced.
  const remake = `${isOurModel(model) ? "" : "move it away and "}${remakeModel(study, experiment)}`;
  const found = await advised(remake, () => decodeEvaluation(model, path)), { metadata: facts } = found;
  const run = shortKey(runKey(result.id, result.seed));
  const wanted: Record<string, string> = { id: result.id, ...modelFacts(result, result.steps_done) };
  for (const key of ["id", "seed", "corpus_sha1", "tokenizer_sha1", "steps"] as const) {
    // Models of the first version do not say their steps.
    if (facts[key] === undefined && key === "steps") continue;
    if (facts[key] !== wanted[key]) {
      // A model of other steps may be one of a run that is going on.
      const advice = key === "steps"
        ? `${remake}, or let ${commandOn("train", study, experiment)} finish the run`
        : remake;
      throw new UserError(
        `Cannot use ${path}: its '${key}' is ${facts[key] ?? "none"}, that of run ${run} is ${
          wanted[key] ?? "none"
        }; ${advice}`,
      );
    }
  }
  const config = configOf(result, study.space), { vocabulary = BYTE_VOCABULARY } = result;
  const [difference] = differences(found, evaluationModel(study.space.cellOf(config), { ...config, vocabulary }));
  if (difference) {
    throw new UserError(
      `Cannot use ${path}: ${difference.is}, that of run ${run} is ${difference.must}; ${remake}`,
    );
  }
}
