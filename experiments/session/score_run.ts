/** Scores one run: its model on the test split and on the validation split, and what the model writes. */
import { Buffer } from "node:buffer";
import { messageOf, UserError } from "../../cells/errors.ts";
import { BYTE_VOCABULARY, evaluationModel } from "../../cells/language_model.ts";
import type { TokenizedCorpus } from "../../train/corpus/tokens/tokenized.ts";
import { OpenFilesError } from "../../train/process/open_files.ts";
import { cutFor, evaluateModel, type Evaluation } from "../../train/scoring/evaluate.ts";
import type { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import { exportModel } from "../../train/scoring/export_model.ts";
import { promptFrom } from "../../train/scoring/sample_text.ts";
import { locationInWords } from "../../train/scoring/score_on.ts";
import { beginning, validationPart } from "../../train/scoring/validation.ts";
import { decodeRunWeights } from "../../train/training/checkpoint.ts";
import { advised, type Commit, readBytes } from "../study/files.ts";
import { readBaselines } from "../study/ngram_baselines.ts";
import { checkReplaceable } from "../study/ownership.ts";
import { configOf, type FinishedResult, isFinished, parseResult, sampleOf, withoutScore } from "../study/result.ts";
import { remakeModel } from "../study/commands.ts";
import { shortKey } from "../study/run_key.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";
import { checkModel, checkpointOf, modelFacts } from "./run_model.ts";
import { scoreMetrics } from "./score_metrics.ts";

/** The text that each scored run writes: one seed for all, so that texts differ by their models alone. */
export const SCORE_SAMPLE = { bytes: 200, temperature: 0.8, seed: 0 } as const;

/** What a run is scored with. */
export interface Scoring {
  readonly model: Uint8Array;
  /** Whether the model was made again from the checkpoint: if its score is good, both take the place of those that there are. */
  readonly isRemade?: boolean;
  /** What the study's models read: its test split is scored, and the beginning of its validation split. */
  readonly text: TokenizedCorpus;
  readonly threads: number;
  /** Kept from run to run. */
  readonly workers: EvaluationWorkers;
  /** Puts the result in its place, if the run is still this process's. */
  readonly commit: Commit;
  /** Bytes of the test split that are scored, at most; absent: all. */
  readonly testBytes?: number;
  readonly signal?: AbortSignal;
}

/** Scores of a run. */
export type RunScore = Omit<Evaluation, "drawn" | "memory" | "location">;

/** What to do about a checkpoint from which no good model can be made. */
const KEEP_MODEL = "move it away to keep the present model";

/**
 * Scores one run's model on the test split and on the validation split, and adds the scores to its result, with a sample of what it writes.
 *
 * @throws {UserError} if the model is not that of the result, or a score is not a finite number; model and result stay as they are
 * @throws {OpenFilesError} if this process may open no worker
 * @throws the signal's reason, if it gives the score up
 */
export async function scoreRun(
  study: Study,
  experiment: Experiment,
  key: string,
  { model, isRemade = false, text, threads, workers, commit, testBytes, signal }: Scoring,
): Promise<RunScore> {
  const [path, advice] = isRemade
    ? [study.checkpointPath(experiment, key), KEEP_MODEL]
    : [study.modelPath(experiment, key), remakeModel(study, experiment)];
  const result = await finishedResult(study, experiment, key);
  await checkModel(model, result, path, study, experiment);
  const { tokenizer } = text;
  const test = testBytes === undefined ? text.test : beginning(text.test, testBytes, tokenizer);
  const test_bytes_asked = test.length < text.test.length ? testBytes : undefined;
  const prompt = tokenizer.encode(promptFrom(text.corpus.test));
  const sample = { prompt, lengths: tokenizer.lengths, ...SCORE_SAMPLE };
  const extras = { sample, memory: true, validation: validationPart(text), tokenizer, signal, workers };
  const { drawn, memory, location, ...score } = await evaluateModel(model, test, threads, cutFor(test.length), extras)
    .catch(
      (error) => {
        signal?.throwIfAborted();
        if (error instanceof OpenFilesError) throw error;
        // What is no fault of the file's is not mended by moving it away.
        throw new UserError(
          `Cannot score ${path}: ${messageOf(error)}${error instanceof UserError ? `; ${advice}` : ""}`,
        );
      },
    );
  // The file again: someone may have removed or fixed it meanwhile.
  const now = await finishedResult(study, experiment, key);
  if (now["end time"] !== result["end time"]) {
    throw new UserError(`Cannot keep the score of run ${shortKey(key)}: its result changed while it was scored`);
  }
  // A score stands without baselines, too, where their file is another's.
  const baselines = await readBaselines(study).catch(() => undefined);
  // A metric that this score lacks is written as absent: that of an earlier score says nothing of this one.
  const scored = {
    ...now,
    // Baselines are counted for the whole split, and say nothing of a part.
    ...scoreMetrics(score, score.validation, test_bytes_asked === undefined ? baselines : undefined),
    scored_on: locationInWords(location),
    test_bytes_asked,
    sample: sampleOf(drawn!, sample, tokenizer),
    memory: memory!,
  };
  if (isRemade) {
    parseResult(scored, study.resultPath(experiment, key), study.space);
    await replaceModel(study, experiment, key, model, now, commit);
  }
  await study.writeResult(experiment, key, scored, commit);
  return score;
}

/** `test 1.8175, validation 1.8302 bits/byte`. */
export function scoreInWords({ bits_per_byte, validation }: RunScore): string {
  const more = validation ? `, validation ${validation.bits_per_byte.toFixed(4)}` : "";
  return `test ${bits_per_byte.toFixed(4)}${more} bits/byte`;
}

/**
 * Puts a scored model in the place of the one before. That one's score goes first: then a model that is there has its own score or
 * none, whenever the process is killed, and one that has none is scored by the next call.
 */
async function replaceModel(
  study: Study,
  experiment: Experiment,
  key: string,
  model: Uint8Array,
  result: FinishedResult,
  commit: Commit,
): Promise<void> {
  const path = study.modelPath(experiment, key);
  // Nobody's score goes for a model that cannot come.
  checkReplaceable(path);
  const before = await readBytes(path);
  if (before && Buffer.from(before).equals(model)) return;
  // The large file first, beside its place: a full disk takes no score away.
  await study.writeModel(experiment, key, model, async (rename) => {
    await study.writeResult(experiment, key, withoutScore(result), commit);
    await commit(rename);
  });
}

/**
 * @param doing what it is for
 * @throws {UserError} if the run has none
 */
export async function finishedResult(
  study: Study,
  experiment: Experiment,
  key: string,
  doing: "score" | "measure" = "score",
): Promise<FinishedResult> {
  const result = await study.readResult(experiment, key);
  if (!result || !isFinished(result)) {
    throw new UserError(`Cannot ${doing} run ${shortKey(key)}: it has no finished result`);
  }
  return result;
}

/**
 * Makes the model of a run's checkpoint again: so weights that were trained elsewhere come in. A run without a checkpoint keeps
 * its model, and so does one whose checkpoint is further than its result.
 */
export async function remadeModel(
  study: Study,
  experiment: Experiment,
  key: string,
  result: FinishedResult,
): Promise<Uint8Array | undefined> {
  const { space } = study, config = configOf(result, space), { vocabulary = BYTE_VOCABULARY } = result;
  const stored = await advised(KEEP_MODEL, async () => {
    const { path, bytes } = await study.readCheckpoint(experiment, key);
    if (!bytes) return undefined;
    const { parameters } = evaluationModel(space.cellOf(config), { ...config, vocabulary });
    return await decodeRunWeights(bytes, path, parameters, checkpointOf(result, space));
  });
  if (!stored || (stored.steps_done ?? result.steps_done) !== result.steps_done) return undefined;
  // Before minutes of scoring, rather than after.
  checkReplaceable(study.modelPath(experiment, key));
  return exportModel(config, stored.weights, modelFacts(result, result.steps_done), vocabulary, space);
}
