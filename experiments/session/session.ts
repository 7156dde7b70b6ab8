/**
 * One call of `train` at work. The life of a run:
 *
 * 1. `train` lists it as waiting, and the scheduler orders it beside runs of its shape.
 * 2. **Claim.** A worker asks for a group; the scheduler claims runs in the queue, as many as have slots and fit the memory.
 * 3. Its files say where it stands: from its beginning, from its checkpoint, or not at all (then it is skipped).
 * 4. **Train.** When it is the group's turn, it trains the run with the others. When one ends, the next waiting run takes its slot.
 * 5. **Write.** Its checkpoint is written every so often; at its end checkpoint, model and result.
 * 6. **Score.** Its model is scored on the test and the validation split: beside training on a GPU, after its group on the CPU.
 * 7. **Release.** Its claim is given back.
 *
 * Where a run is a group and several train at a time, one group more is under way: it does steps 2 and 3 and opens its session while the others compute,
 * and takes the turn of the first that has its score. So no core waits for files.
 *
 * On the way it may break down (its result says so), be refused by a full group (it waits again), be lost to another process (which
 * has it by then), or fail with an engine or a disk (it is tried again, then left for a later call). A signal stops all groups; what
 * they have done is saved.
 */
import { messageOf } from "../../cells/errors.ts";
import { unitOf } from "../../cells/unit.ts";
import type { TokenizedCorpus } from "../../train/corpus/tokens/tokenized.ts";
import { type Engine, EngineFailure } from "../../train/engines/engine.ts";
import { everyOne } from "../../train/process/every_one.ts";
import { affordableWorkers, OpenFilesError } from "../../train/process/open_files.ts";
import { plural } from "../../train/terminal/words.ts";
import type { TrainingSettings } from "../../train/training/settings.ts";
import type { EvaluationWorkers } from "../../train/scoring/evaluation_workers.ts";
import { trainRuns } from "../../train/training/trainer.ts";
import { heartbeat } from "../queue/heartbeat.ts";
import type { Queue } from "../queue/queue.ts";
import { claimKey } from "../queue/study_queue.ts";
import type { Run } from "../study/runs.ts";
import type { Study } from "../study/store.ts";
import { readUnit } from "../study/training_settings.ts";
import { footprintOf, WORKERS_PER_RUN } from "./capacity.ts";
import { GroupSource } from "./group_source.ts";
import { Outcomes } from "./outcomes.ts";
import { HandlerErrors } from "./listener.ts";
import { SessionProgress } from "./progress.ts";
import { sleep } from "./promises.ts";
import { Attempts } from "./recovery.ts";
import { RemainingTime } from "./remaining_time.ts";
import { RunFiles, type StartedRun } from "./run_files.ts";
import { packingOrder, Scheduler, waitingForOthers } from "./scheduler.ts";
import { Scorer, type TrainedModel } from "./scorer.ts";
import { isDone, type TrainStudyOptions } from "./train_options.ts";
import { Turns } from "./turns.ts";

/** What a session works with. */
export interface SessionResources {
  readonly study: Study;
  /** What models read. */
  readonly text: TokenizedCorpus;
  readonly queue: Queue;
  /** Names this process in the queue. */
  readonly owner: string;
  readonly engine: Engine;
  /** What scores. */
  readonly workers: EvaluationWorkers;
  /** Opens the same engine again after its device was lost. */
  readonly reopen: () => Promise<Engine>;
}

/** The runs of a call. */
export interface SessionRuns {
  /** Runs that are not done, in training order. */
  readonly waiting: readonly Run[];
  /** Runs that the call is about, done or not. */
  readonly meant: readonly Run[];
}

/** Trains, writes, scores and releases the waiting runs of an experiment: {@linkcode TrainingSession.run}, once. */
export class TrainingSession {
  readonly #outcomes: Outcomes;
  readonly #files: RunFiles;
  readonly #scheduler: Scheduler<Run>;
  readonly #progress: SessionProgress;
  readonly #remaining: RemainingTime;
  readonly #scorer: Scorer;
  readonly #attempts = new Attempts();
  /** The groups under way. */
  readonly #groups = new Set<GroupSource>();
  /** Stops all workers at a good place once one of them cannot go on. */
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  readonly #heard = new HandlerErrors(() => this.#failure.abort());
  readonly #runs: number;
  readonly #parallel: number;
  /** How many groups are under way, how many runs each has room for, and on how many processor threads it trains when it is its turn. */
  readonly #workers: number;
  readonly #slots: number;
  readonly #threads: number;
  readonly #turns: Turns;
  #engine: Engine;
  /** Unix seconds. */
  readonly #begun = Date.now() / 1000;

  constructor(
    private readonly resources: SessionResources,
    private readonly settings: TrainingSettings,
    { waiting, meant }: SessionRuns,
    private readonly options: TrainStudyOptions,
  ) {
    const { study, text, queue, owner, engine, workers } = resources, { experiment, limit, testBytes } = options;
    this.#engine = engine;
    this.#signal = AbortSignal.any([this.#failure.signal, ...(options.signal ? [options.signal] : [])]);
    this.#runs = Math.min(waiting.length, limit ?? Infinity);
    this.#parallel = options.parallel ?? engine.defaultParallel;
    const { groups, runsPerGroup: slots } = engine.layout(this.#parallel);
    this.#workers = Math.min(groups + (mayOpenAnother(engine, groups, slots) ? 1 : 0), this.#runs);
    this.#turns = new Turns(groups);
    this.#slots = slots;
    this.#threads = Math.max(1, Math.floor(affordableWorkers(navigator.hardwareConcurrency) / groups));
    const current = () => this.#engine;
    this.#files = new RunFiles({ study, experiment, corpus: text.corpus, settings, queue, owner, engine: current });
    this.#progress = new SessionProgress({
      runs: this.#runs,
      settings,
      listener: this.#heard.guarded(options),
      unit: readUnit(waiting.map(({ entry }) => entry.config), unitOf(study.settings)),
      waiting: () => this.#scheduler.waiting,
      claimed: () => this.#scheduler.claimed,
      secondsLeft: () => this.#remaining.seconds,
    });
    const runs = this.#runs < waiting.length ? () => this.#ownAmong(meant) : () => meant;
    const { queue: server, retrainLost, retryFailed } = options, failedBefore = retryFailed ? this.#begun : undefined;
    const remaining = { study, experiment, settings, runs, queue: server, retrainLost, failedBefore };
    this.#remaining = new RemainingTime(remaining);
    const say = (line: string) => this.#progress.say(line);
    workers.tell(say);
    const footprint = footprintOf(current, settings, study.space);
    // Runs of one shape follow each other where they train in groups.
    this.#scheduler = new Scheduler(slots > 1 ? packingOrder(waiting, footprint) : waiting, {
      queue,
      experiment,
      signal: this.#signal,
      limit,
      memory: { bytes: () => this.#engine.memory, footprint },
      isWanted: (run) => this.#isWanted(run),
      onWait: (held) => say(waitingForOthers(held, queue.staleSeconds)),
    });
    this.#outcomes = new Outcomes(
      this.#scheduler,
      this.#progress,
      study.space,
      ({ key }) => queue.latestOwner(claimKey(experiment, key)),
    );
    this.#scorer = new Scorer({
      study,
      experiment,
      queue,
      text,
      signal: this.#signal,
      interrupt: options.signal,
      workers,
      testBytes,
      say,
      complain: (line) => this.#progress.complain(line),
      release: (run) => this.#outcomes.release(run),
      onShortage: () => this.#failure.abort(),
    });
  }

  /**
   * Trains until no run is left that this process may take, or a signal comes. The engine is closed at the end, also after an error.
   *
   * @throws {OpenFilesError} if this process may open no more workers
   * @throws what a handler of the options has thrown
   * @throws the error of a run, if several in a row could not be trained for an outside reason; the queue's, if it refuses claims
   */
  async run(): Promise<void> {
    using _heart = this.#heartbeat();
    void this.#remaining.look();
    this.#progress.announce(this.#engine, this.#parallel);
    try {
      await everyOne(Array.from({ length: this.#workers }, () => this.#work()));
    } finally {
      try {
        await this.#scorer.finish();
      } finally {
        await this.#remaining.end();
        // Runs that came to no end, after a signal or an error; and claims that the queue did not release when it was told to.
        for (const run of [...this.#scheduler.claimed, ...this.#scheduler.unreleased]) {
          await this.#outcomes.release(run);
        }
        await this.#engine.close();
      }
    }
    this.#heard.check();
  }

  /** A worker: claims a group, trains it, takes the next. */
  async #work(): Promise<void> {
    try {
      for (;;) {
        const group = await this.#scheduler.group(this.#slots);
        if (!group.length || this.#signal.aborted) return;
        await this.#train(group, { refill: true });
      }
    } catch (error) {
      // The other workers stop at a good place too, rather than lose what they have in hand.
      this.#failure.abort();
      throw error;
    }
  }

  /** Trains claimed runs, and those that take their slots; writes, scores and releases each when it has ended or is left. */
  async #train(runs: readonly Run[], { refill }: { refill: boolean }): Promise<void> {
    using turn = this.#turns.next();
    const models: TrainedModel[] = [];
    const group = this.#newGroup(models, refill), started: StartedRun[] = [];
    for (const run of runs) {
      const start = await group.start(run);
      if (start) started.push(start);
      await this.#retryWriteFailed(group);
    }
    if (!started.length) return;
    this.#groups.add(group);
    const signal = AbortSignal.any([this.#signal, group.stop.signal]);
    try {
      const isThrough = await trainRuns(this.#engine, started, group, this.settings, this.resources.text.train, {
        signal,
        onOpen: () => turn.take(signal),
        threads: this.#threads,
        saveEvery: this.options.timing?.save === undefined ? undefined : this.options.timing.save * 1000,
        onPreparing: (done, total) => this.#progress.prepare(done, total),
      });
      if (!isThrough) await this.#letGo(group.takeBack());
    } catch (error) {
      // Whoever tries again needs a turn too.
      turn[Symbol.dispose]();
      await this.#recover(group.takeBack(), error);
    } finally {
      this.#groups.delete(group);
    }
    if (group.error) throw group.error;
    if (models.length) await turn.take(this.#signal);
    await this.#scorer.score(models, this.#threads);
    turn[Symbol.dispose]();
    await this.#retryWriteFailed(group);
  }

  /** @param models where those go that are to be scored after the group */
  #newGroup(models: TrainedModel[], refill: boolean): GroupSource {
    return new GroupSource({
      files: this.#files,
      scheduler: this.#scheduler,
      progress: this.#progress,
      outcomes: this.#outcomes,
      refill,
      retryFailed: this.options.retryFailed === true,
      onModel: (run, model) => {
        // Where the CPU trains, it cannot score at the same time and gain; a GPU must not wait for it.
        const { trainsOnCpu } = this.#engine.capabilities, { provider } = this.resources.workers.location;
        if (trainsOnCpu && provider === "cpu") models.push({ run, model });
        else this.#scorer.scoreLater(run, this.#threads);
      },
      onError: () => this.#failure.abort(),
    });
  }

  /** Runs whose training was told to stop: by Ctrl-C, or because another process has them. */
  async #letGo(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      if (this.#signal.aborted) await this.#outcomes.interrupt(run);
      else if (this.#scheduler.isLost(run)) await this.#outcomes.leaveToOther(run);
      // It came into a group whose others were lost at that moment.
      else await this.#outcomes.putBack(run);
    }
  }

  async #retryWriteFailed({ writeFailed }: GroupSource): Promise<void> {
    for (const { run, error } of writeFailed.splice(0)) await this.#recover([run], error);
  }

  /** Tries runs again that an engine or the disk has failed, as far as that makes sense. */
  async #recover(runs: readonly Run[], error: unknown): Promise<void> {
    if (this.#signal.aborted) return this.#letGo(runs);
    // A second attempt, and any other run, would fare no better.
    if (error instanceof OpenFilesError) throw error;
    const { groups, leave, pause } = this.#attempts.after(runs, error);
    for (const run of leave) await this.#outcomes.giveUp(run, error);
    if (groups.length) {
      const how = groups.length > 1 ? ` in ${groups.length} groups` : "";
      this.#progress.say(`Trying ${plural(groups.flat().length, "run")} again${how}: ${messageOf(error)}`);
      await sleep(pause, this.#signal);
    }
    if (this.#signal.aborted) return this.#letGo(groups.flat());
    if (this.#engine.failed) {
      try {
        await this.#reopen();
      } catch (error) {
        // A driver that restarts may take a while: that is one more attempt.
        if (!groups.length) throw error;
        return this.#recover(groups.flat(), new EngineFailure("lost", messageOf(error)));
      }
    }
    for (const group of groups) await this.#train(group, { refill: false });
  }

  async #reopen(): Promise<void> {
    const { name } = this.#engine;
    await this.#engine.close().catch(() => {});
    this.#engine = await this.resources.reopen();
    this.#progress.say(`The device of ${name} was lost and reopened (${this.#engine.adapter})`);
  }

  /** Says that this process is alive and where its runs are, and lets go of what another has taken meanwhile. */
  #heartbeat(): Disposable {
    const { experiment, timing } = this.options;
    return heartbeat(this.resources.queue, {
      timing,
      steps: () => new Map([...this.#progress.steps].map(([key, step]) => [claimKey(experiment, key), step])),
      onBeat: (lost) => {
        this.#scheduler.lose(lost);
        for (const group of this.#groups) group.stopIfLost();
        void this.#remaining.look();
      },
      onSilence: (problem) => this.#progress.say(problem),
    });
  }

  /** The runs of a call that is to train some of them alone: which, depends on what others leave. */
  #ownAmong(meant: readonly Run[]): Run[] {
    const { waiting, claimed } = this.#scheduler;
    const own = new Set([...waiting, ...claimed].map(({ key }) => key)).union(this.#progress.ended);
    return meant.filter(({ key }) => own.has(key));
  }

  /** Another process may have finished a run between our list and our claim. */
  async #isWanted(run: Run): Promise<boolean> {
    try {
      const result = await this.resources.study.readResult(this.options.experiment, run.key);
      // One that has failed in another process meanwhile has been tried again.
      const hasJustFailed = result?.failed !== undefined && (result.failed_time ?? 0) > this.#begun;
      return !hasJustFailed && !isDone(result, this.settings, this.options);
    } catch (error) {
      this.#outcomes.skip(run, error);
      return false;
    }
  }

  get finished(): number {
    return this.#outcomes.finished;
  }

  /** Runs that have broken down. */
  get failed(): number {
    return this.#outcomes.failed;
  }

  /** Runs that could not be trained or scored for an outside reason, or were skipped. */
  get problems(): number {
    return this.#outcomes.problems + this.#scorer.problems.size;
  }

  /** Keys of runs that were under way when training was stopped. */
  get interrupted(): readonly string[] {
    return this.#outcomes.interrupted;
  }

  /** Runs that were left to other processes. */
  get others(): number {
    const { elsewhere } = this.resources.queue, { experiment } = this.options;
    const others = this.#scheduler.others.filter(({ key }) => !elsewhere?.has(claimKey(experiment, key)));
    return others.length + this.#outcomes.taken;
  }

  /** Runs that a folder has trained which this one does not see. */
  get elsewhere(): number {
    return this.resources.queue.elsewhere?.size ?? 0;
  }

  /** Runs that were trained and could not be scored. */
  get unscored(): ReadonlySet<string> {
    return this.#scorer.problems;
  }
}

/**
 * Whether one more group than train at a time is opened: where a run is a group, and this process may have its worker. Who asks for one run at a time
 * gets one.
 */
function mayOpenAnother({ capabilities }: Engine, groups: number, slots: number): boolean {
  if (groups === 1 || slots > 1 || !capabilities.isolatedRuns) return false;
  const workers = groups * WORKERS_PER_RUN + 1;
  return affordableWorkers(workers) === workers;
}
