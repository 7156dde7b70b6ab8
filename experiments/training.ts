/** What `train` does: takes waiting runs, trains them in groups, exports and scores each, and writes it down. */
import { canonicalJson } from "../cells/config.ts";
import { countParameters, type TrainingStep } from "../cells/language_model.ts";
import { encodeWeights } from "../train/checkpoint.ts";
import type { Corpus } from "../train/corpus/corpus.ts";
import type { Engine } from "../train/engines/engine.ts";
import { evaluateModel, exportModel, type Score } from "../train/evaluate.ts";
import { formatDuration, openProgress, type ProgressBar } from "../train/terminal/progress.ts";
import { cellJob, stepOf, totalSteps, type TrainedRun, trainGroup, type TrainingSettings } from "../train/trainer.ts";
import metadata from "../deno.json" with { type: "json" };
import { DEFAULT_PARALLEL, type EngineChoice, openEngine } from "./engines.ts";
import { openQueue, type Queue } from "./queue.ts";
import { isFinished, type RunResult } from "./result.ts";
import type { Selection } from "./selection.ts";
import { type Experiment, type Run, Study, writeAtomically } from "./store.ts";
import { studyCorpus } from "./study.ts";

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

export interface TrainSummary {
  readonly finished: number;
  readonly failed: number;
  /** Runs that were under way when the signal came. */
  readonly interrupted: readonly string[];
  readonly seconds: number;
}

/** Milliseconds between heartbeats of the claims of this process. */
const BEAT_INTERVAL = 5000;

/**
 * Trains what is not yet trained.
 *
 * @throws {Error} with one line, if there is no study, no configuration, or no engine
 */
export async function trainStudy(options: TrainStudyOptions): Promise<TrainSummary> {
  const study = await Study.open(options.dir);
  const waiting = await waitingRuns(study, options);
  const corpus = await studyCorpus(study);
  const engine = await openEngine(options.engine);
  const start = performance.now();
  try {
    await study.makeRunFolders(options.experiment);
    const session = new TrainingSession(study, corpus, engine, waiting, options);
    await session.run();
    const seconds = (performance.now() - start) / 1000;
    return { finished: session.finished, failed: session.failed, interrupted: session.interrupted, seconds };
  } finally {
    await engine.close();
  }
}

/** Runs that have no final result, in training order. */
async function waitingRuns(study: Study, { dir, experiment, only, limit }: TrainStudyOptions): Promise<Run[]> {
  const runs = await study.runs(experiment);
  if (!runs.length) {
    throw new Error(
      `Cannot train experiment ${experiment} in ${dir}: it has no configurations; run 'deno task init --dir ${dir} --experiment ${experiment}'`,
    );
  }
  const chosen = runs.filter(({ entry }) => only?.(entry.config) ?? true);
  if (!chosen.length) {
    throw new Error(`Cannot train experiment ${experiment} in ${dir}: none of its ${runs.length} runs matches --only`);
  }
  const waiting: Run[] = [];
  for (const run of chosen) {
    try {
      const result = await study.readResult(experiment, run.key);
      if (!result || !(isFinished(result) || result.failed)) waiting.push(run);
    } catch (error) {
      // Someone may want to mend the file: its run is left alone, the others go on.
      console.error(`train: ${error instanceof Error ? error.message : error}; this run is skipped`);
    }
  }
  return waiting.slice(0, limit);
}

class TrainingSession {
  finished = 0;
  failed = 0;
  readonly interrupted: string[] = [];
  readonly #settings: TrainingSettings;
  readonly #queue: Queue;
  readonly #bar: ProgressBar;
  readonly #waiting: Run[];
  /** Steps and smoothed losses of the groups under way, for the progress bar. */
  readonly #underWay = new Map<number, { steps: number; losses: readonly number[] }>();
  readonly #failure = new AbortController();
  readonly #signal: AbortSignal;
  #stepsDone = 0;
  #best = Infinity;

  constructor(
    private readonly study: Study,
    private readonly corpus: Corpus,
    private readonly engine: Engine,
    waiting: readonly Run[],
    private readonly options: TrainStudyOptions,
  ) {
    const { training } = study.settings;
    this.#settings = {
      steps: options.steps ?? training.steps[options.experiment],
      log_every: training.log_every[options.experiment],
      batch: training.batch,
      history: training.history,
    };
    this.#signal = AbortSignal.any([this.#failure.signal, ...(options.signal ? [options.signal] : [])]);
    this.#waiting = [...waiting];
    this.#queue = openQueue(study.queuePath, `${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`);
    this.#bar = openProgress(waiting.length * totalSteps(this.#settings), "steps", options.quiet);
  }

  async run(): Promise<void> {
    const parallel = this.options.parallel ?? DEFAULT_PARALLEL[this.engine.name];
    const { groups, runs } = this.engine.lanes(parallel);
    const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / groups));
    const beat = setInterval(() => this.#queue.beat(this.#steps()), BEAT_INTERVAL);
    this.#bar.print(
      `Training ${this.#waiting.length} runs of ${
        totalSteps(this.#settings)
      } steps on ${this.engine.name} (${this.engine.adapter}), ${parallel} at a time`,
    );
    try {
      await everyOne(Array.from({ length: groups }, (_, lane) => this.#lane(lane, runs, threads)));
    } finally {
      clearInterval(beat);
      this.#bar.stop();
      this.#queue.close();
    }
  }

  /** One lane: takes a group, trains it, takes the next. */
  async #lane(lane: number, size: number, threads: number): Promise<void> {
    for (;;) {
      const group = this.#take(size);
      if (!group.length || this.#signal.aborted) return this.#giveBack(group);
      try {
        await this.#trainGroup(lane, group, threads);
      } catch (error) {
        // The other lanes stop at a good place too, rather than lose what they have in hand.
        this.#failure.abort();
        throw error;
      } finally {
        this.#giveBack(group);
      }
    }
  }

  /** Claims the next runs, as many as fit; what another process has is left to it. */
  #take(size: number): Run[] {
    const group: Run[] = [];
    let bytes = 0;
    while (group.length < size && this.#waiting.length && !this.#signal.aborted) {
      const [next] = this.#waiting;
      const footprint = this.engine.footprint(this.#stepOf(next));
      // A run that does not even fit alone is tried all the same: the engine's error says by how much.
      if (group.length && bytes + footprint > this.engine.memory) break;
      this.#waiting.shift();
      if (!this.#queue.claim(this.#claimKey(next))) continue;
      group.push(next);
      bytes += footprint;
    }
    return group;
  }

  #stepOf({ entry, seed }: Run): TrainingStep {
    return stepOf(cellJob({ config: entry.config, seed }), this.#settings);
  }

  #giveBack(group: readonly Run[]): void {
    for (const run of group) this.#queue.release(this.#claimKey(run));
  }

  #claimKey(run: Run): string {
    return `${this.options.experiment}/${run.key}`;
  }

  async #trainGroup(lane: number, group: readonly Run[], threads: number): Promise<void> {
    const { experiment } = this.options;
    // Another process may have finished a run between our list and our claim.
    const records = new Map<Run, RunResult>();
    for (const run of group) {
      const known = await this.study.readResult(experiment, run.key);
      if (known && (isFinished(known) || known.failed)) continue;
      const record = this.#newRecord(run);
      records.set(run, record);
      await this.study.writeResult(experiment, run.key, record);
    }
    const runs = [...records.keys()];
    if (!runs.length) return;

    const jobs = runs.map(({ entry, seed }) => cellJob({ config: entry.config, seed }));
    const trained = await trainGroup(this.engine, jobs, this.#settings, this.corpus.train, {
      signal: this.#signal,
      threads,
      onProgress: ({ step, losses }) => {
        this.#underWay.set(lane, { steps: step * runs.length, losses });
        this.#showProgress();
      },
    });
    this.#underWay.delete(lane);
    if (!trained) {
      this.interrupted.push(...runs.map(({ key }) => key));
      return;
    }
    this.#stepsDone += trained.reduce((total, { steps_done }) => total + steps_done, 0);
    await this.#finishAll(runs.map((run, i) => ({ run, record: records.get(run)!, trained: trained[i] })), threads);
  }

  /** The result of a run as it starts: everything but what training finds. */
  #newRecord(run: Run): RunResult {
    const { entry, seed } = run;
    const { parameters } = this.#stepOf(run);
    return {
      ...entry.config,
      id: entry.id,
      ...(entry.oldId ? { "old id": entry.oldId } : {}),
      "start time": Date.now() / 1000,
      "training steps": this.#settings.steps,
      "batch size": this.#settings.batch,
      "history size": this.#settings.history,
      dataset: this.corpus.name,
      corpus_sha1: this.corpus.sha1,
      seed,
      log_every: this.#settings.log_every,
      engine: this.engine.name,
      adapter: this.engine.adapter,
      parameters: countParameters(parameters),
      cellspace_version: metadata.version,
    };
  }

  /** Finishes the runs of a group, as many at a time as the lane has threads. */
  async #finishAll(
    ended: readonly { run: Run; record: RunResult; trained: TrainedRun }[],
    threads: number,
  ): Promise<void> {
    const left = [...ended];
    const work = async () => {
      for (let next = left.shift(); next; next = left.shift()) await this.#finish(next.run, next.record, next.trained);
    };
    await everyOne(Array.from({ length: threads }, work));
  }

  /** Exports, scores and writes down a trained run. */
  async #finish(run: Run, record: RunResult, trained: TrainedRun): Promise<void> {
    const { experiment } = this.options;
    const about = { corpus: this.corpus.name, corpus_sha1: this.corpus.sha1, seed: String(run.seed) };
    const outcome = {
      "end time": Date.now() / 1000,
      steps_done: trained.steps_done,
      train_seconds: trained.seconds,
    };
    if (trained.failed !== undefined || !trained.curve.length) {
      const failed = trained.failed ?? `no value was logged in ${trained.steps_done} steps`;
      await this.study.writeResult(experiment, run.key, { ...record, ...outcome, failed });
      this.failed++;
      this.#bar.print(`${run.key.slice(0, 8)} failed: ${failed} (${canonicalJson(run.entry.config)})`);
      return;
    }
    const weights = encodeWeights(run.entry.config, trained.step.parameters, trained.tensors, about);
    await writeAtomically(this.study.checkpointPath(experiment, run.key), weights);
    const model = exportModel(run.entry.config, trained.tensors, about);
    await writeAtomically(this.study.modelPath(experiment, run.key), model);
    const score = await evaluateModel(model, this.corpus.test);
    const minLoss = trained.curve.reduce((a, b) => Math.min(a, b));
    const result = { ...record, ...outcome, ...scoreFields(score), loss: [...trained.curve], "min loss": minLoss };
    await this.study.writeResult(experiment, run.key, result);
    this.finished++;
    this.#best = Math.min(this.#best, minLoss);
    this.#bar.print(
      `${run.key.slice(0, 8)}${run.seed ? ` seed ${run.seed}` : ""}  min loss ${minLoss.toFixed(4)} nats/byte, ` +
        `test ${score.bits_per_byte.toFixed(4)} bits/byte, ${formatDuration(trained.seconds)}`,
    );
    this.#showProgress();
  }

  #steps(): number {
    return this.#stepsDone + [...this.#underWay.values()].reduce((total, { steps }) => total + steps, 0);
  }

  #showProgress(): void {
    const now = [...this.#underWay.values()].flatMap(({ losses }) => losses);
    const current = now.length ? `loss ${Math.min(...now).toFixed(3)}` : "scoring";
    const best = Number.isFinite(this.#best) ? `, best ${this.#best.toFixed(3)}` : "";
    this.#bar.update(this.#steps(), `${current}${best}`);
  }
}

/** Waits for all, then throws the first error if there was one: nobody's work goes on behind the error's back. */
async function everyOne(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** A score under the names that a result gives it. */
export function scoreFields({ nats, bits_per_byte, bytes, streams, warm_up }: Score) {
  return {
    test_loss: nats,
    test_bits_per_byte: bits_per_byte,
    test_bytes: bytes,
    test_streams: streams,
    test_warm_up: warm_up,
  };
}
