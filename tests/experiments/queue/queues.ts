/** Queues for tests: several on one database with a clock that the test moves, and some that are not as they should be. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { ClaimTable, Queue } from "../../../experiments/queue/queue.ts";
import { openSqliteQueue, type SqliteQueueOptions } from "../../../experiments/queue/sqlite_queue.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { claimKey } from "../../../experiments/queue/study_queue.ts";
import { tempFolder } from "../folder.ts";

export const QUEUE_FILE = "queue.sqlite";
/** What a process that trains nothing tells with a beat. */
export const NOTHING: ReadonlyMap<string, number> = new Map();

/** What a test of queues is given; the queues are closed and their folder goes at its end. */
export interface Bench extends AsyncDisposable {
  readonly path: string;
  readonly clock: { now: number };
  open(owner: string, underWay?: SqliteQueueOptions["underWay"]): Promise<ClaimTable>;
}

/** Queues on one database with one clock, which only the test moves. */
export async function openQueues(): Promise<Bench> {
  const folder = await tempFolder(), opened: ClaimTable[] = [];
  const path = join(folder.path, QUEUE_FILE), clock = { now: 1000 };
  return {
    path,
    clock,
    async open(owner, underWay) {
      const queue = await openSqliteQueue(path, { owner, underWay, now: () => clock.now });
      opened.push(queue);
      return queue;
    },
    async [Symbol.asyncDispose]() {
      try {
        for (const queue of opened) await queue.close();
      } finally {
        await folder[Symbol.asyncDispose]();
      }
    },
  };
}

/** A queue that does some things in another way. */
export function queueWith<Q extends ClaimTable>(queue: Q, changes: Partial<Queue>): Q {
  return {
    claim: (key: string) => queue.claim(key),
    beat: (steps: ReadonlyMap<string, number>) => queue.beat(steps),
    whileHeld: (key: string, action: () => void) => queue.whileHeld(key, action),
    release: (key: string) => queue.release(key),
    living: () => queue.living(),
    close: () => queue.close(),
    ...("attemptOf" in queue ? numbersOf(queue as unknown as Queue) : {}),
    ...changes,
  } as unknown as Q;
}

function numbersOf(queue: Queue): Pick<Queue, "attemptOf" | "latestOwner"> {
  return { attemptOf: (key) => queue.attemptOf(key), latestOwner: (key) => queue.latestOwner(key) };
}

/** Gives a claim on a run of experiment 01 to another process, behind its owner's back. */
export function takeOver(study: Study, run: string): void {
  const database = new DatabaseSync(study.queuePath);
  const taken = database.prepare("UPDATE claims SET owner = 'another' WHERE key = ?").run(claimKey("01", run));
  database.close();
  if (Number(taken.changes) !== 1) throw new Error(`Nobody has claimed ${run}`);
}
