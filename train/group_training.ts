/** A group at work: passes over the text, losses read one chunk behind, states saved while the next steps run. */
import { carriedNames } from "../cells/graph/graph.ts";
import type { TrainingStep } from "../cells/language_model.ts";
import { passOffsets } from "./corpus/random.ts";
import type { EngineRun, TensorMap, TrainingGroup } from "./engines/engine.ts";
import { totalSteps, type TrainingSettings } from "./settings.ts";

/** Smoothed loss: `ma ← 0.95·ma + 0.05·loss`, from 3.0. */
const SMOOTHING = { keep: 0.95, start: 3 } as const;

/** How often states are saved, unless the caller says otherwise: with the time to write them, half a minute's work may be lost. */
const SAVE_MILLISECONDS = 20_000;

/** Aim for the time between two readings: progress shows, Ctrl-C is heard, and reading losses costs nothing. */
const CHUNK_MILLISECONDS = 500;
const MOST_STEPS_PER_CHUNK = 500;

/** All that a run needs to go on exactly where it was. Offsets follow from seed and pass: there is no random state beside these. */
export interface TrainingState {
  readonly steps_done: number;
  /** Smoothed loss after the last step, nats per byte. */
  readonly smoothed_loss: number;
  /** Smoothed loss every `log_every` steps. */
  readonly curve: readonly number[];
  /** Training time so far, seconds. */
  readonly seconds: number;
  /** Weights (frozen ones too), moments and carried states. */
  readonly tensors: TensorMap;
}

/** Why a run is worthless from some step on. */
export interface Breakdown {
  readonly step: number;
  readonly why: string;
}

export interface Progress {
  /** Steps done by each run of the group. */
  readonly step: number;
  /** Smoothed loss of each run. */
  readonly losses: readonly number[];
}

export interface GroupOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Given a run's state every so often, and when the signal comes; never that of a run that has broken down. */
  readonly save?: (run: number, state: TrainingState) => Promise<void>;
  /** Milliseconds from one saving to the next. */
  readonly saveEvery?: number;
}

/** Names of the tensors that a run's state consists of: weights, and whatever is carried from step to step. */
export function stateNames({ parameters, graph }: TrainingStep): string[] {
  return [...new Set([...parameters.map(({ name }) => name), ...carriedNames(graph)])];
}

interface Chunk {
  readonly count: number;
  readonly losses: Promise<Float64Array[]>;
  /** The tensors after the chunk, where they are to be saved. */
  readonly tensors?: Promise<TensorMap[]>;
}

/** Trains a group from a step to its end. */
export class GroupTraining {
  readonly #chunks = new ChunkSize();
  readonly #begun = performance.now();
  #ahead: Chunk | undefined;
  #lastSave = performance.now();
  #saving: Promise<void> | undefined;
  #savingError: unknown;

  constructor(
    private readonly group: TrainingGroup,
    private readonly runs: readonly EngineRun[],
    private readonly ledgers: readonly Ledger[],
    private readonly seeds: readonly number[],
    private readonly settings: TrainingSettings,
    private readonly textLength: number,
    private readonly options: GroupOptions,
  ) {}

  /**
   * Queues all steps, one chunk ahead of the one that is read, until every run is through or has broken down.
   * Returns false if the signal came; what was done until then is saved. Throws what `save` throws.
   */
  async run(start: number): Promise<boolean> {
    let through: boolean;
    try {
      through = await this.#passes(start);
    } finally {
      // A state that is being written must not come after the one that follows.
      await this.#saving;
    }
    if (this.#savingError) throw this.#savingError;
    return through;
  }

  /** A run as it is after the last step. */
  async trained(run: number): Promise<{ state: TrainingState; failed?: Breakdown }> {
    const { step } = this.runs[run], ledger = this.ledgers[run];
    const state = ledger.state(pickState(step, await this.group.read(run)), this.#seconds);
    return { state, failed: ledger.failed ?? brokenTensor(state) };
  }

  get #seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  async #passes(start: number): Promise<boolean> {
    const passSteps = this.settings.history - 1;
    const total = totalSteps(this.settings, start);
    for (let step = start; step < total;) {
      if (this.options.signal?.aborted) {
        await this.#readAhead();
        if (step > start) await this.#saveNow();
        return false;
      }
      const position = step % passSteps;
      if (position === 0 || step === start) this.#beginPass(Math.floor(step / passSteps), position);
      const count = Math.min(this.#chunks.next, passSteps - position);
      step += count;
      const next = this.#queue(count);
      if (!await this.#readAhead()) return true;
      this.#ahead = next;
    }
    await this.#readAhead();
    return true;
  }

  #beginPass(pass: number, position: number): void {
    const { batch, history } = this.settings;
    this.group.beginPass(this.seeds.map((seed) => passOffsets(seed, pass, batch, history, this.textLength)), position);
  }

  #queue(count: number): Chunk {
    const losses = this.group.advance(count);
    // An error in the chunk that is under way surfaces when it is awaited, one round later.
    losses.catch(() => {});
    return { count, losses, tensors: this.#isSavingDue() ? this.#readTensors() : undefined };
  }

  #isSavingDue(): boolean {
    const { save, saveEvery = SAVE_MILLISECONDS } = this.options;
    if (!save || this.#saving || performance.now() - this.#lastSave < saveEvery) return false;
    this.#lastSave = performance.now();
    return true;
  }

  /** Calls are queued in order: this reads what stands after the chunk that was queued last, while the next one waits. */
  #readTensors(): Promise<TensorMap[]> {
    const tensors = Promise.all(this.runs.map((_, run) => this.group.read(run)));
    tensors.catch(() => {});
    return tensors;
  }

  /** Takes in the losses of the chunk that was queued before. Returns whether any run is still worth training. */
  async #readAhead(): Promise<boolean> {
    if (this.#savingError) throw this.#savingError;
    const chunk = this.#ahead;
    if (!chunk) return true;
    this.#ahead = undefined;
    (await chunk.losses).forEach((values, i) => this.ledgers[i].add(values));
    this.#chunks.finished(chunk.count);
    if (chunk.tensors) this.#startSaving(chunk.tensors);
    this.options.onProgress?.({
      step: this.ledgers[0].steps,
      losses: this.ledgers.map(({ smoothed }) => smoothed),
    });
    return this.ledgers.some(({ failed }) => failed === undefined);
  }

  /** Saves in the background; the ledgers are read now, for they go on. */
  #startSaving(tensors: Promise<TensorMap[]>): void {
    const seconds = this.#seconds;
    const states = this.runs.map(({ step }, i) => {
      const ledger = this.ledgers[i];
      const before = ledger.state(new Map(), seconds);
      return ledger.failed ? undefined : (read: TensorMap) => ({ ...before, tensors: pickState(step, read) });
    });
    const write = async () => {
      const read = await tensors;
      for (const [i, stateWith] of states.entries()) {
        const state = stateWith?.(read[i]);
        // The step that comes next would tell; until then the state before is the last good one.
        if (state && !brokenTensor(state)) await this.options.save!(i, state);
        read[i].clear();
      }
    };
    this.#saving = write().catch((error) => void (this.#savingError = error)).finally(() => this.#saving = undefined);
  }

  async #saveNow(): Promise<void> {
    await this.#saving;
    if (!this.options.save || this.#savingError) return;
    this.#startSaving(this.#readTensors());
    await this.#saving;
  }
}

function pickState(step: TrainingStep, tensors: TensorMap): TensorMap {
  return new Map(stateNames(step).map((name) => [name, tensors.get(name)!]));
}

/** What the last update may have broken without a loss to show it. */
function brokenTensor({ tensors, steps_done }: TrainingState): Breakdown | undefined {
  for (const [name, values] of tensors) {
    if (!values.every(Number.isFinite)) {
      return { step: steps_done, why: `'${name}' is no finite number after step ${steps_done}` };
    }
  }
  return undefined;
}

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

/** What is written down of one run as it trains: its smoothed loss, and some of the values on the way. */
export class Ledger {
  readonly #curve: number[];
  readonly #secondsBefore: number;
  steps: number;
  smoothed: number;
  failed?: Breakdown;

  /** @param from where the run goes on; absent: at its start */
  constructor(private readonly log_every: number, from?: TrainingState) {
    this.#curve = [...from?.curve ?? []];
    this.#secondsBefore = from?.seconds ?? 0;
    this.steps = from?.steps_done ?? 0;
    this.smoothed = from?.smoothed_loss ?? SMOOTHING.start;
  }

  add(losses: Float64Array): void {
    for (const loss of losses) {
      this.steps++;
      if (this.failed) continue;
      if (!Number.isFinite(loss)) {
        this.failed = { step: this.steps, why: `the loss became ${loss} at step ${this.steps}` };
        continue;
      }
      this.smoothed = SMOOTHING.keep * this.smoothed + (1 - SMOOTHING.keep) * loss;
      if (this.steps % this.log_every === 0) this.#curve.push(this.smoothed);
    }
  }

  /** @param seconds training time of this process */
  state(tensors: TensorMap, seconds: number): TrainingState {
    return {
      steps_done: this.steps,
      smoothed_loss: this.smoothed,
      curve: [...this.#curve],
      seconds: this.#secondsBefore + seconds,
      tensors,
    };
  }
}
