/** How runs end in this process: each is counted and reported, and its claim is released. */
import type { FactorTable } from "../../cells/factor.ts";
import { describeConfigIn } from "../../cells/config.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { ownerInWords } from "../queue/queue.ts";
import { EngineFailure } from "../../train/engines/engine.ts";
import type { RunResult } from "../study/result.ts";
import { shortKey } from "../study/run_key.ts";
import type { Run } from "../study/runs.ts";
import type { SessionProgress } from "./progress.ts";
import type { Scheduler } from "./scheduler.ts";

/** After so many runs in a row that could not be trained for an outside reason the session ends: the next would fare no better. */
const MOST_PROBLEMS_IN_A_ROW = 3;

/**
 * Counts how the runs of a session end, reports each, and releases its claim. A claim that cannot be released ends nothing: a line says so,
 * and the session tries again at its end.
 */
export class Outcomes {
  /** Runs that have their result. */
  finished = 0;
  /** Runs that have broken down. */
  failed = 0;
  /** Runs that could not be trained for an outside reason, or were skipped. */
  problems = 0;
  /** Runs that other processes took over. */
  taken = 0;
  /** Keys of runs that were under way when training was stopped. */
  readonly interrupted: string[] = [];
  #problemsInARow = 0;

  /**
   * @param table whose configurations the runs have
   * @param latestOwner who has begun a run last
   */
  constructor(
    private readonly scheduler: Scheduler<Run>,
    private readonly progress: SessionProgress,
    private readonly table: FactorTable,
    private readonly latestOwner: (run: Pick<Run, "key">) => string | undefined = () => undefined,
  ) {}

  /** Counts a run that has its result. Its claim is kept, since the run is to be scored. */
  finish(run: Run, result: RunResult): void {
    this.#problemsInARow = 0;
    this.finished++;
    this.progress.finish(run, result);
  }

  /** Counts a run that has broken down, says why, and releases its claim. */
  async fail(run: Run, why: string): Promise<void> {
    this.#problemsInARow = 0;
    this.failed++;
    this.progress.fail(run, `${why} (${describeConfigIn(this.table, run.entry.config)})`);
    await this.release(run);
  }

  /** Notes a run that was under way when training was stopped, and releases its claim. */
  async interrupt(run: Run): Promise<void> {
    this.interrupted.push(run.key);
    await this.release(run);
  }

  /** Counts a run that another process has taken over, and gives up this process's claim. */
  async leaveToOther(run: Run): Promise<void> {
    this.taken++;
    const owner = this.latestOwner(run);
    this.progress.say(
      `${shortKey(run.key)}  was taken over by another process${
        owner === undefined ? "" : ` (${ownerInWords(owner)})`
      }: ` +
        "this process sent no heartbeat, its queue was deleted, or its share was started again",
    );
    await this.release(run);
  }

  /**
   * Counts a run whose own files cannot be used; that says nothing of the next run. The caller drops the run.
   *
   * @throws the error, if it is no {@linkcode UserError}
   */
  skip({ key }: Run, error: unknown): void {
    if (!(error instanceof UserError)) throw error;
    this.problems++;
    this.progress.complain(`${messageOf(error)}; run ${shortKey(key)} is skipped`);
  }

  /**
   * Counts a run that could not be trained for an outside reason, and releases its claim: a later call of `train` tries it again.
   *
   * @throws the error, if it is the last of {@linkcode MOST_PROBLEMS_IN_A_ROW} in a row
   */
  async giveUp(run: Run, error: unknown): Promise<void> {
    this.problems++;
    this.progress.complain(`run ${shortKey(run.key)} was not trained: ${messageOf(error)}`);
    await this.release(run);
    // That one run is too large says nothing of the next.
    if (error instanceof EngineFailure && error.kind === "memory") return;
    if (++this.#problemsInARow >= MOST_PROBLEMS_IN_A_ROW) throw error;
  }

  /** Releases the claim on a run that is not trained in this call. The run does not count towards `--limit`. */
  async drop(run: Run): Promise<void> {
    this.progress.drop(run);
    await this.#unlessQueueFails(run, this.scheduler.drop(run));
  }

  /** Puts a run back that found no slot: it is handed out again. */
  async putBack(run: Run): Promise<void> {
    this.progress.drop(run);
    await this.#unlessQueueFails(run, this.scheduler.putBack(run));
  }

  /** Releases the claim on a run that this process is finished with. */
  async release(run: Pick<Run, "key">): Promise<void> {
    this.progress.drop(run);
    await this.#unlessQueueFails(run, this.scheduler.release(run));
  }

  /** Waits for the queue, and says so if it fails: the claim then becomes stale by itself, and others take it over. */
  async #unlessQueueFails({ key }: Pick<Run, "key">, released: Promise<void>): Promise<void> {
    await released.catch((error) =>
      this.progress.say(`Cannot release the claim on run ${shortKey(key)}: ${messageOf(error)}`)
    );
  }
}
