/** How many runs train at once: what was asked for, as far as the machine allows. */
import type { Space } from "../../cells/space.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { affordableWorkers, OpenFilesError } from "../../train/process/open_files.ts";
import { plural } from "../../train/terminal/progress.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import { cellJob, stepOf } from "../../train/training/training_run.ts";
import type { Run } from "../study/runs.ts";

/** Each run has a thread on the CPU, or its part of the memory on a GPU: more than any machine of today has. */
export const MOST_PARALLEL = 10_000;

/** Each worker has an interpreter and a session of its own, 50 MB and more: beyond this they only wait for a core. */
const WORKERS_PER_CORE = 16;

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
 * @throws {OpenFilesError} if this process may not open the files of a single run
 */
export function capacityOf(
  engine: Pick<Engine, "capabilities" | "defaultParallel">,
  asked: number | undefined,
  runs: number,
): Capacity {
  const wanted = asked ?? engine.defaultParallel;
  if (runs === 0) return { parallel: wanted };
  // A group that is trained as a whole has no worker for each run; its scores have one at least.
  const isOneGroup = !engine.capabilities.isolatedRuns;
  const needed = Math.min(wanted, runs), cores = navigator.hardwareConcurrency;
  const useful = isOneGroup ? 1 : Math.min(needed, WORKERS_PER_CORE * cores);
  const workers = isOneGroup ? 1 : WORKERS_PER_RUN;
  const parallel = Math.floor(affordableWorkers(useful * workers) / workers);
  if (parallel === 0) {
    throw new OpenFilesError(
      "Cannot train: this process may open hardly any more files, too few for one run; raise their limit ('ulimit -n')",
    );
  }
  if (isOneGroup || parallel === needed) return { parallel: wanted };
  const why = parallel < useful
    ? "this process may open no more files ('ulimit -n' sets how many)"
    : `${cores} cores have no use for more`;
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
