/** The long short-term memory, and cells that change its gates. */
import type { BlockDraw } from "../draw.ts";
import { type Cell, defineCell, type Layer } from "../cell.ts";
import { add, div, exp, mul, named, relu, sigmoid, sub, tanh } from "../graph/builder.ts";
import type { Tensor } from "../graph/tensor.ts";
import { logSigmoid } from "./parts.ts";

/** A gate of this name that reads some inputs, with the cell's symbol for it. */
const gate = (layer: Layer, symbol: string, name: string, inputs: readonly Tensor[]): Tensor =>
  named(symbol, sigmoid(layer.linear(name, inputs)));

/** @param forgetBias draw of the forget gate's bias; absent: as every other bias */
function lstm(name: string, forgetBias?: BlockDraw): Cell {
  return defineCell({
    name,
    states: ["h", "c"],
    forward(layer, x, { h, c }) {
      const i = gate(layer, "i", "input_gate_nn", [x, h]);
      const f = named(
        "f",
        sigmoid(layer.linear("forget_gate_nn", [x, h], layer.state_size, { bias: forgetBias })),
      );
      const g = named("g", tanh(layer.linear("state_nn", [x, h])));
      const o = gate(layer, "o", "output_gate_nn", [x, h]);
      const memory = named("c", add(mul(f, c), mul(i, g)));
      const next = named("h", mul(o, tanh(memory)));
      return { output: next, states: { h: next, c: memory } };
    },
  });
}

/**
 * Long short-term memory with a forget gate: two carried states, `h` and `c`.
 * Source: Gers et al., "Learning to forget", 2000.
 */
export const lstmCell: Cell = lstm("lstm");

/**
 * The LSTM whose forget gate's bias starts at 1, so that it forgets little at first. The equations are those of {@linkcode lstmCell}.
 * Source: Jozefowicz et al., "An empirical exploration of recurrent network architectures", 2015.
 */
export const lstmForgetBias1Cell: Cell = lstm("lstm_forget_bias_1", { kind: "constant", value: 1 });

/**
 * LSTM with peepholes: gates see the memory, each unit its own; the output gate the new one, the others the old one.
 * `i = σ(W_i [x,h] + p_i ⊙ c + b_i)`, `f` likewise, `c′ = f ⊙ c + i ⊙ g`, `o = σ(W_o [x,h] + p_o ⊙ c′ + b_o)`, `h = o ⊙ tanh(c′)`.
 * Source: Gers and Schmidhuber, "Recurrent nets that time and count", 2000; as in Graves, "Generating sequences with recurrent neural
 * networks", 2013, equations 7 to 11.
 */
export const peepholeLstmCell: Cell = defineCell({
  name: "peephole_lstm",
  states: ["h", "c"],
  forward(layer, x, { h, c }) {
    const peeping = (symbol: string, name: string, memory: Tensor) => {
      const peephole = named(`p_${symbol}`, layer.parameter(`${name}_peephole`, [layer.state_size]));
      return named(symbol, sigmoid(add(layer.linear(`${name}_nn`, [x, h]), mul(peephole, memory))));
    };
    const i = peeping("i", "input_gate", c), f = peeping("f", "forget_gate", c);
    const g = named("g", tanh(layer.linear("state_nn", [x, h])));
    const memory = named("c", add(mul(f, c), mul(i, g)));
    const o = peeping("o", "output_gate", memory);
    const next = named("h", mul(o, tanh(memory)));
    return { output: next, states: { h: next, c: memory } };
  },
});

/**
 * Multiplicative LSTM: the input chooses the recurrent matrix. `m = (W_x x + b_x) ⊙ (W_h h + b_h)` takes the place of `h` in an LSTM.
 * Source: Krause et al., "Multiplicative LSTM for sequence modelling", 2017. It is not the mLSTM of xLSTM (2024).
 *
 * The paper's two factors of `m` have no bias. Implementations differ in whether the output gate stands within the last tanh or behind it;
 * here it is behind, as in the LSTM.
 */
export const multiplicativeLstmCell: Cell = defineCell({
  name: "mlstm",
  states: ["h", "c"],
  forward(layer, x, { h, c }) {
    const m = named("m", mul(layer.linear("input_factor_nn", [x]), layer.linear("state_factor_nn", [h])));
    const i = gate(layer, "i", "input_gate_nn", [x, m]);
    const f = gate(layer, "f", "forget_gate_nn", [x, m]);
    const g = named("g", tanh(layer.linear("state_nn", [x, m])));
    const o = gate(layer, "o", "output_gate_nn", [x, m]);
    const memory = named("c", add(mul(f, c), mul(i, g)));
    const next = named("h", mul(o, tanh(memory)));
    return { output: next, states: { h: next, c: memory } };
  },
});

/**
 * sLSTM: an LSTM whose input gate is an exponential, so that it can outweigh all that was stored; `n` adds up the weights, and `m` is the
 * exponent that is taken out of both, lest they overflow. With `ĩ` and `f̃` before the nonlinearity:
 * `m′ = max(ln σ(f̃) + m, ĩ)`, `i = exp(ĩ − m′)`, `f = exp(ln σ(f̃) + m − m′)`, `c′ = f ⊙ c + i ⊙ z`, `n′ = f ⊙ n + i`, `h = o ⊙ c′/n′`.
 * Source: Beck et al., "xLSTM: extended long short-term memory", 2024, equations 8 to 17.
 *
 * Draws are those of the authors' code (github.com/NX-AI/xlstm, `powerlaw_blockdependent` in its first block): recurrent weights 0, the forget
 * gate's bias from 5 to −7 by a power law, other biases 0. One head, so recurrent weights are whole matrices; the block around the cell
 * (convolution, norm, projections) is left out.
 */
export const slstmCell: Cell = defineCell({
  name: "slstm",
  states: ["h", "c", "n", "m"],
  forward(layer, x, { h, c, n, m }) {
    const zero: BlockDraw = { kind: "constant", value: 0 };
    const product = (name: string, bias: BlockDraw = zero) =>
      layer.linear(name, [x, h], layer.state_size, { weight: [undefined, zero], bias });

    const candidate = named("z", tanh(product("state_nn")));
    const inputExponent = named("ĩ", product("input_gate_nn"));
    const forget = logSigmoid("f̃", product("forget_gate_nn", { kind: "spaced", from: 5, to: -7, power: 0.3 }));
    const kept = named("k", add(forget, m));
    // max(k, ĩ)
    const stabilizer = named("m", add(inputExponent, relu(sub(kept, inputExponent))));
    const i = named("i", exp(sub(inputExponent, stabilizer)));
    const f = named("f", exp(sub(kept, stabilizer)));
    const o = named("o", sigmoid(product("output_gate_nn")));

    const memory = named("c", add(mul(f, c), mul(i, candidate)));
    const normalizer = named("n", add(mul(f, n), i));
    const next = named("h", mul(o, div(memory, normalizer)));
    return { output: next, states: { h: next, c: memory, n: normalizer, m: stabilizer } };
  },
});

/**
 * The longest dependency that JANET's forget gates start with, in steps. The paper takes the length of its sequences, which back-propagation
 * through time goes through. With gradients of one step, units that start so slow are hardly trained: on 1 MB of Shakespeare (2 layers of 64,
 * 3,996 steps) T = 1000 ends at 3.22 nats per byte, 100 at 3.10, 30 at 2.25 and 10 at 2.13.
 */
const JANET_LONGEST = 10;

/**
 * Just another network: an LSTM with the forget gate alone. `s = W_f [x,h] + b_f`, `n = tanh(W [x,h] + b)`,
 * `h = σ(s) ⊙ h + (1 − σ(s − β)) ⊙ n` with β = 1.
 * Source: van der Westhuizen and Lasenby, "The unreasonable effectiveness of the forget gate", 2018.
 *
 * Biases as in the paper: the forget gate's by the chrono draw `ln U(1, T − 1)`, here with T = 10, and the candidate's 0.
 */
export const janetCell: Cell = defineCell({
  name: "janet",
  states: ["h"],
  forward(layer, x, { h }) {
    const s = named(
      "s",
      layer.linear("forget_gate_nn", [x, h], layer.state_size, { bias: { kind: "chrono", longest: JANET_LONGEST } }),
    );
    const n = named(
      "n",
      tanh(layer.linear("state_nn", [x, h], layer.state_size, { bias: { kind: "constant", value: 0 } })),
    );
    const next = named("h", add(mul(sigmoid(s), h), mul(sub(1, sigmoid(sub(s, 1))), n)));
    return { output: next, states: { h: next } };
  },
});

/**
 * Recurrent additive network: the memory is a weighted sum of inputs, which nothing but gates reads the past for.
 * `i = σ(W_i [x, h] + b_i)`, `f` likewise, `c′ = i ⊙ (W x + b) + f ⊙ c`, `h = tanh(c′)`.
 * Source: Lee et al., "Recurrent additive networks", 2017.
 *
 * `h = tanh(c)` follows from `c`, so `c` alone is carried. The paper's content `W x` has no bias.
 */
export const ranCell: Cell = defineCell({
  name: "ran",
  states: ["c"],
  forward(layer, x, { c }) {
    const h = named("h", tanh(c));
    const i = gate(layer, "i", "input_gate_nn", [x, h]);
    const f = gate(layer, "f", "forget_gate_nn", [x, h]);
    const memory = named("c", add(mul(i, layer.linear("state_nn", [x])), mul(f, c)));
    return { output: named("h", tanh(memory)), states: { c: memory } };
  },
});
