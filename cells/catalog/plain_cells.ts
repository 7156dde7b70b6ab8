/** Recurrent cells without gates. */
import { type Cell, defineCell } from "../cell.ts";
import { add, mul, named, relu, tanh } from "../graph/builder.ts";

/** `h = tanh(W [x,h] + b)`. Source: Elman, "Finding structure in time", 1990. */
export const vanillaCell: Cell = defineCell({
  name: "vanilla",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = named("n", tanh(layer.linear("state_nn", [x, h])));
    return { output: n, states: { h: n } };
  },
});

/**
 * Independently recurrent network: each unit reads its own old state alone, `h = relu(W x + u ⊙ h + b)`.
 * Source: Li et al., "Independently recurrent neural network (IndRNN): building a longer and deeper RNN", 2018.
 *
 * `u` is drawn from U(0, 1), the paper's range [0, γ^(1/T)] for many steps T. The paper clips `|u|` to that range after each update; here
 * nothing does.
 */
export const indRnnCell: Cell = defineCell({
  name: "indrnn",
  states: ["h"],
  forward(layer, x, { h }) {
    const u = named(
      "u",
      layer.parameter("recurrent", [layer.state_size], { draw: { kind: "uniform", from: 0, to: 1 } }),
    );
    const next = named("h", relu(add(layer.linear("state_nn", [x]), mul(u, h))));
    return { output: next, states: { h: next } };
  },
});
