/** Scores what a session has trained, while it trains on. */
import { messageOf } from "../../cells/errors.ts";
import type { TokenizedCorpus } from "../../train/corpus/tokens/tokenized.ts";
import type { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import { OpenFilesError } from "../../train/process/open_files.ts";
import type { Queue } from "../queue/queue.ts";
import { scoreInWords, scoreRun } from "./score_run.ts";
import { shortKey } from "../study/run_key.ts";
import type { Run } from "../study/runs.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";
import { claimKey, ClaimLost, commitWhileHeld } from "../queue/study_queue.ts";

export interface TrainedModel {
  readonly run: Run;
  readonly model: Uint8Array;
}

export interface ScorerOptions {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly queue: Queue;
  readonly text: TokenizedCorpus;
  /** No further score is begun. */
  readonly signal: AbortSignal;
  /** A score under way is given up. */
  readonly interrupt?: AbortSignal;
  /** Given a line for each score. */
  readonly say: (line: string) => void;
  /** Given a line for each run that could not be scored. */
  readonly complain: (line: string) => void;
  /** Called for each run, scored or not: it needs its claim no longer. */
  readonly release: (run: Run) => Promise<void>;
  readonly workers: EvaluationWorkers;
  /** Bytes of the test split that are scored, at most; absent: all. */
  readonly testBytes?: number;
  /** Called once no further score can be made. */
  readonly onShortage: () => void;
}

export class Scorer {
  /** Runs that could not be scored. */
  readonly problems = new Set<string>();
  /** Runs to be scored in the background, and how many are at it. */
  readonly #waiting: Run[] = [];
  #workers = 0;
  #last: Promise<unknown> = Promise.resolve();
  #shortage: OpenFilesError | undefined;

  constructor(private readonly options: ScorerOptions) {}

  /** Scores models, as many at a time as there are threads. What the signal cuts short, the next call of `train` scores. */
  async score(models: readonly TrainedModel[], threads: number): Promise<void> {
    const left = [...models];
    const work = async () => {
      for (let next = left.shift(); next; next = left.shift()) await this.#scoreOne(next.run, next.model);
    };
    await Promise.all(Array.from({ length: threads }, work));
  }

  /** Scores a run in the background when a thread is free. Its model is read then: many that wait are not all in memory. */
  scoreLater(run: Run, threads: number): void {
    this.#waiting.push(run);
    if (this.#workers === threads) return;
    this.#workers++;
    const work = async () => {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#scoreOne(next);
      this.#workers--;
    };
    this.#last = Promise.all([this.#last, work()]);
  }

  /**
   * Resolves when nothing is left to score. Nothing can be scored after.
   *
   * @throws {OpenFilesError} if this process could open no worker, for the next call to score what is left
   */
  async finish(): Promise<void> {
    await this.#last;
    if (this.#shortage) throw this.#shortage;
  }

  async #scoreOne(run: Run, given?: Uint8Array): Promise<void> {
    const { study, experiment, queue, text, signal, interrupt, say, complain, release, workers, testBytes } =
      this.options;
    try {
      if (signal.aborted || this.#shortage) return;
      workers.check();
      const commit = commitWhileHeld(queue, claimKey(experiment, run.key));
      const model = given ?? (await study.readModel(experiment, run.key)).model;
      const scoring = { model, text, threads: 1, workers, commit, testBytes, signal: interrupt };
      const score = await scoreRun(study, experiment, run.key, scoring);
      say(`${shortKey(run.key)}  ${scoreInWords(score)}`);
    } catch (error) {
      // The run is kept; the next call scores it.
      if (interrupt?.aborted) return;
      if (error instanceof OpenFilesError) {
        this.#shortage ??= error;
        return this.options.onShortage();
      }
      if (error instanceof ClaimLost) return say(`${shortKey(run.key)}  was not scored: ${error.message}`);
      this.problems.add(run.key);
      complain(messageOf(error));
    } finally {
      await release(run);
    }
  }
}
