/** Queues that are not as they should be. */
import { DatabaseSync } from "node:sqlite";
import type { Queue } from "../../experiments/queue.ts";
import type { Study } from "../../experiments/store.ts";
import { claimKey } from "../../experiments/study_queue.ts";

/** A queue that does some things in another way. */
export function queueWith(queue: Queue, changes: Partial<Queue>): Queue {
  return {
    claim: (key) => queue.claim(key),
    beat: (steps) => queue.beat(steps),
    whileHeld: (key, action) => queue.whileHeld(key, action),
    release: (key) => queue.release(key),
    living: () => queue.living(),
    close: () => queue.close(),
    ...changes,
  };
}

/** Gives a claim on a run of experiment 01 to another process, behind its owner's back. */
export function takeOver(study: Study, run: string): void {
  const database = new DatabaseSync(study.queuePath);
  const taken = database.prepare("UPDATE claims SET owner = 'another' WHERE key = ?").run(claimKey("01", run));
  database.close();
  if (Number(taken.changes) !== 1) throw new Error(`Nobody has claimed ${run}`);
}
