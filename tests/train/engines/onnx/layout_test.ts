/** Which matrices the ONNX engine keeps transposed, and how it cuts products. */
import assert from "node:assert/strict";
import { add, input, linear, mul, sum, tanh } from "../../../../cells/graph/builder.ts";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { gradients } from "../../../../cells/graph/gradient.ts";
import { buildGraph, type Graph } from "../../../../cells/graph/graph.ts";
import type { Tensor } from "../../../../cells/graph/tensor.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import { neighbours, partsOf, transpose, transposedTensors, viewsOf } from "../../../../train/engines/onnx/layout.ts";
import { findUpdates } from "../../../../train/engines/onnx/updates.ts";
import { gatedConfig } from "../../../cells/catalog/golden_cases.ts";

const x = input("x", [4, 3]), h = input("h", [4, 2]), n = input("n", [4, 5]);
const transposedIn = (graph: Graph) => {
  const found = transposedTensors(graph, findUpdates(graph));
  return [...graph.inputs].flatMap(([name, tensor]) => found.has(tensor) ? [name] : []);
};

/** A step that moves a weight against its gradient. */
function descent(loss: (weight: Tensor) => Tensor): Graph {
  const weight = input("w", [2, 3]);
  const total = sum(sum(loss(weight)));
  const [gradient] = gradients(total, [weight]);
  return buildGraph({ loss: total, w: add(weight, mul(gradient!, -0.1)) });
}

Deno.test("transposedTensors() takes a weight that products alone read, with all that its update touches", () => {
  const bias = input("b", [2]);
  assert.deepEqual(transposedIn(descent((w) => linear([x], w, bias))), ["w"]);
  assert.deepEqual(transposedIn(buildGraph({ y: linear([x], input("frozen", [2, 3]), bias) })), ["frozen"]);
  const { graph, trained } = buildTrainingStep(gatedCell(gatedConfig({})), {
    n_layers: 1,
    state_size: 4,
    vocabulary: 7,
    batch: 3,
  });
  const matrices = trained.filter((name) => name.endsWith(".weight"));
  const all = matrices.flatMap((name) => [name, `exp_avg.${name}`, `exp_avg_sq.${name}`]);
  assert.deepEqual(transposedIn(graph).toSorted(), all.toSorted());
});

Deno.test("transposedTensors() leaves a weight that is read in another way too, or whose gradient has two sources", () => {
  const bias = input("b", [2]);
  assert.deepEqual(transposedIn(descent((w) => linear([x], add(w, mul(w, w)), bias))), []);
  const twice = (w: Tensor) => linear([linear([x], w, bias)], input("u", [1, 2]), input("c", [1]));
  assert.deepEqual(
    transposedIn(
      descent((w) => add(twice(w), linear([tanh(linear([x], w, bias))], input("v", [1, 2]), input("d", [1])))),
    ),
    [
      "u",
      "v",
    ],
  );
});

Deno.test("partsOf() joins inputs that stand side by side in several products, and cuts before the others", () => {
  const product = (inputs: Tensor[], name: string) =>
    linear(
      inputs,
      input(`${name}.weight`, [2, inputs.reduce((total, { shape }) => total + shape[1], 0)]),
      input("b", [2]),
    );
  const graph = buildGraph({ s: product([x, h], "s"), z: product([x, h, n], "z"), o: product([n, x], "o") });
  const areAdjacent = neighbours(graph);
  const cut = (inputs: Tensor[]) => partsOf(inputs, areAdjacent).map(({ first, width }) => [first, width]);
  assert.deepEqual(cut([x, h]), [[0, 5]]);
  assert.deepEqual(cut([x, h, n]), [[0, 5], [5, 5]]);
  assert.deepEqual(cut([n, x]), [[0, 5], [5, 3]]);
  const transposed = transposedTensors(graph, []);
  assert.deepEqual(viewsOf(graph, transposed).map(({ name, shape }) => [name, shape]), [
    ["z.weight[0:5]", [5, 2]],
    ["z.weight[5:10]", [5, 2]],
    ["o.weight[0:5]", [5, 2]],
    ["o.weight[5:8]", [3, 2]],
  ]);
});

Deno.test("transpose() turns rows into columns", () => {
  assert.deepEqual([...transpose([1, 2, 3, 4, 5, 6], 2, 3)], [1, 4, 2, 5, 3, 6]);
});
