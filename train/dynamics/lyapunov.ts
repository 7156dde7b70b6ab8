/** Lyapunov spectrum: how fast small differences between states grow or vanish while a text is read. */
import type { Estimate } from "./estimate.ts";
import type { StreamOptions } from "./streams.ts";

/** The exponents of one layer. */
export interface LayerSpectrum {
  /** Carried numbers of the layer: so many exponents it has. */
  readonly numbers: number;
  /** Its largest exponents, nats per token, descending. Value null: −∞, differences in this direction vanish within rounding. */
  readonly exponents: readonly Estimate[];
}

/** What {@linkcode lyapunovSpectrum} finds. */
export interface LyapunovSpectrum extends Required<StreamOptions> {
  /** From the first layer to the last; the model's spectrum is the union of theirs. */
  readonly layers: readonly LayerSpectrum[];
  /** λ₁, the largest of all, nats per token; value null: −∞. */
  readonly largest: Estimate;
  /** Forgetting time −1/λ₁, tokens; 0 where λ₁ is −∞, value null where λ₁ is not below zero. */
  readonly forgetting_time: Estimate;
}
