/** How many runs train at once: what was asked for, as far as the machine allows. */
import { stepsBackOf } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { sizesOf } from "../../cells/sizes.ts";
import type { Space } from "../../cells/space.ts";
import { type Engine, mebibytes } from "../../train/engines/engine.ts";
import { affordableWorkers, OpenFilesError } from "../../train/process/open_files.ts";
import { plural } from "../../train/terminal/words.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import { cellJob, stepOf } from "../../train/training/training_run.ts";
import type { Run } from "../study/runs.ts";

/** Each run has a thread on the CPU, or its part of the memory on a GPU: more than any machine of today has. */
export const MOST_PARALLEL = 10_000;

/** Each worker has an interpreter and a session of its own, 50 MB and more: beyond this they only wait for a core. */
const WORKERS_PER_CORE = 16;

/** So many of the workers that are wanted as this machine has a use for. */
export function usefulWorkers(wanted: number): number {
  return Math.min(wanted, WORKERS_PER_CORE * navigator.hardwareConcurrency);
}

/** Workers of a run: one trains it, one scores it. Both are kept for the next run. */
export const WORKERS_PER_RUN = 2;

/** Runs at a time, and why they are fewer than what was asked for. */
export interface Capacity {
  readonly parallel: number;
  readonly why?: string;
}

/**
 * The runs that an engine trains at once.
 *
 * @param asked absent: the engine's default
 * @param runs that are to be trained
 * @param fitting how many of so many runs have room at once; asked only where each run has memory of its own. Absent: all
 * @throws {OpenFilesError} if this process may not open the files of a single run
 */
export function capacityOf(
  engine: Pick<Engine, "capabilities" | "defaultParallel" | "memory">,
  asked: number | undefined,
  runs: number,
  fitting: (runs: number) => number = (runs) => runs,
): Capacity {
  const wanted = asked ?? engine.defaultParallel;
  if (runs === 0) return { parallel: wanted };
  // A group that is trained as a whole has no worker for each run; its scores have one at least.
  const isOneGroup = !engine.capabilities.isolatedRuns;
  const needed = Math.min(wanted, runs), cores = navigator.hardwareConcurrency;
  const useful = isOneGroup ? 1 : usefulWorkers(needed);
  const workers = isOneGroup ? 1 : WORKERS_PER_RUN;
  const affordable = Math.floor(affordableWorkers(useful * workers) / workers);
  if (affordable === 0) {
    throw new OpenFilesError(
      "Cannot train: the limit of open files is too low for one run; raise it ('ulimit -n')",
    );
  }
  if (isOneGroup) return { parallel: wanted };
  const parallel = Math.min(affordable, fitting(affordable));
  if (parallel === needed) return { parallel: wanted };
  const why = parallel < affordable
    ? `more may not fit into memory, ${mebibytes(engine.memory)}`
    : affordable < useful
    ? "this process may open no more files ('ulimit -n' sets how many)"
    : `${cores} cores gain nothing from more`;
  const waiting = needed < wanted ? ` (${plural(runs, "run")} to train)` : "";
  return { parallel, why: `Training ${plural(parallel, "run")} at a time, not ${wanted}${waiting}: ${why}` };
}

/**
 * What runs take of an engine's memory, in bytes. Seeds make no difference, so each configuration is measured once.
 *
 * @param engine the engine as it is now: a lost one is opened again
 */
export function footprintOf(
  engine: () => Pick<Engine, "footprint">,
  settings: TrainingSettings,
  space: Space,
): (run: Pick<Run, "entry" | "seed">) => number {
  const known = new Map<string, number>();
  return ({ entry: { id, config }, seed }) => {
    const bytes = known.get(id) ?? engine().footprint(stepOf(cellJob({ config, seed, space }), settings));
    known.set(id, bytes);
    return bytes;
  };
}

/** No run takes so many times the memory of another one of its shape: with built-in cells up to ten times were seen. */
const MOST_WITHIN_SHAPE = 16;

/**
 * How many runs have room at once on an engine that gives each its own memory, whichever of them come together. One that has no room alone
 * does not count: the engine refuses it.
 *
 * @param runs those that wait, in any order
 * @param wanted runs at once, from 1
 * @returns from 1 to `wanted`
 */
export function fittingAtOnce<R extends Pick<Run, "entry" | "seed">>(
  runs: readonly R[],
  footprint: (run: R) => number,
  memory: number,
  wanted: number,
): number {
  // While runs train, the next one is opened already; a single run has the machine to itself.
  const opened = (parallel: number) => parallel === 1 ? 1 : parallel + 1;
  if (wanted === 1 || memory === Infinity) return wanted;
  // To measure each configuration takes a while, and there is no need where memory abounds.
  const shapes = Map.groupBy(runs, ({ entry: { config } }) => `${[stepsBackOf(config), ...sizesOf(config)]}`);
  const largest = maxOf([...shapes.values()].map(([first]) => footprint(first)), 0);
  if (opened(wanted) * largest * MOST_WITHIN_SHAPE <= memory) return wanted;
  const sizes = runs.map(footprint).filter((bytes) => bytes <= memory).sort((a, b) => b - a);
  const bytesOf = (parallel: number) => sizes.slice(0, opened(parallel)).reduce((sum, bytes) => sum + bytes, 0);
  let parallel = wanted;
  while (parallel > 1 && bytesOf(parallel) > memory) parallel--;
  return parallel;
}

/**
 * Checks that there is a run that fits into an engine's memory: a large vocabulary may make all too large, and so may many steps back.
 *
 * @throws {UserError} naming both sizes, and what makes a run smaller
 */
export function checkRoom(
  engine: Pick<Engine, "name" | "adapter" | "memory">,
  waiting: readonly Run[],
  footprint: (run: Run) => number,
  { vocabulary = BYTE_VOCABULARY }: Pick<TrainingSettings, "vocabulary">,
): void {
  if (!waiting.length || engine.memory === Infinity) return;
  let smallest = { bytes: Infinity, back: 1 };
  for (const run of waiting) {
    const bytes = footprint(run);
    if (bytes <= engine.memory) return;
    if (bytes < smallest.bytes) smallest = { bytes, back: stepsBackOf(run.entry.config) };
  }
  const isBack = smallest.back > 1;
  throw new UserError(
    `Cannot train on ${engine.name}: with ${vocabulary} tokens${
      isBack ? ` and ${smallest.back} steps back` : ""
    } the smallest run needs ${mebibytes(smallest.bytes)}, ${engine.adapter} allows ${
      mebibytes(engine.memory)
    }; take another --engine, or a study of fewer tokens${isBack ? ", fewer steps back" : ""} or smaller states`,
  );
}
