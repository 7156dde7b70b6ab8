/** Graphs in float64 on ONNX Runtime against the interpreter. */
import assert from "node:assert/strict";
import { CATALOG, gruCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { add, input, linear, mul, relu, step, sum, tanh } from "../../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { buildTrainingStep, evaluationModel } from "../../../cells/language_model.ts";
import { Float64Graph } from "../../../train/dynamics/float64.ts";
import { gatedConfig } from "../../cells/catalog/golden_cases.ts";
import { scattered } from "../../cells/graph/finite_differences.ts";
import { drawnWeights, feedsOf } from "../../cells/models.ts";

/** Sums are taken in another order, and functions rounded otherwise. */
const ROUNDING = 1e-12;

async function checkGraph(graph: Graph, feeds: ReadonlyMap<string, ArrayLike<number>>, weights: Iterable<string>) {
  const all = new Map([...feeds].map(([name, values]) => [name, Float64Array.from(values)]));
  const constant = new Map([...weights].map((name) => [name, all.get(name)!]));
  await using opened = await Float64Graph.open(graph, { weights: constant });
  const found = await opened.run(all), must = interpret(graph, all);
  assert.deepEqual([...found.keys()], [...must.keys()]);
  for (const [name, values] of must) {
    const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-300), own = found.get(name)!;
    assert.equal(own.length, values.length);
    values.forEach((x, i) => assert.ok(Math.abs(own[i] - x) <= ROUNDING * scale, `${name}[${i}]: ${own[i]}, not ${x}`));
  }
}

Deno.test("Float64Graph gives the interpreter's numbers when it runs the evaluation of any cell", async () => {
  for (const cell of [...CATALOG.map(({ cell }) => cell), gatedCell(gatedConfig({}))]) {
    const { graph, states, parameters } = evaluationModel(cell, {
      n_layers: 2,
      state_size: 4,
      vocabulary: 7,
      batch: 3,
    });
    const weights = drawnWeights(parameters),
      feeds = new Map<string, ArrayLike<number>>([...weights, ["bytes", [1, 6, 0]]]);
    states.forEach(({ name, shape }, i) => feeds.set(name, scattered(sizeOf(shape), i).map((x) => x + 1.5)));
    await checkGraph(graph, feeds, weights.keys());
  }
});

Deno.test("Float64Graph gives the interpreter's numbers when it runs a training step with its gradients", async () => {
  for (const bptt of [1, 3]) {
    const step = buildTrainingStep(gruCell, { n_layers: 2, state_size: 4, vocabulary: 7, batch: 3 }, {
      bptt,
      withGradients: true,
    });
    const outputs = [...step.graph.outputs].filter(([name]) => name === "loss" || name.startsWith("gradient."));
    await checkGraph(buildGraph(Object.fromEntries(outputs)), feedsOf(step), step.parameters.map(({ name }) => name));
  }
});

Deno.test("Float64Graph gives the interpreter's numbers for each of several inputs that come at once", async () => {
  const x = input("x", [2, 3]), v = input("v", [2, 3]), W = input("W", [4, 6]), b = input("b", [4]);
  const graph = buildGraph({ y: mul(linear([v, mul(x, 0)], W, b), 2), w: add(mul(v, tanh(x)), step(relu(v))) });
  const weights = new Map([["W", scattered(24, 1)], ["b", scattered(4, 2)]]);
  const count = 3, all = scattered(count * 6, 4), values = scattered(6, 3);
  await using opened = await Float64Graph.open(graph, { weights, stacked: { names: new Set(["v"]), count } });
  const found = await opened.run(new Map([["x", values], ["v", all]]));
  for (let i = 0; i < count; i++) {
    const own = all.slice(6 * i, 6 * i + 6);
    for (const [name, must] of interpret(graph, new Map([...weights, ["x", values], ["v", own]]))) {
      const { length } = must;
      must.forEach((y, j) => assert.ok(Math.abs(found.get(name)![i * length + j] - y) <= ROUNDING));
    }
  }
});

Deno.test("Float64Graph runs a graph without outputs", async () => {
  await using opened = await Float64Graph.open(buildGraph({}), { weights: new Map() });
  assert.equal((await opened.run(new Map())).size, 0);
});

Deno.test("Float64Graph refuses what cannot come several at once, and a run without an input", async () => {
  const v = input("v", [2, 3]), x = input("x", [2, 3]), W = input("W", [4, 6]), b = input("b", [4]);
  const stacked = { names: new Set(["v"]), count: 2 }, weights = new Map<string, Float64Array>();
  const open = (graph: Graph) => Float64Graph.open(graph, { weights, stacked });
  await assert.rejects(open(buildGraph({ y: sum(v) })), {
    name: "TypeError",
    message: "Cannot export 'sum' of stacked inputs",
  });
  await assert.rejects(open(buildGraph({ y: linear([v, x], W, b) })), {
    name: "TypeError",
    message: "Cannot export a product of stacked inputs: one of them is not stacked, must be zeros",
  });
  await using opened = await open(buildGraph({ y: tanh(v) }));
  await assert.rejects(opened.run(new Map()), {
    name: "TypeError",
    message: "Cannot run the graph: input 'v' has no value",
  });
});
