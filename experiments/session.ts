/** One call of `train` at work: takes waiting runs in groups, trains them, writes down what comes out, and scores it. */
import { messageOf } from "../cells/errors.ts";
import { describeConfig } from "../cells/config.ts";
import { countParameters, type TrainingStep } from "../cells/language_model.ts";
import { encodeWeights } from "../train/checkpoint.ts";
import type { Corpus } from "../train/corpus/corpus.ts";
import type { Engine } from "../train/engines/engine.ts";
import { exportModel } from "../train/evaluate.ts";
import { formatDuration, openProgress, plural, type ProgressBar } from "../train/terminal/progress.ts";
import { cellJob, stepOf, totalSteps, type TrainedRun, trainGroup, type TrainingSettings } from "../train/trainer.ts";
import metadata from "../deno.json" with { type: "json" };
import { DEFAULT_PARALLEL, type EngineChoice } from "./engines.ts";
import { openQueue, type Queue, STALE_SECONDS } from "./queue.ts";
import { hasEnded, type RunResult } from "./result.ts";
import type { Selection } from "./selection.ts";
import { scoreRun } from "./scoring.ts";
import { type Experiment, type Run, shortKey, type Study } from "./store.ts";
import { WorkList } from "./work.ts";

export interface TrainStudyOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  readonly engine: EngineChoice;
  readonly parallel?: number;
  readonly steps?: number;
  readonly limit?: number;
  readonly only?: Selection;
  readonly quiet: boolean;
  readonly signal?: AbortSignal;
}

/** Milliseconds between heartbeats of the claims of this process. */
const BEAT_INTERVAL = 5000;

/** So many runs in a row that cannot be trained for an outside reason end the whole: the next would fare no better. */
const MOST_PROBLEMS_IN_A_ROW = 3;

export class TrainingSession {
  finished = 0;
  failed = 0;
  problems = 0;
  readonly interrupted: string[] = [];
  readonly #queue: Queue;
  readonly #work: WorkList;
  readonly #bar: ProgressBar;
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  /** Steps and smoothed losses of the groups under way, for the progress bar. */
  readonly #underWay = new Map<number, { steps: number; losses: readonly number[] }>();
  /** Scoring that goes on while the next group trains. */
  readonly #scoring: Promise<void>[] = [];
  readonly #runs: number;
  #stepsDone = 0;
  #problemsInARow = 0;
  #saidThatWeWait = false;
  #best = Infinity;

  constructor(
    private readonly study: Study,
    private readonly corpus: Corpus,
    private readonly engine: Engine,
    private readonly settings: TrainingSettings,
    waiting: readonly Run[],
    private readonly options: TrainStudyOptions,
  ) {
    this.#signal = AbortSignal.any([this.#failure.signal, ...(options.signal ? [options.signal] : [])]);
    this.#queue = openQueue(study.queuePath, `${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`);
    this.#work = new WorkList(waiting, this.#queue, options.experiment, options.limit);
    this.#runs = Math.min(waiting.length, options.limit ?? Infinity);
    this.#bar = openProgress(this.#runs * totalSteps(settings), "steps", options.quiet);
  }

  get others(): number {
    return this.#work.others.length;
  }

  async run(): Promise<void> {
    const parallel = this.options.parallel ?? DEFAULT_PARALLEL[this.engine.name];
    const { groups, runs } = this.engine.lanes(parallel);
    const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / groups));
    const beat = setInterval(() => this.#beat(), BEAT_INTERVAL);
    this.#announce(Math.min(parallel, this.#runs));
    try {
      await everyOne(
        Array.from({ length: Math.min(groups, this.#runs) }, (_, lane) => this.#lane(lane, runs, threads)),
      );
      await everyOne(this.#scoring);
    } finally {
      clearInterval(beat);
      this.#bar.stop();
      this.#queue.close();
    }
  }

  #announce(parallel: number): void {
    const { steps } = this.settings, total = totalSteps(this.settings);
    const whole = total === steps ? "" : ` (${steps} asked for; passes of ${this.settings.history - 1} are finished)`;
    this.#bar.print(
      `Training ${
        plural(this.#runs, "run")
      } of ${total} steps${whole} on ${this.engine.name} (${this.engine.adapter}), ${parallel} at a time`,
    );
    if (this.engine.software) {
      console.error(`train: ${this.engine.adapter} is a software adapter: right, but far slower than --engine onnx`);
    }
  }

  /** Says that this process is alive. Another that holds the database for long must not end the work. */
  #beat(): void {
    try {
      this.#queue.beat(this.#steps());
    } catch (error) {
      this.#bar.print(`The queue could not be told that this process is alive: ${messageOf(error)}`);
    }
  }

  /** One lane: takes a group, trains it, takes the next. */
  async #lane(lane: number, size: number, threads: number): Promise<void> {
    for (;;) {
      const group = await this.#take(size);
      if (!group.length) return;
      try {
        await this.#process(lane, group, threads);
      } catch (error) {
        // The other lanes stop at a good place too, rather than lose what they have in hand.
        this.#failure.abort();
        throw error;
      } finally {
        for (const run of group) this.#release(run);
      }
    }
  }

  /** A claim that cannot be given back now becomes stale by itself. */
  #release(run: Run): void {
    try {
      this.#work.release(run);
    } catch (error) {
      this.#bar.print(`The claim on run ${shortKey(run.key)} could not be given back: ${messageOf(error)}`);
    }
  }

  /** Claims the next runs, as many as fit together. */
  async #take(size: number): Promise<Run[]> {
    const group: Run[] = [];
    let bytes = 0;
    while (group.length < size && !this.#signal.aborted) {
      let footprint = 0;
      const next = this.#work.claim((run) => {
        footprint = this.engine.footprint(this.#stepOf(run));
        // A run that does not even fit alone is tried all the same: the engine's error says by how much.
        return !group.length || bytes + footprint <= this.engine.memory;
      });
      if (next) {
        // Another process may have finished it between our list and our claim.
        if (hasEnded(await this.study.readResult(this.options.experiment, next.key))) {
          this.#work.drop(next);
          continue;
        }
        group.push(next);
        bytes += footprint;
      } else if (group.length || !await this.#revive()) break;
    }
    return group;
  }

  /** Waits for runs that others hold; says so, once, since it may take a while. */
  #revive(): Promise<boolean> {
    if (this.#work.held && !this.#saidThatWeWait) {
      this.#saidThatWeWait = true;
      this.#bar.print(
        `Other processes hold what is left (${this.#work.held}); seeing whether they are alive takes up to ${STALE_SECONDS} s`,
      );
    }
    return this.#work.revive(this.#signal);
  }

  #stepOf({ entry, seed }: Run): TrainingStep {
    return stepOf(cellJob({ config: entry.config, seed }), this.settings);
  }

  async #process(lane: number, group: readonly Run[], threads: number): Promise<void> {
    const { experiment } = this.options;
    const records = new Map<Run, RunResult>();
    for (const run of group) {
      const record = this.#newRecord(run);
      records.set(run, record);
      await this.study.writeResult(experiment, run.key, record);
    }
    await this.#trainOrSplit(lane, [...records.keys()], records, threads);
  }

  /** Trains a group. If the engine cannot, it is halved and tried again; a run that fails alone is left for a later call. */
  async #trainOrSplit(
    lane: number,
    runs: readonly Run[],
    records: Map<Run, RunResult>,
    threads: number,
  ): Promise<void> {
    if (!runs.length || this.#signal.aborted) return;
    let trained: TrainedRun[] | undefined;
    try {
      trained = await this.#train(lane, runs, threads);
      this.#problemsInARow = 0;
    } catch (error) {
      this.#underWay.delete(lane);
      if (runs.length === 1) return this.#leave(runs[0], error);
      this.#bar.print(`A group of ${runs.length} runs could not be trained (${messageOf(error)}); trying each half`);
      const half = Math.ceil(runs.length / 2);
      await this.#trainOrSplit(lane, runs.slice(0, half), records, threads);
      return this.#trainOrSplit(lane, runs.slice(half), records, threads);
    }
    this.#underWay.delete(lane);
    if (!trained) {
      this.interrupted.push(...runs.map(({ key }) => key));
      return;
    }
    const models: { run: Run; model: Uint8Array }[] = [];
    for (const [i, run] of runs.entries()) {
      const model = await this.#writeDown(run, records.get(run)!, trained[i]);
      if (model) models.push({ run, model });
    }
    const scoring = this.#score(models, threads);
    // Where the CPU trains, it cannot score at the same time and gain; a GPU must not wait for it.
    if (this.engine.name === "webgpu") this.#scoring.push(scoring);
    else await scoring;
  }

  #leave(run: Run, error: unknown): void {
    this.problems++;
    console.error(`train: run ${shortKey(run.key)} was not trained: ${messageOf(error)}`);
    if (++this.#problemsInARow >= MOST_PROBLEMS_IN_A_ROW) throw error;
  }

  async #train(lane: number, runs: readonly Run[], threads: number): Promise<TrainedRun[] | undefined> {
    const jobs = runs.map(({ entry, seed }) => cellJob({ config: entry.config, seed }));
    const trained = await trainGroup(this.engine, jobs, this.settings, this.corpus.train, {
      signal: this.#signal,
      threads,
      onProgress: ({ step, losses }) => {
        this.#underWay.set(lane, { steps: step * runs.length, losses });
        this.#showProgress();
      },
    });
    this.#stepsDone += trained?.reduce((total, { steps_done }) => total + steps_done, 0) ?? 0;
    return trained;
  }

  /** The result of a run as it starts: everything but what training finds. */
  #newRecord(run: Run): RunResult {
    const { entry, seed } = run;
    return {
      ...entry.config,
      id: entry.id,
      ...(entry.oldId ? { "old id": entry.oldId } : {}),
      "start time": Date.now() / 1000,
      "training steps": this.settings.steps,
      "batch size": this.settings.batch,
      "history size": this.settings.history,
      dataset: this.corpus.name,
      corpus_sha1: this.corpus.sha1,
      seed,
      log_every: this.settings.log_every,
      engine: this.engine.name,
      adapter: this.engine.adapter,
      parameters: countParameters(this.#stepOf(run).parameters),
      cellspace_version: metadata.version,
    };
  }

  /** Keeps what training gave: weights, model, result. Returns the model, unless the run has failed. */
  async #writeDown(run: Run, record: RunResult, trained: TrainedRun): Promise<Uint8Array | undefined> {
    const { experiment } = this.options;
    const { curve, failed, steps_done, seconds: train_seconds } = trained;
    const outcome = { "end time": Date.now() / 1000, steps_done, train_seconds };
    if (failed !== undefined) {
      const ended = { ...record, ...outcome, failed, loss_before_failure: [...curve] };
      await this.study.writeResult(experiment, run.key, ended);
      this.failed++;
      this.#bar.print(`${shortKey(run.key)}  failed: ${failed} (${describeConfig(run.entry.config)})`);
      return undefined;
    }
    const about = { corpus: this.corpus.name, corpus_sha1: this.corpus.sha1, seed: String(run.seed) };
    const weights = encodeWeights(run.entry.config, trained.step.parameters, trained.weights, about);
    await this.study.writeCheckpoint(experiment, run.key, weights);
    const model = exportModel(run.entry.config, trained.weights, about);
    await this.study.writeModel(experiment, run.key, model);
    const minLoss = curve.reduce((a, b) => Math.min(a, b));
    await this.study.writeResult(experiment, run.key, { ...record, ...outcome, loss: [...curve], "min loss": minLoss });
    this.finished++;
    this.#best = Math.min(this.#best, minLoss);
    const took = formatDuration(train_seconds);
    this.#bar.print(`${shortKey(run.key)}  min loss ${minLoss.toFixed(4)} nats/byte, ${steps_done} steps in ${took}`);
    return model;
  }

  /** Scores models, as many at a time as there are threads. What a signal cuts short, the next call scores. */
  #score(models: readonly { run: Run; model: Uint8Array }[], threads: number): Promise<void> {
    const left = [...models];
    const work = async () => {
      for (let next = left.shift(); next && !this.#signal.aborted; next = left.shift()) {
        const { run: { key }, model } = next;
        try {
          const score = await scoreRun(this.study, this.options.experiment, key, model, this.corpus.test);
          this.#bar.print(`${shortKey(key)}  test ${score.bits_per_byte.toFixed(4)} bits/byte`);
        } catch (error) {
          this.problems++;
          console.error(`train: ${messageOf(error)}`);
        }
      }
    };
    return everyOne(Array.from({ length: threads }, work));
  }

  #steps(): number {
    return this.#stepsDone + [...this.#underWay.values()].reduce((total, { steps }) => total + steps, 0);
  }

  #showProgress(): void {
    const now = [...this.#underWay.values()].flatMap(({ losses }) => losses);
    const current = now.length ? `loss ${Math.min(...now).toFixed(3)}` : "scoring";
    const best = Number.isFinite(this.#best) ? `, best finished ${this.#best.toFixed(3)}` : "";
    this.#bar.update(this.#steps(), `${current}${best}`);
  }
}

/** Waits for all, then throws the first error if there was one: nobody's work goes on behind the error's back. */
async function everyOne(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
