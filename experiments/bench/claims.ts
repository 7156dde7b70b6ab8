/**
 * `deno task bench:claims`: how fast runs are handed out, on SQLite and on PostgreSQL. Eight workers, each a thread with a queue of its own, go down one
 * list as eight calls of `train` do that were started together: each asks for each run, one gets it first and gives it back done, the others are refused
 * or find it done. Nothing is trained and no attempt is numbered, so that the table of claims alone is measured.
 */
import { join } from "node:path";
import { UserError } from "../../cells/errors.ts";
import { runCommand } from "../../train/terminal/command_line.ts";
import { flag } from "../../train/terminal/flag.ts";
import { print } from "../../train/terminal/output.ts";
import { queueFlag, queueOf } from "../queue/queue_flag.ts";
import { stepsName } from "../queue/postgres_jobs.ts";
import { closeServer, openServer } from "../queue/postgres_server.ts";
import { addressInWords, queueAddress } from "../queue/queue_url.ts";
import type { Order, Place, Report } from "./claims_worker.ts";

const WORKERS = 8, RUNS = 1000, MOST = 100_000;

/** How long answers took, milliseconds. */
export interface Waits {
  readonly count: number;
  readonly mean: number;
  readonly median: number;
  readonly p99: number;
}

/** What was measured in one place. */
export interface ClaimsMeasured {
  readonly where: string;
  readonly workers: number;
  readonly runs: number;
  /** From the first question to the last answer. */
  readonly seconds: number;
  /** Claims that were asked for: each worker asks for each run. */
  readonly claims: Waits;
  readonly releases: Waits;
}

/**
 * Measures one place.
 *
 * @throws {Error} if a run was handed out by nobody, or by two as not yet done
 */
export async function measureClaims(
  where: string,
  place: Place,
  { workers = WORKERS, runs = RUNS } = {},
): Promise<ClaimsMeasured> {
  const keys = Array.from({ length: runs }, (_, i) => `01/run-${i}`), had = new SharedArrayBuffer(runs);
  const threads = Array.from(
    { length: workers },
    () => new Worker(new URL("claims_worker.ts", import.meta.url), { type: "module" }),
  );
  try {
    await Promise.all(threads.map((thread, worker) => answerOf(thread, { place, worker, keys, had } satisfies Order)));
    const start = performance.now();
    const reports = await Promise.all(threads.map((thread) => answerOf<Report>(thread, "go")));
    const seconds = (performance.now() - start) / 1000;
    const first = reports.reduce((sum, report) => sum + report.first, 0);
    if (first !== runs) throw new Error(`${first} of ${runs} runs were handed out for the first time`);
    return {
      where,
      workers,
      runs,
      seconds,
      claims: waitsOf(reports.flatMap(({ claims }) => claims)),
      releases: waitsOf(reports.flatMap(({ releases }) => releases)),
    };
  } finally {
    for (const thread of threads) thread.terminate();
  }
}

function answerOf<T>(thread: Worker, message: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    thread.onmessage = ({ data }: MessageEvent<T & { readonly problem?: string }>) =>
      data.problem === undefined ? resolve(data) : reject(new UserError(data.problem));
    thread.onerror = ({ message }) => reject(new Error(message));
    thread.postMessage(message);
  });
}

/** Sums waits up, of which there is at least one. */
export function waitsOf(milliseconds: readonly number[]): Waits {
  const sorted = [...milliseconds].sort((a, b) => a - b), count = sorted.length;
  const at = (share: number) => sorted[Math.min(count - 1, Math.floor(share * count))];
  return { count, mean: sorted.reduce((sum, x) => sum + x, 0) / count, median: at(0.5), p99: at(0.99) };
}

/** What is printed of a place: three lines. */
export function* claimsLines({ where, workers, runs, seconds, claims, releases }: ClaimsMeasured): Generator<string> {
  const perSecond = (count: number) => (count / seconds).toFixed(0);
  yield `${where}: ${runs} runs handed out to ${workers} threads in ${seconds.toFixed(2)} s (${
    perSecond(runs)
  } per second)`;
  for (const [what, { count, mean, median, p99 }] of [["claims", claims], ["releases", releases]] as const) {
    yield `  ${count} ${what}, ${perSecond(count)} per second; mean wait ${mean.toFixed(2)} ms ` +
      `(median ${median.toFixed(2)}, 99 % within ${p99.toFixed(2)})`;
  }
}

/** Takes what a measurement left on a server away. */
async function removeQueue(url: string, name: string): Promise<void> {
  const boss = await openServer(queueAddress(url), { stoppedAfter: 60 });
  try {
    for (const each of [name, stepsName(name)]) await boss.deleteQueue(each);
  } finally {
    await closeServer(boss);
  }
}

/** What the command line takes. */
export const flags = {
  queue: queueFlag,
  workers: flag.whole("--workers <n>", "threads that claim", WORKERS, { most: 64 }),
  runs: flag.whole("--runs <n>", "runs that wait", RUNS, { most: MOST }),
  json: flag.on("--json", "print JSON instead of lines"),
};

if (import.meta.main) {
  const description =
    "Measures how fast runs are handed out, on SQLite and, where --queue names a server, on PostgreSQL.";
  await runCommand({ name: "bench:claims", description, flags, printsData: true }, async ({ json, ...options }) => {
    const measured: ClaimsMeasured[] = [], queue = queueOf(options);
    await Deno.mkdir(".bench", { recursive: true });
    const folder = await Deno.makeTempDir({ dir: ".bench" });
    try {
      measured.push(await measureClaims("SQLite", { file: join(folder, "queue.sqlite") }, options));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    if (queue !== undefined) {
      const name = `bench-${crypto.randomUUID()}`, where = `PostgreSQL at ${addressInWords(queueAddress(queue))}`;
      measured.push(await measureClaims(where, { url: queue, name }, options).finally(() => removeQueue(queue, name)));
    }
    print(json ? JSON.stringify(measured, null, 2) : measured.flatMap((each) => [...claimsLines(each)]).join("\n"));
  });
}
