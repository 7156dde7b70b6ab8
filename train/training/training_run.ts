/** A run as it is trained: what it is, who hands it out, and what becomes of it. */
import type { Cell } from "../../cells/cell.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import type { CellConfig } from "../../cells/config.ts";
import { factorOf, mustBe, valueSchema } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { buildTrainingStep, BYTE_VOCABULARY, type TrainingStep } from "../../cells/language_model.ts";
import type { Optimizer } from "../../cells/optimizer.ts";
import { type OptimizerName, optimizerOf } from "../../cells/optimizers.ts";
import { checkSeed, initialWeights } from "../corpus/random.ts";
import { type EngineRun, reachOf, type TensorMap } from "../engines/engine.ts";
import { TrainedModel } from "../scoring/trained_model.ts";
import { type Breakdown, stateNames, type TrainingState } from "./loss_log.ts";
import { checkLogged, type TrainingSettings } from "./settings.ts";

/** A cell to train, which need not be in the catalog. */
export interface CellJob {
  /** Jobs of one cell, size, optimizer and number of steps back share the graph and what an engine plans for it. */
  readonly cell: Cell;
  /** Layers of the cell, each on top of the one before: from 1 to 64. */
  readonly n_layers: number;
  /** Numbers in each state, and in what a layer hands to the next: from 1 to 16,384. */
  readonly state_size: number;
  /** Of the initial weights and of where passes start in the text; a whole number of at least 0. */
  readonly seed: number;
  /** Above 0 and at most 10; absent: the optimizer's own, 0.001. */
  readonly learningRate?: number;
  /** How gradients change weights: a name, or an optimizer itself; absent: Adam. */
  readonly optimizer?: OptimizerName | Optimizer;
  /** Steps that the gradient goes back through time: an update reads so many tokens of each row. From 1 to 64; absent: 1. */
  readonly bptt?: number;
}

/** A run to be trained. A {@linkcode RunSource} gets back the very object that it handed out, which may have more properties. */
export interface TrainingRun {
  /** Its graph: of the cell, the sizes, the batch, the optimizer and the steps back that it trains with. */
  readonly step: TrainingStep;
  /** Of the initial weights and of where passes start in the text; a whole number of at least 0. */
  readonly seed: number;
  /** Above 0 and at most 10; absent: that of the step's optimizer. */
  readonly learningRate?: number;
  /** Where it goes on; absent: from the start. */
  readonly from?: TrainingState;
}

/** What a run became. */
export interface TrainedRun extends TrainingState {
  /** The part of `tensors` that a model consists of, frozen weights too: what {@linkcode exportCell} takes. */
  readonly weights: TensorMap;
  /** The model with these weights: it draws text, is scored, and becomes an `.onnx` file. */
  readonly model: TrainedModel;
  /** What was trained: its parameters name and shape the weights. */
  readonly step: TrainingStep;
  /**
   * Mean loss of each `log_every` steps, nats per token, as it was: unlike `curve`, without smoothing and its start. Of the steps of this
   * call: where the run went on from a state, the values of its first steps are not there.
   */
  readonly losses: readonly number[];
  /** Where a number stopped being finite: the run is worthless from there, and `curve` ends before. */
  readonly failed?: Breakdown;
}

/** Where a run is. */
export interface Progress<R = number> {
  /** The run: the object that a {@linkcode RunSource} handed out, or its number among the jobs of {@linkcode trainGroup}. */
  readonly run: R;
  /** Updates done in all, also before this call. */
  readonly step: number;
  /** Smoothed, nats per token. */
  readonly loss: number;
}

/** Hands runs out to a group, and takes what becomes of them. All runs read the same text, with the same settings. */
export interface RunSource<R extends TrainingRun> {
  /**
   * Asked for a run when a slot is free: again until there is none or no slot is free, and again when another run has left.
   *
   * @param present the runs that have a slot, or are about to take one
   */
  next(present: readonly R[]): Promise<R | undefined>;
  /** Given each run that has ended or broken down, as it is after its last step. The others train on meanwhile. */
  finished(run: R, trained: TrainedRun): Promise<void>;
  /** Given a run's state every so often, and when the signal comes; never that of a run that has broken down. Absent: nothing is saved. */
  save?(run: R, state: TrainingState): Promise<void>;
  /** Given all runs of the group whenever losses have been read. */
  progress?(runs: readonly Progress<R>[]): void;
  /**
   * Called when a run does not fit into the group, which has nothing more to do with it. Absent: {@linkcode trainRuns} returns false when it is
   * finished with the others.
   */
  refused?(run: R): Promise<void>;
  /** Whether a run is to leave the group as it is, neither saved nor ended. Absent: none is. */
  isLost?(run: R): boolean;
  /** Called when a run has left the group so. */
  lost?(run: R): Promise<void>;
}

/**
 * The job of a configuration: its cell, and how it is trained. A configuration of another space than the built-in one comes with it.
 */
export function cellJob(
  { config, seed, space = GATED_SPACE }: {
    readonly config: CellConfig;
    readonly seed: number;
    readonly space?: Space;
  },
): CellJob {
  const { n_layers, state_size, learning_rate, optimizer, bptt } = config;
  return { cell: space.cellOf(config), n_layers, state_size, seed, learningRate: learning_rate, optimizer, bptt };
}

/** Steps that have been built, by cell, optimizer, sizes and steps back: seeds and rates share one, and what an engine plans for it. */
const steps = new WeakMap<Cell, WeakMap<Optimizer, Map<string, TrainingStep>>>();

/** The training step of a job. @throws {RangeError} as {@linkcode trainingRun} does */
export function stepOf({ cell, n_layers, state_size, ...job }: CellJob, settings: TrainingSettings): TrainingStep {
  const optimizer = optimizerOf(job.optimizer);
  const ofCell = steps.get(cell) ?? new WeakMap<Optimizer, Map<string, TrainingStep>>();
  steps.set(cell, ofCell);
  const ofOptimizer = ofCell.get(optimizer) ?? new Map<string, TrainingStep>();
  ofCell.set(optimizer, ofOptimizer);
  const { batch, vocabulary = BYTE_VOCABULARY } = settings, { bptt = 1 } = job;
  const key = `${n_layers} ${state_size} ${batch} ${vocabulary} ${bptt}`;
  const step = ofOptimizer.get(key) ??
    buildTrainingStep(cell, { n_layers, state_size, vocabulary, batch }, { optimizer, bptt });
  ofOptimizer.set(key, step);
  return step;
}

/**
 * A run of a job, for {@linkcode trainRuns}. Jobs of one cell, size, optimizer and number of steps back share the step, and what an engine
 * plans for it.
 *
 * @param from where it goes on; absent: from the start
 * @throws {RangeError} if a size is out of the bounds of {@linkcode ModelSizes}, `bptt` of those of {@linkcode CellJob}, or there is no
 * optimizer of the job's name
 */
export function trainingRun(job: CellJob, settings: TrainingSettings, from?: TrainingState): TrainingRun {
  return { step: stepOf(job, settings), seed: job.seed, learningRate: job.learningRate, from };
}

/** Tokens that a pass of a step reads: `history`, and more where it reads further ahead than the next token. */
export function passTokens(step: TrainingStep, { history }: TrainingSettings): number {
  return history - 1 + reachOf(step);
}

/**
 * Checks that a run can be trained with these settings on a text of this length.
 *
 * @throws {RangeError} if its seed or rate is out of bounds, its state lacks a tensor or is of another optimizer, its step was built for
 * another batch, a pass has fewer tokens than its gradient goes steps back, it would end before its loss is logged once, or the text is
 * shorter than a pass of it
 */
export function checkRun(run: TrainingRun, settings: TrainingSettings, textLength: number): void {
  const { step, seed, learningRate, from } = run;
  checkLogged(settings, step.bptt, RangeError);
  const tokens = passTokens(step, settings), { batch } = step.sizes;
  if (textLength < tokens) {
    throw new RangeError(
      `Cannot train: the text has ${textLength} tokens, a sequence reads ${tokens}, must be no more`,
    );
  }
  if (batch !== settings.batch) {
    throw new RangeError(
      `Cannot train a run: its step was built for a batch of ${batch}, the settings have ${settings.batch}, must be the same`,
    );
  }
  checkSeed(seed);
  if (learningRate !== undefined) checkRate(learningRate);
  if (from) checkState(step, from);
}

const RATE = factorOf(GATED, "learning_rate");

function checkRate(learningRate: number): void {
  if (valueSchema(RATE).safeParse(learningRate).success) return;
  throw new RangeError(`Cannot train: the learning rate is ${learningRate}, ${mustBe(RATE)}`);
}

/** Of another optimizer a state has other moments: fewer, or some that would be dropped silently. */
function checkState(step: TrainingStep, { tensors }: TrainingState): void {
  const names = stateNames(step), fail = (why: string) => new RangeError(`Cannot resume from a state: ${why}`);
  const missing = names.find((name) => !tensors.has(name)), known = new Set(names);
  if (missing !== undefined) throw fail(`its '${missing}' is missing`);
  const foreign = tensors.keys().find((name) => !known.has(name));
  if (foreign === undefined) return;
  throw fail(`it has '${foreign}', which a run of this cell does not have with optimizer ${step.optimizer.name}`);
}

/** A run as an engine takes it, with its initial weights or with what it had when it was saved. See {@linkcode checkRun}. */
export function prepare({ step, seed, learningRate = step.optimizer.learningRate, from }: TrainingRun): EngineRun {
  const tensors = from?.tensors ?? initialWeights(step.parameters, seed);
  return { step, tensors, stepsDone: from?.steps_done ?? 0, learningRate };
}

/** What a run has become after its last step. */
export function trainedRun(
  { step }: TrainingRun,
  state: TrainingState,
  losses: readonly number[],
  failed?: Breakdown,
): TrainedRun {
  const weights: TensorMap = new Map(step.parameters.map(({ name }) => [name, state.tensors.get(name)!]));
  return { ...state, weights, model: new TrainedModel(step, weights), step, losses: [...losses], failed };
}
