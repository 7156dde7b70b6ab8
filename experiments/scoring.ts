/** What `evaluate` does: scores finished runs on the test split. */
import { cellOf } from "../cells/catalog.ts";
import { configId } from "../cells/config.ts";
import { evaluationModel } from "../cells/language_model.ts";
import { decodeWeights } from "../train/checkpoint.ts";
import { evaluateModel, exportModel, type Score } from "../train/evaluate.ts";
import { configOf, isFinished, type RunResult } from "./result.ts";
import { readModel } from "./sampling.ts";
import { type Experiment, runKey, Study, writeAtomically } from "./store.ts";
import { studyCorpus } from "./study.ts";
import { scoreFields } from "./training.ts";

export interface EvaluateOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  /** Scores runs that have a score too, after making their model anew from the checkpoint. */
  readonly again: boolean;
  readonly onScore?: (done: number, total: number, key: string, score: Score) => void;
  /** Told of a run that cannot be scored; the others go on. */
  readonly onProblem?: (problem: string) => void;
}

/**
 * Scores finished runs.
 *
 * @returns how many were scored, had a score already, and could not be scored
 */
export async function evaluateStudy({ dir, experiment, again, onScore, onProblem }: EvaluateOptions) {
  const study = await Study.open(dir);
  const { results, unreadable } = await study.readResults(experiment);
  const finished = results.filter(isFinished);
  const todo = finished.filter(({ test_loss }) => again || test_loss === undefined);
  for (const problem of unreadable) onProblem?.(problem);
  let scored = 0, problems = unreadable.length;
  if (todo.length) {
    const corpus = await studyCorpus(study);
    for (const result of todo) {
      const key = runKey(result.id, result.seed);
      try {
        const model = again
          ? await remakeModel(study, experiment, key, result)
          : (await readModel(study, experiment, key)).model;
        const score = await evaluateModel(model, corpus.test, navigator.hardwareConcurrency);
        await study.writeResult(experiment, key, { ...result, ...scoreFields(score) });
        onScore?.(++scored, todo.length, key, score);
      } catch (error) {
        problems++;
        onProblem?.(error instanceof Error ? error.message : String(error));
      }
    }
  }
  return { scored, had: finished.length - todo.length, problems };
}

/** The model of a run's checkpoint, written anew: so weights that were trained elsewhere come in. */
async function remakeModel(study: Study, experiment: Experiment, key: string, result: RunResult): Promise<Uint8Array> {
  const path = study.checkpointPath(experiment, key);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new Error(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
    }
    return (await readModel(study, experiment, key)).model;
  }
  const config = configOf(result);
  const { parameters } = evaluationModel(cellOf(config), config);
  const stored = decodeWeights(bytes, parameters, path);
  if (stored.config && configId(stored.config) !== result.id) {
    throw new TypeError(
      `Cannot use ${path}: it holds the weights of configuration ${configId(stored.config)}, must be ${result.id}`,
    );
  }
  const about = { corpus: result.dataset, corpus_sha1: result.corpus_sha1, seed: String(result.seed) };
  const model = exportModel(config, stored.weights, about);
  await writeAtomically(study.modelPath(experiment, key), model);
  return model;
}
