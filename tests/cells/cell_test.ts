import assert from "node:assert/strict";
import { type Cell, defineCell, Parameters } from "../../cells/cell.ts";
import { add, mul, named, sigmoid, sub, tanh } from "../../cells/graph/builder.ts";
import { equations } from "../../cells/graph/printer.ts";
import { buildTrainingStep, evaluationModel } from "../../cells/language_model.ts";
import { openReferenceEngine } from "../../train/engines/reference.ts";
import { checkTrainingStep, drawnWeights } from "./models.ts";

/** What a user writes: a new cell with two states and a weight that is not a product. */
const traceCell = defineCell({
  name: "trace",
  states: ["h", "trace"],
  forward(layer, x, { h, trace }) {
    const keep = sigmoid(layer.parameter("keep", [layer.state_size]));
    const n = named("n", tanh(layer.linear("state_nn", [x, h, trace])));
    const next = named("t", add(mul(keep, trace), mul(sub(1, keep), n)));
    return { output: add(n, x), states: { h: n, trace: next } };
  },
});

const SIZES = { n_layers: 2, state_size: 6, vocabulary: 5, batch: 4 };

Deno.test("defineCell() gives a cell that learns when it is new and trains on the reference engine", async () => {
  const step = buildTrainingStep(traceCell, SIZES);
  const text = Uint8Array.from({ length: 600 }, (_, i) => [0, 1, 2, 0, 3, 4, 0, 2][i % 8]);
  const run = { step, tensors: drawnWeights(step.parameters), stepsDone: 0, learningRate: 0.02 };
  const group = await (await openReferenceEngine()).open([run], text);
  group.beginPass(0, Uint32Array.of(0, 3, 5, 6));
  const [losses] = await group.advance(400);
  assert.ok(losses.every(Number.isFinite));
  assert.ok(Math.abs(losses[0] - Math.log(5)) < 0.5, `first loss ${losses[0]}, five bytes are worth ln 5`);
  // 1, 2 or 3 follow upon 0: who sees one byte only cannot get below 3/8·ln 3 = 0.41; a state can.
  assert.ok(losses[399] < 0.1, `last loss ${losses[399]}`);
});

Deno.test("defineCell() gives a cell with right gradients, weights and equations when it is new", () => {
  const step = buildTrainingStep(traceCell, { ...SIZES, n_layers: 1, state_size: 3 }, { withGradients: true });
  checkTrainingStep(step);
  assert.deepEqual(step.parameters.map(({ name, shape }) => `${name} [${shape}]`).filter((x) => /layers/.test(x)), [
    "layers.0.keep [3]",
    "layers.0.state_nn.bias [3]",
    "layers.0.state_nn.weight [3,9]",
  ]);
  assert.deepEqual(step.states.map(({ name }) => name), ["layers.0.h", "layers.0.trace"]);
  assert.ok(
    equations(evaluationModel(traceCell, { ...SIZES, n_layers: 1 }).graph)
      .includes("t = σ(layers.0.keep) ⊙ trace + (1 − σ(layers.0.keep)) ⊙ n"),
  );
});

Deno.test("defineCell() throws when a cell has no state", () => {
  const forward = () => {
    throw new Error("must not run");
  };
  assert.throws(() => defineCell({ name: "none", states: [], forward }), {
    name: "TypeError",
    message: "Cannot define cell 'none': it has no state, must have at least one",
  });
});

Deno.test("defineCell() throws when a cell has a state twice", () => {
  assert.throws(() => defineCell({ ...traceCell, name: "twice", states: ["h", "trace", "h"] }), {
    name: "TypeError",
    message: "Cannot define cell 'twice': state 'h' is declared twice, must be declared once",
  });
});

Deno.test("buildTrainingStep() throws when a weight has the name of a state", () => {
  const forward: Cell["forward"] = (layer, x, states) => {
    layer.parameter("h", [layer.batch, layer.state_size]);
    return traceCell.forward(layer, x, states);
  };
  assert.throws(() => buildTrainingStep({ ...traceCell, name: "both", forward }, SIZES), {
    name: "TypeError",
    message: "Cannot build cell 'both': 'h' is a state and a weight, must be one",
  });
});

Deno.test("buildTrainingStep() throws when forward() forgets a state", () => {
  const forgetful: Cell = { ...traceCell, name: "forgetful" };
  const forward: Cell["forward"] = (layer, x, states) => {
    const { output, states: { h } } = traceCell.forward(layer, x, states);
    return { output, states: { h } };
  };
  assert.throws(() => buildTrainingStep({ ...forgetful, forward }, SIZES), {
    name: "TypeError",
    message: "Cannot build cell 'forgetful': forward() returned no state 'trace'",
  });
});

Deno.test("buildTrainingStep() throws when a state comes back in another shape", () => {
  const forward: Cell["forward"] = (layer, x, { h }) => {
    return { output: x, states: { h: layer.linear("state_nn", [x, h], 9) } };
  };
  assert.throws(
    () => buildTrainingStep(defineCell({ name: "wide", states: ["h"], forward }), { ...SIZES, n_layers: 1 }),
    {
      name: "TypeError",
      message: "Cannot carry 'layers.0.h': its input is [4, 6], its output [4, 9]; they must be equal",
    },
  );
});

Deno.test("buildTrainingStep() carries no state when the cell never reads it", () => {
  const forward: Cell["forward"] = (layer, x) => {
    const n = tanh(layer.linear("state_nn", [x]));
    return { output: n, states: { h: n } };
  };
  const feedForward = defineCell({ name: "feed_forward", states: ["h"], forward });
  assert.deepEqual(buildTrainingStep(feedForward, SIZES).states, []);
  assert.deepEqual(evaluationModel(feedForward, SIZES).states, []);
});

Deno.test("Layer.linear() shares a weight when a name is used twice with one shape", () => {
  const tied = defineCell({
    name: "tied",
    states: ["h"],
    forward(layer, x, { h }) {
      const n = tanh(add(layer.linear("state_nn", [x]), layer.linear("state_nn", [h])));
      return { output: n, states: { h: n } };
    },
  });
  const step = buildTrainingStep(tied, { ...SIZES, n_layers: 1, state_size: 3 }, { withGradients: true });
  assert.equal(step.parameters.filter(({ name }) => name === "layers.0.state_nn.weight").length, 1);
  checkTrainingStep(step);
});

Deno.test("Parameters.get() throws when a name is used with two shapes", () => {
  const parameters = new Parameters();
  parameters.get("w", [2, 3], 3);
  assert.throws(() => parameters.get("w", [3, 2], 2), {
    name: "TypeError",
    message: "Cannot declare weight 'w': shape is [2,3] and [3,2], must be one",
  });
});

Deno.test("Parameters.get() throws when a fan-in would draw no numbers", () => {
  for (const fan_in of [0, -3, NaN, Infinity]) {
    assert.throws(() => new Parameters().get("w", [2], fan_in), {
      name: "TypeError",
      message: `Cannot declare weight 'w': its fan-in is ${fan_in}, must be a number above 0`,
    });
  }
});

Deno.test("Parameters.entries() sorts names as PyTorch's golden numbers count them", () => {
  const parameters = new Parameters();
  for (const name of ["layers.1.b", "output", "layers.0.b", "input", "layers.0.a"]) parameters.get(name, [1], 1);
  assert.deepEqual(parameters.entries().map(({ parameter }) => parameter.name), [
    "input",
    "layers.0.a",
    "layers.0.b",
    "layers.1.b",
    "output",
  ]);
});
