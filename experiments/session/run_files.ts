/** What a run leaves in its study while it trains, and how it finds its way back: start record, checkpoints, model, result. */
import { minOf } from "../../cells/extremes.ts";
import { UserError } from "../../cells/errors.ts";
import { stepsBackOf } from "../../cells/config.ts";
import { countParameters, type TrainingStep } from "../../cells/language_model.ts";
import { type CheckpointOf, encodeCheckpoint } from "../../train/training/checkpoint.ts";
import { type Leg, UNNAMED_VERSION } from "../../train/training/leg.ts";
import type { Corpus } from "../../train/corpus/corpus.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { exportModel } from "../../train/scoring/export_model.ts";
import { decodeEvaluation } from "../../train/scoring/evaluation_file.ts";
import type { TrainingState } from "../../train/training/loss_log.ts";
import { stepsAsked, type TrainingSettings } from "../../train/training/settings.ts";
import { cellJob, stepOf, type TrainedRun, type TrainingRun, trainingRun } from "../../train/training/training_run.ts";
import { CELLSPACE_VERSION, numbersOf } from "../../train/version.ts";
import { advised, type Commit, readBytes, writeInOrder } from "../study/files.ts";
import type { Queue } from "../queue/queue.ts";
import { type FinishedResult, isFinished, parseResult, type RunResult } from "../study/result.ts";
import type { Run } from "../study/runs.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";
import { claimKey, commitWhileHeld } from "../queue/study_queue.ts";
import { decodeRunCheckpoint, modelFacts } from "./run_model.ts";

/** A listed run as it starts or goes on: what is trained, and what its files say of it. */
export interface StartedRun extends Run, TrainingRun {
  /** The result of the run while it is under way. */
  readonly record: RunResult;
  /** The shorter result that there is already. */
  readonly finished?: FinishedResult;
  /** Who did the steps so far. */
  readonly legs: readonly Leg[];
  /** Of these the last, where that was another engine, adapter or version than this one. */
  readonly other?: Leg;
}

export interface RunFilesOptions {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly corpus: Corpus;
  readonly settings: TrainingSettings;
  readonly queue: Pick<Queue, "whileHeld" | "attemptOf">;
  /** Names this process in results of runs under way. */
  readonly owner: string;
  /** The engine that trains now. */
  readonly engine: () => Pick<Engine, "name" | "adapter">;
}

/** Reads and writes the files of runs that this process holds. Nothing is put in its place after a claim is lost. */
export class RunFiles {
  constructor(private readonly options: RunFilesOptions) {}

  /**
   * Finds where a run stands, and notes that it is under way.
   *
   * @param retry tries a failed run again: from its beginning, or, where it has a shorter result, from its last good checkpoint
   * @throws {UserError} if what there is of it cannot be used; it is left as it is
   */
  async start(run: Run, retry: boolean): Promise<StartedRun> {
    const { study, experiment, settings } = this.options, { key, entry, seed } = run;
    const job = cellJob({ config: entry.config, seed, space: study.space }), step = stepOf(job, settings);
    const known = await study.readResult(experiment, key), commit = this.#commit(run);
    await this.#checkModelPlace(run);
    const hasFailed = retry && known?.failed !== undefined;
    const finished = known && isFinished(known) ? withoutFailure(known) : undefined;
    if (hasFailed && !finished) {
      // Only that of this run goes: weights from elsewhere, or what is damaged, are for a person to judge.
      await this.#readCheckpoint(run, step, undefined);
      await study.removeCheckpoint(experiment, key, commit);
    }
    const checkpoint = await this.#readCheckpoint(run, step, finished);
    const record = this.#record(run, step, known);
    // A finished result stays until there is a longer one.
    if (!finished) await study.writeResult(experiment, key, record, commit);
    else if (hasFailed) await study.writeResult(experiment, key, finished, commit);
    const legs = checkpoint?.legs ?? [], last = legs.at(-1), other = last && !this.#isThis(last) ? last : undefined;
    return { key, entry, ...trainingRun(job, settings, checkpoint?.state), record, finished, legs, other };
  }

  /** A run that is to be trained may find its own earlier model; what else lies under its name is somebody's, or damaged. */
  async #checkModelPlace({ key, entry, seed }: Run): Promise<void> {
    const path = this.options.study.modelPath(this.options.experiment, key);
    await advised("move it away", async () => {
      const bytes = await readBytes(path);
      if (bytes === undefined) return;
      const { id, seed: itsSeed, corpus_sha1 } = decodeEvaluation(bytes, path).metadata;
      if (id === entry.id && itsSeed === String(seed) && corpus_sha1 === this.options.corpus.sha1) return;
      throw new UserError(`Cannot write ${path}: it exists, and is not the model of this run`);
    });
  }

  async #readCheckpoint(run: Run, step: TrainingStep, finished: FinishedResult | undefined) {
    const advice = `move ${finished ? "it and the run's result" : "it"} away to train the run from its beginning`;
    const { path, bytes } = await advised(
      advice,
      () => this.options.study.readCheckpoint(this.options.experiment, run.key),
    );
    if (!bytes) {
      if (!finished) return undefined;
      throw new UserError(
        `Cannot resume from ${path}: it does not exist, the run's result is at step ${finished.steps_done}; ` +
          "put it back, or move the result away to train the run from scratch",
      );
    }
    return await advised(advice, () => decodeRunCheckpoint(bytes, path, step, this.#about(run), finished));
  }

  /** Keeps a run's state, from which it can go on. */
  async save(run: StartedRun, state: TrainingState): Promise<void> {
    const { study, experiment } = this.options;
    const legs = this.#withThisLeg(run.legs, state);
    const bytes = await encodeCheckpoint(this.#about(run), run.step, state, legs, run.record.attempt);
    await study.writeCheckpoint(experiment, run.key, bytes, this.#commit(run));
  }

  /**
   * Keeps a run that has ended: checkpoint, model, result, in this order, once all three are made and found good. Returns the result,
   * and the model unless it failed.
   */
  async finish(run: StartedRun, trained: TrainedRun): Promise<{ result: RunResult; model?: Uint8Array<ArrayBuffer> }> {
    const { study, experiment } = this.options, { key } = run;
    const { owner: _, ...record } = run.record;
    const legs = this.#withThisLeg(run.legs, trained), last = legs.at(-1)!, { engine, adapter } = last;
    // A version that did all steps, and was stopped before it wrote the result, is not the one that this result names.
    const earlier = isOfThisVersion(last) ? legs.slice(0, -1) : legs;
    const common = {
      ...record,
      "end time": Date.now() / 1000,
      train_seconds: trained.seconds,
      engine,
      adapter,
      ...(earlier.length ? { earlier_engines: earlier } : {}),
    };
    const commit = this.#commit(run);
    if (trained.failed) {
      const { why, step: failed_at_step } = trained.failed;
      // What the run had when it went on is still true.
      const before = run.finished ?? common, failed_time = common["end time"];
      const result = { ...before, failed: why, failed_at_step, failed_time, loss_before_failure: [...trained.curve] };
      await study.writeResult(experiment, key, result, commit);
      return { result };
    }
    const bytes = await encodeCheckpoint(this.#about(run), run.step, trained, legs, record.attempt);
    const model = exportModel(
      run.entry.config,
      trained.weights,
      modelFacts(record, trained.steps_done),
      record.vocabulary,
      study.space,
    );
    const loss = [...trained.curve];
    const result = {
      ...common,
      steps_done: trained.steps_done,
      loss,
      "min loss": minOf(loss),
    };
    parseResult(result, study.resultPath(experiment, key), study.space);
    await writeInOrder(commit, [
      (commit) => study.writeCheckpoint(experiment, key, bytes, commit),
      (commit) => study.writeModel(experiment, key, model, commit),
      (commit) => study.writeResult(experiment, key, result, commit),
    ]);
    return { result, model };
  }

  #withThisLeg(legs: readonly Leg[], { steps_done }: TrainingState): Leg[] {
    const { name: engine, adapter } = this.options.engine(), last = legs.at(-1);
    const before = last && this.#isThis(last) ? legs.slice(0, -1) : [...legs];
    const steps = steps_done - before.reduce((total, leg) => total + leg.steps, 0);
    return steps > 0 ? [...before, { engine, adapter, steps, cellspace_version: CELLSPACE_VERSION }] : [...legs];
  }

  #isThis(leg: Leg): boolean {
    const { name, adapter } = this.options.engine();
    return leg.engine === name && leg.adapter === adapter && isOfThisVersion(leg);
  }

  #commit(run: Run): Commit {
    return commitWhileHeld(this.options.queue, claimKey(this.options.experiment, run.key));
  }

  #about({ entry, seed }: Run): CheckpointOf {
    const { batch, history, log_every } = this.options.settings;
    const { name: corpus, sha1: corpus_sha1 } = this.options.corpus;
    const tokenizer_sha1 = this.options.study.settings.tokens?.sha1;
    return {
      config: entry.config,
      table: this.options.study.space,
      seed,
      corpus,
      corpus_sha1,
      tokenizer_sha1,
      batch,
      history,
      log_every,
    };
  }

  /** The result of a run as it starts: everything but what training finds. */
  #record(run: Run, step: TrainingStep, known: RunResult | undefined): RunResult {
    const { entry, seed } = run, { tokens, split, space } = this.options.study.settings;
    return {
      ...entry.config,
      id: entry.id,
      ...(entry.oldId ? { "old id": entry.oldId } : {}),
      ...(entry.control ? { control: true } : {}),
      "start time": known?.["start time"] ?? Date.now() / 1000,
      "training steps": stepsAsked(this.options.settings, stepsBackOf(entry.config)),
      "batch size": this.options.settings.batch,
      "history size": this.options.settings.history,
      dataset: this.options.corpus.name,
      corpus_sha1: this.options.corpus.sha1,
      ...(tokens
        ? {
          tokens: tokens.name,
          vocabulary: tokens.vocabulary,
          bytes_per_token: split.train / tokens.split.train,
          tokenizer_sha1: tokens.sha1,
        }
        : {}),
      ...(space && this.options.study.space.definesCell(entry.config)
        ? { space: space.name, space_sha256: space.sha256 }
        : {}),
      train_sha1: this.options.corpus.train_sha1,
      test_sha1: this.options.corpus.test_sha1,
      seed,
      log_every: this.options.settings.log_every,
      engine: this.options.engine().name,
      adapter: this.options.engine().adapter,
      parameters: countParameters(step.parameters),
      cellspace_version: CELLSPACE_VERSION,
      owner: this.options.owner,
      attempt: this.options.queue.attemptOf(claimKey(this.options.experiment, run.key)),
    };
  }
}

/** Whether a version of this program did some steps that computes as this one does. */
function isOfThisVersion({ cellspace_version = UNNAMED_VERSION }: Leg): boolean {
  return numbersOf(cellspace_version) === numbersOf(CELLSPACE_VERSION);
}

/** A finished result as it was before the run went on and failed. */
function withoutFailure(result: FinishedResult): FinishedResult {
  const { failed: _, failed_at_step: _step, failed_time: _time, loss_before_failure: _curve, ...before } = result;
  return before as FinishedResult;
}
