/** One thread of `claims.ts`: it opens a table when it is told where, and goes down the list when it is told to. */
import { messageOf } from "../../cells/errors.ts";
import { openPostgresQueue } from "../queue/postgres_queue.ts";
import type { ClaimTable } from "../queue/queue.ts";
import { queueAddress } from "../queue/queue_url.ts";
import { openSqliteQueue } from "../queue/sqlite_queue.ts";

/** Where claims are measured: a file, or a server and a queue's name there. */
export type Place = { readonly file: string } | { readonly url: string; readonly name: string };

/** What a worker is told. */
export interface Order {
  readonly place: Place;
  readonly worker: number;
  readonly keys: readonly string[];
  /** One byte for each run: whether some worker has had it. */
  readonly had: SharedArrayBuffer;
}

/** What a worker has seen: milliseconds that it waited for each answer. */
export interface Report {
  readonly claims: readonly number[];
  readonly releases: readonly number[];
  /** Runs that it had first. */
  readonly first: number;
}

/** Goes down the list. */
async function work(table: ClaimTable, { keys, had }: Order): Promise<Report> {
  const claims: number[] = [], releases: number[] = [], flags = new Uint8Array(had);
  let first = 0;
  for (const [i, key] of keys.entries()) {
    const asked = performance.now(), isClaimed = await table.claim(key);
    claims.push(performance.now() - asked);
    if (!isClaimed) continue;
    if (Atomics.exchange(flags, i, 1) === 0) first++;
    const done = performance.now();
    await table.release(key);
    releases.push(performance.now() - done);
  }
  return { claims, releases, first };
}

/** The table of one thread. A run that was had has ended, in a folder that all see. */
function openTable({ place, worker, keys, had }: Order): Promise<ClaimTable> {
  const owner = `bench:${worker}-00000000`,
    flags = new Uint8Array(had),
    index = new Map(keys.map((key, i) => [key, i]));
  if ("file" in place) return openSqliteQueue(place.file, { owner });
  const endedHere = (key: string) => Promise.resolve(flags[index.get(key)!] ? { steps: 1 } : undefined);
  return openPostgresQueue({ ...place, address: queueAddress(place.url), owner, endedHere, stepsWanted: () => 1 });
}

let order: Order | undefined, table: ClaimTable | undefined;
const { postMessage } = self as unknown as { postMessage(message: unknown): void };

self.addEventListener("message", async (event) => {
  if (order && table) {
    postMessage(await work(table, order));
    return;
  }
  order = (event as MessageEvent<Order>).data;
  try {
    table = await openTable(order);
    postMessage("ready");
  } catch (error) {
    postMessage({ problem: messageOf(error) });
  }
});
