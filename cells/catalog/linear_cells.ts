/** Cells whose new state is linear in the old one, so that others can train them in parallel over time. */
import type { RingDraw } from "../draw.ts";
import { type Cell, defineCell } from "../cell.ts";
import { add, div, exp, mul, named, sigmoid, sqrt, sub } from "../graph/builder.ts";
import { logSigmoid, mix } from "./parts.ts";

/** minGRU: gates read the input alone. Source: Feng et al., "Were RNNs all we needed?", 2024, section 3.1. */
export const minGruCell: Cell = defineCell({
  name: "min_gru",
  states: ["h"],
  forward(layer, x, { h }) {
    const z = named("z", sigmoid(layer.linear("update_gate_nn", [x])));
    const n = named("n", layer.linear("state_nn", [x]));
    const next = named("h", add(mul(sub(1, z), h), mul(z, n)));
    return { output: next, states: { h: next } };
  },
});

/**
 * minLSTM: gates read the input alone, and are scaled so that they sum to 1. With `f = σ(f̃)` and `i = σ(ĩ)`, `n = W x + b`:
 * `h = g ⊙ h + (1−g) ⊙ n` with `g = f/(f+i)`. That is `σ(ln f − ln i)`, which is right where both gates are closed, too.
 * Source: Feng et al., "Were RNNs all we needed?", 2024, section 3.2; in logarithms as in its appendix.
 */
export const minLstmCell: Cell = defineCell({
  name: "min_lstm",
  states: ["h"],
  forward(layer, x, { h }) {
    const forget = logSigmoid("f̃", layer.linear("forget_gate_nn", [x]));
    const input = logSigmoid("ĩ", layer.linear("input_gate_nn", [x]));
    const g = named("g", sigmoid(sub(forget, input)));
    const n = named("n", layer.linear("state_nn", [x]));
    const next = named("h", mix(g, h, n));
    return { output: next, states: { h: next } };
  },
});

/**
 * Linear recurrent unit. In complex numbers: `s′ = λ ⊙ s + γ ⊙ (B x + b)`, `o = Re(C s′) + D ⊙ x` with `λ = exp(−exp(ν) + iφ)`; here in pairs
 * of real ones, `s = re + i·im` and `λ = a + ib`. The recurrence has no nonlinearity, so as in the paper a gated linear unit and a residual
 * stand behind it, `y = x + W_1 o ⊙ σ(W_2 o)`; without them a stack of layers would be one linear map.
 * Source: Orvieto et al., "Resurrecting recurrent neural networks for long sequences", 2023, sections 3 and 4.
 *
 * Draws are the paper's: λ uniform on the unit disk, `B`, `C` and `D` normal, `γ = √(1 − |λ|²)`. Deviations: `φ` is the angle of a learned
 * pair `(p, q)`, where the paper learns `ln φ`; products have biases, which start at 0 for `B` and `C`; the block has no layer norm, GELU and dropout.
 */
export const lruCell: Cell = defineCell({
  name: "lru",
  states: ["re", "im"],
  forward(layer, x, { re, im }) {
    const size = layer.state_size, zero = { kind: "constant", value: 0 } as const;
    const normal = (deviation: number) => ({ kind: "normal", deviation }) as const;
    const learned = (symbol: string, name: string, part: RingDraw["part"]) => {
      const draw = { kind: "ring", part, least: 0, most: 1, eigenvalues: `${layer.prefix}.eigenvalues` } as const;
      return named(symbol, layer.parameter(name, [size], { draw }));
    };
    const r = named("r", exp(sub(0, exp(learned("ν", "nu_log", "nu_log")))));
    const p = learned("p", "phase_cos", "cos"), q = learned("q", "phase_sin", "sin");
    const perLength = named("l", div(r, sqrt(add(mul(p, p), mul(q, q)))));
    const a = named("a", mul(perLength, p)), b = named("b", mul(perLength, q));
    const gamma = named("γ", exp(learned("g", "gamma_log", "gamma_log")));

    const driven = (name: string) =>
      mul(gamma, layer.linear(name, [x], size, { weight: normal(1 / Math.sqrt(2 * size)), bias: zero }));
    const nextRe = named("re", add(sub(mul(a, re), mul(b, im)), driven("input_re_nn")));
    const nextIm = named("im", add(add(mul(b, re), mul(a, im)), driven("input_im_nn")));

    // −Im C is drawn as Im C would be: its sign is as likely.
    const read = layer.linear("output_nn", [nextRe, nextIm], size, { weight: normal(1 / Math.sqrt(size)), bias: zero });
    const direct = named("d", layer.parameter("direct", [size], { draw: normal(1) }));
    const o = named("o", add(read, mul(direct, x)));
    const unit = mul(layer.linear("glu_nn", [o]), sigmoid(layer.linear("glu_gate_nn", [o])));
    return { output: named("y", add(x, unit)), states: { re: nextRe, im: nextIm } };
  },
});
