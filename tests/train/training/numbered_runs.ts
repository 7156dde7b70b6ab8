/** Runs that a test speaks of by their numbers, and a source that says what became of them. */
import type { TrainingSettings } from "../../../train/training/settings.ts";
import {
  type CellJob,
  type Progress,
  type RunSource,
  type TrainedRun,
  type TrainingRun,
  trainingRun,
} from "../../../train/training/training_run.ts";
import { settings } from "./fake_engine.ts";

/** So many steps that no run ends by itself while a test looks at another. */
export const LONG = { ...settings, steps: 20_000 };

/** A run with a number, by which a test speaks of it. */
export interface NumberedRun extends TrainingRun {
  readonly number: number;
}

/** Makes runs of jobs, numbered from 0. */
export function runsOf(jobs: readonly CellJob[], settings: TrainingSettings): NumberedRun[] {
  return jobs.map((job, number) => ({ ...trainingRun(job, settings), number }));
}

/** A source that hands out what waits and keeps what comes back, but for what a test does otherwise; and what it was asked. */
export function sourceOf(waiting: readonly NumberedRun[] = [], otherwise: Partial<RunSource<NumberedRun>> = {}) {
  const left = [...waiting], asked: (readonly number[])[] = [], trained: TrainedRun[] = [];
  const seen: (readonly Progress[])[] = [];
  const source: RunSource<NumberedRun> = {
    next(present) {
      asked.push(present.map(({ number }) => number));
      return Promise.resolve(left.shift());
    },
    finished: ({ number }, run) => Promise.resolve(void (trained[number] = run)),
    progress: (progress) => void seen.push(progress.map((now) => ({ ...now, run: now.run.number }))),
    ...otherwise,
  };
  return {
    source,
    /** For each call of `next()`, the runs that were present. */
    asked,
    /** By number. */
    trained,
    /** Where each run was whenever the group said so. */
    seen,
    stepsOf: (run: number) => seen.flatMap((all) => all.filter((one) => one.run === run).map(({ step }) => step)),
  };
}
