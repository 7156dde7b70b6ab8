/** The runs that are left to train, and which of them this process may take. */
import type { Queue } from "./queue.ts";
import type { Experiment, Run } from "./store.ts";

/** Milliseconds between two looks at what others hold. */
const LOOK_INTERVAL = 1000;

/** Hands out runs in order, each claimed; keeps aside what other processes hold. */
export class WorkList {
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

  /** The next run, claimed; undefined if none is left, or `accept` says that it does not fit. */
  claim(accept: (run: Run) => boolean): Run | undefined {
    while (this.#left > 0 && this.#waiting.length) {
      const [next] = this.#waiting;
      if (!accept(next)) return undefined;
      this.#waiting.shift();
      if (this.queue.claim(this.#key(next))) {
        this.#left--;
        return next;
      }
      this.#held.push(next);
    }
    return undefined;
  }

  release(run: Run): void {
    this.queue.release(this.#key(run));
  }

  /** Gives back a claimed run that needs no training after all; it does not count towards the limit. */
  drop(run: Run): void {
    this.#left++;
    this.release(run);
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
    const beats = () => new Map(this.queue.claims().filter(({ stale }) => !stale).map(({ key, beat }) => [key, beat]));
    const first = beats();
    while (this.#held.length && this.#left > 0 && !this.#waiting.length && !signal.aborted) {
      const now = beats();
      const held = this.#held;
      this.#held = [];
      for (const run of held) {
        const beat = now.get(this.#key(run));
        if (beat === undefined) this.#waiting.push(run);
        else if (beat !== first.get(this.#key(run))) this.others.push(run);
        else this.#held.push(run);
      }
      if (this.#held.length && !this.#waiting.length) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
      }
    }
  }

  #key(run: Run): string {
    return `${this.experiment}/${run.key}`;
  }
}
