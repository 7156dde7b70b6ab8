/** How many runs train at once: what was asked for, as far as the machine allows. */
import type { Engine } from "../train/engines/engine.ts";
import { affordableWorkers } from "../train/open_files.ts";
import { defaultParallel } from "./engines.ts";

/** Each worker has an interpreter and a session of its own, 50 MB and more: beyond this they only wait for a core. */
const WORKERS_PER_CORE = 16;

/**
 * Open files of a run: its worker's, which may still be ending while that of its score begins, and those that ONNX Runtime leaves behind
 * with every worker.
 */
const FILES_PER_RUN = 24;

/** Runs at a time, and why they are fewer than what was asked for. */
export interface Capacity {
  readonly parallel: number;
  readonly why?: string;
}

/**
 * The runs that an engine trains at once.
 *
 * @param asked absent: as many as are sensible
 * @param runs that are to be trained
 */
export function capacityOf(
  engine: Pick<Engine, "name" | "software" | "lanes">,
  asked: number | undefined,
  runs: number,
): Capacity {
  const wanted = asked ?? defaultParallel(engine);
  // Where all train as one group, there is no worker for each.
  if (engine.lanes(wanted).groups === 1) return { parallel: wanted };
  const useful = Math.min(wanted, runs), cores = navigator.hardwareConcurrency;
  const sensible = Math.min(useful, WORKERS_PER_CORE * cores);
  const parallel = Math.max(1, affordableWorkers(sensible, FILES_PER_RUN));
  if (parallel === useful || useful === 0) return { parallel: wanted };
  const why = parallel < sensible
    ? "this process may open no more files ('ulimit -n' sets how many)"
    : `${cores} cores have no use for more`;
  return { parallel, why: `Training ${parallel} runs at a time, not ${useful}: ${why}` };
}
