/** How runs end in this process: each is counted, told, and its claim given back. */
import { describeConfig } from "../../cells/config.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { EngineFailure } from "../../train/engines/engine.ts";
import { printError } from "../../train/terminal/output.ts";
import type { RunResult } from "../study/result.ts";
import { type Run, shortKey } from "../study/store.ts";
import type { SessionProgress } from "./progress.ts";
import type { Scheduler } from "./scheduler.ts";

/** So many runs in a row that cannot be trained for an outside reason end the whole: the next would fare no better. */
const MOST_PROBLEMS_IN_A_ROW = 3;

export class Outcomes {
  finished = 0;
  failed = 0;
  /** Runs that could not be trained for an outside reason, or were skipped. */
  problems = 0;
  /** Runs that other processes took over. */
  taken = 0;
  /** Keys of runs that were under way when training was stopped. */
  readonly interrupted: string[] = [];
  #problemsInARow = 0;

  constructor(private readonly scheduler: Scheduler<Run>, private readonly progress: SessionProgress) {}

  /** A run has its result. It keeps its claim: it is to be scored. */
  finish(run: Run, result: RunResult): void {
    this.#problemsInARow = 0;
    this.finished++;
    this.progress.finish(run, result);
  }

  /** A run has broken down. */
  async fail(run: Run, why: string): Promise<void> {
    this.#problemsInARow = 0;
    this.failed++;
    this.progress.print(`${shortKey(run.key)}  failed: ${why} (${describeConfig(run.entry.config)})`);
    await this.release(run);
  }

  /** A run was under way when training was stopped. */
  async interrupt(run: Run): Promise<void> {
    this.interrupted.push(run.key);
    await this.release(run);
  }

  /** Another process has a run by now. */
  async leaveToOther(run: Run): Promise<void> {
    this.taken++;
    this.progress.print(
      `${shortKey(run.key)}  was taken over by another process, since this one was silent or queue.sqlite was deleted`,
    );
    await this.release(run);
  }

  /**
   * A run's own files cannot be used, which says nothing about the next. Whoever claimed it drops it.
   *
   * @throws the error, if it is no {@linkcode UserError}
   */
  skip({ key }: Run, error: unknown): void {
    if (!(error instanceof UserError)) throw error;
    this.problems++;
    printError(`train: ${messageOf(error)}; run ${shortKey(key)} is skipped`);
  }

  /**
   * A run is left for a later call, after an outside reason.
   *
   * @throws the error, if it is one of many in a row
   */
  async giveUp(run: Run, error: unknown): Promise<void> {
    this.problems++;
    printError(`train: run ${shortKey(run.key)} was not trained: ${messageOf(error)}`);
    await this.release(run);
    // That one run is too large says nothing of the next.
    if (error instanceof EngineFailure && error.kind === "memory") return;
    if (++this.#problemsInARow >= MOST_PROBLEMS_IN_A_ROW) throw error;
  }

  /** A run needs nothing of this call after all. */
  async drop(run: Run): Promise<void> {
    this.progress.drop(run);
    await this.scheduler.drop(run);
  }

  /** A run found no slot, and is to be handed out again. */
  async putBack(run: Run): Promise<void> {
    this.progress.drop(run);
    await this.#unlessQueueFails(run, this.scheduler.putBack(run));
  }

  /** A run needs its claim no longer. */
  async release(run: Run): Promise<void> {
    this.progress.drop(run);
    await this.#unlessQueueFails(run, this.scheduler.release(run));
  }

  /** A claim that cannot be given back now becomes stale by itself. */
  async #unlessQueueFails({ key }: Run, released: Promise<void>): Promise<void> {
    await released.catch((error) =>
      this.progress.print(`The claim on run ${shortKey(key)} could not be given back: ${messageOf(error)}`)
    );
  }
}
