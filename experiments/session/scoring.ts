/** What `evaluate` does: scores finished runs on the test split and on the validation split. */
import { messageOf } from "../../cells/errors.ts";
import { type Unit, unitOf } from "../../cells/unit.ts";
import type { TokenizedCorpus } from "../../train/corpus/tokens/tokenized.ts";
import { OpenFilesError } from "../../train/process/open_files.ts";
import type { ScoreChoice } from "../../train/scoring/score_on.ts";
import { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import { heartbeat } from "../queue/heartbeat.ts";
import type { Queue } from "../queue/queue.ts";
import { claimKey, ClaimLost, commitWhileHeld, openStudyQueue, type QueueChoice } from "../queue/study_queue.ts";
import { isMisplaced, placeScores } from "./baseline_metrics.ts";
import { ensureBaselines, readBaselines } from "../study/ngram_baselines.ts";
import { type FinishedResult, isFinished } from "../study/result.ts";
import { runKey } from "../study/run_key.ts";
import type { Experiment } from "../study/experiment.ts";
import { readSelected } from "../study/selected_results.ts";
import type { Selection } from "../study/selection.ts";
import { Study } from "../study/store.ts";
import { studyText } from "../study/text.ts";
import { countUnvalidated } from "../study/validation.ts";
import { Scheduler } from "./scheduler.ts";
import { finishedResult, remadeModel, type RunScore, scoreRun } from "./score_run.ts";

export interface EvaluateOptions extends Pick<QueueChoice, "nodeLocal" | "queue"> {
  readonly dir: string;
  readonly experiment: Experiment;
  /** Scores runs that have a score too, after making their model again from the checkpoint. */
  readonly again: boolean;
  /** Which configurations; all where absent. */
  readonly only?: Selection;
  /** Where; absent: as `auto`. */
  readonly scoreOn?: ScoreChoice;
  /** Bytes of the test split that are scored, at most; absent: all. */
  readonly testBytes?: number;
  readonly signal?: AbortSignal;
  /** Runs to leave out. */
  readonly skip?: ReadonlySet<string>;
  /** The study's, where the caller has it. */
  readonly text?: TokenizedCorpus;
  readonly onScore?: (done: number, total: number, key: string, score: RunScore & { readonly reads: Unit }) => void;
  /** Called with how much of the corpus has been counted for its n-gram baselines, in bytes, where the study has none. */
  readonly onCount?: (done: number, total: number) => void;
  /** Called with a line that is no problem. */
  readonly onMessage?: (line: string) => void;
  /** Called when a run cannot be scored; the others go on. */
  readonly onProblem?: (problem: string) => void;
}

/** What a call of `evaluate` has done. */
export interface EvaluateSummary {
  /** Runs that it has scored. */
  readonly scored: number;
  /** Runs that had a score already. */
  readonly had: number;
  /** Of those, runs that have now got what their score is beside the study's n-gram baselines. */
  readonly placed: number;
  /** Of those that had one, runs without a score on the validation split: an earlier version scored them, and `again` adds it. */
  readonly unvalidated: number;
  /** Runs that are in use by other processes. */
  readonly others: number;
  /** Runs that could not be scored. */
  readonly problems: number;
  /** A line for each file that could not be read. */
  readonly unreadable: readonly string[];
}

/** Resources that the caller may have open already. */
export interface EvaluateResources {
  /** The study's. */
  readonly queue?: Queue;
  readonly workers?: EvaluationWorkers;
}

/** Scores finished runs. Each is claimed meanwhile: none is scored twice, or while it trains on. */
export async function evaluateStudy(
  options: EvaluateOptions,
  { queue, workers }: EvaluateResources = {},
): Promise<EvaluateSummary> {
  const { dir, experiment, again, only } = options;
  const study = await Study.open(dir);
  const doing = `score experiment ${experiment} of ${dir}`;
  const { results, unreadable } = await readSelected(study, experiment, only, doing);
  const finished = results.filter(isFinished);
  const todo = finished.filter(({ test_loss }) => again || test_loss === undefined);
  const left = finished.filter((result) => !todo.includes(result)), had = left.length;
  const unvalidated = countUnvalidated(left, study.settings);
  const known = await readBaselines(study).catch(() => undefined);
  const isPlaced = !finished.some((result) => isMisplaced(result, known));
  if (!todo.length && isPlaced) return { scored: 0, had, placed: 0, unvalidated, others: 0, problems: 0, unreadable };
  const text = todo.length || !known ? options.text ?? await studyText(study, ["validation", "test"]) : undefined;
  const { signal, onProblem, onCount } = options;
  // Whoever has the queue open has heard of it.
  const onDamaged = queue ? undefined : onProblem;
  // What cannot be had is refused before anything is written.
  using opened = workers || !text
    ? undefined
    : await EvaluationWorkers.open(options.scoreOn ?? "auto", options.onMessage);
  const scoring = workers ?? opened;
  // First of what is written: where its place is taken, nothing else is.
  const own = queue ?? (await openStudyQueue(study, options)).queue;
  using _heart = heartbeat(own);
  try {
    const baselines = text
      ? await ensureBaselines(study, text.corpus, { signal, onDamaged, onProgress: onCount })
      : known;
    const scores = text && scoring
      ? await scoreAll(study, todo, text, { queue: own, workers: scoring }, options)
      : { scored: 0, problems: 0, others: 0 };
    const { skip } = options, placing = { study, experiment, queue: own, skip, signal, onProblem };
    const placed = baselines ? await placeScores({ ...placing, baselines }) : 0;
    return { had, unvalidated, unreadable, placed, ...scores };
  } finally {
    if (!queue) await own.close();
  }
}

async function scoreAll(
  study: Study,
  todo: readonly FinishedResult[],
  text: TokenizedCorpus,
  { queue, workers }: Required<EvaluateResources>,
  { experiment, again, skip, testBytes, signal, onScore, onProblem }: EvaluateOptions,
) {
  const runs = todo.map(({ id, seed }) => ({ key: runKey(id, seed) })).filter(({ key }) => !skip?.has(key));
  const scheduler = new Scheduler(runs, { queue, experiment, signal });
  let scored = 0, problems = 0, taken = 0;
  while (!signal?.aborted) {
    workers.check();
    const [next] = await scheduler.group(1);
    if (!next) break;
    const { key } = next, commit = commitWhileHeld(queue, claimKey(experiment, key));
    try {
      // Another process may have scored it, or taken it further, before it was claimed here.
      const result = await finishedResult(study, experiment, key);
      if (!again && result.test_loss !== undefined) continue;
      const remade = again ? await remadeModel(study, experiment, key, result) : undefined;
      const model = remade ?? (await study.readModel(experiment, key)).model;
      const threads = navigator.hardwareConcurrency, isRemade = remade !== undefined;
      const scoring = { model, isRemade, text, threads, workers, commit, testBytes, signal };
      const score = await scoreRun(study, experiment, key, scoring);
      scored++;
      onScore?.(scored, todo.length, key, { ...score, reads: unitOf(result) });
    } catch (error) {
      if (signal?.aborted) break;
      // No other run would fare better.
      if (error instanceof OpenFilesError) throw error;
      if (error instanceof ClaimLost) taken++;
      else {
        problems++;
        onProblem?.(messageOf(error));
      }
    } finally {
      await scheduler.release(next);
    }
  }
  return { scored, problems, others: scheduler.others.length + taken };
}
