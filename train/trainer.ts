/** Trains runs: passes over the text, smoothed loss, all in step with each other where a group has several. */
import type { Cell } from "../cells/cell.ts";
import { cellOf } from "../cells/catalog.ts";
import type { CellConfig } from "../cells/config.ts";
import { ADAM, buildTrainingStep, BYTE_VOCABULARY, type TrainingStep } from "../cells/language_model.ts";
import { initialWeights, passOffsets } from "./corpus/random.ts";
import type { Engine, EngineRun, TensorMap, TrainingGroup } from "./engines/engine.ts";

/** How runs are trained; the design's section 2 has the reasons. */
export interface TrainingSettings {
  /** Updates wanted: passes repeat until at least so many are done. */
  readonly steps: number;
  readonly batch: number;
  /** Bytes of one pass: `history − 1` updates. */
  readonly history: number;
  /** Steps between two logged values. */
  readonly log_every: number;
}

/** Smoothed loss: `ma ← 0.95·ma + 0.05·loss`, from 3.0. */
const SMOOTHING = { keep: 0.95, start: 3 } as const;

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
export interface TrainedRun {
  /** Smoothed loss every `log_every` steps, nats per byte. */
  readonly curve: readonly number[];
  readonly steps_done: number;
  /** Wall time of the group's training, seconds. */
  readonly seconds: number;
  readonly weights: TensorMap;
  readonly step: TrainingStep;
  /** Where a number stopped being finite: the run is worthless from there, and `curve` ends before. */
  readonly failed?: string;
}

export interface Progress {
  /** Steps done by each run of the group, and in all. */
  readonly step: number;
  readonly totalSteps: number;
  /** Smoothed loss of each run. */
  readonly losses: readonly number[];
}

export interface TrainOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly threads?: number;
}

/** Updates that a run gets: whole passes, until `steps` are done. */
export function totalSteps({ steps, history }: TrainingSettings): number {
  return Math.ceil(steps / (history - 1)) * (history - 1);
}

/** The job of a configuration, with its cell. */
export function cellJob({ config, seed }: Job): CellJob {
  return { cell: cellOf(config), n_layers: config.n_layers, state_size: config.state_size, seed };
}

/** The training step of a job. */
export function stepOf({ cell, n_layers, state_size }: CellJob, { batch }: TrainingSettings): TrainingStep {
  return buildTrainingStep(cell, { n_layers, state_size, vocabulary: BYTE_VOCABULARY, batch });
}

/** A job as an engine takes it, with its initial weights. */
export function prepare(job: CellJob, settings: TrainingSettings): EngineRun {
  const step = stepOf(job, settings);
  return { step, tensors: initialWeights(step.parameters, job.seed), stepsDone: 0, learningRate: ADAM.learning_rate };
}

/**
 * Trains jobs as one group.
 *
 * @returns one run per job, in order; or undefined if the signal stopped it
 * @throws {RangeError} if the text is shorter than a pass
 */
export async function trainGroup(
  engine: Engine,
  jobs: readonly CellJob[],
  settings: TrainingSettings,
  text: Uint8Array,
  { signal, onProgress, threads }: TrainOptions = {},
): Promise<TrainedRun[] | undefined> {
  const runs: EngineRun[] = [];
  for (const job of jobs) {
    runs.push(prepare(job, settings));
    // Drawing a large model's weights takes a while: timers (heartbeats) must get their turn in between.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const group = await engine.open(runs, text, threads);
  try {
    const curves = jobs.map(() => new SmoothedLoss(settings.log_every));
    const start = performance.now();
    const total = totalSteps(settings);
    const done = await runPasses(group, jobs, settings, text.length, signal, (losses) => {
      losses.forEach((values, i) => curves[i].add(values));
      onProgress?.({ step: curves[0].steps, totalSteps: total, losses: curves.map((curve) => curve.value) });
      return curves.some(({ failed }) => failed === undefined);
    });
    if (!done) return undefined;
    const seconds = (performance.now() - start) / 1000;
    const trained: TrainedRun[] = [];
    // One after the other: a group's moments need not be in the host's memory all at once.
    for (const [i, { step }] of runs.entries()) {
      const weights = weightsOf(step, await group.read(i));
      const { values: curve, steps: steps_done, failed } = curves[i];
      trained.push({ curve, steps_done, seconds, weights, step, failed: failed ?? brokenWeight(weights) });
    }
    return trained;
  } finally {
    await group.close();
  }
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

function weightsOf({ parameters }: TrainingStep, tensors: TensorMap): TensorMap {
  return new Map(parameters.map(({ name }) => [name, tensors.get(name)!]));
}

/** What the last update may have broken without a loss to show it. */
function brokenWeight(weights: TensorMap): string | undefined {
  for (const [name, values] of weights) {
    if (!values.every(Number.isFinite)) return `weight '${name}' is no finite number after the last step`;
  }
  return undefined;
}

/**
 * Queues all steps, one chunk ahead of the one that is read, until `onLosses` returns false. Returns false if the signal came.
 */
async function runPasses(
  group: TrainingGroup,
  jobs: readonly CellJob[],
  settings: TrainingSettings,
  textLength: number,
  signal: AbortSignal | undefined,
  onLosses: (losses: Float64Array[]) => boolean,
): Promise<boolean> {
  const { batch, history } = settings;
  const chunks = new ChunkSize();
  const passSteps = history - 1;
  let ahead: { count: number; losses: Promise<Float64Array[]> } | undefined;
  const readAhead = async () => {
    if (!ahead) return true;
    const useful = onLosses(await ahead.losses);
    chunks.finished(ahead.count);
    return useful;
  };
  for (let pass = 0; pass * passSteps < settings.steps; pass++) {
    group.beginPass(jobs.map(({ seed }) => passOffsets(seed, pass, batch, history, textLength)));
    for (let position = 0; position < passSteps;) {
      if (signal?.aborted) {
        await ahead?.losses.catch(() => {});
        return false;
      }
      const count = Math.min(chunks.next, passSteps - position);
      position += count;
      const losses = group.advance(count);
      // An error in the chunk that is under way surfaces when it is awaited, one round later.
      losses.catch(() => {});
      if (!await readAhead()) return true;
      ahead = { count, losses };
    }
  }
  await readAhead();
  return true;
}

/** Aim for the time between two readings: progress shows, Ctrl-C is heard, and reading losses costs nothing. */
const CHUNK_MILLISECONDS = 500;
const MOST_STEPS_PER_CHUNK = 500;

/** Steps per call, from the measured time of the calls before. The numbers do not depend on it. */
class ChunkSize {
  next = 1;
  #last = performance.now();

  finished(steps: number): void {
    const now = performance.now();
    const perStep = Math.max((now - this.#last) / steps, 1e-3);
    this.#last = now;
    this.next = Math.max(1, Math.min(Math.round(CHUNK_MILLISECONDS / perStep), this.next * 2, MOST_STEPS_PER_CHUNK));
  }
}

/** The smoothed loss of one run and its logged values. */
class SmoothedLoss {
  readonly values: number[] = [];
  value: number = SMOOTHING.start;
  steps = 0;
  failed?: string;

  constructor(private readonly log_every: number) {}

  add(losses: Float64Array): void {
    for (const loss of losses) {
      this.steps++;
      if (this.failed !== undefined) continue;
      if (!Number.isFinite(loss)) {
        this.failed = `the loss became ${loss} at step ${this.steps}`;
        continue;
      }
      this.value = SMOOTHING.keep * this.value + (1 - SMOOTHING.keep) * loss;
      if (this.steps % this.log_every === 0) this.values.push(this.value);
    }
  }
}
