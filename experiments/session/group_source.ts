/** The runs of one group under way in a session: which join it, what is written of them, and how they leave it. */
import { messageOf } from "../../cells/errors.ts";
import type { TrainingState } from "../../train/training/loss_log.ts";
import type { Progress, RunSource, TrainedRun } from "../../train/training/training_run.ts";
import { ClaimLost } from "../queue/study_queue.ts";
import { WriteFailure } from "../study/files.ts";
import { shortKey } from "../study/run_key.ts";
import type { Run } from "../study/runs.ts";
import type { Outcomes } from "./outcomes.ts";
import type { SessionProgress } from "./progress.ts";
import type { RunFiles, StartedRun } from "./run_files.ts";
import type { Scheduler } from "./scheduler.ts";

export interface GroupSourceOptions {
  readonly files: Pick<RunFiles, "start" | "save" | "finish">;
  readonly scheduler: Scheduler<Run>;
  readonly progress: SessionProgress;
  readonly outcomes: Outcomes;
  /** Whether waiting runs take the slots of those that end. */
  readonly refill: boolean;
  /** Whether runs that have failed are tried again. */
  readonly retryFailed: boolean;
  /** Given each run that has its result, with its model. */
  readonly onModel: (run: Run, model: Uint8Array) => void;
  /** Called when the next run cannot be found: the session is to stop. */
  readonly onError: () => void;
}

/**
 * Hands the runs of one group to the trainer, writes what becomes of them, and gives them back: the {@linkcode RunSource} of a session. An
 * error that concerns one run stays with that run; any other ends the session.
 */
export class GroupSource implements RunSource<StartedRun> {
  /** Stops the group, and no other. */
  readonly stop = new AbortController();
  /** Runs whose files could not be written, when they were to join or when they had ended: to be tried again after the group. */
  readonly writeFailed: { readonly run: Run; readonly error: WriteFailure }[] = [];
  /** What went wrong when the next run was looked for. */
  error: unknown;
  /** Runs that have joined and not left, as they are listed: a state to resume from is not kept longer than its group. */
  readonly #runs = new Map<StartedRun, Run>();

  constructor(private readonly options: GroupSourceOptions) {}

  /** Takes the runs back that have not left, once the trainer is finished with the group: they are still claimed. */
  takeBack(): Run[] {
    const runs = [...this.#runs.values()];
    for (const started of this.#runs.keys()) this.#leave(started);
    return runs;
  }

  /** Stops the group if other processes have taken over all of its runs. A group that keeps some trains on with those. */
  stopIfLost(): void {
    const runs = [...this.#runs.keys()];
    if (runs.length && runs.every((run) => this.isLost(run))) this.stop.abort();
  }

  /** Reads where a claimed run stands, so that it can join. @returns undefined if it cannot be trained now; its claim is dealt with */
  async start(run: Run): Promise<StartedRun | undefined> {
    const { files, progress, outcomes, retryFailed } = this.options;
    try {
      const started = await files.start(run, retryFailed), step = started.from?.steps_done ?? 0;
      if (started.other) progress.goOn(run, step, started.other);
      progress.begin(run, step);
      this.#runs.set(started, run);
      return started;
    } catch (error) {
      if (error instanceof ClaimLost) await outcomes.leaveToOther(run);
      else if (error instanceof WriteFailure) this.writeFailed.push({ run, error });
      else {
        outcomes.skip(run, error);
        await outcomes.drop(run);
      }
      return undefined;
    }
  }

  /** Claims and starts the next run for a group at work. An error here must not end the runs of the group: see {@linkcode error}. */
  async next(present: readonly StartedRun[]): Promise<StartedRun | undefined> {
    try {
      // Runs that end together make room for a new group, which may have more slots than theirs.
      while (this.options.refill && present.length && !this.writeFailed.length) {
        const run = await this.options.scheduler.next(present);
        const started = run && await this.start(run);
        if (!run || started) return started;
      }
    } catch (error) {
      this.error ??= error;
      this.options.onError();
    }
    return undefined;
  }

  progress(progress: readonly Progress<StartedRun>[]): void {
    this.options.progress.advance(progress);
  }

  /** A checkpoint that cannot be written is no reason to stop: the one before is still there, and the next may go well. */
  async save(run: StartedRun, state: TrainingState): Promise<void> {
    try {
      await this.options.files.save(run, state);
    } catch (error) {
      if (error instanceof ClaimLost) return;
      this.options.progress.say(
        `Run ${shortKey(run.key)} continues without a new checkpoint: ${messageOf(error)}`,
      );
    }
  }

  /** Writes checkpoint, model and result of a run that has ended, unless another process has taken it over. */
  async finished(started: StartedRun, trained: TrainedRun): Promise<void> {
    const { files, outcomes, onModel } = this.options, run = this.#runs.get(started)!;
    const kept = await files.finish(started, trained).catch((error) => this.#unwritten(started, run, error));
    if (!kept) return;
    const { result, model } = kept;
    if (model) outcomes.finish(run, result);
    else await outcomes.fail(run, result.failed!);
    this.#leave(started);
    if (model) onModel(run, model);
  }

  async #unwritten(started: StartedRun, run: Run, error: unknown): Promise<void> {
    if (error instanceof ClaimLost) return await this.lost(started);
    // The others go on: that one is tried again after them.
    if (!(error instanceof WriteFailure)) throw error;
    this.writeFailed.push({ run, error });
    this.#leave(started);
  }

  /** Puts a run back that does not fit into this group: another group gets it. */
  async refused(started: StartedRun): Promise<void> {
    this.#leave(started);
    await this.options.outcomes.putBack(started);
  }

  isLost(run: StartedRun): boolean {
    return this.options.scheduler.isLost(run);
  }

  async lost(started: StartedRun): Promise<void> {
    await this.options.outcomes.leaveToOther(started);
    this.#leave(started);
  }

  #leave(started: StartedRun): void {
    this.options.progress.leaveGroup(started);
    this.#runs.delete(started);
  }
}
