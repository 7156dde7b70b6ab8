/** What to do with runs that an engine, a driver or a disk has failed. */
import { maxOf } from "../../cells/extremes.ts";
import { EngineFailure } from "../../train/engines/engine.ts";
import type { Run } from "../study/runs.ts";

/** A run that fails for an outside reason is tried so many times in all. */
const MOST_ATTEMPTS = 3;

/** Milliseconds before the second and the third attempt: a disk or a driver may come back. */
const PAUSES = [1000, 5000];

export interface Recovery {
  /** Groups to train now, from their runs' last checkpoints. */
  readonly groups: readonly (readonly Run[])[];
  /** Runs to leave for a later call. */
  readonly leave: readonly Run[];
  /** Milliseconds to wait before. */
  readonly pause: number;
}

/** Decides, and counts each run's attempts. */
export class Attempts {
  readonly #failures = new Map<Run, number>();

  /**
   * A group that a device's memory did not hold, or that failed for a reason unknown, is halved, so that one bad run does not
   * take the others along; a lost device's group goes on whole the first time, then run by run; a run alone is tried again.
   */
  after(runs: readonly Run[], error: unknown): Recovery {
    const kind = error instanceof EngineFailure ? error.kind : "other";
    if (kind !== "lost" && runs.length > 1) {
      const half = Math.ceil(runs.length / 2);
      return { groups: [runs.slice(0, half), runs.slice(half)], leave: [], pause: 0 };
    }
    // What does not fit alone never will.
    if (kind === "memory") return { groups: [], leave: runs, pause: 0 };
    for (const run of runs) this.#failures.set(run, (this.#failures.get(run) ?? 0) + 1);
    const count = (run: Run) => this.#failures.get(run)!;
    const again = runs.filter((run) => count(run) < MOST_ATTEMPTS);
    const most = maxOf(again.map(count), 0);
    return {
      groups: !again.length ? [] : most === 1 ? [again] : again.map((run) => [run]),
      leave: runs.filter((run) => count(run) >= MOST_ATTEMPTS),
      pause: PAUSES[most - 1] ?? 0,
    };
  }
}
