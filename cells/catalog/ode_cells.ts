/** Cells that are discretised differential equations. The papers call the read state `y`; here it is `h`, since `y` is a layer's output. */
import { type Cell, defineCell } from "../cell.ts";
import { add, mul, named, sigmoid, sub, tanh } from "../graph/builder.ts";
import { mix } from "./parts.ts";

/**
 * Step size, stiffness and damping of {@linkcode coRnnCell}. The authors tune them for each task, and their code's cell has γ = ε = 1. Its steps
 * for images of 784 pixels are so small (0.042, with γ = 2.7 and ε = 4.7) that `h` hardly shows the last byte, and with gradients of one step
 * nothing is learned: on 1 MB of Shakespeare (2 layers of 64, 3,996 steps) that ends at 3.34 nats per byte, these at 2.75. At Δt = 1 it would be
 * 2.15, but there the oscillator is gone: `h` is the tanh alone.
 */
const CORNN = { step: 0.5, gamma: 1, epsilon: 1 } as const;

/**
 * Coupled oscillatory network: `h″ = tanh(W [x,z,h] + b) − γ h − ε z` with the velocity `z = h′`, in steps of Δt:
 * `z ← z + Δt (tanh(W [x,z,h] + b) − γ h − ε z)`, `h ← h + Δt z`, with the new `z`.
 * Source: Rusch and Mishra, "Coupled oscillatory recurrent neural network (coRNN)", 2021, equation 3; with the old `z` in `ε z`, as in the
 * authors' code (github.com/tk-rusch/coRNN). Here Δt = 0.5 and γ = ε = 1.
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
    const slow = named("Δ₁", sigmoid(layer.linear("memory_step_nn", [x, h])));
    const fast = named("Δ₂", sigmoid(layer.linear("state_step_nn", [x, h])));
    const memory = named("z", mix(slow, tanh(layer.linear("memory_nn", [x, h])), z));
    const next = named("h", mix(fast, tanh(layer.linear("state_nn", [x, memory])), h));
    return { output: next, states: { h: next, z: memory } };
  },
});
