/** The scheduler of a session: it claims the runs that this process trains, in order, and gives their claims back. */
import { sizesOf } from "../../cells/sizes.ts";
import { type CellConfig, stepsBackOf } from "../../cells/config.ts";
import { claimKey } from "../queue/study_queue.ts";
import { type ClaimTable, STALE_SECONDS } from "../queue/queue.ts";
import type { Experiment } from "../study/experiment.ts";

/** Milliseconds between two looks at what others hold. */
const LOOK_INTERVAL = 500;

/** What a claim needs to know of a run. */
interface Keyed {
  readonly key: string;
}

/** The memory that the runs of one group share. */
export interface GroupMemory<R> {
  /** Bytes of it now: an engine whose device was lost is opened again. */
  readonly bytes: () => number;
  /** Bytes that a run takes. */
  readonly footprint: (run: R) => number;
}

export interface SchedulerOptions<R> {
  readonly queue: ClaimTable;
  readonly experiment: Experiment;
  /** Nothing is handed out after. */
  readonly signal?: AbortSignal;
  /** Runs to hand out at most; absent: all. */
  readonly limit?: number;
  /** Absent: any runs fit together. */
  readonly memory?: GroupMemory<R>;
  /** Whether a run that has been claimed still needs anything: another process may have seen to it. Absent: it does. */
  readonly isWanted?: (run: R) => Promise<boolean>;
  /** Called once, before the first wait for others, with the number of runs that they hold. */
  readonly onWait?: (held: number) => void;
}

/**
 * Hands out runs in order, each claimed. What other processes hold is kept aside until nothing else is left. Every method that claims or
 * releases rejects when the queue does.
 */
export class Scheduler<R extends Keyed> {
  /** Runs of living processes, found when nothing else was left. */
  readonly others: R[] = [];
  readonly #waiting: R[];
  /** Runs that another process held when we came to them; it may be dead. */
  #heldByOthers: R[] = [];
  /** How many more may be handed out. */
  #left: number;
  /** Runs between waiting and claimed, one way or the other: the queue has not answered yet. */
  readonly #inTransit = new Set<R>();
  /** Runs that were handed out and not given back, by key. */
  readonly #claimed = new Map<string, R>();
  /** Runs that were given back, and whose claims the queue has not released: not yet, or not at all. By key. */
  readonly #unreleased = new Map<string, Keyed>();
  /** Claims that another process has taken over from this one. */
  readonly #lost = new Set<string>();
  #look: Promise<void> | undefined;
  #hasSaidThatItWaits = false;

  constructor(runs: readonly R[], private readonly options: SchedulerOptions<R>) {
    this.#waiting = [...runs];
    this.#left = options.limit ?? Infinity;
  }

  /** Runs that may still be handed out, those included that are being claimed or put back. */
  get waiting(): readonly R[] {
    const waiting = this.#waiting.slice(0, this.#left);
    return [...waiting, ...this.#heldByOthers.slice(0, this.#left - waiting.length), ...this.#inTransit];
  }

  /**
   * Claims runs for a new group; waits for what other processes hold if there is nothing else. Empty when all is done. Rejects when the
   * queue does.
   */
  async group(slots: number): Promise<R[]> {
    const group: R[] = [];
    while (group.length < slots && !this.#isStopped) {
      const next = await this.next(group);
      if (next) group.push(next);
      else if (group.length || !await this.#revive()) break;
    }
    return group;
  }

  /**
   * Claims the next run that fits into the memory that others leave, and that still needs something. Rejects when the queue does.
   *
   * @param present the runs of its group
   */
  async next(present: readonly R[]): Promise<R | undefined> {
    const fits = this.#fitsBeside(present), { isWanted } = this.options;
    while (!this.#isStopped) {
      const next = await this.#claim(fits);
      if (!next || !isWanted || await isWanted(next)) return next;
      await this.drop(next);
    }
    return undefined;
  }

  /** Notes claims that other processes have taken over: see {@linkcode isLost}. */
  lose(claims: readonly string[]): void {
    for (const claim of claims) this.#lost.add(claim);
  }

  /** Whether another process has taken a run over since it was handed out. */
  isLost(run: Keyed): boolean {
    return this.#lost.has(this.#claimOf(run));
  }

  /** Gives a claim back. Rejects when the queue does: then the run is one of {@linkcode unreleased}. */
  async release(run: Keyed): Promise<void> {
    this.#unreleased.set(run.key, this.#claimed.get(run.key) ?? run);
    this.#claimed.delete(run.key);
    await this.options.queue.release(this.#claimOf(run));
    this.#unreleased.delete(run.key);
  }

  /** Gives back a run that needs nothing after all; it does not count towards the limit. Rejects when the queue does. */
  async drop(run: Keyed): Promise<void> {
    this.#left++;
    await this.release(run);
  }

  /**
   * Gives a claimed run back to be handed out again: it is the next, and does not count towards the limit. Rejects when the queue does; the
   * run is handed out again anyway.
   */
  async putBack({ key }: Keyed): Promise<void> {
    const run = this.#claimed.get(key)!;
    this.#inTransit.add(run);
    try {
      await this.release(run);
    } finally {
      this.#inTransit.delete(run);
      this.#left++;
      this.#waiting.unshift(run);
    }
  }

  /** Runs that were handed out and not given back. */
  get claimed(): R[] {
    return [...this.#claimed.values()];
  }

  /** Runs that were given back, and whose claims could not be released so far. */
  get unreleased(): readonly Keyed[] {
    return [...this.#unreleased.values()];
  }

  get #isStopped(): boolean {
    return this.options.signal?.aborted === true;
  }

  #claimOf({ key }: Keyed): string {
    return claimKey(this.options.experiment, key);
  }

  #fitsBeside(present: readonly R[]): (run: R) => boolean {
    const { memory } = this.options;
    // A run that does not even fit alone is tried anyway: the engine's error says by how much.
    if (!memory || !present.length) return () => true;
    const used = present.reduce((bytes, run) => bytes + memory.footprint(run), 0);
    return (run) => used + memory.footprint(run) <= memory.bytes();
  }

  /** The next run that `fits`, claimed; the order of the others stays. Undefined if none is left that does. */
  async #claim(fits: (run: R) => boolean): Promise<R | undefined> {
    while (this.#left > 0) {
      const at = this.#waiting.findIndex(fits);
      if (at < 0) return undefined;
      // Taken off before anything is awaited: another worker may ask meanwhile.
      const [next] = this.#waiting.splice(at, 1);
      this.#left--;
      this.#inTransit.add(next);
      try {
        if (await this.options.queue.claim(this.#claimOf(next))) {
          this.#claimed.set(next.key, next);
          this.#unreleased.delete(next.key);
          this.#lost.delete(this.#claimOf(next));
          return next;
        }
      } finally {
        this.#inTransit.delete(next);
      }
      this.#left++;
      this.#heldByOthers.push(next);
    }
    return undefined;
  }

  /**
   * Waits for the runs that other processes hold, where no others are left. A run whose owner shows life stays that owner's. A run that
   * becomes free is to be handed out here.
   *
   * @returns whether there is something to claim again
   */
  async #revive(): Promise<boolean> {
    const { elsewhere } = this.options.queue;
    const held = this.#heldByOthers.filter((run) => !elsewhere?.has(this.#claimOf(run)));
    if (this.#left > 0 && held.length && !this.#hasSaidThatItWaits) {
      this.#hasSaidThatItWaits = true;
      this.options.onWait?.(held.length);
    }
    this.#look ??= this.#lookAtOthers().finally(() => this.#look = undefined);
    await this.#look;
    return this.#left > 0 && this.#waiting.length > 0;
  }

  async #lookAtOthers(): Promise<void> {
    const signs = async () =>
      new Map((await this.options.queue.living()).map(({ key, owner, heard }) => [key, `${owner} ${heard}`]));
    const first = await signs();
    while (this.#heldByOthers.length && this.#left > 0 && !this.#waiting.length && !this.#isStopped) {
      const now = await signs();
      const held = this.#heldByOthers;
      this.#heldByOthers = [];
      for (const run of held) {
        const claim = this.#claimOf(run), sign = now.get(claim);
        if (sign === undefined) this.#waiting.push(run);
        else if (sign !== first.get(claim)) this.others.push(run);
        else this.#heldByOthers.push(run);
      }
      if (this.#heldByOthers.length && !this.#waiting.length) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
      }
    }
  }
}

/** What to say before the wait for others: see {@linkcode SchedulerOptions.onWait}. */
export function waitingForOthers(held: number, seconds = STALE_SECONDS): string {
  return `Other processes hold the remaining runs (${held}); checking whether they are alive takes up to ${seconds} s`;
}

/** Something that is trained as a configuration says. */
interface Configured {
  readonly entry: { readonly config: CellConfig };
}

/**
 * Runs by steps back, by shape, then by the memory that they take, largest first: so the slot that one leaves fits the next. Runs that go as many
 * steps back advance together.
 */
export function packingOrder<R extends Configured>(runs: readonly R[], footprint: (run: R) => number): R[] {
  const keyOf = (config: CellConfig, bytes: number) => [stepsBackOf(config), ...sizesOf(config), bytes];
  const keyed = runs.map((run) => ({ run, key: keyOf(run.entry.config, footprint(run)) }));
  keyed.sort((a, b) => b.key.map((value, i) => value - a.key[i]).find((difference) => difference !== 0) ?? 0);
  return keyed.map(({ run }) => run);
}
