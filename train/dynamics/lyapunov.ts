/** Lyapunov spectrum: how fast small differences between states grow or vanish while a text is read. */
import { checkWhole } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { CocycleWalk, type LayerExponents } from "./cocycle.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import type { Watched } from "./progress.ts";
import type { StreamOptions } from "./stream_options.ts";
import { cutStreams, type Streams } from "./streams.ts";
import { checkModel, modelOfRows, type WeightedModel } from "./weighted_model.ts";

/** The exponents of one layer. */
export interface LayerSpectrum {
  /** Carried numbers of the layer: so many exponents it has. */
  readonly numbers: number;
  /** Its largest exponents, nats per token, descending. Value null: too small for float64 to tell, or −∞. */
  readonly exponents: readonly Estimate[];
}

/** What {@linkcode lyapunovSpectrum} finds. */
export interface LyapunovSpectrum extends Required<StreamOptions> {
  /** From the first layer to the last; the model's spectrum is the union of theirs. */
  readonly layers: readonly LayerSpectrum[];
  /** λ₁, the largest of all, nats per token; value null: all are too small for float64. */
  readonly largest: Estimate;
  /** Forgetting time −1/λ₁, tokens; 0 where λ₁ is too small for float64, value null where λ₁ is not below zero. */
  readonly forgetting_time: Estimate;
}

/** What {@linkcode lyapunovSpectrum} takes; all of it may be absent. */
export interface LyapunovOptions extends StreamOptions, Watched {
  /** Exponents of each layer, the largest ones; more than a layer has numbers are all of them. Absent: 32. */
  readonly exponents?: number;
}

const ACTION = "measure a Lyapunov spectrum";

/**
 * The Lyapunov exponents of a model while it reads a text: `Q_t R_t = D_t Q_{t−1}` with `D_t = ∂s_t/∂s_{t−1}`, `λ_i = (1/T) Σ_t ln R_t,ii`, nats per
 * token. Sources: Benettin et al., "Lyapunov characteristic exponents for smooth dynamical systems", 1980; for recurrent networks Engelken, Wolf and
 * Abbott, "Lyapunov spectra of chaotic recurrent neural networks", 2023, and Vogt et al., "On Lyapunov exponents for RNNs", 2022.
 *
 * `s_t` is all carried state. A layer does not see those above it, so `D_t` is block-triangular, and the spectrum is the union of the layers'
 * spectra, each with its own `Q`. `Q` starts as the identity, and where fewer exponents than numbers are asked for as random columns, which are the
 * same in every call. Each stream starts from a zero state; its warm-up is for the state and for `Q`.
 *
 * The rounding error of each `R_ii` is of the size of the largest one's, so a small one has few digits. An exponent that rounding may move by more than
 * 1e-6 is null: cells that forget much within single tokens have such ones at the lower end of their spectrum.
 *
 * A mean is one over streams, and its standard error is `s/√S` of these; exponents are sorted by their means.
 *
 * The cost is that of `exponents` forward steps per layer and token, in float64 on one thread. Memory: a copy of the
 * weights, and the vectors of the last 16 tokens.
 *
 * ```ts ignore
 * const { largest, layers } = await lyapunovSpectrum(model, corpus.test, { exponents: 64 });
 * ```
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; absent options: 8 streams of 4,096 tokens, warm-up 512
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing, or one, a state or a Jacobian is not finite
 */
export async function lyapunovSpectrum(
  model: WeightedModel,
  text: Tokens,
  { exponents = 32, onProgress, signal, ...cut }: LyapunovOptions = {},
): Promise<LyapunovSpectrum> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION);
  checkWhole(ACTION, "exponents", exponents, 1);
  signal?.throwIfAborted();
  await using walk = await CocycleWalk.open(modelOfRows(checked, streams.streams), checked, streams, exponents);
  await walk.run(ACTION, { onProgress, signal });
  return spectrumOf(walk.exponents(), streams);
}

/**
 * The spectrum that a walk has come to.
 *
 * @throws {UserError} if a Jacobian is not finite
 */
export function spectrumOf(found: readonly LayerExponents[], { streams, tokens, warm_up }: Streams): LyapunovSpectrum {
  const layers = found.map(({ numbers, streams }) => ({ numbers, exponents: sortedMeans(streams) }));
  const largest = layers.map(({ exponents: [first] }) => first).reduce(greater, NONE);
  return { streams, tokens, warm_up, layers, largest, forgetting_time: forgettingTime(largest) };
}

/** Of a model without a state: it forgets at once. */
const NONE: Estimate = { value: null, standard_error: null };

/** @throws {UserError} if one is NaN, or +∞ */
function sortedMeans(streams: readonly Float64Array[]): Estimate[] {
  const means = Array.from(streams[0], (_, i) => {
    const own = streams.map((exponents) => exponents[i]);
    const wrong = own.find((exponent) => !(exponent < Infinity));
    if (wrong !== undefined) {
      throw new UserError(`Cannot ${ACTION}: an exponent is ${wrong}, the Jacobians must be finite`);
    }
    return estimateOf(own);
  });
  return means.sort((a, b) => a.value === b.value ? 0 : orderOf(b) - orderOf(a));
}

const orderOf = ({ value }: Estimate) => value ?? -Infinity;
const greater = (a: Estimate, b: Estimate): Estimate => orderOf(b) > orderOf(a) ? b : a;

/** `−1/λ₁`; its standard error by the derivative, `se(λ₁)/λ₁²`. */
function forgettingTime({ value, standard_error }: Estimate): Estimate {
  if (value === null) return { value: 0, standard_error: null };
  if (value >= 0) return NONE;
  return { value: -1 / value, standard_error: standard_error === null ? null : standard_error / value ** 2 };
}
