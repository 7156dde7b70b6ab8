/**
 * Who is training what, on machines that need share nothing but a PostgreSQL server: claims on runs, as jobs of pg-boss (https://pgboss.io). A run has at
 * most one job that waits or is active (its queue's policy is `exclusive`). The job's id and the number of its retries name an attempt: pg-boss lets go
 * of whoever comes with an earlier one. Jobs that have been completed stay, and say which runs other folders have.
 *
 * Only pg-boss' own functions are used, no statement on its tables.
 */
import type { Db, JobAttempt, JobWithMetadata, PgBoss } from "pg-boss";
import type { CountingTable } from "./fenced_queue.ts";
import {
  claimsOf,
  covers,
  type Ended,
  endedOf,
  heartbeatOf,
  isCompleted,
  type JobData,
  jobsOf,
  type OwnerData,
  PAGE,
  stepsName,
} from "./postgres_jobs.ts";
import { closeServer, openServer, OwnError, Retries, SEARCH_SECONDS } from "./postgres_server.ts";
import type { Claim } from "./queue.ts";
import type { QueueAddress } from "./queue_url.ts";

/** What is done within it is done as a whole, or not at all. */
type Transaction = Awaited<ReturnType<NonNullable<Db["beginTransaction"]>>>;

/** How long to go on asking a server that does not answer, seconds: what a restart takes, and more. */
const TIMEOUT_SECONDS = 300;

/** pg-boss lets no attempt last longer, seconds; a run that does gets a new one in time. */
const LONGEST_ATTEMPT = 24 * 60 * 60, RENEWED_AFTER = 20 * 60 * 60;

/** Waiting jobs and retries have no end: seconds, and times; columns of 32 bits. */
const NO_END = 2_000_000_000;

/** Seconds that it is remembered where the runs of a process were: it is told again at each heartbeat, and is there for people only. */
const STEPS_KEPT = 7 * 24 * 60 * 60;

/** Milliseconds for which a look at all claims serves repeated calls. */
const LOOK_MILLISECONDS = 1000;

export interface PostgresQueueOptions {
  readonly address: QueueAddress;
  /** Names what is the same for all copies of a study: see `copiesName()`. */
  readonly name: string;
  /** Names this process; unique. */
  readonly owner: string;
  /** How a run has ended in this folder; undefined where it has not. */
  readonly endedHere: (key: string) => Promise<Ended | undefined>;
  /** Steps to which this process is to train a run; undefined for what it only measures or scores. */
  readonly stepsWanted?: (key: string) => number | undefined;
  /** Trains what has been trained in another folder, which is lost. */
  readonly retrainLost?: boolean;
  /** Seconds without a heartbeat after which a silent owner counts as gone. */
  readonly staleAfter?: number;
  /** Seconds to go on asking a server that does not answer. */
  readonly timeout?: number;
  /** Seconds after which an attempt is begun again, before pg-boss ends it. */
  readonly renewedAfter?: number;
}

/** A run that this process has. */
interface Held {
  readonly key: string;
  attempt: JobAttempt;
  /** By this process's clock, milliseconds. */
  begun: number;
  /** Attempts at the run before this job. */
  readonly before: number;
  /** What has been completed says as much already. */
  readonly isKnownDone: boolean;
  step: number;
}

/**
 * Opens a study's queue, and makes it where it is missing.
 *
 * @throws {UserError} with one line, if the server cannot be used
 */
export async function openPostgresQueue(options: PostgresQueueOptions): Promise<PostgresQueue> {
  const { address, name } = options, heartbeatSeconds = heartbeatOf(options.staleAfter);
  const boss = await openServer(address, { stoppedAfter: heartbeatSeconds });
  try {
    return await new Retries(address, 0).ask(async () => {
      await boss.createQueue(name, {
        policy: "exclusive",
        heartbeatSeconds,
        expireInSeconds: LONGEST_ATTEMPT,
        retryLimit: NO_END,
        retryDelay: 0,
        retentionSeconds: NO_END,
        // They are kept.
        deleteAfterSeconds: 0,
      });
      await boss.createQueue(stepsName(name), { retentionSeconds: STEPS_KEPT });
      const known = options.retrainLost ? await jobsOf(boss, name) : [];
      return new PostgresQueue(boss, options, new Set(known.filter(isCompleted).map(({ id }) => id)));
    });
  } catch (error) {
    await closeServer(boss);
    throw error;
  }
}

/** Claims of one process in a study's queue. */
export class PostgresQueue implements CountingTable {
  readonly #held = new Map<string, Held>();
  /** As far as they were asked for. */
  readonly elsewhere = new Set<string>();
  readonly #retries: Retries;
  #look: { readonly at: number; readonly claims: Promise<Claim[]> } | undefined;

  /** @param ignored ids of completed jobs whose results are lost */
  constructor(
    private readonly boss: PgBoss,
    private readonly options: PostgresQueueOptions,
    private readonly ignored: ReadonlySet<string>,
  ) {
    this.#retries = new Retries(options.address, options.timeout ?? TIMEOUT_SECONDS);
  }

  claim(key: string): Promise<boolean> {
    return this.#retries.ask(async () => {
      // Most of what is asked for is another's: a look tells, and keeps nobody waiting.
      const seen = await this.boss.findJobs<JobData>(this.options.name, { key, limit: PAGE });
      if (seen.some(({ state }) => state === "active") || await this.#isElsewhere(key, this.#endsIn(seen))) {
        return false;
      }
      const held = await this.#transaction((tx) => this.#hold(tx, key));
      if (held) this.#held.set(key, held);
      return held !== undefined;
    });
  }

  attemptOf(key: string): number | undefined {
    const held = this.#held.get(key);
    return held && held.before + held.attempt.retryCount + 1;
  }

  /** A search for silent owners comes every few seconds. */
  get staleSeconds(): number {
    return heartbeatOf(this.options.staleAfter) + SEARCH_SECONDS;
  }

  async beat(steps: ReadonlyMap<string, number>): Promise<string[]> {
    const { name } = this.options, held = [...this.#held.values()];
    for (const run of held) run.step = steps.get(run.key) ?? run.step;
    // What fails now is sent at the next beat.
    return await new Retries(this.options.address, 0).ask(async () => {
      const asked = held.map((run) => ({ run, attempt: run.attempt }));
      const touched = held.length ? await this.boss.touch(name, asked.map(({ attempt }) => attempt)) : undefined;
      const alive = new Set(settledIn(touched));
      const lost: string[] = [], { renewedAfter = RENEWED_AFTER } = this.options;
      for (const { run, attempt } of asked) {
        const isOld = performance.now() - run.begun > 1000 * renewedAfter;
        // It may be given back meanwhile: then it is not taken again.
        const isHeld = () => this.#held.get(run.key) === run;
        if (alive.has(attempt.id) && !isOld || !isHeld()) continue;
        const kept = await this.#transaction(async (tx) => {
          const kept = await this.#keep(tx, run, isOld);
          return isHeld() ? kept : undefined;
        });
        if (kept) goOnWith(run, kept);
        else if (isHeld()) {
          this.#held.delete(run.key);
          lost.push(run.key);
        }
      }
      await this.#tellSteps();
      return lost;
    });
  }

  whileHeld(key: string, action: () => void): Promise<boolean> {
    return this.#retries.ask(async () => {
      const held = this.#held.get(key);
      if (!held) return false;
      let isDone = false;
      try {
        const kept = await this.#transaction(async (tx) => {
          const kept = await this.#keep(tx, held);
          if (!kept) return undefined;
          isDone = true;
          try {
            action();
          } catch (error) {
            throw new OwnError(error);
          }
          return kept;
        });
        if (kept) goOnWith(held, kept);
        else if (this.#held.get(key) === held) this.#held.delete(key);
        return kept !== undefined;
      } catch (error) {
        // What has been done was done while the run was held, whether or not the server has heard the rest.
        if (isDone && !(error instanceof OwnError)) return true;
        throw error;
      }
    });
  }

  async release(key: string): Promise<void> {
    const held = this.#held.get(key);
    if (!held) return;
    // At once: a claim that stays in the queue must get no more heartbeats.
    this.#held.delete(key);
    const { name, owner } = this.options, ended = await this.options.endedHere(key);
    await this.#retries.ask(async () => {
      // A heartbeat may be about to begin another attempt: that one is given back then.
      let attempt: JobAttempt;
      do {
        attempt = held.attempt;
        if (ended && !held.isKnownDone) await this.boss.complete(name, attempt, { ...ended, owner });
        else await this.boss.fail(name, attempt, null);
      } while (attempt !== held.attempt);
    });
  }

  /** What other folders have is nobody's to wait for: each look shows it again. */
  async living(): Promise<Claim[]> {
    const now = performance.now();
    if (!this.#look || now - this.#look.at > LOOK_MILLISECONDS) {
      this.#look = { at: now, claims: this.#retries.ask(() => claimsOf(this.boss, this.options.name)) };
    }
    const claims = await this.#look.claims;
    return [...claims, ...[...this.elsewhere].map((key) => ({ key, owner: "", since: 0, heard: now, step: 0 }))];
  }

  async close(): Promise<void> {
    await closeServer(this.boss);
  }

  /** Takes a run, unless another process or folder has it. */
  async #hold(tx: Transaction, key: string): Promise<Held | undefined> {
    const job = await this.#take(tx, key);
    if (!job) return undefined;
    const jobs = await this.boss.findJobs<JobData>(this.options.name, { key, limit: PAGE, db: tx.db });
    const others = jobs.filter(({ id }) => id !== job.id), ends = this.#endsIn(others);
    // It may have ended since the look.
    if (await this.#isElsewhere(key, ends)) return undefined;
    const here = await this.options.endedHere(key);
    return {
      key,
      attempt: attemptOf(job),
      begun: performance.now(),
      before: others.reduce((sum, { retryCount }) => sum + retryCount + 1, 0),
      isKnownDone: here !== undefined && ends.some((ended) => covers(ended, here.steps)),
      step: 0,
    };
  }

  /** How a run has ended, according to jobs of it. */
  #endsIn(jobs: readonly JobWithMetadata<JobData>[]): Ended[] {
    return jobs.filter((job) => isCompleted(job) && !this.ignored.has(job.id)).map(endedOf);
  }

  /** Whether another folder has as many steps of a run as are wanted here, and this one has not. */
  async #isElsewhere(key: string, ends: readonly Ended[]): Promise<boolean> {
    const wanted = this.options.stepsWanted?.(key);
    if (wanted === undefined || !ends.some((ended) => covers(ended, wanted))) return false;
    if (covers(await this.options.endedHere(key), wanted)) return false;
    this.elsewhere.add(key);
    return true;
  }

  /** Makes a run's job active, under this process's name, where it waits or there is none. */
  async #take(tx: Transaction, key: string): Promise<JobWithMetadata<JobData> | undefined> {
    const { name, owner } = this.options, data: JobData = { key, owner };
    // pg-boss fetches by priority and not by key: within this transaction the job alone has this number.
    const priority = Math.floor(Math.random() * 2 ** 31);
    const options = { singletonKey: key, priority, heartbeatSeconds: heartbeatOf(this.options.staleAfter), db: tx.db };
    if (!(await this.boss.upsert(name, data, options)).jobs.length) return undefined;
    const [job] = await this.boss.fetch<JobData>(name, {
      minPriority: priority,
      maxPriority: priority,
      ignoreStartAfter: true,
      includeMetadata: true,
      db: tx.db,
    });
    return job?.data.key === key ? job : undefined;
  }

  /**
   * Makes sure that a run is this process's until the transaction ends. Where it was given up for silence and nobody has taken it since, it is taken
   * back.
   *
   * @param renews begins a new attempt at it in any case
   * @returns the attempt, once the transaction has come to its end; undefined where another has the run
   */
  async #keep(tx: Transaction, run: Held, renews = false): Promise<JobAttempt | undefined> {
    const { name } = this.options, before = run.attempt;
    const touched = settledIn(await this.boss.touch(name, before, { db: tx.db })).length > 0;
    if (touched && !renews) return before;
    if (touched) await this.boss.fail(name, before, null, { db: tx.db });
    const job = await this.#take(tx, run.key);
    if (job?.id === before.id && job.retryCount === before.retryCount + 1) return attemptOf(job);
    // Another part of this process has just done the same.
    return run.attempt === before ? undefined : await this.#keep(tx, run, renews);
  }

  /** Does something in a transaction, which is undone where that comes to nothing. */
  async #transaction<T>(action: (tx: Transaction) => Promise<T>): Promise<T> {
    const tx = await this.boss.getDb().beginTransaction!();
    try {
      const result = await action(tx);
      if (result) await tx.commit();
      else await tx.rollback();
      return result;
    } catch (error) {
      await tx.rollback();
      throw error;
    }
  }

  /** Says where the runs are: a job of its own, which nobody fetches, since an active one takes no news. */
  async #tellSteps(): Promise<void> {
    const { name, owner } = this.options;
    const data: OwnerData = {
      owner,
      steps: Object.fromEntries([...this.#held.values()].map(({ key, step }) => [key, step])),
    };
    await this.boss.upsert(stepsName(name), data, { singletonKey: owner });
  }
}

/** pg-boss names what it has changed; its types do not say so yet. */
function settledIn(response: object | undefined): string[] {
  return (response as { settled?: string[] } | undefined)?.settled ?? [];
}

function attemptOf({ id, retryCount }: JobAttempt): JobAttempt {
  return { id, retryCount };
}

function goOnWith(run: Held, attempt: JobAttempt): void {
  if (run.attempt === attempt) return;
  run.attempt = attempt;
  run.begun = performance.now();
}
