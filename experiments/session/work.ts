/** The runs that are left to train or to score, and which of them this process may take. */
import type { Queue } from "../queue/queue.ts";
import type { Experiment } from "../study/store.ts";
import { claimKey } from "../queue/study_queue.ts";

/** Milliseconds between two looks at what others hold. */
const LOOK_INTERVAL = 500;

/** Hands out runs in order, each claimed; keeps aside what other processes hold. */
export class WorkList<Run extends { readonly key: string }> {
  readonly #waiting: Run[];
  /** Runs that another process held when we came to them; it may be dead. */
  #held: Run[] = [];
  #look: Promise<void> | undefined;
  #left: number;

  constructor(
    waiting: readonly Run[],
    private readonly queue: Queue,
    private readonly experiment: Experiment,
    limit = Infinity,
  ) {
    this.#waiting = [...waiting];
    this.#left = limit;
  }

  /** Runs of living processes, found when nothing else was left. */
  readonly others: Run[] = [];

  /** Runs that other processes hold, as far as is known. */
  get held(): number {
    return this.#left > 0 ? this.#held.length : 0;
  }

  /** The next run that `accept` says fits, claimed; the others keep their places. Undefined if none is left that does. */
  async claim(accept: (run: Run) => boolean): Promise<Run | undefined> {
    while (this.#left > 0) {
      const at = this.#waiting.findIndex(accept);
      if (at < 0) return undefined;
      // Taken off before anything is awaited: another lane may ask meanwhile.
      const [next] = this.#waiting.splice(at, 1);
      this.#left--;
      if (await this.queue.claim(claimKey(this.experiment, next.key))) return next;
      this.#left++;
      this.#held.push(next);
    }
    return undefined;
  }

  async release(run: Run): Promise<void> {
    await this.queue.release(claimKey(this.experiment, run.key));
  }

  /** Gives back a claimed run that needs no training after all; it does not count towards the limit. */
  async drop(run: Run): Promise<void> {
    this.#left++;
    await this.release(run);
  }

  /** Takes back a run that has been released and is yet to be trained: it is the next again, and does not count towards the limit. */
  putBack(run: Run): void {
    this.#left++;
    this.#waiting.unshift(run);
  }

  /**
   * When only runs of others are left: waits until each has shown life (then it is theirs), or is free (then it is handed out).
   *
   * @returns whether there is something to claim again
   */
  async revive(signal: AbortSignal): Promise<boolean> {
    this.#look ??= this.#lookAtHeld(signal).finally(() => this.#look = undefined);
    await this.#look;
    return this.#left > 0 && this.#waiting.length > 0;
  }

  async #lookAtHeld(signal: AbortSignal): Promise<void> {
    const signs = async () =>
      new Map((await this.queue.living()).map(({ key, owner, heard }) => [key, `${owner} ${heard}`]));
    const first = await signs();
    while (this.#held.length && this.#left > 0 && !this.#waiting.length && !signal.aborted) {
      const now = await signs();
      const held = this.#held;
      this.#held = [];
      for (const run of held) {
        const key = claimKey(this.experiment, run.key), sign = now.get(key);
        if (sign === undefined) this.#waiting.push(run);
        else if (sign !== first.get(key)) this.others.push(run);
        else this.#held.push(run);
      }
      if (this.#held.length && !this.#waiting.length) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
      }
    }
  }
}
