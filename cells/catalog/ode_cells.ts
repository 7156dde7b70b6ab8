/** Cells that are discretised differential equations. The papers call the read state `y`; here it is `h`, since `y` is a layer's output. */
import { type Cell, defineCell } from "../cell.ts";
import { add, mul, named, sigmoid, sub, tanh } from "../graph/builder.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Step size, stiffness and damping of {@linkcode coRnnCell}: those of the authors' code for sequential MNIST. */
const CORNN = { step: 0.042, gamma: 2.7, epsilon: 4.7 } as const;

/**
 * Coupled oscillatory network: `h″ = tanh(W [x,z,h] + b) − γ h − ε z` with the velocity `z = h′`, in steps of Δt:
 * `z ← z + Δt (tanh(W [x,z,h] + b) − γ h − ε z)`, `h ← h + Δt z`, with the new `z`.
 * Source: Rusch and Mishra, "Coupled oscillatory recurrent neural network (coRNN)", 2021, equation 3; with the old `z` in `ε z`, as in the
 * authors' code (github.com/tk-rusch/coRNN), which also Δt = 0.042, γ = 2.7 and ε = 4.7 are from: the paper tunes them for each task.
 */
export const coRnnCell: Cell = defineCell({
  name: "cornn",
  states: ["h", "z"],
  forward(layer, x, { h, z }) {
    const { step, gamma, epsilon } = CORNN;
    const force = named("n", tanh(layer.linear("state_nn", [x, z, h])));
    const acceleration = sub(sub(force, mul(gamma, h)), mul(epsilon, z));
    const velocity = named("z", add(z, mul(step, acceleration)));
    const next = named("h", add(h, mul(step, velocity)));
    return { output: next, states: { h: next, z: velocity } };
  },
});

/**
 * Long expressive memory: two states, each with its own time step, which the cell chooses. With `Δ₁ = σ(W_1 [x,h] + b_1)` and
 * `Δ₂ = σ(W_2 [x,h] + b_2)`: `z ← (1−Δ₁) ⊙ z + Δ₁ ⊙ tanh(W_z [x,h] + b_z)`, `h ← (1−Δ₂) ⊙ h + Δ₂ ⊙ tanh(W_h [x,z] + b_h)`, with the new `z`.
 * Source: Rusch et al., "Long expressive memory for sequence modeling", 2022, equation 3, with its Δt = 1.
 */
export const lemCell: Cell = defineCell({
  name: "lem",
  states: ["h", "z"],
  forward(layer, x, { h, z }) {
    const toward = (step: Tensor, old: Tensor, target: Tensor) => add(mul(sub(1, step), old), mul(step, target));
    const slow = named("Δ₁", sigmoid(layer.linear("memory_step_nn", [x, h])));
    const fast = named("Δ₂", sigmoid(layer.linear("state_step_nn", [x, h])));
    const memory = named("z", toward(slow, z, tanh(layer.linear("memory_nn", [x, h]))));
    const next = named("h", toward(fast, h, tanh(layer.linear("state_nn", [x, memory]))));
    return { output: next, states: { h: next, z: memory } };
  },
});
