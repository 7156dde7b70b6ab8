/** Which gates a cell has, and how far they stand open, against answers that are known. */
import assert from "node:assert/strict";
import { CATALOG, gruCell, vanillaCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { type Cell, defineCell } from "../../../cells/cell.ts";
import { add, mul, named, sigmoid, sub, tanh } from "../../../cells/graph/builder.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { findGates } from "../../../train/dynamics/gate_names.ts";
import { gateActivity } from "../../../train/dynamics/gates.ts";
import { gatedConfig } from "../../cells/catalog/golden_cases.ts";
import { drawnModel, mapCell, TOY_TEXT, toyModel, toySizes } from "./toys.ts";

const CUT = { streams: 3, tokens: 20, warm_up: 4 };

/** The cell of a user in docs/cells.md. */
const slowFastCell = defineCell({
  name: "slow_fast",
  states: ["h", "s"],
  forward(layer, x, { h, s }) {
    const read = mul(named("r", sigmoid(layer.linear("reset_gate_nn", [x, h]))), h);
    const fast = named("h", tanh(layer.linear("state_nn", [x, read, s])));
    const slow = named("s", add(mul(0.9, s), mul(0.1, fast)));
    return { output: named("y", layer.linear("output_nn", [fast, slow, x])), states: { h: fast, s: slow } };
  },
});

const namesIn = (cell: Cell, n_layers = 1) =>
  findGates(evaluationModel(cell, toySizes(2, n_layers)).graph).map(({ layer, name }) => `${layer} ${name}`);

/** The gates of each catalog cell, in the order of its graph. */
const GATES: Readonly<Record<string, readonly string[]>> = {
  vanilla: [],
  gru: ["z", "r"],
  lstm: ["o", "f", "i"],
  min_gru: ["z"],
  min_lstm: ["g"],
  indrnn: [],
  mgu: ["f"],
  janet: ["σ(s)", "σ(s − 1)"],
  li_gru: ["z"],
  ugrnn: ["g"],
  ran: ["i", "f"],
  // Its input and forget gates are exponentials.
  slstm: ["o"],
  lru: ["glu_gate_nn"],
  cornn: [],
  lem: ["Δ₂", "Δ₁"],
  peephole_lstm: ["f", "i", "o"],
  mlstm: ["o", "f", "i"],
  lstm_forget_bias_1: ["o", "f", "i"],
};
for (const { cell } of CATALOG) {
  const names = GATES[cell.name];
  Deno.test(`findGates() finds ${names?.join(", ") || "no gate"} in each layer of ${cell.name}`, () => {
    assert.deepEqual(namesIn(cell, 2), [0, 1].flatMap((layer) => names.map((name) => `${layer} ${name}`)));
  });
}

const twoInputs = ["input_gate_nn", "state_input_gate_nn"];
const CELLS: readonly (readonly [what: string, cell: Cell, names: readonly string[]])[] = [
  ["a gated cell with every switch on", gatedCell(gatedConfig({})), [...twoInputs, "z", "f", "output_gate_nn"]],
  ["one without output gate", gatedCell(gatedConfig({ use_output_gate: false })), [...twoInputs, "z", "f", "σ(o)"]],
  ["a user's cell", slowFastCell, ["r"]],
  [
    "a cell with a gate of weights alone, which has no name",
    mapCell("leak", (layer, x, h) => add(mul(sigmoid(layer.parameter("leak", [2])), h), x)),
    ["σ(leak)"],
  ],
  [
    "a cell with two gates of one name",
    mapCell("twins", (layer, x, h) => {
      const gate = (name: string) => named("z", sigmoid(layer.linear(name, [x, h])));
      return add(mul(gate("one_nn"), h), mul(gate("two_nn"), x));
    }),
    ["z", "z (2)"],
  ],
  ["a cell with a scaled gate", mapCell("scaled", (_, x, h) => mul(mul(0.5, sigmoid(x)), h)), ["σ(x)"]],
  [
    "a cell whose formulas are long",
    mapCell("long", (layer, x, h) => {
      const first = layer.linear("a_product_with_a_long_name", [x]);
      return mul(sigmoid(add(first, layer.linear("another_product_with_one", [h]))), h);
    }),
    ["σ(a_product_with_a_long_name + another_…"],
  ],
  [
    "a cell whose logistic functions are no gates",
    mapCell("none", (layer, x, h) => sub(mul(2, sigmoid(layer.linear("state_nn", [x, h]))), sub(2, sigmoid(h)))),
    [],
  ],
];
for (const [what, cell, names] of CELLS) {
  Deno.test(`findGates() finds ${names.join(", ") || "no gate"} in ${what}`, () => {
    assert.deepEqual(namesIn(cell), names.map((name) => `0 ${name}`));
  });
}

Deno.test("findGates() takes a gate to be of the layer that it multiplies in when it reads the layer below alone", () => {
  const bareCell = mapCell("bare", (_, x, h) => mul(named("g", sigmoid(x)), h));
  assert.deepEqual(namesIn(bareCell, 3), ["0 g", "1 g", "2 g"]);
  // A layer's output that is a gate is read, and multiplied, by the next layer too.
  const outerCell = defineCell({
    name: "outer",
    states: ["h"],
    forward(_layer, x, { h }) {
      const gate = named("g", sigmoid(add(x, h)));
      return { output: gate, states: { h: mul(gate, mul(x, h)) } };
    },
  });
  assert.deepEqual(namesIn(outerCell, 2), ["0 g", "1 g"]);
});

Deno.test("gateActivity() is σ(±3) with shares of exactly 1 and 0 when the biases are ±3 and the weights zero", async () => {
  const three = [3, 3, 3], minus = [-3, -3, -3], open = 1 / (1 + Math.exp(-3));
  const model = toyModel(gruCell, toySizes(3, 2), {
    "layers.0.update_gate_nn.bias": three,
    "layers.0.reset_gate_nn.bias": minus,
    "layers.1.update_gate_nn.bias": minus,
    "layers.1.reset_gate_nn.bias": three,
  });
  const { gates, ...read } = await gateActivity(model, TOY_TEXT, CUT);
  assert.deepEqual(read, CUT);
  assert.deepEqual(gates.map(({ layer, gate }) => `${layer} ${gate}`), ["0 z", "0 r", "1 z", "1 r"]);
  gates.forEach(({ mean, below, above }, i) => {
    const isOpen = i === 0 || i === 3, share = (value: number) => ({ value, standard_error: 0 });
    // Sums of equal numbers.
    assert.ok(Math.abs(mean.value! - (isOpen ? open : 1 - open)) < 1e-14 && mean.standard_error! < 1e-14);
    assert.deepEqual([below, above], isOpen ? [share(0), share(1)] : [share(1), share(0)]);
  });
});

Deno.test("gateActivity() is the mean over units and tokens of what a gate of the input comes to", async () => {
  // σ(x) of the token's own x: with one unit its values are those of three tokens.
  const values = [-4, 0.5, 4], sigma = values.map((x) => 1 / (1 + Math.exp(-x)));
  const cell = mapCell("of_input", (_, x, h) => add(x, mul(sigmoid(x), h)));
  const model = toyModel(cell, toySizes(1), { "input_embedding.weight": values });
  const { gates: [{ mean, below, above }] } = await gateActivity(model, TOY_TEXT, CUT);
  const length = Math.floor((TOY_TEXT.length - 1) / CUT.streams),
    by = (value: (token: number) => number) => {
      const streams = [0, 1, 2].map((s) => {
        const first = s * length + CUT.warm_up, tokens = [...TOY_TEXT.subarray(first, first + CUT.tokens)];
        return tokens.reduce((sum, token) => sum + value(token), 0) / CUT.tokens;
      });
      const centre = (streams[0] + streams[1] + streams[2]) / 3;
      return [centre, Math.sqrt(streams.reduce((sum, x) => sum + (x - centre) ** 2, 0) / 6)];
    };
  const parts = [[mean, (x: number) => sigma[x]], [below, (x: number) => +(x === 0)], [
    above,
    (x: number) => +(x === 2),
  ]] as const;
  for (const [found, value] of parts) {
    const [centre, error] = by(value);
    assert.ok(Math.abs(found.value! - centre) < 1e-13 && Math.abs(found.standard_error! - error) < 1e-13);
  }
});

Deno.test("gateActivity() counts a gate of weights alone in every stream", async () => {
  const cell = mapCell("leak", (layer, x, h) => add(mul(sigmoid(layer.parameter("leak", [2])), h), x));
  const { gates: [gate] } = await gateActivity(
    toyModel(cell, toySizes(2), { "layers.0.leak": [3, -3] }),
    TOY_TEXT,
    CUT,
  );
  const half = { value: 0.5, standard_error: 0 };
  assert.ok(Math.abs(gate.mean.value! - 0.5) < 1e-14);
  assert.deepEqual([gate.below, gate.above], [half, half]);
});

Deno.test("gateActivity() finds nothing, and reads nothing, when the cell has no gate", async () => {
  const told: number[] = [], onProgress = (done: number) => void told.push(done);
  const { gates } = await gateActivity(drawnModel(vanillaCell, toySizes(2)), TOY_TEXT, { ...CUT, onProgress });
  assert.deepEqual([gates, told], [[], []]);
});

Deno.test("gateActivity() refuses a state that does not stay finite, and stops when it is told to", async () => {
  const cell = mapCell("growing", (_, x, h) => add(mul(1e200, mul(h, sigmoid(h))), x));
  const model = toyModel(cell, toySizes(1), { "input_embedding.bias": [1] });
  await assert.rejects(gateActivity(model, TOY_TEXT, CUT), {
    name: "UserError",
    message: "Cannot measure the gates: 'layers.0.h' is Infinity after 3 tokens of its stream, must be finite",
  });
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(gateActivity(drawnModel(gruCell, toySizes(2)), TOY_TEXT, { ...CUT, signal }), {
    message: "enough",
  });
});
