/** One call of `train` at work: takes waiting runs in groups, trains them, writes down what comes out, and scores it. */
import { messageOf, UserError } from "../cells/errors.ts";
import { describeConfig } from "../cells/config.ts";
import type { TrainingStep } from "../cells/language_model.ts";
import type { Corpus } from "../train/corpus/corpus.ts";
import { type Engine, EngineFailure } from "../train/engines/engine.ts";
import type { TrainingState } from "../train/ledger.ts";
import type { TrainingSettings } from "../train/settings.ts";
import { formatDuration, plural } from "../train/terminal/progress.ts";
import { cellJob, stepOf, type TrainedRun, trainGroup } from "../train/trainer.ts";
import { Board } from "./board.ts";
import { DEFAULT_PARALLEL } from "./engines.ts";
import { WriteFailure } from "./files.ts";
import { Attempts } from "./recovery.ts";
import { type Queue, STALE_SECONDS } from "./queue.ts";
import type { RunResult } from "./result.ts";
import { RunFiles, type Start } from "./run_files.ts";
import { Scorer, type TrainedModel } from "./scorer.ts";
import { type Run, shortKey, type Study } from "./store.ts";
import { claimKey, ClaimLost, heartbeat } from "./study_queue.ts";
import { isDone, type TrainStudyOptions } from "./train_options.ts";
import { WorkList } from "./work.ts";

/** What a session works with. */
export interface Tools {
  readonly study: Study;
  readonly corpus: Corpus;
  readonly queue: Queue;
  /** Names this process in the queue. */
  readonly owner: string;
  readonly engine: Engine;
  /** Opens the same engine again after its device was lost. */
  readonly reopen: () => Promise<Engine>;
}

/** So many runs in a row that cannot be trained for an outside reason end the whole: the next would fare no better. */
const MOST_PROBLEMS_IN_A_ROW = 3;

export class TrainingSession {
  finished = 0;
  failed = 0;
  #problems = 0;
  readonly interrupted: string[] = [];
  readonly #study: Study;
  readonly #corpus: Corpus;
  readonly #queue: Queue;
  readonly #files: RunFiles;
  readonly #work: WorkList<Run>;
  readonly #board: Board;
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  #engine: Engine;
  readonly #attempts = new Attempts();
  readonly #scorer: Scorer;
  /** Unix seconds. */
  readonly #begun = Date.now() / 1000;
  readonly #runs: number;
  /** Claims that others have taken over. */
  readonly #lost = new Set<string>();
  #taken = 0;
  #problemsInARow = 0;
  #saidThatWeWait = false;
  /** Whether the last heartbeat failed. */
  #silent = false;

  constructor(
    private readonly tools: Tools,
    private readonly settings: TrainingSettings,
    waiting: readonly Run[],
    private readonly options: TrainStudyOptions,
  ) {
    ({ study: this.#study, corpus: this.#corpus, queue: this.#queue, engine: this.#engine } = tools);
    this.#signal = AbortSignal.any([this.#failure.signal, ...(options.signal ? [options.signal] : [])]);
    const { experiment, limit } = options;
    this.#files = new RunFiles(
      this.#study,
      experiment,
      this.#corpus,
      settings,
      this.#queue,
      tools.owner,
      () => this.#engine,
    );
    this.#work = new WorkList(waiting, this.#queue, experiment, limit);
    this.#runs = Math.min(waiting.length, limit ?? Infinity);
    this.#board = new Board(this.#runs, settings, options.quiet);
    this.#scorer = new Scorer({
      study: this.#study,
      experiment,
      queue: this.#queue,
      test: this.#corpus.test,
      signal: this.#signal,
      print: (line) => this.#board.print(line),
      release: (run) => this.#release(run),
    });
  }

  get problems(): number {
    return this.#problems + this.#scorer.problems.size;
  }

  /** Runs that were trained and could not be scored. */
  get unscored(): ReadonlySet<string> {
    return this.#scorer.problems;
  }

  get others(): number {
    return this.#work.others.length + this.#taken;
  }

  async run(): Promise<void> {
    const parallel = this.options.parallel ?? DEFAULT_PARALLEL[this.#engine.name];
    const { groups, runs } = this.#engine.lanes(parallel);
    const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / groups));
    using _heart = heartbeat(() => this.#beat(), this.options.timing);
    this.#board.announce(this.#engine, parallel);
    try {
      await everyOne(
        Array.from({ length: Math.min(groups, this.#runs) }, (_, lane) => this.#lane(lane, runs, threads)),
      );
    } finally {
      await this.#scorer.finish();
      this.#board.stop();
      await this.#engine.close();
    }
  }

  /** Says that this process is alive, and lets go of what another has taken meanwhile. */
  async #beat(): Promise<void> {
    const steps = [...this.#board.atWork.values()].flatMap(({ runs, step }) =>
      runs.map((run) => [claimKey(this.options.experiment, run.key), step] as const)
    );
    try {
      for (const key of await this.#queue.beat(new Map(steps))) this.#lost.add(key);
      for (const { runs, stop } of this.#board.atWork.values()) {
        // A group of which this process holds some trains on; what it knows of the others is not written.
        if (runs.every((run) => this.#lost.has(claimKey(this.options.experiment, run.key)))) stop.abort();
      }
      this.#silent = false;
    } catch (error) {
      // Another process that holds the database for long, or a full disk, must not end the work; once said is enough.
      if (!this.#silent) {
        this.#board.print(`The queue could not be told that this process is alive: ${messageOf(error)}`);
      }
      this.#silent = true;
    }
  }

  /** One lane: takes a group, trains it, takes the next. */
  async #lane(lane: number, size: number, threads: number): Promise<void> {
    for (;;) {
      const group: Run[] = [];
      try {
        await this.#take(size, group);
        if (this.#signal.aborted) { for (const run of group.splice(0)) await this.#release(run); }
        if (!group.length) return;
        await this.#train(lane, group, threads);
      } catch (error) {
        // The other lanes stop at a good place too, rather than lose what they have in hand.
        this.#failure.abort();
        for (const run of group) await this.#release(run);
        throw error;
      } finally {
        this.#board.atWork.delete(lane);
      }
    }
  }

  /** A claim that cannot be given back now becomes stale by itself. */
  async #release(run: Run): Promise<void> {
    this.#board.drop(run);
    await this.#work.release(run).catch((error) =>
      this.#board.print(`The claim on run ${shortKey(run.key)} could not be given back: ${messageOf(error)}`)
    );
  }

  /** Lets go of a run that this call has nothing to do with after all. */
  async #drop(run: Run): Promise<void> {
    this.#board.drop(run);
    await this.#work.drop(run);
  }

  /** Claims the next runs, as many as fit together. */
  async #take(size: number, group: Run[]): Promise<void> {
    let bytes = 0;
    while (group.length < size && !this.#signal.aborted) {
      let footprint = 0;
      const next = await this.#work.claim((run) => {
        footprint = this.#engine.footprint(this.#stepOf(run));
        // A run that does not even fit alone is tried all the same: the engine's error says by how much.
        return !group.length || bytes + footprint <= this.#engine.memory;
      });
      if (next) {
        this.#board.take(next);
        this.#lost.delete(claimKey(this.options.experiment, next.key));
        if (!await this.#isWanted(next)) continue;
        group.push(next);
        bytes += footprint;
      } else if (group.length || !await this.#revive()) return;
    }
  }

  /** Another process may have finished a run between our list and our claim. */
  async #isWanted(run: Run): Promise<boolean> {
    let result: RunResult | undefined;
    try {
      result = await this.#study.readResult(this.options.experiment, run.key);
    } catch (error) {
      await this.#skip(run, error);
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
      this.#board.print(
        `Other processes hold what is left (${this.#work.held}); seeing whether they are alive takes up to ${STALE_SECONDS} s`,
      );
    }
    return this.#work.revive(this.#signal);
  }

  #stepOf({ entry, seed }: Run): TrainingStep {
    return stepOf(cellJob({ config: entry.config, seed }), this.settings);
  }

  /** Trains claimed runs, those that stand at one step together; releases each when it has ended or is left. */
  async #train(lane: number, runs: readonly Run[], threads: number): Promise<void> {
    const starts: Start[] = [];
    for (const run of runs) {
      try {
        starts.push(await this.#files.start(run, this.#stepOf(run), this.options.retryFailed === true));
      } catch (error) {
        if (error instanceof ClaimLost) await this.#leaveToOther(run);
        else if (error instanceof WriteFailure) await this.#recover(lane, [run], threads, error);
        else await this.#skip(run, error);
      }
    }
    const bySteps = Map.groupBy(starts, ({ from }) => from?.steps_done ?? 0);
    for (const group of bySteps.values()) await this.#trainGroup(lane, group, threads);
  }

  async #trainGroup(lane: number, starts: readonly Start[], threads: number): Promise<void> {
    const left = new Map(starts.map((start) => [start.run, start]));
    const stepsBefore = starts[0].from?.steps_done ?? 0;
    const atWork = this.#board.begin(lane, [...left.keys()], stepsBefore);
    const models: TrainedModel[] = [];
    try {
      const trained = await trainGroup(this.#engine, starts.map(jobOf), this.settings, this.#corpus.train, {
        signal: AbortSignal.any([this.#signal, atWork.stop.signal]),
        threads,
        from: stepsBefore > 0 ? starts.map(({ from }) => from!) : undefined,
        saveEvery: this.options.timing?.save === undefined ? undefined : this.options.timing.save * 1000,
        onProgress: ({ step, losses }) => this.#board.advance(atWork, step, losses),
        save: (i, state) => this.#save(starts[i], state),
        onTrained: async (i, run) => {
          const model = await this.#finish(starts[i], run);
          if (model) models.push({ run: starts[i].run, model });
          left.delete(starts[i].run);
        },
      });
      if (!trained) await this.#stop([...left.keys()]);
    } catch (error) {
      await this.#recover(lane, [...left.keys()], threads, error);
    }
    // Where the CPU trains, it cannot score at the same time and gain; a GPU must not wait for it.
    if (this.#engine.name === "webgpu") await this.#scorer.scoreLater(models, threads);
    else await this.#scorer.score(models, threads);
  }

  /** A checkpoint that cannot be written is no reason to stop: the one before is still there, and the next may go well. */
  async #save(start: Start, state: TrainingState): Promise<void> {
    try {
      await this.#files.save(start, state);
    } catch (error) {
      if (error instanceof ClaimLost) return;
      this.#board.print(`Run ${shortKey(start.run.key)} trains on without a new checkpoint: ${messageOf(error)}`);
    }
  }

  /** Ends runs whose training was told to stop: by Ctrl-C, or because another process has them. */
  async #stop(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      if (!this.#signal.aborted) await this.#leaveToOther(run);
      else {
        this.interrupted.push(run.key);
        await this.#release(run);
      }
    }
  }

  async #leaveToOther(run: Run): Promise<void> {
    this.#taken++;
    this.#board.print(
      `${shortKey(run.key)}  was taken over by another process, since this one was silent or queue.sqlite was deleted`,
    );
    await this.#release(run);
  }

  /** Tries runs again that an engine or the disk has failed, as far as that makes sense. */
  async #recover(lane: number, runs: readonly Run[], threads: number, error: unknown): Promise<void> {
    if (this.#signal.aborted) return this.#stop(runs);
    const { groups, leave, pause } = this.#attempts.after(runs, error);
    for (const run of leave) await this.#leave(run, error);
    if (groups.length) {
      const how = groups.length > 1 ? ` in ${groups.length} groups` : "";
      this.#board.print(`Trying ${plural(groups.flat().length, "run")} again${how}: ${messageOf(error)}`);
      await sleep(pause, this.#signal);
    }
    if (this.#signal.aborted) return this.#stop(groups.flat());
    if (this.#engine.failed) {
      try {
        await this.#reopen();
      } catch (error) {
        // A driver that starts anew may take a while: that is one more attempt.
        if (!groups.length) throw error;
        return this.#recover(lane, groups.flat(), threads, new EngineFailure("lost", messageOf(error)));
      }
    }
    for (const group of groups) await this.#train(lane, group, threads);
  }

  async #reopen(): Promise<void> {
    const { name } = this.#engine;
    await this.#engine.close().catch(() => {});
    this.#engine = await this.tools.reopen();
    this.#board.print(`The device of ${name} was lost and has been opened again (${this.#engine.adapter})`);
  }

  /** Leaves a run for a later call, after an outside reason. */
  async #leave(run: Run, error: unknown): Promise<void> {
    this.#problems++;
    console.error(`train: run ${shortKey(run.key)} was not trained: ${messageOf(error)}`);
    await this.#release(run);
    // That one run is too large says nothing of the next.
    if (error instanceof EngineFailure && error.kind === "memory") return;
    if (++this.#problemsInARow >= MOST_PROBLEMS_IN_A_ROW) throw error;
  }

  /** Leaves a run whose own files cannot be used: that says nothing about the next. */
  async #skip(run: Run, error: unknown): Promise<void> {
    if (!(error instanceof UserError)) throw error;
    this.#problems++;
    console.error(`train: ${messageOf(error)}; run ${shortKey(run.key)} is skipped`);
    await this.#drop(run);
  }

  /** Keeps what training gave. Returns the model, unless the run has failed or is another's by now. */
  async #finish(start: Start, trained: TrainedRun): Promise<Uint8Array | undefined> {
    const { run } = start;
    let kept;
    try {
      kept = await this.#files.finish(start, trained);
    } catch (error) {
      if (!(error instanceof ClaimLost)) throw error;
      await this.#leaveToOther(run);
      return undefined;
    }
    this.#problemsInARow = 0;
    const { result, model } = kept;
    if (result.failed !== undefined) {
      this.failed++;
      this.#board.print(`${shortKey(run.key)}  failed: ${result.failed} (${describeConfig(run.entry.config)})`);
      await this.#release(run);
    } else {
      this.finished++;
      this.#board.finish(result["min loss"]!);
      this.#board.print(`${shortKey(run.key)}  ${summaryOf(result)}`);
    }
    return model;
  }
}

function jobOf({ run: { entry, seed } }: Start) {
  return cellJob({ config: entry.config, seed });
}

function summaryOf(result: RunResult): string {
  const took = formatDuration(result.train_seconds!);
  return `min loss ${result["min loss"]!.toFixed(4)} nats/byte, ${result.steps_done} steps in ${took}`;
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Waits for all, then throws the first error if there was one: nobody's work goes on behind the error's back. */
async function everyOne(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
