/** What `dynamics` does: measures finished runs, several at once, each in a worker of its own. */
import { messageOf } from "../../cells/errors.ts";
import { dynamicsCost } from "../../cells/sizes.ts";
import { type Unit, unitOf } from "../../cells/unit.ts";
import type { Tokens } from "../../train/corpus/tokens/tokenizer.ts";
import { DynamicsWorkers } from "../../train/dynamics/dynamics_workers.ts";
import { everyOne } from "../../train/process/every_one.ts";
import { OpenFilesError } from "../../train/process/open_files.ts";
import { plural } from "../../train/terminal/words.ts";
import { CELLSPACE_VERSION } from "../../train/version.ts";
import { heartbeat } from "../queue/heartbeat.ts";
import { claimKey, ClaimLost, commitWhileHeld, openStudyQueue, type QueueChoice } from "../queue/study_queue.ts";
import type { Queue } from "../queue/queue.ts";
import { adviceForRuns } from "../study/commands.ts";
import type { RunDynamics } from "../study/dynamics_file.ts";
import { type Commit, sumOf } from "../study/files.ts";
import { checkReplaceable } from "../study/ownership.ts";
import { runKey } from "../study/run_key.ts";
import { isCurrent } from "../study/read_dynamics.ts";
import { configOf, type FinishedResult } from "../study/result.ts";
import type { Experiment } from "../study/experiment.ts";
import { Study } from "../study/store.ts";
import { studyText } from "../study/text.ts";
import { usefulWorkers } from "./capacity.ts";
import { DynamicsPace } from "./dynamics_pace.ts";
import { checkLength, type DynamicsRequest, planDynamics } from "./dynamics_plan.ts";
import { otherwiseInWords } from "./dynamics_words.ts";
import { HandlerErrors } from "./listener.ts";
import { checkModel } from "./run_model.ts";
import { Scheduler, waitingForOthers } from "./scheduler.ts";
import { finishedResult } from "./score_run.ts";

/** How far a call is. */
export interface DynamicsState {
  /** Runs that it has measured, and runs that it is to measure. */
  readonly done: number;
  readonly total: number;
  /** Of the runs under way, how much of each is done, from 0 to 1. */
  readonly shares: readonly number[];
  /** Absent where nothing is known yet. */
  readonly secondsLeft?: number;
}

export interface MeasureOptions extends DynamicsRequest, Pick<QueueChoice, "nodeLocal" | "queue"> {
  readonly dir: string;
  /** Runs that are measured at once; absent: as many as there are cores. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  /** Called when a run has been measured, and whenever a worker tells how far it is. */
  readonly onProgress?: (state: DynamicsState) => void;
  readonly onMeasured?: (key: string, dynamics: RunDynamics, reads: Unit) => void;
  /** Called with a line that is no problem. */
  readonly onMessage?: (line: string) => void;
  /** Called when a run cannot be measured; the others go on. */
  readonly onProblem?: (problem: string) => void;
}

/** What a call of `dynamics` has done. */
export interface MeasureSummary {
  /** Runs that it has measured. */
  readonly measured: number;
  /** Of those, runs for which some measure could not be taken. */
  readonly incomplete: number;
  /** Runs that had been measured. */
  readonly had: number;
  /** Of those, runs that had been with other settings; they are kept as they are. */
  readonly otherwise: number;
  /** Runs that are in use by other processes, or that these have measured meanwhile. */
  readonly others: number;
  /** Runs that could not be measured. */
  readonly problems: number;
  /** A line for each file that could not be read. */
  readonly unreadable: readonly string[];
}

/** Resources that the caller may have open already. */
export interface MeasureResources {
  /** The study's. */
  readonly queue?: Queue;
  readonly workers?: DynamicsWorkers;
}

/**
 * Measures finished runs. Each is claimed meanwhile: none is measured twice, or while it trains on or is scored.
 *
 * @param given resources that the caller has open already; workers that are not given end with the call
 * @throws {UserError} before anything is written, if nothing is meant or the test split is too short; {@linkcode OpenFilesError} if this process may
 * open no worker
 * @throws what a handler of the options throws
 */
export async function measureStudy(options: MeasureOptions, given: MeasureResources = {}): Promise<MeasureSummary> {
  const { dir, settings, parallel = navigator.hardwareConcurrency, onMessage } = options, study = await Study.open(dir);
  const { todo, had, unreadable, chosen, ...plan } = await planDynamics(study, options);
  const otherwise = plan.otherwise.length;
  if (!todo.length && !had && !unreadable.length) onMessage?.(await nothingToMeasure(study, options.experiment));
  else if (chosen !== undefined) onMessage?.(chosen);
  if (otherwise) onMessage?.(otherwiseInWords(plan.otherwise, unitOf(study.settings)));
  if (!todo.length) return { measured: 0, incomplete: 0, had, otherwise, others: 0, problems: 0, unreadable };
  const { test } = await studyText(study, ["test"]);
  checkLength(study, test, settings);
  const wanted = usefulWorkers(Math.min(parallel, todo.length));
  using opened = given.workers ? undefined : new DynamicsWorkers(wanted);
  const workers = given.workers ?? opened!, atATime = Math.min(wanted, workers.count);
  onMessage?.(
    `Measuring ${plural(todo.length, "run")}, ${atATime} at a time: ${plural(settings.streams, "stream")} of ` +
      `${plural(settings.tokens, unitOf(study.settings))} of the test split`,
  );
  // First of what is written: where its place is taken, nothing else is.
  const queue = given.queue ?? (await openStudyQueue(study, options)).queue;
  try {
    await study.removeLeftovers();
    return {
      had,
      otherwise,
      unreadable,
      ...await new Measuring({ study, text: test, workers, atATime, queue }, todo, options).run(),
    };
  } finally {
    if (!given.queue) await queue.close();
  }
}

async function nothingToMeasure(study: Study, experiment: Experiment): Promise<string> {
  const advice = adviceForRuns(study, experiment, (await study.readConfigs(experiment)).length > 0);
  return `None of the selected runs has finished; ${advice}`;
}

/** What is measured with. */
interface Resources {
  readonly study: Study;
  /** The test split. */
  readonly text: Tokens;
  readonly workers: DynamicsWorkers;
  /** Runs that are measured at once. */
  readonly atATime: number;
  readonly queue: Queue;
}

/** A run that waits. */
interface WaitingRun {
  readonly key: string;
}

/** One call at work: {@linkcode Measuring.run}, once. */
class Measuring {
  readonly #scheduler: Scheduler<WaitingRun>;
  readonly #pace: DynamicsPace;
  /** Stops all workers once one of them cannot go on. */
  readonly #failure = new AbortController();
  readonly #heard = new HandlerErrors(() => this.#failure.abort());
  readonly #signal: AbortSignal;
  readonly #options: MeasureOptions;
  readonly #total: number;
  #measured = 0;
  #incomplete = 0;
  #taken = 0;
  #problems = 0;

  constructor(
    private readonly resources: Resources,
    todo: readonly FinishedResult[],
    options: MeasureOptions,
  ) {
    const { study, atATime, queue } = resources, { experiment, signal } = options;
    const onMessage = this.#heard.guard(options.onMessage), onProblem = this.#heard.guard(options.onProblem);
    const onProgress = this.#heard.guard(options.onProgress), onMeasured = this.#heard.guard(options.onMeasured);
    this.#options = { ...options, onMessage, onProblem, onProgress, onMeasured };
    this.#signal = AbortSignal.any([this.#failure.signal, ...(signal ? [signal] : [])]);
    this.#total = todo.length;
    const runs = todo.map((result) => ({ key: runKey(result.id, result.seed), cost: costOf(study, result) }));
    // The longest first: one that begins last would be waited for while the other workers idle.
    runs.sort((a, b) => b.cost - a.cost);
    this.#pace = new DynamicsPace(new Map(runs.map(({ key, cost }) => [key, cost])), atATime);
    this.#scheduler = new Scheduler<WaitingRun>(runs, {
      queue,
      experiment,
      signal: this.#signal,
      onWait: (held) => onMessage?.(waitingForOthers(held)),
    });
  }

  async run(): Promise<Omit<MeasureSummary, "had" | "otherwise" | "unreadable">> {
    const { queue, atATime } = this.resources;
    using _heart = heartbeat(queue, { onBeat: (lost) => this.#scheduler.lose(lost) });
    await everyOne(Array.from({ length: atATime }, () =>
      this.#work().catch((error) => {
        this.#failure.abort();
        throw error;
      })));
    this.#heard.check();
    return {
      measured: this.#measured,
      incomplete: this.#incomplete,
      problems: this.#problems,
      others: this.#scheduler.others.length + this.#taken,
    };
  }

  /** Measures one run after the other. */
  async #work(): Promise<void> {
    const { onProblem } = this.#options;
    for (;;) {
      const [next] = await this.#scheduler.group(1);
      if (!next) return;
      this.#pace.begin(next.key);
      let seconds: number | undefined;
      try {
        seconds = await this.#measure(next.key);
      } catch (error) {
        if (this.#signal.aborted) return;
        // No other run would fare better.
        if (error instanceof OpenFilesError) throw error;
        if (error instanceof ClaimLost) this.#taken++;
        else {
          this.#problems++;
          onProblem?.(messageOf(error));
        }
      } finally {
        this.#pace.end(next.key, seconds);
        await this.#scheduler.release(next);
      }
      this.#tell();
    }
  }

  /** @returns seconds that it took; undefined where another process has measured it before it was claimed here */
  async #measure(key: string): Promise<number | undefined> {
    const { study, text, workers, queue } = this.resources, { experiment, settings, again, onMeasured } = this.#options;
    const result = await finishedResult(study, experiment, key, "measure");
    const { path: file, model } = await study.readModel(experiment, key);
    await checkModel(model, result, file, study, experiment);
    const model_sha256 = sumOf(model), before = again ? undefined : await study.readDynamics(experiment, key);
    if (before && isCurrent(before, model_sha256)) {
      this.#taken++;
      return undefined;
    }
    // Before minutes of measuring, rather than after.
    checkReplaceable(study.dynamicsPath(experiment, key));
    const { id, seed } = result, cell = study.space.cellOf(configOf(result, study.space));
    const onProgress = (share: number) => {
      this.#pace.progress(key, share);
      this.#tell();
    };
    const watch = { onProgress, signal: this.#signal };
    const { measured, not_measured, seconds } = await workers.measure(
      { model, file, cell, sizes: result, text, settings },
      watch,
    );
    const dynamics: RunDynamics = {
      ...{ id, seed, cellspace_version: CELLSPACE_VERSION, model_sha256, settings, not_measured, seconds },
      ...measured,
    };
    const commit: Commit = commitWhileHeld(queue, claimKey(experiment, key));
    await study.writeDynamics(experiment, key, dynamics, commit);
    this.#measured++;
    if (Object.keys(not_measured).length) this.#incomplete++;
    onMeasured?.(key, dynamics, unitOf(result));
    return seconds;
  }

  #tell(): void {
    const { shares, secondsLeft } = this.#pace;
    this.#options.onProgress?.({
      done: this.#measured,
      total: this.#total,
      shares,
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
    });
  }
}

function costOf({ space }: Study, result: FinishedResult): number {
  return dynamicsCost(result, space.cellOf(configOf(result, space)).states.length);
}
