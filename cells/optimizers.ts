/** The optimizers. A new one is a value here, and an entry in {@linkcode OPTIMIZERS}. */
import { add, div, mul, sqrt, sub } from "./graph/builder.ts";
import type { Optimizer } from "./optimizer.ts";

/** Adam's constants. Source: Kingma and Ba, "Adam", 2015; the values are PyTorch's defaults. */
export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/**
 * Adam: `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `p ← p − α̂ m / (√v + ε̂)`, where update `t` has `α̂ = α √(1−β₂ᵗ) / (1−β₁ᵗ)` and
 * `ε̂ = ε √(1−β₂ᵗ)`. Source: Kingma and Ba, 2015, the reordered form at the end of section 2, which moves both bias corrections
 * into the scalars.
 */
export const adam: Optimizer = {
  name: "adam",
  learningRate: ADAM.learningRate,
  moments: ["exp_avg", "exp_avg_sq"],
  scalarNames: ["adam.step_size", "adam.epsilon"],
  scalars(update, learningRate) {
    const correction = Math.sqrt(1 - ADAM.beta2 ** update);
    return [learningRate * correction / (1 - ADAM.beta1 ** update), ADAM.epsilon * correction];
  },
  update(weight, gradient, [m, v], [stepSize, epsilon]) {
    const newM = add(m, mul(1 - ADAM.beta1, sub(gradient, m)));
    const newV = add(v, mul(1 - ADAM.beta2, sub(mul(gradient, gradient), v)));
    return { weight: sub(weight, mul(stepSize, div(newM, add(sqrt(newV), epsilon)))), moments: [newM, newV] };
  },
};

/** All optimizers, by name. */
export const OPTIMIZERS = { adam } as const satisfies Readonly<Record<string, Optimizer>>;

/** The name of an optimizer. */
export type OptimizerName = keyof typeof OPTIMIZERS;
