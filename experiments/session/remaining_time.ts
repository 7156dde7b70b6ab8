/** How long the runs that a call of `train` is about still take, no matter which process trains them: what `status` says, asked at heartbeats. */
import type { TrainingSettings } from "../../train/training/settings.ts";
import { STALE_SECONDS } from "../queue/queue.ts";
import { standingOf } from "../queue/standing.ts";
import { type ClaimsLook, lookAtClaims } from "../queue/study_queue.ts";
import { type AskedAgain, timeLeft } from "../queue/time_left.ts";
import { KnownResults } from "../study/known_results.ts";
import type { Run } from "../study/runs.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";

export interface RemainingTimeOptions extends AskedAgain {
  readonly study: Study;
  readonly experiment: Experiment;
  /** How this call trains. */
  readonly settings: TrainingSettings;
  /** The runs that this call is about, done or not, and those that others train. */
  readonly runs: () => readonly Run[];
  /** Where a PostgreSQL server has the claims: a URL. Absent: they are in the study. */
  readonly queue?: string;
  /** Looks at the claims; tests set their own. */
  readonly claims?: () => Promise<ClaimsLook>;
  /** Unix seconds; tests set their own. */
  readonly now?: () => number;
  /** Milliseconds that only ever go on; absent: `performance.now()`. */
  readonly clock?: () => number;
}

/** The next look is so many times as far away as the last one took: many runs, or a slow server, cost a small part of the time. */
const REST = 20;

/** A server that does not answer holds up the end of a session for no longer than so many milliseconds. */
const END_MILLISECONDS = 1000;

/** Looks at an experiment now and then, and counts down in between. */
export class RemainingTime {
  readonly #results: KnownResults;
  /** What the last look has said, and when; times here are those of the clock. */
  #told: { readonly seconds: number; readonly at: number } | undefined;
  /** The look under way, and when it has begun. */
  #look: { readonly done: Promise<void>; readonly since: number } | undefined;
  /** No look begins before. */
  #next = -Infinity;
  #isOver = false;

  constructor(private readonly options: RemainingTimeOptions) {
    const { study, experiment } = options;
    this.#results = new KnownResults(() => study, experiment);
  }

  /** Seconds left by now. Undefined where nothing is known: no run has finished, or it is unknown which processes train. */
  get seconds(): number | undefined {
    const secondsSince = (at: number) => (this.#clock() - at) / 1000;
    if (!this.#told || (this.#look && secondsSince(this.#look.since) > STALE_SECONDS)) return undefined;
    return Math.max(0, this.#told.seconds - secondsSince(this.#told.at));
  }

  /** Looks, unless it is too early or a look is under way. Nobody need wait for it, and it never rejects: what cannot be looked at is not known. */
  async look(): Promise<void> {
    const since = this.#clock();
    if (this.#isOver || this.#look || since < this.#next) return;
    const done = this.#lookNow();
    this.#look = { done, since };
    await done;
    this.#look = undefined;
    const now = this.#clock();
    this.#next = now + REST * (now - since);
  }

  /** Begins no further look, and waits for the last one unless a server is slow to answer. */
  async end(): Promise<void> {
    this.#isOver = true;
    if (!this.#look) return;
    const { promise, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, END_MILLISECONDS);
    await Promise.race([this.#look.done, promise]);
    clearTimeout(timer);
  }

  #clock(): number {
    return this.options.clock?.() ?? performance.now();
  }

  async #lookNow(): Promise<void> {
    const { study, experiment, settings, runs, queue } = this.options;
    const { claims = () => lookAtClaims(study, { queue }), now = () => Date.now() / 1000 } = this.options;
    try {
      const { read } = await this.#results.look(study.dir), look = await claims(), at = this.#clock();
      const standing = standingOf({ experiment, runs: runs(), read, look, settings, now: now() });
      const seconds = look.problem === undefined ? timeLeft(standing, this.options) : undefined;
      this.#told = seconds === undefined ? undefined : { seconds, at };
    } catch {
      // Training goes on without: whoever has to read or write there says what is wrong.
      this.#told = undefined;
    }
  }
}
