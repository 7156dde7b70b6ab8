/** Trains runs, many at once where an engine takes groups of them. */
import { checkWhole } from "../../cells/bounds.ts";
import type { Cell } from "../../cells/cell.ts";
import { cellOf } from "../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../cells/config.ts";
import { buildTrainingStep, BYTE_VOCABULARY, type TrainingStep } from "../../cells/language_model.ts";
import { checkSeed, initialWeights } from "../corpus/random.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { Engine, EngineRun, TensorMap } from "../engines/engine.ts";
import { type Attendants, type Entrant, type GroupOptions, GroupTraining } from "./group_training.ts";
import { type Breakdown, Ledger, stateNames, type TrainingState } from "./loss_log.ts";
import { checkSettings, totalSteps, type TrainingSettings } from "./settings.ts";

export interface Job {
  readonly config: CellConfig;
  readonly seed: number;
}

/** A job of a cell that need not be in the catalog. */
export interface CellJob {
  /** Jobs of one cell and size share the graph and what an engine plans for it. */
  readonly cell: Cell;
  /** Layers of the cell, each on top of the one before: from 1 to 64. */
  readonly n_layers: number;
  /** Numbers in each state, and in what a layer hands to the next: from 1 to 16,384. */
  readonly state_size: number;
  /** Of the initial weights and of where passes start in the text; a whole number of at least 0. */
  readonly seed: number;
}

/** What a job became. */
export interface TrainedRun extends TrainingState {
  /** The part of `tensors` that a model consists of, frozen weights too: what {@linkcode exportCell} takes. */
  readonly weights: TensorMap;
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

/** A job for a place that has become free, and where it goes on. */
export interface NextJob {
  /** It reads the same text as the group, with the same settings. */
  readonly job: CellJob;
  /** Absent: from the start. */
  readonly from?: TrainingState;
}

/** What {@linkcode trainGroup} takes beside jobs and settings; all of it may be absent. */
export interface TrainOptions extends GroupOptions {
  /** Processor threads for the group, where the engine runs on the CPU; absent: the engine's own choice. */
  readonly threads?: number;
  /** Where the jobs go on, each where it was; absent: from the start. */
  readonly from?: readonly (TrainingState | undefined)[];
  /**
   * Given each run as it ends, while the others train on; then it is not returned, so that a large group's states need not all be
   * in memory.
   */
  readonly onTrained?: (run: number, trained: TrainedRun) => Promise<void>;
  /**
   * Asked for a next job when a run has left its place, after `onTrained`; again until there is none or no place is free.
   *
   * @param run the number of the run that the job becomes
   * @param present numbers of the runs that have a place, or are about to take one
   */
  readonly refill?: (run: number, present: readonly number[]) => Promise<NextJob | undefined>;
}

/** The job of a configuration, with its cell. */
export function cellJob({ config, seed }: Job): CellJob {
  return { cell: cellOf(config), n_layers: config.n_layers, state_size: config.state_size, seed };
}

/** Steps that have been built, by cell and sizes: seeds share one, and what an engine plans for it. */
const steps = new WeakMap<Cell, Map<string, TrainingStep>>();

/** The training step of a job. */
export function stepOf({ cell, n_layers, state_size }: CellJob, settings: TrainingSettings): TrainingStep {
  const ofCell = steps.get(cell) ?? new Map<string, TrainingStep>();
  steps.set(cell, ofCell);
  const { batch, vocabulary = BYTE_VOCABULARY } = settings;
  const key = `${n_layers} ${state_size} ${batch} ${vocabulary}`;
  const step = ofCell.get(key) ?? buildTrainingStep(cell, { n_layers, state_size, vocabulary, batch });
  ofCell.set(key, step);
  return step;
}

/** A job as an engine takes it, with its initial weights or with what it had when it was saved. */
export function prepare(job: CellJob, settings: TrainingSettings, from?: TrainingState): EngineRun {
  checkSeed(job.seed);
  const step = stepOf(job, settings);
  const missing = from && stateNames(step).find((name) => !from.tensors.has(name));
  if (missing !== undefined) throw new RangeError(`Cannot go on from a state: its '${missing}' is missing`);
  const tensors = from?.tensors ?? initialWeights(step.parameters, job.seed);
  return { step, tensors, stepsDone: from?.steps_done ?? 0, learningRate: step.optimizer.learningRate };
}

/**
 * Trains jobs as one group, and those that `refill` gives in the places of the ones that end. A run's numbers depend neither on
 * its company nor on when it joins.
 *
 * @returns one run per job, in order (none where `onTrained` takes them); or undefined if the signal stopped it
 * @throws {RangeError} before any work: if the text is shorter than a pass, a setting, size or seed is out of bounds, a run would
 * end before its loss is logged once, or there is not one state for each job to go on from
 */
export async function trainGroup(
  engine: Engine,
  jobs: readonly CellJob[],
  settings: TrainingSettings,
  text: Tokens,
  options: TrainOptions = {},
): Promise<TrainedRun[] | undefined> {
  const { from, threads } = options;
  checkSettings(settings);
  if (threads !== undefined) checkWhole("train", "threads", threads, 1);
  if (text.length < settings.history) {
    throw new RangeError(
      `Cannot train: the text has ${text.length} tokens, a pass reads ${settings.history}, must be no more`,
    );
  }
  if (from && from.length !== jobs.length) {
    throw new RangeError(
      `Cannot train a group of ${jobs.length} runs: they go on from ${from.length} states, must be one of each`,
    );
  }
  const queue = new JobQueue(settings, options);
  const entrants: Entrant[] = [];
  for (const [i, job] of jobs.entries()) entrants.push(...await queue.enter(job, from?.[i]));
  if (!entrants.length) return queue.trained;
  while (entrants.length < jobs.length) {
    const next = await queue.next(entrants.map(({ number }) => number));
    if (!next) break;
    entrants.push(next);
  }
  const group = await engine.open(entrants.map(({ run }) => run), text, threads, options.onPreparing);
  try {
    const training = new GroupTraining(group, entrants, settings, text.length, options, queue);
    return await training.run() ? queue.trained : undefined;
  } finally {
    await group.close();
  }
}

/** Makes runs of jobs, in the order in which they come, and takes what they become. */
class JobQueue implements Attendants {
  readonly trained: TrainedRun[] = [];
  #entered = 0;

  constructor(private readonly settings: TrainingSettings, private readonly options: TrainOptions) {}

  /** The run of a job; none if it was stopped after the last step and before its result was written: then it ends at once. */
  async enter({ seed, ...job }: CellJob, from?: TrainingState): Promise<Entrant[]> {
    const run = prepare({ seed, ...job }, this.settings, from);
    // Drawing a large model's weights takes a while: timers (heartbeats) must get their turn in between.
    await new Promise((resolve) => setTimeout(resolve));
    const entrant = { number: this.#entered++, run, seed, ledger: new Ledger(this.settings.log_every, from) };
    if (from?.steps_done !== totalSteps(this.settings, from?.steps_done)) return [entrant];
    await this.finish(entrant, from);
    return [];
  }

  async next(present: readonly number[]): Promise<Entrant | undefined> {
    for (;;) {
      const next = await this.options.refill?.(this.#entered, present);
      if (!next) return undefined;
      const [entrant] = await this.enter(next.job, next.from);
      if (entrant) return entrant;
    }
  }

  async finish({ number, run: { step }, ledger }: Entrant, state: TrainingState, failed?: Breakdown): Promise<void> {
    const weights: TensorMap = new Map(step.parameters.map(({ name }) => [name, state.tensors.get(name)!]));
    const run = { ...state, weights, step, losses: [...ledger.means], failed };
    if (this.options.onTrained) await this.options.onTrained(number, run);
    else this.trained[number] = run;
  }
}

/**
 * Trains one cell; see {@linkcode trainGroup}. `losses` is what a training curve is usually drawn from; `curve` is smoothed as the
 * original study's are, and its first values are too low.
 */
export async function trainCell(
  engine: Engine,
  cell: Cell,
  model: { n_layers: number; state_size: number; seed: number },
  settings: TrainingSettings,
  text: Tokens,
): Promise<TrainedRun> {
  const [run] = (await trainGroup(engine, [{ cell, ...model }], settings, text))!;
  return run;
}
