/** Scores what a session has trained, while it trains on. */
import { messageOf } from "../cells/errors.ts";
import type { Queue } from "./queue.ts";
import { scoreRun } from "./scoring.ts";
import { type Experiment, type Run, shortKey, type Study } from "./store.ts";
import { claimKey, commitWhileHeld } from "./study_queue.ts";

export interface TrainedModel {
  readonly run: Run;
  readonly model: Uint8Array;
}

export interface ScorerOptions {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly queue: Queue;
  /** The test split. */
  readonly test: Uint8Array;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
  /** Called for each run, scored or not: it needs its claim no longer. */
  readonly release: (run: Run) => Promise<void>;
}

export class Scorer {
  /** Runs that could not be scored. */
  readonly problems = new Set<string>();
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly options: ScorerOptions) {}

  /** Scores models, as many at a time as there are threads. What the signal cuts short, the next call of `train` scores. */
  async score(models: readonly TrainedModel[], threads: number): Promise<void> {
    const left = [...models];
    const work = async () => {
      for (let next = left.shift(); next; next = left.shift()) await this.#scoreOne(next);
    };
    await Promise.all(Array.from({ length: threads }, work));
  }

  /** The same in the background; resolves when all that was asked for before is done, so that work does not pile up. */
  scoreLater(models: readonly TrainedModel[], threads: number): Promise<void> {
    const before = this.#last;
    this.#last = before.then(() => this.score(models, threads));
    return before;
  }

  /** Resolves when nothing is left to score. */
  finish(): Promise<void> {
    return this.#last;
  }

  async #scoreOne({ run, model }: TrainedModel): Promise<void> {
    const { study, experiment, queue, test, signal, print, release } = this.options;
    try {
      if (signal.aborted) return;
      const commit = commitWhileHeld(queue, claimKey(experiment, run.key));
      const score = await scoreRun(study, experiment, run.key, { model, test, threads: 1, commit });
      print(`${shortKey(run.key)}  test ${score.bits_per_byte.toFixed(4)} bits/byte`);
    } catch (error) {
      this.problems.add(run.key);
      console.error(`train: ${messageOf(error)}`);
    } finally {
      await release(run);
    }
  }
}
