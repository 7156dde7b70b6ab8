/**
 * A linear recurrence of one number, `h′ = a·h + b·x`, as a cell, and its truncated gradients in plain arithmetic: what a graph makes of them
 * must be the same. Source: docs/bptt.md, "What a run does", and the sums written below.
 */
import { defineCell } from "../../cells/cell.ts";
import { add, mul } from "../../cells/graph/builder.ts";

/** One layer of it, whose output is its state. */
export const scalarCell = defineCell({
  name: "scalar_recurrence",
  states: ["h"],
  forward(layer, x, { h }) {
    const next = add(mul(h, layer.parameter("a", [1])), mul(x, layer.parameter("b", [1])));
    return { output: next, states: { h: next } };
  },
});

/** Sizes of a model of it with three tokens. */
export const SCALAR_SIZES = { n_layers: 1, state_size: 1, vocabulary: 3 } as const;

/** Its weights, under the names of the model. */
export const SCALAR_WEIGHTS = {
  "input_embedding.weight": [0.7, -1.1, 0.4],
  "input_embedding.bias": [0.3],
  "layers.0.a": [0.8],
  "layers.0.b": [-0.6],
  "output_embedding.weight": [0.9, -0.5, 0.2],
  "output_embedding.bias": [0.1, -0.2, 0.05],
} as const;

/** Numbers by weight. */
export type ScalarNumbers = Record<keyof typeof SCALAR_WEIGHTS, number[]>;

/**
 * Loss, gradients and the state after `k` tokens of one row, by hand. With `e_v` and `d` of the embedding, `w` and `c` of the output:
 *
 *     x_t = e_v + d   (v: the token)       h_t = a h_{t−1} + b x_t       l_t = −ln softmax(w h_t + c)[target]
 *     δ_t = ∂l_t/∂h_t = Σ_j (p_j − [j = target]) w_j
 *     ∂h_t/∂a = h_{t−1} + a ∂h_{t−1}/∂a       ∂h_t/∂b = x_t + a ∂h_{t−1}/∂b       ∂h_t/∂d = b + a ∂h_{t−1}/∂d
 *     ∂h_t/∂e_v = b [token = v] + a ∂h_{t−1}/∂e_v       and ∂h_0/∂… = 0: the state before the first token is a constant
 *     g = (1/k) Σ_t δ_t ∂h_t/∂…       for w: (1/k) Σ_t (p_j − [j = target]) h_t, for c the same without h_t
 */
export function scalarGradients(tokens: readonly number[], targets: readonly number[], before: number) {
  const e = SCALAR_WEIGHTS["input_embedding.weight"], [d] = SCALAR_WEIGHTS["input_embedding.bias"];
  const [a] = SCALAR_WEIGHTS["layers.0.a"], [b] = SCALAR_WEIGHTS["layers.0.b"];
  const w = SCALAR_WEIGHTS["output_embedding.weight"], c = SCALAR_WEIGHTS["output_embedding.bias"];
  const gradients: ScalarNumbers = {
    "input_embedding.weight": [0, 0, 0],
    "input_embedding.bias": [0],
    "layers.0.a": [0],
    "layers.0.b": [0],
    "output_embedding.weight": [0, 0, 0],
    "output_embedding.bias": [0, 0, 0],
  };
  const k = tokens.length;
  let h = before, loss = 0, byA = 0, byB = 0, byD = 0, byE = [0, 0, 0];
  tokens.forEach((token, t) => {
    const x = e[token] + d;
    byA = h + a * byA;
    byB = x + a * byB;
    byD = b + a * byD;
    byE = byE.map((by, v) => (v === token ? b : 0) + a * by);
    h = a * h + b * x;
    const powers = w.map((wj, j) => Math.exp(wj * h + c[j])), sum = powers[0] + powers[1] + powers[2];
    loss -= Math.log(powers[targets[t]] / sum) / k;
    const off = powers.map((power, j) => power / sum - (j === targets[t] ? 1 : 0));
    const delta = off[0] * w[0] + off[1] * w[1] + off[2] * w[2];
    gradients["layers.0.a"][0] += delta * byA / k;
    gradients["layers.0.b"][0] += delta * byB / k;
    gradients["input_embedding.bias"][0] += delta * byD / k;
    byE.forEach((by, v) => gradients["input_embedding.weight"][v] += delta * by / k);
    off.forEach((o, j) => {
      gradients["output_embedding.weight"][j] += o * h / k;
      gradients["output_embedding.bias"][j] += o / k;
    });
  });
  return { loss, gradients, state: h };
}
