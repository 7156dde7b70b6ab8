import assert from "node:assert/strict";
import { vanillaCell } from "../../cells/catalog/catalog.ts";
import { carriedNames } from "../../cells/graph/graph.ts";
import { interpret } from "../../cells/graph/interpreter.ts";
import { buildTrainingStep, countParameters, evaluationModel, gradientName } from "../../cells/language_model.ts";
import { momentName } from "../../cells/optimizer.ts";
import { ADAM, adam } from "../../cells/optimizers.ts";
import { assertClose } from "./graph/finite_differences.ts";
import { feedsOf } from "./models.ts";

const SIZES = { n_layers: 1, state_size: 3, vocabulary: 5, batch: 2 };
const WEIGHTS = [
  "input_embedding.bias",
  "input_embedding.weight",
  "layers.0.state_nn.bias",
  "layers.0.state_nn.weight",
  "output_embedding.bias",
  "output_embedding.weight",
];

Deno.test("buildTrainingStep() lists its inputs, outputs and weights when the cell is vanilla", () => {
  const step = buildTrainingStep(vanillaCell, SIZES);
  const carried = WEIGHTS.flatMap((name) => [name, ...adam.moments.map((moment) => momentName(moment, name))]);
  assert.deepEqual(
    [...step.graph.inputs.keys()].sort(),
    ["bytes", "targets", "adam.step_size", "adam.epsilon", "layers.0.h", ...carried].sort(),
  );
  assert.deepEqual([...step.graph.outputs.keys()].sort(), ["loss", "layers.0.h", ...carried].sort());
  assert.deepEqual(carriedNames(step.graph).sort(), ["layers.0.h", ...carried].sort());
  assert.deepEqual(step.trained, WEIGHTS);
  assert.deepEqual(step.states, [{ name: "layers.0.h", shape: [2, 3] }]);
  // [out, in], as PyTorch lays weights out; the embedding's one-hot input has the vocabulary as fan-in
  assert.deepEqual(step.parameters, [
    { name: "input_embedding.bias", shape: [3], fan_in: 5 },
    { name: "input_embedding.weight", shape: [3, 5], fan_in: 5 },
    { name: "layers.0.state_nn.bias", shape: [3], fan_in: 6 },
    { name: "layers.0.state_nn.weight", shape: [3, 6], fan_in: 6 },
    { name: "output_embedding.bias", shape: [5], fan_in: 3 },
    { name: "output_embedding.weight", shape: [5, 3], fan_in: 3 },
  ]);
  assert.equal(countParameters(step.parameters), 3 + 15 + 3 + 18 + 5 + 15);
});

Deno.test("buildTrainingStep() adds an output for each gradient when asked", () => {
  const { graph } = buildTrainingStep(vanillaCell, SIZES, { withGradients: true });
  const plain = buildTrainingStep(vanillaCell, SIZES).graph;
  assert.deepEqual(
    [...graph.outputs.keys()].filter((name) => !plain.outputs.has(name)),
    WEIGHTS.map(gradientName),
  );
  assert.equal(graph.nodes.length, plain.nodes.length);
});

Deno.test("evaluationModel() lists bytes, states and weights alone when the cell is vanilla", () => {
  const { graph } = evaluationModel(vanillaCell, SIZES);
  assert.deepEqual([...graph.inputs.keys()].sort(), ["bytes", "layers.0.h", ...WEIGHTS].sort());
  assert.deepEqual([...graph.outputs.keys()], ["logits", "layers.0.h"]);
});

Deno.test("evaluationModel() reads one row of bytes when nothing else is said", () => {
  const { graph, sizes } = evaluationModel(vanillaCell, { n_layers: 1, state_size: 3 });
  assert.deepEqual([sizes.batch, sizes.vocabulary], [1, 256]);
  assert.deepEqual(graph.outputs.get("logits")!.shape, [1, 256]);
});

Deno.test("a training step updates like textbook Adam when 5 steps are done", () => {
  const step = buildTrainingStep(vanillaCell, SIZES, { withGradients: true });
  const learning_rate = 0.03;
  const inputs = feedsOf(step);
  for (const name of step.trained) {
    const { length } = inputs.get(name)!;
    for (const moment of adam.moments) inputs.set(momentName(moment, name), new Float64Array(length));
  }
  const textbook = new Map(step.trained.map((name) => [name, textbookAdam(inputs.get(name)!, learning_rate)]));
  for (let t = 1; t <= 5; t++) {
    adam.scalars(t, learning_rate).forEach((value, i) => inputs.set(adam.scalarNames[i], [value]));
    const results = interpret(step.graph, inputs);
    for (const name of step.trained) {
      const expected = textbook.get(name)!(results.get(gradientName(name))!, t);
      assertClose(results.get(name)!, expected, `${name} after step ${t}`, { relative: 0, absolute: 1e-12 });
    }
    for (const name of carriedNames(step.graph)) inputs.set(name, results.get(name)!);
  }
});

/** Algorithm 1 of Kingma and Ba, 2015, with both moments corrected; returns the weights after each update. */
function textbookAdam(initial: ArrayLike<number>, learning_rate: number) {
  const { beta1, beta2, epsilon } = ADAM;
  let weights = Array.from(initial), m = weights.map(() => 0), v = weights.map(() => 0);
  return (gradient: ArrayLike<number>, t: number) => {
    m = m.map((old, i) => beta1 * old + (1 - beta1) * gradient[i]);
    v = v.map((old, i) => beta2 * old + (1 - beta2) * gradient[i] ** 2);
    return weights = weights.map((weight, i) => {
      const mean = m[i] / (1 - beta1 ** t), square = v[i] / (1 - beta2 ** t);
      return weight - learning_rate * mean / (Math.sqrt(square) + epsilon);
    });
  };
}

Deno.test("adam.scalars() gives the learning rate and ε themselves when many updates are done", () => {
  assert.deepEqual(adam.scalarNames, ["adam.step_size", "adam.epsilon"]);
  assert.deepEqual(adam.scalars(1_000_000, adam.learningRate), [ADAM.learningRate, ADAM.epsilon]);
});

Deno.test("adam.scalars() gives known numbers when it is the first update", () => {
  // √(1 − 0.999) = √0.001
  assertClose(adam.scalars(1, 0.1), [0.1 * Math.sqrt(0.001) / 0.1, 1e-8 * Math.sqrt(0.001)], "scalars", {
    relative: 1e-12,
    absolute: 0,
  });
});
