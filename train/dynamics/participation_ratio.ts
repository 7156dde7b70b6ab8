/** Participation ratio: how many dimensions of its state a model uses. */
import type { Estimate } from "./estimate.ts";
import type { StreamOptions } from "./streams.ts";

/** The participation ratio of some carried numbers. */
export interface Participation extends Estimate {
  /** Carried numbers: the most that it can be. */
  readonly numbers: number;
}

/** What {@linkcode participationRatio} finds. */
export interface ParticipationRatio extends Required<StreamOptions> {
  /** Of all carried state. */
  readonly whole: Participation;
  /** Of each layer's. */
  readonly layers: readonly Participation[];
}
