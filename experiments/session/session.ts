/** One call of `train` at work: takes waiting runs in groups, trains them, writes down what comes out, and scores it. */
import { messageOf } from "../../cells/errors.ts";
import { describeConfig } from "../../cells/config.ts";
import { affordableWorkers, OpenFilesError } from "../../train/process/open_files.ts";
import type { TokenizedCorpus } from "../../train/corpus/tokens/tokenized.ts";
import { type Engine, EngineFailure } from "../../train/engines/engine.ts";
import type { TrainingState } from "../../train/training/loss_log.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import { plural } from "../../train/terminal/progress.ts";
import { cellJob, type NextJob, stepOf, type TrainedRun, trainGroup } from "../../train/training/trainer.ts";
import { type AtWork, Board } from "./board.ts";
import { WriteFailure } from "../study/files.ts";
import { Intake } from "./intake.ts";
import { everyOne, sleep } from "./promises.ts";
import { Attempts } from "./recovery.ts";
import type { Queue } from "../queue/queue.ts";
import { RunFiles, type Start } from "./run_files.ts";
import { Scorer, type TrainedModel } from "./scorer.ts";
import { type Run, shortKey, type Study } from "../study/store.ts";
import { Pulse } from "../queue/heartbeat.ts";
import { ClaimLost, heartbeat } from "../queue/study_queue.ts";
import type { TrainStudyOptions } from "./train_options.ts";
import { printError } from "../../train/terminal/output.ts";

/** What a session works with. */
export interface Tools {
  readonly study: Study;
  /** What models read. */
  readonly text: TokenizedCorpus;
  readonly queue: Queue;
  /** Names this process in the queue. */
  readonly owner: string;
  readonly engine: Engine;
  /** Opens the same engine again after its device was lost. */
  readonly reopen: () => Promise<Engine>;
}

/** So many runs in a row that cannot be trained for an outside reason end the whole: the next would fare no better. */
const MOST_PROBLEMS_IN_A_ROW = 3;

/** Trains one group at a time, beside other lanes. */
interface Lane {
  readonly number: number;
  /** Runs of a group. */
  readonly places: number;
  readonly threads: number;
  /** What the lane has claimed, to be given back if it fails. */
  readonly held: Set<Run>;
}

/** The runs of a group under way, by the number that each has there. */
interface Crew {
  readonly lane: Lane;
  readonly starts: Map<number, Start>;
  readonly atWork: AtWork;
  /** Runs that the disk failed when they were to join or had ended. */
  readonly stranded: { readonly run: Run; readonly error: WriteFailure }[];
}

export class TrainingSession {
  finished = 0;
  failed = 0;
  #problems = 0;
  readonly interrupted: string[] = [];
  readonly #study: Study;
  readonly #text: TokenizedCorpus;
  readonly #queue: Queue;
  readonly #files: RunFiles;
  readonly #intake: Intake;
  readonly #board: Board;
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  #engine: Engine;
  readonly #attempts = new Attempts();
  readonly #scorer: Scorer;
  readonly #runs: number;
  readonly #parallel: number;
  #taken = 0;
  #problemsInARow = 0;
  /** What went wrong while a group at work was given its next run. */
  #refillError: unknown;

  constructor(
    private readonly tools: Tools,
    private readonly settings: TrainingSettings,
    waiting: readonly Run[],
    private readonly options: TrainStudyOptions,
  ) {
    ({ study: this.#study, text: this.#text, queue: this.#queue, engine: this.#engine } = tools);
    this.#signal = AbortSignal.any([this.#failure.signal, ...(options.signal ? [options.signal] : [])]);
    const { experiment, limit } = options;
    this.#files = new RunFiles(
      this.#study,
      experiment,
      this.#text.corpus,
      settings,
      this.#queue,
      tools.owner,
      () => this.#engine,
    );
    this.#runs = Math.min(waiting.length, limit ?? Infinity);
    this.#parallel = options.parallel ?? this.#engine.defaultParallel;
    this.#board = new Board(this.#runs, settings, options.quiet);
    const forIntake = {
      study: this.#study,
      queue: this.#queue,
      board: this.#board,
      signal: this.#signal,
      engine: () => this.#engine,
    };
    const isPacked = this.#engine.layout(this.#parallel).runs_per_group > 1;
    this.#intake = new Intake(forIntake, settings, waiting, options, isPacked);
    this.#scorer = new Scorer({
      study: this.#study,
      experiment,
      queue: this.#queue,
      text: this.#text,
      signal: this.#signal,
      interrupt: options.signal,
      print: (line) => this.#board.print(line),
      release: (run) => this.#intake.release(run),
      onShortage: () => this.#failure.abort(),
    });
  }

  get problems(): number {
    return this.#problems + this.#intake.skipped + this.#scorer.problems.size;
  }

  /** Runs that were trained and could not be scored. */
  get unscored(): ReadonlySet<string> {
    return this.#scorer.problems;
  }

  get others(): number {
    return this.#intake.others + this.#taken;
  }

  async run(): Promise<void> {
    const { groups, runs_per_group: places } = this.#engine.layout(this.#parallel);
    const threads = Math.max(1, Math.floor(affordableWorkers(navigator.hardwareConcurrency) / groups));
    const pulse = new Pulse(this.#queue, this.options.experiment, this.#board, this.#intake);
    using _heart = heartbeat(() => pulse.beat(), this.options.timing);
    this.#board.announce(this.#engine, this.#parallel);
    const lanes = Array.from({ length: Math.min(groups, this.#runs) }, (_, number): Lane => (
      { number, places, threads, held: new Set() }
    ));
    try {
      await everyOne(lanes.map((lane) => this.#work(lane)));
    } finally {
      try {
        await this.#scorer.finish();
      } finally {
        this.#board.stop();
        await this.#engine.close();
      }
    }
  }

  /** Takes a group, trains it, takes the next. */
  async #work(lane: Lane): Promise<void> {
    for (;;) {
      lane.held.clear();
      try {
        const group = await this.#intake.group(lane);
        if (this.#signal.aborted) { for (const run of group.splice(0)) await this.#intake.release(run); }
        if (!group.length) return;
        await this.#train(lane, group, { refill: true });
      } catch (error) {
        // The other lanes stop at a good place too, rather than lose what they have in hand.
        this.#failure.abort();
        for (const run of lane.held) await this.#intake.release(run);
        throw error;
      } finally {
        this.#board.atWork.delete(lane.number);
      }
    }
  }

  /** Trains claimed runs; releases each when it has ended or is left. */
  async #train(lane: Lane, runs: readonly Run[], { refill }: { refill: boolean }): Promise<void> {
    const starts: Start[] = [];
    for (const run of runs) {
      const start = await this.#start(run, (error) => this.#recover(lane, [run], error));
      if (start) starts.push(start);
    }
    if (starts.length) await this.#trainGroup(lane, starts, refill);
  }

  /** Finds where a claimed run stands; none if it cannot be trained now. */
  async #start(run: Run, onWriteFailure: (error: WriteFailure) => Promise<void> | void): Promise<Start | undefined> {
    try {
      const step = stepOf(cellJob({ config: run.entry.config, seed: run.seed }), this.settings);
      const start = await this.#files.start(run, step, this.options.retryFailed === true);
      if (start.other) this.#board.goOn(run, start.from!.steps_done, start.other);
      return start;
    } catch (error) {
      if (error instanceof ClaimLost) await this.#leaveToOther(run);
      else if (error instanceof WriteFailure) await onWriteFailure(error);
      else await this.#intake.skip(run, error);
      return undefined;
    }
  }

  async #trainGroup(lane: Lane, starts: readonly Start[], refill: boolean): Promise<void> {
    const atWork = this.#board.begin(lane.number);
    const crew: Crew = { lane, starts: new Map(starts.entries()), atWork, stranded: [] };
    for (const { run, from } of starts) this.#board.join(atWork, run, from?.steps_done ?? 0);
    const startOf = (number: number) => crew.starts.get(number)!;
    const left = () => [...crew.starts.values()].map(({ run }) => run);
    const models: TrainedModel[] = [];
    const leave = (number: number) => {
      this.#board.leave(atWork, startOf(number).run);
      crew.starts.delete(number);
    };
    try {
      const trained = await trainGroup(this.#engine, starts.map(jobOf), this.settings, this.#text.train, {
        signal: AbortSignal.any([this.#signal, atWork.stop.signal]),
        threads: lane.threads,
        from: starts.map(({ from }) => from),
        saveEvery: this.options.timing?.save === undefined ? undefined : this.options.timing.save * 1000,
        onPreparing: (done, total) => this.#board.prepare(done, total),
        onProgress: (progress) =>
          this.#board.advance(atWork, progress.map((now) => ({ ...now, run: startOf(now.run).run }))),
        save: (number, state) => this.#save(startOf(number), state),
        onTrained: async (number, trained) => {
          const { run } = startOf(number);
          let model: Uint8Array | undefined;
          try {
            model = await this.#finish(startOf(number), trained);
          } catch (error) {
            // The others go on: that one is tried again after them.
            if (!(error instanceof WriteFailure)) throw error;
            crew.stranded.push({ run, error });
          }
          leave(number);
          if (!model) return;
          // Where the CPU trains, it cannot score at the same time and gain; a GPU must not wait for it.
          if (this.#engine.capabilities.trains_on_cpu) models.push({ run, model });
          else {
            lane.held.delete(run);
            this.#scorer.scoreLater(run, lane.threads);
          }
        },
        isLost: (number) => this.#intake.isLost(startOf(number).run),
        onLost: async (number) => {
          await this.#leaveToOther(startOf(number).run);
          leave(number);
        },
        onRefused: async (number) => {
          const { run } = startOf(number);
          leave(number);
          lane.held.delete(run);
          await this.#intake.putBack(run);
        },
        refill: refill ? (number, present) => this.#refill(crew, number, present) : undefined,
      });
      if (!trained) await this.#stop(left());
    } catch (error) {
      await this.#recover(lane, left(), error);
    }
    if (this.#refillError) throw this.#refillError;
    await this.#scorer.score(models, lane.threads);
    for (const { run, error } of crew.stranded) await this.#recover(lane, [run], error);
  }

  /** The next run for a group at work. What goes wrong with it must not take the group's runs along. */
  async #refill(crew: Crew, number: number, present: readonly number[]): Promise<NextJob | undefined> {
    try {
      return await this.#nextJob(crew, number, present.map((other) => crew.starts.get(other)!.run));
    } catch (error) {
      this.#refillError ??= error;
      this.#failure.abort();
      return undefined;
    }
  }

  async #nextJob({ lane, starts, atWork, stranded }: Crew, number: number, present: readonly Run[]) {
    // Runs that end together make room for a new group, which may have more places than theirs.
    while (present.length && !stranded.length) {
      const run = await this.#intake.beside(present, lane);
      if (!run) return undefined;
      const start = await this.#start(run, (error) => void stranded.push({ run, error }));
      if (!start) continue;
      starts.set(number, start);
      this.#board.join(atWork, run, start.from?.steps_done ?? 0);
      return { job: jobOf(start), from: start.from };
    }
    return undefined;
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
      if (this.#signal.aborted) {
        this.interrupted.push(run.key);
        await this.#intake.release(run);
      } else if (this.#intake.isLost(run)) {
        await this.#leaveToOther(run);
      } else {
        // It came into a group whose others were lost at that moment.
        await this.#intake.putBack(run);
      }
    }
  }

  async #leaveToOther(run: Run): Promise<void> {
    this.#taken++;
    this.#board.print(
      `${shortKey(run.key)}  was taken over by another process, since this one was silent or queue.sqlite was deleted`,
    );
    await this.#intake.release(run);
  }

  /** Tries runs again that an engine or the disk has failed, as far as that makes sense. */
  async #recover(lane: Lane, runs: readonly Run[], error: unknown): Promise<void> {
    if (this.#signal.aborted) return this.#stop(runs);
    // A second attempt, and any other run, would fare no better.
    if (error instanceof OpenFilesError) throw error;
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
        return this.#recover(lane, groups.flat(), new EngineFailure("lost", messageOf(error)));
      }
    }
    for (const group of groups) await this.#train(lane, group, { refill: false });
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
    printError(`train: run ${shortKey(run.key)} was not trained: ${messageOf(error)}`);
    await this.#intake.release(run);
    // That one run is too large says nothing of the next.
    if (error instanceof EngineFailure && error.kind === "memory") return;
    if (++this.#problemsInARow >= MOST_PROBLEMS_IN_A_ROW) throw error;
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
      await this.#intake.release(run);
    } else {
      this.finished++;
      this.#board.finish(run, result);
    }
    return model;
  }
}

function jobOf({ run: { entry, seed } }: Start) {
  return cellJob({ config: entry.config, seed });
}
