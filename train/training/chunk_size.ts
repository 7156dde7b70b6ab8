/** How much a group does between two readings of its losses. */
import { maxOf, minOf } from "../../cells/extremes.ts";

/** Aim for the time between two readings: progress shows, Ctrl-C is heard, and reading losses costs nothing. */
const CHUNK_MILLISECONDS = 500;
const MOST_UPDATES_PER_CHUNK = 500;

/** Tokens per chunk, from the measured time of those before. The numbers do not depend on it. */
export class ChunkSize {
  #next = 1;
  #last = performance.now();

  /** Tokens that the next chunk reads of each row. @param bptt steps back of the runs that are there, at least one */
  next(bptt: readonly number[]): number {
    // A chunk of fewer tokens has no update of the run with the most steps back: that one would wait while the others train.
    return Math.max(Math.min(this.#next, MOST_UPDATES_PER_CHUNK * minOf(bptt)), maxOf(bptt));
  }

  /** Time that passed while nothing was under way is no chunk's. */
  restart(): void {
    this.#last = performance.now();
  }

  finished(tokens: number): void {
    const now = performance.now();
    const perToken = Math.max((now - this.#last) / tokens, 1e-3);
    this.#last = now;
    // One that had to hold an update of every run may have been larger than what was aimed at.
    const most = 2 * Math.max(this.#next, tokens);
    this.#next = Math.max(1, Math.min(Math.round(CHUNK_MILLISECONDS / perToken), most));
  }
}
