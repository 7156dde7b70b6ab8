/** What `evaluate` does: scores finished runs on the test split. */
import { messageOf, UserError } from "../cells/errors.ts";
import { cellOf } from "../cells/catalog.ts";
import { configId } from "../cells/config.ts";
import { evaluationModel } from "../cells/language_model.ts";
import { decodeWeights } from "../train/checkpoint.ts";
import { evaluateModel, exportModel, type Score } from "../train/evaluate.ts";
import { configOf, isFinished, type RunResult, scoreFields } from "./result.ts";
import { type Experiment, runKey, Study } from "./store.ts";
import { studyCorpus } from "./study.ts";

export interface EvaluateOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  /** Scores runs that have a score too, after making their model anew from the checkpoint. */
  readonly again: boolean;
  readonly signal?: AbortSignal;
  readonly onScore?: (done: number, total: number, key: string, score: Score) => void;
  /** Told of a run that cannot be scored; the others go on. */
  readonly onProblem?: (problem: string) => void;
}

/**
 * Scores finished runs.
 *
 * @returns how many were scored, had a score already, and could not be scored; and a line for each file that could not be read
 */
export async function evaluateStudy({ dir, experiment, again, signal, onScore, onProblem }: EvaluateOptions) {
  const study = await Study.open(dir);
  const { results, unreadable } = await study.readResults(experiment);
  const finished = results.filter(isFinished);
  const todo = finished.filter(({ test_loss }) => again || test_loss === undefined);
  let scored = 0, problems = 0;
  if (todo.length) {
    const { test } = await studyCorpus(study);
    for (const result of todo) {
      if (signal?.aborted) break;
      const key = runKey(result.id, result.seed);
      try {
        const model = again
          ? await remakeModel(study, experiment, key, result)
          : (await study.readModel(experiment, key)).model;
        onScore?.(
          ++scored,
          todo.length,
          key,
          await scoreRun(study, experiment, key, model, test, navigator.hardwareConcurrency),
        );
      } catch (error) {
        problems++;
        onProblem?.(messageOf(error));
      }
    }
  }
  return { scored, had: finished.length - todo.length, problems, unreadable };
}

/**
 * Scores one run's model on the test split, and adds the score to its result.
 *
 * @throws {UserError} if the score is no finite number; the result stays as it is
 */
export async function scoreRun(
  study: Study,
  experiment: Experiment,
  key: string,
  model: Uint8Array,
  test: Uint8Array,
  threads = 1,
): Promise<Score> {
  const score = await evaluateModel(model, test, threads);
  if (!Number.isFinite(score.nats)) {
    throw new UserError(`Cannot score run ${key}: its loss on the test split is ${score.nats}`);
  }
  const result = await study.readResult(experiment, key);
  if (result) await study.writeResult(experiment, key, { ...result, ...scoreFields(score) });
  return score;
}

/** The model of a run's checkpoint, written anew: so weights that were trained elsewhere come in. */
async function remakeModel(study: Study, experiment: Experiment, key: string, result: RunResult): Promise<Uint8Array> {
  const path = study.checkpointPath(experiment, key);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`Cannot read ${path}: ${messageOf(error)}`);
    }
    return (await study.readModel(experiment, key)).model;
  }
  const config = configOf(result);
  const { parameters } = evaluationModel(cellOf(config), config);
  const stored = decodeWeights(bytes, parameters, path);
  if (stored.config && configId(stored.config) !== result.id) {
    throw new UserError(
      `Cannot use ${path}: it holds the weights of configuration ${configId(stored.config)}, must be ${result.id}`,
    );
  }
  const about = { corpus: result.dataset, corpus_sha1: result.corpus_sha1, seed: String(result.seed) };
  const model = exportModel(config, stored.weights, about);
  await study.writeModel(experiment, key, model);
  return model;
}
