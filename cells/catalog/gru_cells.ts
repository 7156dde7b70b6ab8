/** The gated recurrent unit, and cells with fewer gates. */
import { type Cell, defineCell } from "../cell.ts";
import { add, mul, named, relu, sigmoid, sub, tanh } from "../graph/builder.ts";
import { mix } from "./parts.ts";

/**
 * Gated recurrent unit, with the reset gate before the product.
 * Source: Cho et al., "Learning phrase representations using RNN encoder–decoder", 2014, equations 5 to 8.
 */
export const gruCell: Cell = defineCell({
  name: "gru",
  states: ["h"],
  forward(layer, x, { h }) {
    const r = named("r", sigmoid(layer.linear("reset_gate_nn", [x, h])));
    const z = named("z", sigmoid(layer.linear("update_gate_nn", [x, h])));
    const n = named("n", tanh(layer.linear("state_nn", [x, mul(r, h)])));
    const next = named("h", mix(z, h, n));
    return { output: next, states: { h: next } };
  },
});

/**
 * Minimal gated unit: one gate resets and updates. `f = σ(W_f [x,h] + b_f)`, `n = tanh(W [x, f ⊙ h] + b)`, `h = (1−f) ⊙ h + f ⊙ n`.
 * Source: Zhou et al., "Minimal gated unit for recurrent neural networks", 2016.
 */
export const mguCell: Cell = defineCell({
  name: "mgu",
  states: ["h"],
  forward(layer, x, { h }) {
    const f = named("f", sigmoid(layer.linear("forget_gate_nn", [x, h])));
    const n = named("n", tanh(layer.linear("state_nn", [x, mul(f, h)])));
    const next = named("h", add(mul(sub(1, f), h), mul(f, n)));
    return { output: next, states: { h: next } };
  },
});

/**
 * Light gated recurrent unit: no reset gate, and relu. `z = σ(W_z [x,h] + b_z)`, `n = relu(W [x,h] + b)`, `h = z ⊙ h + (1−z) ⊙ n`.
 * Source: Ravanelli et al., "Light gated recurrent units for speech recognition", 2018.
 *
 * Recurrent weights are orthogonal, as in the paper. Its batch normalisation of `W x` is left out; biases stand in its place.
 */
export const liGruCell: Cell = defineCell({
  name: "li_gru",
  states: ["h"],
  forward(layer, x, { h }) {
    const product = (name: string) =>
      layer.linear(name, [x, h], layer.state_size, { weight: [undefined, { kind: "orthogonal" }] });
    const z = named("z", sigmoid(product("update_gate_nn")));
    const n = named("n", relu(product("state_nn")));
    const next = named("h", mix(z, h, n));
    return { output: next, states: { h: next } };
  },
});

/**
 * Update gate network: a vanilla cell with one gate. `g = σ(W_g [x,h] + b_g)`, `n = tanh(W [x,h] + b)`, `h = g ⊙ h + (1−g) ⊙ n`.
 * Source: Collins et al., "Capacity and trainability in recurrent neural networks", 2017.
 *
 * The gate's bias starts at 1, as in the cell of TensorFlow; the paper tunes it for each task.
 */
export const ugRnnCell: Cell = defineCell({
  name: "ugrnn",
  states: ["h"],
  forward(layer, x, { h }) {
    const bias = { kind: "constant", value: 1 } as const;
    const g = named("g", sigmoid(layer.linear("update_gate_nn", [x, h], layer.state_size, { bias })));
    const n = named("n", tanh(layer.linear("state_nn", [x, h])));
    const next = named("h", mix(g, h, n));
    return { output: next, states: { h: next } };
  },
});
