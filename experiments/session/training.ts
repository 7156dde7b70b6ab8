/** What `train` does: finds what is not yet trained, has it trained, and scores what was left unscored. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { stepsBackOf } from "../../cells/config.ts";
import { unitOf } from "../../cells/unit.ts";
import { checkBudget, checkLimits, totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import { checkAskedLogged, checkTraining } from "../study/bounds.ts";
import { capacityOf, checkRoom, fittingAtOnce, footprintOf } from "./capacity.ts";
import { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import { openStudyEngine } from "../../train/engines/registry.ts";
import { ensureBaselines } from "../study/ngram_baselines.ts";
import { type SessionResources, type SessionRuns, TrainingSession } from "./session.ts";
import { isDone, type TrainStudyOptions } from "./train_options.ts";
import { evaluateStudy } from "./scoring.ts";
import { commandOn } from "../study/commands.ts";
import { isFinished } from "../study/result.ts";
import type { Run } from "../study/runs.ts";
import { runCosts } from "../study/run_cost.ts";
import { selectFrom } from "../study/selection.ts";
import { sharesOf } from "../study/shard.ts";
import { Study } from "../study/store.ts";
import { readUnit, stepsBackAmong, tokensRead, trainingSettings } from "../study/training_settings.ts";
import { studyText } from "../study/text.ts";
import { otherPlacesInWords, type TrainedOn } from "../study/trained_on.ts";
import { claimKey, openStudyQueue } from "../queue/study_queue.ts";

/** What a call of `train` has done. */
export interface TrainSummary {
  /** Runs that it has trained to their end. */
  readonly finished: number;
  /** Runs that diverged (NaN or Inf). */
  readonly failed: number;
  /** Runs that could not be trained or scored for an outside reason, or were skipped; a later call tries them again. */
  readonly problems: number;
  /** Runs that were under way when the signal came. */
  readonly interrupted: readonly string[];
  /** Runs that were left to other processes. */
  readonly others: number;
  /** Runs that were left, since the queue says that another folder has them trained. */
  readonly elsewhere: number;
  /** From the first group to the last score. */
  readonly seconds: number;
}

/**
 * Trains what is not yet trained. Prints nothing: see {@linkcode TrainStudyOptions}.
 *
 * @throws what a handler of the options throws
 * @throws {UserError} if there is no study, no configuration, or no engine; or if the study cannot be written any more
 */
export async function trainStudy(options: TrainStudyOptions): Promise<TrainSummary> {
  const { dir, experiment, shard } = options;
  const study = await Study.open(dir);
  const settings = settingsOf(study, options);
  const own = await waitingRuns(study, settings, options);
  const { waiting, skipped, finished } = own;
  const text = await studyText(study), engine = await openStudyEngine(options.engine);
  try {
    const others = waiting.length
      ? otherPlacesInWords(finished, { engine: engine.name, adapter: engine.adapter })
      : undefined;
    if (others !== undefined) options.onMessage?.(others);
    checkRoom(engine, waiting, footprintOf(() => engine, settings, study.space), settings);
    using workers = await EvaluationWorkers.open(options.scoreOn ?? "auto", options.onMessage);
    // First of what is written: where its place is taken, nothing else is.
    const wanted = new Map(waiting.map((run) => [claimKey(experiment, run.key), stepsOf(run, settings)]));
    const stepsWanted = (key: string) => wanted.get(key);
    const { queue, nodeLocal, retrainLost, onMessage, timing } = options;
    const share = shard && { experiment, shard };
    const opening = { ...timing, share, queue, nodeLocal, retrainLost, stepsWanted, onMessage };
    const claims = await openStudyQueue(study, opening);
    try {
      await study.makeRunFolders(experiment);
      await study.removeLeftovers();
      const coming = waiting.slice(0, options.limit), runs = coming.length;
      const steps = coming.reduce((sum, { entry }) => sum + tokensRead(settings, entry.config), 0);
      // Of all that wait, as the session has it: a bar keeps its words.
      const unit = readUnit(waiting.map(({ entry }) => entry.config), unitOf(study.settings));
      await ensureBaselines(study, text.corpus, {
        signal: options.signal,
        onDamaged: options.onProblem,
        onProgress(done, total) {
          const preparing = { what: "n-grams", done, total } as const;
          const counted = { steps_done: 0, steps, ...(unit ? { unit } : {}) };
          options.onProgress?.({ runs_done: 0, runs, ...counted, running: [], preparing });
        },
      });
      const resources = { study, text, engine, workers, ...claims };
      const summary = await runSession(resources, settings, own, options);
      return { ...summary, problems: summary.problems + skipped };
    } finally {
      await claims.queue.close();
    }
  } catch (error) {
    await engine.close().catch(() => {});
    throw error;
  }
}

/** Trains the waiting runs on this engine, then scores what an earlier call left unscored. */
async function runSession(
  { study, text, engine, queue, owner, workers }: Omit<SessionResources, "reopen">,
  settings: TrainingSettings,
  { waiting, meant, outside }: Pick<OwnRuns, "waiting" | "meant" | "outside">,
  options: TrainStudyOptions,
): Promise<TrainSummary> {
  const { dir, experiment, signal, testBytes } = options;
  const start = performance.now();
  const reopen = () => openStudyEngine(engine.name);
  const runs = Math.min(waiting.length, options.limit ?? Infinity);
  // Of all that wait: which of them a limit leaves depends on what others hold.
  const { parallel, why } = capacityOf(engine, options.parallel, runs, (wanted) => {
    return fittingAtOnce(waiting, footprintOf(() => engine, settings, study.space), engine.memory, wanted);
  });
  if (why !== undefined) options.onMessage?.(why);
  const resources = { study, text, queue, owner, engine, workers, reopen };
  const session = new TrainingSession(resources, settings, { waiting, meant }, { ...options, parallel });
  await session.run();
  // What an earlier call trained and was stopped before it could score.
  const late = signal?.aborted ? undefined : await evaluateStudy(
    {
      dir,
      experiment,
      again: false,
      text,
      signal,
      testBytes,
      skip: new Set([...session.unscored, ...outside]),
      onProblem: options.onProblem,
    },
    { queue, workers },
  );
  const seconds = (performance.now() - start) / 1000;
  const { finished, failed, problems, interrupted, others, elsewhere } = session;
  return { finished, failed, problems: problems + (late?.problems ?? 0), interrupted, others, elsewhere, seconds };
}

function settingsOf(
  { dir, settings: ofStudy }: Study,
  { experiment, steps, budget }: TrainStudyOptions,
): TrainingSettings {
  const settings = trainingSettings(ofStudy, experiment, { steps, budget });
  checkTraining(dir, experiment, ofStudy.training, { steps });
  const { batch, history, log_every } = settings;
  checkLimits({ steps: settings.steps, batch, history, log_every });
  checkBudget(settings.budget);
  checkAskedLogged(settings, 1);
  return settings;
}

/** Steps that a run is to get, whole passes. */
function stepsOf({ entry: { config } }: Run, settings: TrainingSettings): number {
  return totalSteps(settings, stepsBackOf(config));
}

/** What a call may train. */
interface OwnRuns extends SessionRuns {
  /** Runs that are skipped, since their results cannot be read. */
  readonly skipped: number;
  /** On what the finished runs were trained, those included that are not meant. */
  readonly finished: readonly TrainedOn[];
  /** Keys of runs that are in the shares of others, who may be scoring them just now: no table of claims says so. */
  readonly outside: readonly string[];
}

async function waitingRuns(
  study: Study,
  settings: TrainingSettings,
  options: TrainStudyOptions,
): Promise<OwnRuns> {
  const { dir, experiment, only, shard } = options;
  const runs = await study.runs(experiment);
  if (!runs.length) {
    throw new UserError(
      `Cannot train experiment ${experiment} in ${dir}: it has no configurations; ` +
        `run ${commandOn("init", study, experiment)}`,
    );
  }
  const share = shard ? sharesOf(runs, shard.count, runCosts(study, experiment))[shard.index - 1] : runs;
  const chosen = selectFrom(
    share,
    only,
    ({ entry }) => entry.config,
    `train experiment ${experiment} in ${dir}`,
    "run",
  );
  for (const back of stepsBackAmong(chosen.map(({ entry }) => entry.config))) checkAskedLogged(settings, back);
  const meant = new Set(chosen), waiting: Run[] = [], finished: TrainedOn[] = [];
  let skipped = 0;
  for (const run of runs) {
    try {
      const result = await study.readResult(experiment, run.key);
      if (result && isFinished(result)) finished.push({ engine: result.engine, adapter: result.adapter });
      if (meant.has(run) && !isDone(result, settings, options)) waiting.push(run);
    } catch (error) {
      if (!meant.has(run)) continue;
      // Someone may want to fix the file: its run is left alone, the others go on.
      options.onProblem?.(`${messageOf(error)}; this run is skipped`);
      skipped++;
    }
  }
  const own = new Set(share);
  return {
    waiting,
    meant: chosen,
    skipped,
    finished,
    outside: runs.filter((run) => !own.has(run)).map(({ key }) => key),
  };
}
