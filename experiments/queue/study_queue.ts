/** The queue of a study: claims on its runs, and what its results know of runs under way. */
import { UserError } from "../../cells/errors.ts";
import type { Commit } from "../study/files.ts";
import { Attempts } from "./attempts.ts";
import { copiesName } from "./copies_name.ts";
import { FencedQueue } from "./fenced_queue.ts";
import type { Ended } from "./postgres_jobs.ts";
import { QUEUE_VARIABLE, queueAddress } from "./queue_url.ts";
import {
  BEAT_SECONDS,
  type Claim,
  type ClaimReader,
  type ClaimTable,
  newOwner,
  type Queue,
  STALE_SECONDS,
} from "./queue.ts";
import { type PlaceOptions, placesToLook, queuePlace } from "./queue_place.ts";
import { readShardClaims, ShardClaims } from "./shard_claims.ts";
import { claimReader, openSqliteQueue } from "./sqlite_queue.ts";
import { isFinished, isUnderWay } from "../study/result.ts";
import { runKey } from "../study/run_key.ts";
import { type Experiment, EXPERIMENTS } from "../study/experiment.ts";
import { type Shard, shardInWords } from "../study/shard.ts";
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
  const claims = await livingAmong(studyClaims(study), now);
  return claims.filter((claim) => claim.key.startsWith(claimKey(experiment, "")));
}

/** How long things take in a session, seconds; tests shorten them. */
export interface Timing {
  /** From one heartbeat to the next. */
  readonly beat?: number;
  /** Without a heartbeat, until a claim is taken over. */
  readonly stale?: number;
  /** From one checkpoint of a run to the next. */
  readonly save?: number;
}

/** A share of an experiment's runs. */
export interface Share {
  readonly experiment: Experiment;
  readonly shard: Shard;
}

/** What a call of `train` asks of runs, by the keys of their claims. */
export interface QueueWork {
  /** Steps to which a run is to be trained; undefined for what is measured or scored alone. */
  readonly stepsWanted?: (key: string) => number | undefined;
}

/** Where the claims on a study's runs lie. */
export interface QueueChoice {
  /** The share that this process trains, without a queue. */
  readonly share?: Share;
  /** Has the claims lie on a disk of this machine, for its processes alone. */
  readonly nodeLocal?: boolean;
  /** Where a PostgreSQL server has the claims, for machines that share no disk: `postgres://role@host:port/database`. */
  readonly queue?: string;
  /** Trains also what the queue says is trained in another folder: that folder is lost. */
  readonly retrainLost?: boolean;
}

/** What opens a queue beside the choice of it. */
export interface QueueOpening extends QueueChoice, QueueWork, PlaceOptions, Pick<Timing, "stale"> {
  /** Called with a line about the place of the claims, where that is not the study. */
  readonly onMessage?: (line: string) => void;
}

/**
 * Opens the queue under a name of this process.
 *
 * @throws {UserError} if its place is on a network's disk, or cannot be written; if more than one place is chosen
 */
export async function openStudyQueue(
  study: Study,
  opening: QueueOpening = {},
): Promise<{ queue: Queue; owner: string }> {
  checkChoice(opening);
  const { share } = opening;
  const owner = newOwner();
  const folderOf = (key: string) => study.attemptsFolder(experimentInClaim({ key }), runInClaim({ key }));
  const attempts = new Attempts({ owner, folderOf });
  if (!share) {
    const others = lately(() => livingAmong(shardClaims(study)));
    return { queue: new FencedQueue(await openTable(study, owner, opening), attempts, { others }), owner };
  }
  const key = shareKey(share), folder = folderOf(key);
  await attempts.take(key);
  const table = new ShardClaims({ owner, folder }), others = lately(() => livingAmong(databaseClaims(study, opening)));
  return { queue: new FencedQueue(table, attempts, { share: key, others }), owner };
}

/** Of places one is chosen: what is given beside it would be passed over in silence. */
function checkChoice({ share, queue, nodeLocal, retrainLost }: QueueChoice): void {
  if (share && (queue !== undefined || nodeLocal)) {
    throw new UserError(
      `Cannot train share ${shardInWords(share.shard)} with a queue: shares are fixed, must be a share or a queue; ` +
        `leave ${queue === undefined ? "--node-local" : "--queue"} or --shard out`,
    );
  }
  if (queue !== undefined && nodeLocal) {
    throw new UserError(
      `Cannot keep the queue on this machine: a server is named for it, must be only one of the two; leave --node-local out, or --queue and ${QUEUE_VARIABLE}`,
    );
  }
  if (retrainLost && queue === undefined) {
    throw new UserError(
      `Cannot train lost runs again: no server is named; name it with --queue or ${QUEUE_VARIABLE}`,
    );
  }
}

/** Claims in a database: on a server, in the study, or on a disk of this machine. */
async function openTable(study: Study, owner: string, opening: QueueOpening): Promise<ClaimTable> {
  const { queue, nodeLocal = false, stale, onMessage } = opening;
  if (queue !== undefined) return await openSharedTable(study, queue, owner, opening);
  const path = queuePlace(study, nodeLocal, opening);
  if (nodeLocal) {
    onMessage?.(
      `The queue is ${path}, for processes on this machine only: processes elsewhere would train the same runs`,
    );
  }
  return await openSqliteQueue(path, { owner, staleAfter: stale, underWay: () => underWay(study) });
}

/** The module and its library are loaded where somebody asks for such a queue. */
async function openSharedTable(study: Study, url: string, owner: string, opening: QueueOpening): Promise<ClaimTable> {
  const address = queueAddress(url), { openPostgresQueue } = await import("./postgres_queue.ts");
  const { stale: staleAfter, retrainLost, stepsWanted } = opening, endedHere = (key: string) => endedIn(study, key);
  const name = copiesName(study.settings);
  return await openPostgresQueue({ owner, staleAfter, retrainLost, stepsWanted, address, name, endedHere });
}

/** How a run has ended in a study's folder. What cannot be read has not. */
async function endedIn(study: Study, key: string): Promise<Ended | undefined> {
  const run = await study.readResult(experimentInClaim({ key }), runInClaim({ key })).catch(() => undefined);
  if (run?.failed !== undefined) return { steps: run.failed_at_step ?? 0, failed: true };
  return run && isFinished(run) ? { steps: run.steps_done } : undefined;
}

/** The key of attempts at a share: no run has such a name. */
function shareKey({ experiment, shard: { index, count } }: Share): string {
  return claimKey(experiment, `share_${index}_of_${count}`);
}

function isShareName(name: string): boolean {
  return /^share_\d+_of_\d+$/.test(name);
}

/** Looks no more often than heartbeats come: who claims hundreds of runs asks for each. */
function lately<T>(look: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined, at = -Infinity;
  return () => {
    const now = performance.now();
    if (last && now - at < 1000 * BEAT_SECONDS) return last;
    at = now;
    return last = look();
  };
}

/** Claims whose owners have been heard of lately. */
async function livingAmong(reader: ClaimReader, now: number = Date.now() / 1000): Promise<Claim[]> {
  return (await reader.claims()).filter((claim) => !isSilent(claim, now));
}

/** Claims of processes that train shares. */
function shardClaims(study: Study): ClaimReader {
  return {
    claims: async () => {
      const held = await Promise.all(EXPERIMENTS.map(async (experiment) => {
        const names = (await study.attemptNames(experiment)).filter(isShareName);
        return names.flatMap((name) => readShardClaims(study.attemptsFolder(experiment, name)));
      }));
      return held.flat();
    },
  };
}

/** Claims in databases that processes of this machine can see. */
function databaseClaims(study: Study, { readerOf = claimReader, ...places }: DatabasePlaces): ClaimReader {
  return allOf(placesToLook(study, places).map(readerOf));
}

interface DatabasePlaces extends PlaceOptions {
  /** What looks at the claims in a database by its path; absent: SQLite, which leaves files beside it. */
  readonly readerOf?: (path: string) => ClaimReader;
}

/** Where claims may be looked for, beside the study's folder. */
export interface ClaimPlaces extends DatabasePlaces, Pick<QueueChoice, "queue"> {}

/** Looks at the claims on a study's runs; of one run the one that was heard of last comes last. */
export function studyClaims(study: Study, { queue, ...places }: ClaimPlaces = {}): ClaimReader {
  const table = queue === undefined ? databaseClaims(study, places) : sharedClaims(study, queue);
  return allOf([table, shardClaims(study)]);
}

/** What `status` sees of claims. */
export interface ClaimsLook {
  readonly claims: readonly Claim[];
  /** Whether other folders have so many steps of a run, as a server knows. */
  readonly isElsewhere: (key: string, steps: number) => boolean;
  /** Why a server could not be asked. */
  readonly problem?: string;
}

/** Looks at the claims on a study's runs, and at what a server knows beside. Where it does not answer, the rest stands without. */
export async function lookAtClaims(study: Study, { queue, ...places }: ClaimPlaces = {}): Promise<ClaimsLook> {
  if (queue === undefined) return { claims: await studyClaims(study, places).claims(), isElsewhere: () => false };
  const address = queueAddress(queue), shares = await shardClaims(study).claims();
  const { covers, lookAtServer } = await import("./postgres_jobs.ts");
  try {
    const { claims, ended } = await lookAtServer(address, copiesName(study.settings));
    return {
      claims: [...claims, ...shares],
      isElsewhere: (key, steps) => ended.get(key)?.some((each) => covers(each, steps)) === true,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { claims: shares, isElsewhere: () => false, problem: error.message };
  }
}

/** Claims on a server. */
function sharedClaims(study: Study, url: string): ClaimReader {
  const address = queueAddress(url);
  return {
    async claims() {
      const { postgresClaimReader } = await import("./postgres_jobs.ts");
      return await postgresClaimReader(address, copiesName(study.settings)).claims();
    },
  };
}

function allOf(readers: readonly ClaimReader[]): ClaimReader {
  return {
    async claims() {
      const claims = await Promise.all(readers.map((reader) => reader.claims()));
      return claims.flat().sort((a, b) => a.heard - b.heard);
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
  override readonly message = "another process took over the run";
}

/** Puts files in place only while a claim is held; throws {@linkcode ClaimLost} after. */
export function commitWhileHeld(queue: Pick<Queue, "whileHeld">, key: string): Commit {
  return async (rename) => {
    if (!await queue.whileHeld(key, rename)) throw new ClaimLost();
  };
}
