/** What `train` does: finds what is not yet trained, has it trained, and scores what was left unscored. */
import { messageOf, UserError } from "../cells/errors.ts";
import { checkLogged, type TrainingSettings } from "../train/settings.ts";
import { openEngine } from "./engines.ts";
import { ensureFloors } from "./floors.ts";
import { TrainingSession } from "./session.ts";
import { isDone, type TrainStudyOptions } from "./train_options.ts";
import { evaluateStudy } from "./scoring.ts";
import { type Run, Study } from "./store.ts";
import { studyCorpus } from "./study.ts";
import { openStudyQueue } from "./study_queue.ts";

export interface TrainSummary {
  readonly finished: number;
  readonly failed: number;
  /** Runs that could not be trained or scored for an outside reason, or were skipped; a later call tries them again. */
  readonly problems: number;
  /** Runs that were under way when the signal came. */
  readonly interrupted: readonly string[];
  /** Runs that were left to other processes. */
  readonly others: number;
  readonly seconds: number;
}

/**
 * Trains what is not yet trained.
 *
 * @throws {UserError} if there is no study, no configuration, or no engine; or if the study cannot be written any more
 */
export async function trainStudy(options: TrainStudyOptions): Promise<TrainSummary> {
  const { dir, experiment, signal } = options;
  const study = await Study.open(dir);
  const settings = settingsOf(study, options);
  const { waiting, skipped } = await waitingRuns(study, settings, options);
  const corpus = await studyCorpus(study);
  await study.makeRunFolders(experiment);
  await study.removeLeftovers();
  const onProblem = (problem: string) => console.error(`train: ${problem}`);
  await ensureFloors(study, corpus, { signal, quiet: options.quiet, onDamaged: onProblem });
  const start = performance.now();
  const { queue, owner } = await openStudyQueue(study, options.timing);
  try {
    const engine = await openEngine(options.engine);
    const reopen = () => openEngine(engine.name === "webgpu" ? "webgpu" : "onnx");
    const session = new TrainingSession({ study, corpus, queue, owner, engine, reopen }, settings, waiting, options);
    await session.run();
    // What an earlier call trained and was stopped before it could score.
    const late = signal?.aborted ? undefined : await evaluateStudy(
      { dir, experiment, again: false, corpus, signal, skip: session.unscored, onProblem },
      queue,
    );
    const seconds = (performance.now() - start) / 1000;
    const { finished, failed, problems, interrupted, others } = session;
    return { finished, failed, problems: problems + skipped + (late?.problems ?? 0), interrupted, others, seconds };
  } finally {
    await queue.close();
  }
}

function settingsOf({ settings: { training } }: Study, { experiment, steps }: TrainStudyOptions): TrainingSettings {
  const settings = {
    steps: steps ?? training.steps[experiment],
    log_every: training.log_every[experiment],
    batch: training.batch,
    history: training.history,
  };
  checkLogged(settings);
  return settings;
}

/** Runs that are not done, in training order; and how many are skipped, since their results cannot be read. */
async function waitingRuns(
  study: Study,
  settings: TrainingSettings,
  options: TrainStudyOptions,
): Promise<{ waiting: Run[]; skipped: number }> {
  const { dir, experiment, only } = options;
  const runs = await study.runs(experiment);
  if (!runs.length) {
    throw new UserError(
      `Cannot train experiment ${experiment} in ${dir}: it has no configurations; ` +
        `run 'deno task init --dir ${dir} --experiment ${experiment}'`,
    );
  }
  const chosen = runs.filter(({ entry }) => only?.(entry.config) ?? true);
  if (!chosen.length) {
    throw new UserError(
      `Cannot train experiment ${experiment} in ${dir}: none of its ${runs.length} runs matches --only`,
    );
  }
  const waiting: Run[] = [];
  let skipped = 0;
  for (const run of chosen) {
    try {
      if (!isDone(await study.readResult(experiment, run.key), settings, options)) waiting.push(run);
    } catch (error) {
      // Someone may want to mend the file: its run is left alone, the others go on.
      console.error(`train: ${messageOf(error)}; this run is skipped`);
      skipped++;
    }
  }
  return { waiting, skipped };
}
