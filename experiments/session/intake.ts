/** Which runs a session takes next: ordered so that they pack well, claimed, as many as fit together. */
import { messageOf, UserError } from "../../cells/errors.ts";
import type { Engine } from "../../train/engines/engine.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import { cellJob, stepOf } from "../../train/training/trainer.ts";
import type { Board } from "./board.ts";
import { packingOrder } from "./packing.ts";
import { type Queue, STALE_SECONDS } from "../queue/queue.ts";
import type { RunResult } from "../study/result.ts";
import { type Run, shortKey, type Study } from "../study/store.ts";
import { claimKey } from "../queue/study_queue.ts";
import { isDone, type TrainStudyOptions } from "./train_options.ts";
import { WorkList } from "./work.ts";
import { printError } from "../../train/terminal/output.ts";

export interface IntakeTools {
  readonly study: Study;
  readonly queue: Queue;
  readonly board: Board;
  readonly signal: AbortSignal;
  /** The engine as it is now: a lost one is opened again. */
  readonly engine: () => Engine;
}

/** Whoever claims runs: how many it takes for a new group, and what it has claimed. */
export interface Taker {
  readonly places: number;
  readonly held: Set<Run>;
}

export class Intake {
  /** Runs that were left, since their own files cannot be used. */
  skipped = 0;
  readonly #work: WorkList<Run>;
  /** Claims that others have taken over. */
  readonly #lost = new Set<string>();
  /** Bytes of a run of each configuration: seeds make no difference. */
  readonly #footprints = new Map<string, number>();
  #saidThatWeWait = false;
  /** Unix seconds. */
  readonly #begun = Date.now() / 1000;

  /** @param packed whether runs train in groups, and those that take up alike are to follow each other */
  constructor(
    private readonly tools: IntakeTools,
    private readonly settings: TrainingSettings,
    waiting: readonly Run[],
    private readonly options: TrainStudyOptions,
    packed: boolean,
  ) {
    const ordered = packed ? packingOrder(waiting, (run) => this.#footprint(run)) : waiting;
    this.#work = new WorkList(ordered, tools.queue, options.experiment, options.limit);
  }

  /** Runs of living processes, found when nothing else was left. */
  get others(): number {
    return this.#work.others.length;
  }

  /** Claims runs for a new group; waits for what other processes hold if there is nothing else. */
  async group(taker: Taker): Promise<Run[]> {
    const group: Run[] = [];
    while (group.length < taker.places && !this.tools.signal.aborted) {
      const next = await this.beside(group, taker);
      if (next) group.push(next);
      else if (group.length || !await this.#revive()) break;
    }
    return group;
  }

  /** Claims the next run that fits into the memory that others leave, and that nobody has finished meanwhile. */
  async beside(present: readonly Run[], { held }: Pick<Taker, "held">): Promise<Run | undefined> {
    const used = present.reduce((bytes, run) => bytes + this.#footprint(run), 0);
    // A run that does not even fit alone is tried all the same: the engine's error says by how much.
    const fits = (run: Run) => !present.length || used + this.#footprint(run) <= this.tools.engine().memory;
    while (!this.tools.signal.aborted) {
      const next = await this.#work.claim(fits);
      if (!next) return undefined;
      held.add(next);
      this.tools.board.take(next);
      this.#lost.delete(this.#claimOf(next));
      if (await this.#isWanted(next)) return next;
    }
    return undefined;
  }

  /** Takes note of claims that others have taken over. */
  lose(claims: readonly string[]): void {
    for (const claim of claims) this.#lost.add(claim);
  }

  isLost(run: Run): boolean {
    return this.#lost.has(this.#claimOf(run));
  }

  /** A claim that cannot be given back now becomes stale by itself. */
  async release(run: Run): Promise<void> {
    const { board } = this.tools;
    board.drop(run);
    await this.#work.release(run).catch((error) =>
      board.print(`The claim on run ${shortKey(run.key)} could not be given back: ${messageOf(error)}`)
    );
  }

  /** Gives back a run for which there was no place, to be handed out again. */
  async putBack(run: Run): Promise<void> {
    await this.release(run);
    this.tools.board.putBack();
    this.#work.putBack(run);
  }

  /** Leaves a run whose own files cannot be used: that says nothing about the next. */
  async skip(run: Run, error: unknown): Promise<void> {
    if (!(error instanceof UserError)) throw error;
    this.skipped++;
    printError(`train: ${messageOf(error)}; run ${shortKey(run.key)} is skipped`);
    await this.#drop(run);
  }

  /** Lets go of a run that this call has nothing to do with after all. */
  async #drop(run: Run): Promise<void> {
    this.tools.board.drop(run);
    await this.#work.drop(run);
  }

  /** Another process may have finished a run between our list and our claim. */
  async #isWanted(run: Run): Promise<boolean> {
    let result: RunResult | undefined;
    try {
      result = await this.tools.study.readResult(this.options.experiment, run.key);
    } catch (error) {
      await this.skip(run, error);
      return false;
    }
    // One that has failed in another process meanwhile has been tried again.
    const hasJustFailed = result?.failed !== undefined && (result.failed_time ?? 0) > this.#begun;
    if (!hasJustFailed && !isDone(result, this.settings, this.options)) return true;
    await this.#drop(run);
    return false;
  }

  /** Waits for runs that others hold; says so, once, since it may take a while. */
  #revive(): Promise<boolean> {
    if (this.#work.held && !this.#saidThatWeWait) {
      this.#saidThatWeWait = true;
      this.tools.board.print(
        `Other processes hold what is left (${this.#work.held}); seeing whether they are alive takes up to ${STALE_SECONDS} s`,
      );
    }
    return this.#work.revive(this.tools.signal);
  }

  #claimOf(run: Run): string {
    return claimKey(this.options.experiment, run.key);
  }

  #footprint({ entry, seed }: Run): number {
    const known = this.#footprints.get(entry.id);
    if (known !== undefined) return known;
    const step = stepOf(cellJob({ config: entry.config, seed }), this.settings);
    const bytes = this.tools.engine().footprint(step);
    this.#footprints.set(entry.id, bytes);
    return bytes;
  }
}
