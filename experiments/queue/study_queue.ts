/** The queue of a study: claims on its runs, and what its results know of runs under way. */
import type { Commit } from "../study/files.ts";
import { Attempts } from "./attempts.ts";
import { copiesName } from "./copies_name.ts";
import { FencedQueue } from "./fenced_queue.ts";
import type { Ended } from "./postgres_jobs.ts";
import { queueAddress } from "./queue_url.ts";
import { type Claim, type ClaimReader, type ClaimTable, newOwner, type Queue, STALE_SECONDS } from "./queue.ts";
import { ShardClaims } from "./shard_claims.ts";
import { claimReader, openSqliteQueue } from "./sqlite_queue.ts";
import { isFinished, isUnderWay } from "../study/result.ts";
import { runKey } from "../study/paths.ts";
import { type Experiment, EXPERIMENTS } from "../study/schema.ts";
import type { Shard } from "../study/shard.ts";
import type { Study } from "../study/store.ts";

/** The key under which a run is claimed. */
export function claimKey(experiment: Experiment, run: string): string {
  return `${experiment}/${run}`;
}

/** The key of the run that a claim is on. */
export function runInClaim({ key }: Pick<Claim, "key">): string {
  return key.slice(key.indexOf("/") + 1);
}

/** The experiment of that run. */
function experimentInClaim({ key }: Pick<Claim, "key">): Experiment {
  return key.slice(0, key.indexOf("/")) as Experiment;
}

/**
 * Whether nothing has been heard of a claim's owner for so long that it counts as gone, by the clock: for whoever looks once and has not
 * watched it.
 *
 * @param now Unix seconds
 */
export function isSilent(
  { heard, staleAfter = STALE_SECONDS }: Pick<Claim, "heard" | "staleAfter">,
  now: number,
): boolean {
  return now - heard > staleAfter;
}

/** The claims on runs of an experiment whose owners are alive. */
export async function livingClaims(study: Study, experiment: Experiment, now = Date.now() / 1000): Promise<Claim[]> {
  const claims = await studyClaims(study).claims();
  return claims.filter((claim) => claim.key.startsWith(claimKey(experiment, "")) && !isSilent(claim, now));
}

/** How long things take in a session, seconds; whoever tests may be in a hurry. */
export interface Timing {
  /** From one heartbeat to the next. */
  readonly beat?: number;
  /** Without a heartbeat, until a claim is taken over. */
  readonly stale?: number;
  /** From one checkpoint of a run to the next. */
  readonly save?: number;
}

/** Where the claims on a study's runs lie. */
export interface QueueChoice {
  /** The share that this process trains: nothing is claimed beside what it has. */
  readonly shard?: Shard;
  /** Where a PostgreSQL server has the claims, for machines that share no disk: `postgres://role@host:port/database`. */
  readonly queue?: string;
  /** Trains also what the queue says is trained in another folder: that folder is lost. */
  readonly retrainLost?: boolean;
}

/** What a call of `train` asks of runs, by the keys of their claims. */
export interface QueueWork {
  /** Steps to which a run is to be trained; undefined for what is measured or scored alone. */
  readonly stepsWanted?: (key: string) => number | undefined;
}

/** Opens the queue under a name of this process. */
export async function openStudyQueue(
  study: Study,
  { shard, queue, stale, ...more }: QueueChoice & QueueWork & Pick<Timing, "stale"> = {},
): Promise<{ queue: Queue; owner: string }> {
  const owner = newOwner();
  const folderOf = (key: string) => study.attemptsFolder(experimentInClaim({ key }), runInClaim({ key }));
  const attempts = new Attempts({ owner, folderOf });
  if (shard) return { queue: new FencedQueue(shardClaims(study, attempts), attempts), owner };
  const table: ClaimTable = queue !== undefined
    ? await openSharedTable(study, queue, { owner, staleAfter: stale, ...more })
    : await openSqliteQueue(study.queuePath, { owner, staleAfter: stale, underWay: () => underWay(study) });
  return { queue: new FencedQueue(table, attempts), owner };
}

/** The module and its library are loaded where somebody asks for such a queue. */
async function openSharedTable(
  study: Study,
  url: string,
  options: { owner: string; staleAfter?: number } & Pick<QueueChoice, "retrainLost"> & QueueWork,
): Promise<ClaimTable> {
  const address = queueAddress(url), { openPostgresQueue } = await import("./postgres_queue.ts");
  const endedHere = (key: string) => endedIn(study, key);
  return await openPostgresQueue({ ...options, address, name: copiesName(study.settings), endedHere });
}

/** How a run has ended in a study's folder. What cannot be read has not. */
async function endedIn(study: Study, key: string): Promise<Ended | undefined> {
  const run = await study.readResult(experimentInClaim({ key }), runInClaim({ key })).catch(() => undefined);
  if (run?.failed !== undefined) return { steps: run.failed_at_step ?? 0, failed: true };
  return run && isFinished(run) ? { steps: run.steps_done } : undefined;
}

/** Those of a process that trains a share: runs that a living process on this machine has are left to it. */
function shardClaims(study: Study, attempts: Attempts): ShardClaims {
  return new ShardClaims({
    latestOwner: (key) => attempts.latest(key)?.owner,
    superseded: () => attempts.superseded(),
    others: async () => (await studyClaims(study).claims()).filter((claim) => !isSilent(claim, Date.now() / 1000)),
  });
}

/** Looks at the claims on a study's runs. */
export function studyClaims(study: Study, { queue }: Pick<QueueChoice, "queue"> = {}): ClaimReader {
  if (queue === undefined) return claimReader(study.queuePath);
  const address = queueAddress(queue);
  return {
    async claims() {
      const { postgresClaimReader } = await import("./postgres_jobs.ts");
      return await postgresClaimReader(address, copiesName(study.settings)).claims();
    },
  };
}

/** The claims that the results speak of: those of runs that have begun and not ended. */
async function underWay(study: Study): Promise<Pick<Claim, "key" | "owner" | "since">[]> {
  const claims = [];
  for (const experiment of EXPERIMENTS) {
    for (const result of (await study.readResults(experiment)).results) {
      if (!isUnderWay(result) || result.owner === undefined) continue;
      const key = claimKey(experiment, runKey(result.id, result.seed));
      claims.push({ key, owner: result.owner, since: result["start time"] });
    }
  }
  return claims;
}

/** Another process has taken a run over: whatever this one knows of it is worth nothing any more. */
export class ClaimLost extends Error {
  override readonly message = "another process has taken the run over";
}

/** Puts files in place only while a claim is held; throws {@linkcode ClaimLost} after. */
export function commitWhileHeld(queue: Pick<Queue, "whileHeld">, key: string): Commit {
  return async (rename) => {
    if (!await queue.whileHeld(key, rename)) throw new ClaimLost();
  };
}
