/** Trains runs, many at once where an engine takes groups of them. */
import { checkWhole } from "../../cells/bounds.ts";
import type { Cell } from "../../cells/cell.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { Engine } from "../engines/engine.ts";
import { enter, enterNext, type GroupOptions, GroupTraining, type ReadyRun, unlessStopped } from "./group_training.ts";
import type { TrainingState } from "./loss_log.ts";
import { checkSettings, type TrainingSettings } from "./settings.ts";
import {
  type CellJob,
  checkRun,
  type Progress,
  type RunSource,
  type TrainedRun,
  type TrainingRun,
  trainingRun,
} from "./training_run.ts";

/** What {@linkcode trainGroup} takes beside jobs and settings; all of it may be absent. Each run is named by the number of its job. */
export interface TrainOptions extends GroupOptions {
  /** Where the jobs go on, each where it was; absent: from the start. */
  readonly from?: readonly (TrainingState | undefined)[];
  /**
   * Given each run as it ends, while the others train on; then it is not returned, so that a large group's states need not all be
   * in memory.
   */
  readonly onTrained?: (run: number, trained: TrainedRun) => Promise<void>;
  /** Given all runs of the group whenever losses have been read. */
  readonly onProgress?: (progress: readonly Progress[]) => void;
  /** Given a run's state every so often, and when the signal comes; never that of a run that has broken down. */
  readonly save?: (run: number, state: TrainingState) => Promise<void>;
}

/**
 * Trains runs as one group, and those that the source hands out in the slots of the ones that end. A run's numbers depend neither
 * on the other runs of the group nor on when it joins.
 *
 * @param runs the first ones: the group has a slot for each
 * @param source is asked for further runs, and takes what all become
 * @returns whether all came to their end: false if the signal stopped some, whose states were given to `source.save` then, or if one did
 * not fit into the group and the source has no `refused`
 * @throws {RangeError} before any work: if the text is shorter than a pass of a run, a setting, seed or rate is out of bounds, a pass is too
 * short for the steps that a run goes back, a run would end before its loss is logged once, a step was built for another batch than the
 * settings', or a state lacks a tensor or is of another optimizer. For a run that the source hands out later: then, and the group ends
 * @throws what the source throws
 */
export async function trainRuns<R extends TrainingRun>(
  engine: Engine,
  runs: readonly R[],
  source: RunSource<R>,
  settings: TrainingSettings,
  text: Tokens,
  options: GroupOptions = {},
): Promise<boolean> {
  const { signal, onOpen } = options;
  checkRequest(settings, options.threads);
  for (const run of runs) checkRun(run, settings, text.length);
  const ready: ReadyRun<R>[] = [];
  for (const run of runs) {
    // Weights of many runs take a while to draw.
    if (signal?.aborted) return false;
    const entered = await enter(run, source, settings);
    if (entered) ready.push(entered);
  }
  if (!ready.length) return true;
  while (ready.length < runs.length && !signal?.aborted) {
    const next = await enterNext(ready.map(({ run }) => run), source, settings, text.length);
    if (!next) break;
    ready.push(next);
  }
  const group = await unlessStopped(engine.open(ready.map(({ prepared }) => prepared), text, options), signal);
  if (!group) return false;
  try {
    await onOpen?.();
    return await new GroupTraining(group, ready.map(({ run }) => run), source, settings, text.length, options).run();
  } finally {
    await group.close();
  }
}

function checkRequest(settings: TrainingSettings, threads: number | undefined): void {
  checkSettings(settings);
  if (threads !== undefined) checkWhole("train", "threads", threads, 1);
}

/**
 * Trains jobs as one group. A run's numbers do not depend on the others. {@linkcode trainRuns} lets further runs join.
 *
 * @returns one run per job, in order (none where `onTrained` takes them); or undefined if the signal stopped it
 * @throws {RangeError} before any work: if the text is shorter than a pass, a setting, size, seed, rate or number of steps back is out of
 * bounds, a pass is too short for those, there is no such optimizer, a run would end before its loss is logged once, there is not one state
 * for each job to resume from, or one is of another optimizer
 */
export async function trainGroup(
  engine: Engine,
  jobs: readonly CellJob[],
  settings: TrainingSettings,
  text: Tokens,
  { from, onTrained, onProgress, save, ...options }: TrainOptions = {},
): Promise<TrainedRun[] | undefined> {
  // Sizes are checked as graphs are built, which takes settings that are good.
  checkRequest(settings, options.threads);
  if (from && from.length !== jobs.length) {
    throw new RangeError(
      `Cannot train a group of ${jobs.length} runs: got ${from.length} states to resume from, must be one per run`,
    );
  }
  const runs = jobs.map((job, number) => ({ ...trainingRun(job, settings, from?.[number]), number }));
  const all: TrainedRun[] = [];
  const source: RunSource<typeof runs[number]> = {
    next: () => Promise.resolve(undefined),
    async finished({ number }, trained) {
      if (onTrained) await onTrained(number, trained);
      else all[number] = trained;
    },
    save: save && (({ number }, state) => save(number, state)),
    progress: onProgress && ((progress) => onProgress(progress.map((now) => ({ ...now, run: now.run.number })))),
  };
  return await trainRuns(engine, runs, source, settings, text, options) ? all : undefined;
}

/** What {@linkcode trainCell} takes beside the cell and its settings; all of it may be absent. */
export interface CellOptions extends GroupOptions, Pick<CellJob, "learningRate" | "optimizer" | "bptt"> {
  /** Where the run goes on; absent: from the start. */
  readonly from?: TrainingState;
  /** Called with where the run is whenever losses have been read. */
  readonly onProgress?: (progress: Omit<Progress, "run">) => void;
  /** Given the run's state every so often, and when the signal comes; never that of a run that has broken down. */
  readonly save?: (state: TrainingState) => Promise<void>;
}

/** The sizes and the seed of a model that {@linkcode trainCell} trains. */
export type CellModel = Pick<CellJob, "n_layers" | "state_size" | "seed">;

/**
 * Trains one cell; see {@linkcode trainGroup}. `losses` is what a training curve is usually drawn from; `curve` is smoothed as the
 * original study's are, and its first values are too low.
 *
 * @throws {RangeError} as {@linkcode trainGroup} does
 */
export function trainCell(
  engine: Engine,
  cell: Cell,
  model: CellModel,
  settings: TrainingSettings,
  text: Tokens,
  options?: CellOptions & { readonly signal?: undefined },
): Promise<TrainedRun>;
/**
 * Trains one cell until the signal stops it.
 *
 * @returns undefined if the signal came before the end; what was done until then was given to `options.save`
 * @throws {RangeError} as {@linkcode trainGroup} does
 */
export function trainCell(
  engine: Engine,
  cell: Cell,
  model: CellModel,
  settings: TrainingSettings,
  text: Tokens,
  options: CellOptions,
): Promise<TrainedRun | undefined>;
export async function trainCell(
  engine: Engine,
  cell: Cell,
  { n_layers, state_size, seed }: CellModel,
  settings: TrainingSettings,
  text: Tokens,
  { learningRate, optimizer, bptt, from, onProgress, save, ...options }: CellOptions = {},
): Promise<TrainedRun | undefined> {
  const job = { cell, n_layers, state_size, seed, learningRate, optimizer, bptt };
  const trained = await trainGroup(engine, [job], settings, text, {
    ...options,
    from: [from],
    onProgress: onProgress && (([{ step, loss }]) => onProgress({ step, loss })),
    save: save && ((_, state) => save(state)),
  });
  return trained?.[0];
}
