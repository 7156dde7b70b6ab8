/** Jobs of pg-boss as claims on runs: what they say, and what is read of them. */
import type { JobWithMetadata, PgBoss } from "pg-boss";
import { closeServer, openServer, Retries } from "./postgres_server.ts";
import type { Claim, ClaimReader } from "./queue.ts";
import type { QueueAddress } from "./queue_url.ts";

/** Seconds without a heartbeat after which a run is given to others: a thread that a GPU's driver holds is silent for long. */
const HEARTBEAT_SECONDS = 120;

/** pg-boss takes no less. */
const LEAST_HEARTBEAT_SECONDS = 10;

/** Jobs that one question lists. */
export const PAGE = 10_000;

/** What a job says while it waits or is active. */
export interface JobData {
  readonly key: string;
  /** Who has it, or had it last. */
  readonly owner: string;
}

/** How a run has ended. */
export interface Ended {
  readonly steps: number;
  /** It diverged (NaN or Inf). */
  readonly failed?: true;
}

/** Whether nothing is left to do for a run of so many steps. */
export function covers(ended: Ended | undefined, steps: number): boolean {
  return ended !== undefined && (ended.failed === true || ended.steps >= steps);
}

/** Where the runs of a process are. */
export interface OwnerData {
  readonly owner: string;
  readonly steps: Readonly<Record<string, number>>;
}

/** What a server knows of a study's runs, by the keys of their claims. */
export interface ServerLook {
  readonly claims: readonly Claim[];
  /** How runs have ended, in whichever folder. */
  readonly ended: ReadonlyMap<string, readonly Ended[]>;
}

/**
 * Looks at a study's queue.
 *
 * @throws {UserError} with one line, if the server cannot be used
 */
export async function lookAtServer(address: QueueAddress, name: string): Promise<ServerLook> {
  const boss = await openServer(address, { looksOnly: true, stoppedAfter: HEARTBEAT_SECONDS });
  try {
    return await new Retries(address, 0).ask(async () => {
      if (!await boss.isInstalled() || !await boss.getQueue(name)) return { claims: [], ended: new Map() };
      const jobs = await jobsOf<JobData>(boss, name);
      const ended = Map.groupBy(jobs.filter(isCompleted), ({ data }) => data.key);
      return {
        claims: await claimsAmong(jobs, boss, name),
        ended: new Map([...ended].map(([key, jobs]) => [key, jobs.map(endedOf)])),
      };
    });
  } finally {
    await closeServer(boss);
  }
}

/** The claims of {@linkcode lookAtServer}. */
export function postgresClaimReader(address: QueueAddress, name: string): ClaimReader {
  return { claims: async () => (await lookAtServer(address, name)).claims };
}

/** The active jobs of a queue, with what their owners last said. */
export async function claimsOf(boss: PgBoss, name: string): Promise<Claim[]> {
  return await claimsAmong(await jobsOf<JobData>(boss, name), boss, name);
}

async function claimsAmong(jobs: readonly JobWithMetadata<JobData>[], boss: PgBoss, name: string): Promise<Claim[]> {
  const active = jobs.filter(({ state }) => state === "active");
  if (!active.length) return [];
  const steps = new Map((await jobsOf<OwnerData>(boss, stepsName(name))).map(({ data }) => [data.owner, data.steps]));
  const seconds = (date: Date | null) => (date?.getTime() ?? 0) / 1000;
  return active.map(({ data: { key, owner }, startedOn, heartbeatOn, heartbeatSeconds }) => ({
    key,
    owner,
    since: seconds(startedOn),
    heard: seconds(heartbeatOn),
    step: Number(steps.get(owner)?.[key] ?? 0),
    staleAfter: heartbeatSeconds ?? HEARTBEAT_SECONDS,
  }));
}

/** All jobs of a queue, the oldest first. */
export async function jobsOf<T>(boss: PgBoss, name: string): Promise<JobWithMetadata<T>[]> {
  const pages: JobWithMetadata<T>[][] = [];
  for (;;) {
    const page = await boss.findJobs<T>(name, { limit: PAGE, after: pages.at(-1)?.at(-1)?.id });
    pages.push(page);
    if (page.length < PAGE) return pages.flat();
  }
}

/** The queue that says where runs are. */
export function stepsName(name: string): string {
  return `${name}-steps`;
}

/** Seconds without a heartbeat, as pg-boss takes them, after which a silent owner counts as gone. */
export function heartbeatOf(staleAfter = HEARTBEAT_SECONDS): number {
  return Math.max(LEAST_HEARTBEAT_SECONDS, Math.ceil(staleAfter));
}

export function isCompleted({ state }: Pick<JobWithMetadata, "state">): boolean {
  return state === "completed";
}

/** What a completed job says of its run. */
export function endedOf({ output }: Pick<JobWithMetadata, "output">): Ended {
  const { steps, failed } = (output ?? {}) as Partial<Ended>;
  return { steps: Number(steps ?? 0), ...(failed ? { failed } : {}) };
}
