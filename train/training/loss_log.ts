/** What is kept of a run as it trains: the state that it resumes from, its smoothed loss, and whether it has broken down. */
import { carriedNames } from "../../cells/graph/graph.ts";
import type { TrainingStep } from "../../cells/language_model.ts";
import type { TensorMap } from "../engines/engine.ts";
import { firstNonFinite } from "./weights.ts";

/** Smoothed loss: `ma ← 0.95·ma + 0.05·loss`, from 3.0. */
export const SMOOTHING = { keep: 0.95, start: 3 } as const;

/** All that a run needs to go on exactly where it was. Offsets follow from seed and pass: there is no random state beside these. */
export interface TrainingState {
  /** Updates so far; those of one pass are `history − 1`, or fewer where a gradient goes several steps back. */
  readonly steps_done: number;
  /** Smoothed loss after the last step, nats per token. */
  readonly smoothed_loss: number;
  /**
   * Smoothed loss every `log_every` steps, nats per token: `ma ← 0.95·ma + 0.05·loss`. It starts from 3.0, as the original study's
   * does, and not from the first loss (about ln 256 = 5.55): the first 100 steps say more of that start than of the run.
   */
  readonly curve: readonly number[];
  /** Training time so far, seconds. */
  readonly seconds: number;
  /** Weights (frozen ones too), moments and carried states. */
  readonly tensors: TensorMap;
}

/** Why a run is worthless from some step on. */
export interface Breakdown {
  /** Steps done by then, counted from the run's first. */
  readonly step: number;
  /** What is not finite: the loss, or a tensor by its name. */
  readonly why: string;
}

/** Names of the tensors that a run's state consists of: weights, and whatever is carried from step to step. */
export function stateNames({ parameters, graph }: TrainingStep): string[] {
  return [...new Set([...parameters.map(({ name }) => name), ...carriedNames(graph)])];
}

/** The tensors of a run's state, of all that its group reads. */
export function pickState(step: TrainingStep, tensors: TensorMap): TensorMap {
  return new Map(stateNames(step).map((name) => [name, tensors.get(name)!]));
}

/** What the last update may have broken without a loss to show it. */
export function brokenTensor({ tensors, steps_done }: TrainingState): Breakdown | undefined {
  for (const [name, values] of tensors) {
    if (firstNonFinite(values) !== undefined) {
      return { step: steps_done, why: `'${name}' is not finite after step ${steps_done}` };
    }
  }
  return undefined;
}

/** The losses of one run as it trains: its smoothed loss, and some of the values on the way. */
export class LossLog {
  readonly #curve: number[];
  readonly #secondsBefore: number;
  steps: number;
  smoothed: number;
  failed?: Breakdown;
  /** Mean loss of the steps up to each logged one, from the one logged before: of the steps that were added here. */
  readonly means: number[] = [];
  #sum = 0;
  #count = 0;

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
      this.#sum += loss;
      this.#count++;
      if (this.steps % this.log_every !== 0) continue;
      this.#curve.push(this.smoothed);
      this.means.push(this.#sum / this.#count);
      this.#sum = this.#count = 0;
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
