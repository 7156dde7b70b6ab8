/** The optimizers. A new one is a value here, and an entry in {@linkcode OPTIMIZERS}: the factor takes its choices from there. */
import { add, div, mul, sqrt, sub } from "./graph/builder.ts";
import type { Optimizer } from "./optimizer.ts";

/** The learning rate of a configuration that names none, whatever its optimizer: PyTorch's default for Adam. */
export const LEARNING_RATE = 1e-3;

/** Adam's constants. Source: Kingma and Ba, "Adam", 2015; the values are PyTorch's defaults. */
export const ADAM = { learningRate: LEARNING_RATE, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

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

/** Share of the old velocity that {@linkcode sgd} keeps: the usual value. */
const MOMENTUM = 0.9;

/**
 * Stochastic gradient descent with momentum: `v ← 0.9v + g`, `p ← p − αv`, with `v` zero at first. Source: Polyak, "Some methods of speeding up
 * the convergence of iteration methods", 1964, in the form of `torch.optim.SGD(momentum=0.9)` (dampening 0, no Nesterov step).
 */
export const sgd: Optimizer = {
  name: "sgd",
  phrase: "SGD with momentum",
  learningRate: LEARNING_RATE,
  moments: ["momentum_buffer"],
  scalarNames: ["sgd.step_size"],
  scalars: (_update, learningRate) => [learningRate],
  update(weight, gradient, [velocity], [stepSize]) {
    const next = add(mul(MOMENTUM, velocity), gradient);
    return { weight: sub(weight, mul(stepSize, next)), moments: [next] };
  },
};

/**
 * Adam without its second moment, to see what that moment gives: `m ← β₁m + (1−β₁)g`, `p ← p − α m / (1−β₁ᵗ)` at update `t`, with `m` zero at
 * first. The step is as long as the mean gradient is, where Adam's is about `α` in each weight: so its rates are no rates of Adam.
 * Source: {@linkcode adam}, with its denominator left out.
 */
export const adamNoSecondMoment: Optimizer = {
  name: "adam_no_second_moment",
  phrase: "Adam without second moment",
  learningRate: LEARNING_RATE,
  moments: ["exp_avg"],
  scalarNames: ["adam_no_second_moment.step_size"],
  scalars: (update, learningRate) => [learningRate / (1 - ADAM.beta1 ** update)],
  update(weight, gradient, [m], [stepSize]) {
    const next = add(m, mul(1 - ADAM.beta1, sub(gradient, m)));
    return { weight: sub(weight, mul(stepSize, next)), moments: [next] };
  },
};

/** All optimizers, by name; the first is that of a configuration that names none. */
export const OPTIMIZERS = {
  adam,
  sgd,
  adam_no_second_moment: adamNoSecondMoment,
} as const satisfies Readonly<Record<string, Optimizer>>;

/** The name of an optimizer. */
export type OptimizerName = keyof typeof OPTIMIZERS;

/** The names of {@linkcode OPTIMIZERS}, in their order. */
export const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as readonly OptimizerName[];

/** The same as a factor's values, with what descriptions of a configuration say of each. */
export const OPTIMIZER_CHOICES: readonly { readonly value: OptimizerName; readonly phrase?: string }[] = OPTIMIZER_NAMES
  .map((value) => ({ value, phrase: optimizerOf(value).phrase }));

/**
 * The optimizer that is meant.
 *
 * @param optimizer a name of {@linkcode OPTIMIZERS}, or any other optimizer itself; absent: Adam
 * @throws {RangeError} if no optimizer has the name
 */
export function optimizerOf(optimizer: OptimizerName | Optimizer = "adam"): Optimizer {
  if (typeof optimizer !== "string") return optimizer;
  if (Object.hasOwn(OPTIMIZERS, optimizer)) return OPTIMIZERS[optimizer];
  throw new RangeError(`Cannot find optimizer '${optimizer}': must be one of ${OPTIMIZER_NAMES.join(", ")}`);
}
