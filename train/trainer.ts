/** Trains runs, all in step with each other where a group has several. */
import type { Cell } from "../cells/cell.ts";
import { cellOf } from "../cells/catalog.ts";
import type { CellConfig } from "../cells/config.ts";
import { ADAM, buildTrainingStep, BYTE_VOCABULARY, type TrainingStep } from "../cells/language_model.ts";
import { initialWeights } from "./corpus/random.ts";
import type { Engine, EngineRun, TensorMap } from "./engines/engine.ts";
import { type Breakdown, type GroupOptions, GroupTraining, Ledger, type TrainingState } from "./group_training.ts";
import { totalSteps, type TrainingSettings } from "./settings.ts";

export interface Job {
  readonly config: CellConfig;
  readonly seed: number;
}

/** A job of a cell that need not be in the catalog. */
export interface CellJob {
  readonly cell: Cell;
  readonly n_layers: number;
  readonly state_size: number;
  readonly seed: number;
}

/** What a job became. */
export interface TrainedRun extends TrainingState {
  readonly weights: TensorMap;
  readonly step: TrainingStep;
  /** Where a number stopped being finite: the run is worthless from there, and `curve` ends before. */
  readonly failed?: Breakdown;
}

export interface TrainOptions extends GroupOptions {
  readonly threads?: number;
  /** Where the jobs go on, all after the same number of steps; absent: from the start. */
  readonly from?: readonly TrainingState[];
  /** Given each run as it ends, in order; then it is not returned, so that a large group's states need not all be in memory. */
  readonly onTrained?: (run: number, trained: TrainedRun) => Promise<void>;
}

/** The job of a configuration, with its cell. */
export function cellJob({ config, seed }: Job): CellJob {
  return { cell: cellOf(config), n_layers: config.n_layers, state_size: config.state_size, seed };
}

/** The training step of a job. */
export function stepOf({ cell, n_layers, state_size }: CellJob, { batch }: TrainingSettings): TrainingStep {
  return buildTrainingStep(cell, { n_layers, state_size, vocabulary: BYTE_VOCABULARY, batch });
}

/** A job as an engine takes it, with its initial weights or with what it had when it was saved. */
export function prepare(job: CellJob, settings: TrainingSettings, from?: TrainingState): EngineRun {
  const step = stepOf(job, settings);
  const tensors = from?.tensors ?? initialWeights(step.parameters, job.seed);
  return { step, tensors, stepsDone: from?.steps_done ?? 0, learningRate: ADAM.learning_rate };
}

/**
 * Trains jobs as one group.
 *
 * @returns one run per job, in order (none where `onTrained` takes them); or undefined if the signal stopped it
 * @throws {RangeError} if the text is shorter than a pass, or the jobs are to go on after different numbers of steps
 */
export async function trainGroup(
  engine: Engine,
  jobs: readonly CellJob[],
  settings: TrainingSettings,
  text: Uint8Array,
  options: TrainOptions = {},
): Promise<TrainedRun[] | undefined> {
  const { from, threads } = options;
  const start = commonStart(jobs, from);
  const runs: EngineRun[] = [];
  for (const [i, job] of jobs.entries()) {
    runs.push(prepare(job, settings, from?.[i]));
    // Drawing a large model's weights takes a while: timers (heartbeats) must get their turn in between.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const trained: TrainedRun[] = [];
  const finish = async (i: number, state: TrainingState, failed?: Breakdown) => {
    const { step } = runs[i];
    const weights: TensorMap = new Map(step.parameters.map(({ name }) => [name, state.tensors.get(name)!]));
    const run = { ...state, weights, step, failed };
    if (options.onTrained) await options.onTrained(i, run);
    else trained.push(run);
  };
  if (from && start === totalSteps(settings, start)) {
    // Stopped after the last step and before its result was written.
    for (const [i, state] of from.entries()) await finish(i, state);
    return trained;
  }
  const group = await engine.open(runs, text, threads);
  try {
    const ledgers = jobs.map((_, i) => new Ledger(settings.log_every, from?.[i]));
    const seeds = jobs.map(({ seed }) => seed);
    const training = new GroupTraining(group, runs, ledgers, seeds, settings, text.length, options);
    if (!await training.run(start)) return undefined;
    for (const i of runs.keys()) {
      const { state, failed } = await training.trained(i);
      await finish(i, state, failed);
    }
    return trained;
  } finally {
    await group.close();
  }
}

function commonStart(jobs: readonly CellJob[], from: readonly TrainingState[] | undefined): number {
  if (!from) return 0;
  const steps = [...new Set(from.map(({ steps_done }) => steps_done))];
  if (from.length !== jobs.length || steps.length !== 1) {
    throw new RangeError(
      `Cannot train a group of ${jobs.length} runs: they go on from ${from.length} states after steps ` +
        `${steps.join(", ")}, must be one of each and after the same`,
    );
  }
  return steps[0];
}

/** Trains one cell; see {@linkcode trainGroup}. */
export async function trainCell(
  engine: Engine,
  cell: Cell,
  model: { n_layers: number; state_size: number; seed: number },
  settings: TrainingSettings,
  text: Uint8Array,
): Promise<TrainedRun> {
  const [run] = (await trainGroup(engine, [{ cell, ...model }], settings, text))!;
  return run;
}
