/** What the ONNX engine does outside of ONNX Runtime: updates as loops in WebAssembly, against the interpreter. */
import assert from "node:assert/strict";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { catalogConfig, cellOf } from "../../../../cells/catalog/catalog.ts";
import { add, constant, input, linear, makeNode, mul, sigmoid, sub } from "../../../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../../../cells/graph/graph.ts";
import { interpret } from "../../../../cells/graph/interpreter.ts";
import { isOp, sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import type { ElementwiseOp } from "../../../../cells/graph/elementwise.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import { compileUpdates, SCATTER, SIMD_WIDTH, type Update } from "../../../../train/engines/onnx/loops.ts";
import { planStep } from "../../../../train/engines/onnx/plan.ts";
import { findUpdates } from "../../../../train/engines/onnx/updates.ts";
import { gatedConfig } from "../../../cells/catalog/golden_cases.ts";
import { LISTED } from "../../../cells/graph/elementwise_cases.ts";
import { swapCell } from "../runs.ts";

const SIZES = { n_layers: 2, state_size: 5, vocabulary: 7, batch: 3 };
const stepOf = (cell = gatedCell(gatedConfig({}))) => buildTrainingStep(cell, SIZES).graph;

type Numbers = Map<Tensor, Float32Array>;

/** Runs one update on these arrays, in place. */
function runLoop(update: Update, arrays: Numbers, scalars: readonly number[]): void {
  const { module, names } = compileUpdates([update]);
  assert.ok(WebAssembly.validate(module));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  const copies = new Map<Tensor, Float32Array>();
  let next = 0;
  for (const array of update.arrays) {
    const values = arrays.get(array)!;
    const copy = new Float32Array(memory.buffer, next, values.length);
    copy.set(values);
    copies.set(array, copy);
    next += 4 * SIMD_WIDTH * Math.ceil(values.length / SIMD_WIDTH);
  }
  const addresses = update.arrays.map((array) => copies.get(array)!.byteOffset);
  const loop = exports[names[0]] as (...parameters: number[]) => void;
  loop(...addresses, ...scalars, Math.ceil(sizeOf(update.arrays[0].shape) / SIMD_WIDTH));
  for (const [array, values] of arrays) values.set(copies.get(array)!);
}

/** Numbers of both signs and several sizes, that differ from tensor to tensor. */
const numbers = (size: number, phase: number) =>
  new Float32Array(size).map((_, i) => Math.sin(1.7 * i + phase) / (1 + i % 3));

/** The update of a weight by its name. */
function updateOf(graph: Graph, name: string): Update {
  return findUpdates(graph).find(({ results }) => results.has(graph.inputs.get(name)!))!;
}

Deno.test("an update's loop gives the interpreter's numbers for weight and moments, whatever the number of elements", () => {
  const graph = stepOf();
  for (const name of ["layers.0.state_nn.weight", "layers.1.output_nn.bias", "output_embedding.bias"]) {
    const update = updateOf(graph, name);
    assert.equal(update.results.size, 3, name);
    const { arrays, scalars, results, computed } = update;
    const values: Numbers = new Map(arrays.map((array, i) => [array, numbers(sizeOf(array.shape), i)]));
    const squares = values.get(graph.inputs.get(`exp_avg_sq.${name}`)!)!;
    squares.forEach((x, i) => squares[i] = x * x);
    const gradient = input("gradient", computed!.shape);
    const replaced = new Map<Tensor, Tensor>([[computed!, gradient]]);
    for (const node of update.nodes) {
      replaced.set(node, {
        ...node,
        inputs: node.inputs.map((x) => replaced.get(x) ?? x),
      });
    }
    const alone = buildGraph(Object.fromEntries([...results].map(([x, y]) => [x.attributes.name, replaced.get(y)!])));
    const feeds = new Map<string, ArrayLike<number>>([["gradient", values.get(computed!)!.slice()]]);
    for (const array of arrays) if (isOp(array, "input")) feeds.set(array.attributes.name, values.get(array)!.slice());
    scalars.forEach((scalar, i) => feeds.set(scalar.attributes.name, [0.01 * (i + 1)]));
    runLoop(update, values, scalars.map((_, i) => 0.01 * (i + 1)));
    for (const [carried, expected] of interpret(alone, feeds)) {
      const actual = values.get(graph.inputs.get(carried)!)!;
      assert.equal(actual.length, expected.length);
      Array.from(expected).forEach((x, i) =>
        assert.ok(Math.abs(x - actual[i]) <= 1e-6 * (1 + Math.abs(x)), `${carried}[${i}]`)
      );
    }
  }
});

/** The operations that a loop does, each as it rounds. */
const IN_LOOPS: Readonly<Partial<Record<ElementwiseOp, (a: number, b: number) => number>>> = {
  add: (a, b) => Math.fround(a + b),
  sub: (a, b) => Math.fround(a - b),
  mul: (a, b) => Math.fround(a * b),
  div: (a, b) => Math.fround(a / b),
  sqrt: (a) => Math.fround(Math.sqrt(a)),
};

for (const { op, on } of LISTED) {
  const inLoop = IN_LOOPS[op];
  Deno.test(`an update by '${op}' ${inLoop ? "is a loop, exactly rounded" : "stays with ONNX Runtime"}`, () => {
    const [a, b] = [input("a", [6]), input("b", [6])];
    const updates = findUpdates(buildGraph({ a: on(a, b) }));
    assert.equal(updates.length, inLoop ? 1 : 0);
    if (!inLoop) return;
    const [update] = updates;
    // Above zero: a root or a quotient of any two is finite.
    const values: Numbers = new Map(
      update.arrays.map((x, i) => [x, numbers(6, i).map((each) => Math.abs(each) + 0.1)]),
    );
    const [as, bs] = [a, b].map((x) => values.get(x)?.slice());
    runLoop(update, values, []);
    assert.deepEqual(values.get(a), as!.map((each, i) => inLoop(each, bs?.[i] ?? 0)));
  });
}

Deno.test("an update's loop makes denormal results 0, and keeps what is no number", () => {
  const [a, half] = [input("a", [6]), constant(0.5)];
  const [update] = findUpdates(buildGraph({ a: mul(a, half) }));
  const kept = update.arrays[0];
  const values = new Float32Array([2 ** -126, -(2 ** -126), 2 ** -125, NaN, -Infinity, 0]);
  runLoop(update, new Map([[kept, values]]), []);
  assert.deepEqual([...values], [0, -0, 2 ** -126, NaN, -Infinity, 0].map((x) => x === 0 ? 0 : x));
});

Deno.test("findUpdates() takes out all weights and moments of every kind of cell, and leaves what the model reads", () => {
  for (
    const cell of [gatedCell(gatedConfig({})), cellOf(catalogConfig("lstm", 2, 5)), cellOf(catalogConfig("gru", 2, 5))]
  ) {
    const step = buildTrainingStep(cell, SIZES);
    const updates = findUpdates(step.graph);
    const updated = updates.flatMap(({ results }) => [...results.keys()].map(({ attributes: { name } }) => name));
    const moments = step.trained.flatMap((name) => [name, `exp_avg.${name}`, `exp_avg_sq.${name}`]);
    assert.deepEqual(updated.toSorted(), moments.toSorted(), cell.name);
    assert.ok(updates.every(({ computed, nodes }) => computed && !nodes.includes(computed)));
  }
});

Deno.test("findUpdates() joins updates that read what another writes, and leaves what needs two computed tensors", () => {
  const [a, b, w, x] = [input("a", [3, 2]), input("b", [3, 2]), input("w", [2, 2]), input("x", [3, 2])];
  const bias = input("bias", [2]);
  const product = linear([x], w, bias);
  const both = findUpdates(buildGraph({ a: add(a, b), b: mul(b, a), y: product }));
  assert.deepEqual(
    both.map(({ results }) => results.size),
    [2],
    "in two loops, one would read what the other has written",
  );
  assert.equal(findUpdates(buildGraph({ a: add(mul(a, product), b), b, y: product })).length, 1);
  const two = add(mul(a, product), sigmoid(product));
  assert.equal(findUpdates(buildGraph({ a: two, y: product })).length, 0);
  const read = add(a, product);
  assert.equal(findUpdates(buildGraph({ a: read, y: sub(read, b) })).length, 0, "the rest of the step reads it");
  assert.equal(findUpdates(buildGraph({ a: add(a, bias) })).length, 0, "broadcasting is no loop over elements");
});

Deno.test("the scattering loop gives the gradient of an embedding, transposed, also where tokens repeat", () => {
  const [rows, width, vocabulary] = [6, 5, 4], tokens = [1, 3, 1, 1, 0, 3];
  const dy = numbers(rows * width, 2);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(compileUpdates([]).module), { env: { memory } });
  const gradient = new Float32Array(memory.buffer, 0, vocabulary * width).fill(9);
  const [dyAt, tokensAt] = [1024, 2048];
  new Float32Array(memory.buffer, dyAt).set(dy);
  new BigInt64Array(memory.buffer, tokensAt).set(tokens.map(BigInt));
  (exports[SCATTER] as (...parameters: number[]) => void)(0, dyAt, tokensAt, rows, width, vocabulary);
  const node = makeNode("embedding_weight_gradient", [input("dy", [rows, width]), input("tokens", [rows], "index")], {
    vocabulary,
  });
  const expected = interpret(
    buildGraph({ y: node }),
    new Map<string, ArrayLike<number>>([["dy", dy], ["tokens", tokens]]),
  );
  for (let token = 0; token < vocabulary; token++) {
    for (let i = 0; i < width; i++) {
      const difference = gradient[token * width + i] - expected.get("y")![i * vocabulary + token];
      assert.ok(Math.abs(difference) < 1e-6, `token ${token}, feature ${i}`);
    }
  }
});

Deno.test("planStep() keeps weights and their moments transposed, in one copy, and states in two", () => {
  const { locations, calls } = planStep(stepOf());
  const location = (name: string) => locations.find((x) => x.name === name)!;
  for (const name of ["layers.0.state_nn.weight", "exp_avg.layers.0.state_nn.weight"]) {
    assert.deepEqual(location(name), { name, shape: [10, 5], transposed: true, swapped: false });
  }
  assert.deepEqual(location("input_embedding.weight").shape, [7, 5]);
  assert.deepEqual(location("layers.0.h"), { name: "layers.0.h", shape: [3, 5], transposed: false, swapped: true });
  assert.deepEqual(locations.filter(({ swapped }) => swapped).map(({ name }) => name), ["layers.0.h", "layers.1.h"]);
  // The embedding's gradient is made before its update reads it.
  assert.equal(calls[0].name, SCATTER);
  // Updates of one form share a function, whatever their sizes.
  assert.equal(new Set(calls.slice(1).map(({ name }) => name)).size, 1);
});

Deno.test("planStep() keeps a state in place where its update is a loop, and takes both copies of one that it reads along", () => {
  const { locations, calls } = planStep(stepOf(swapCell));
  const isSwapped = (name: string) => locations.find((location) => location.name === name)!.swapped;
  assert.deepEqual([isSwapped("layers.0.a"), isSwapped("layers.0.b")], [true, false]);
  assert.ok(calls.some(({ addresses }) => addresses.includes("layers.0.a") && addresses.includes("layers.0.b")));
});

Deno.test("planStep() hands small outputs of as many columns over as one, whose parts lie side by side", () => {
  const sizes = { ...SIZES, state_size: 16, vocabulary: 32, batch: 16 };
  const { locations, outputs } = planStep(buildTrainingStep(gatedCell(gatedConfig({})), sizes).graph);
  const joined = outputs.filter(({ name }) => name.startsWith("joined."));
  assert.deepEqual(
    joined.map(({ shape }) => shape.slice(1)).sort(),
    [[], [16]],
    "those of biases, and those of a state's columns",
  );
  // No other is of the head's columns; states change places at each step; and the loss is one number.
  const alone = outputs.filter((view) => !joined.includes(view));
  const states = alone.filter(({ location }) => locations.find(({ name }) => name === location)!.swapped);
  assert.equal(states.length, 2);
  assert.deepEqual(alone.filter((view) => !states.includes(view)).map(({ shape }) => shape).sort(), [[], [16, 32]]);
  for (const { location, shape } of joined) {
    const begin = locations.findIndex(({ name }) => name === location);
    let floats = 0, at = begin;
    for (; floats < sizeOf(shape); at++) floats += sizeOf(locations[at].shape);
    assert.equal(floats, sizeOf(shape), "it ends within a location");
    for (const { swapped, shape } of locations.slice(begin, at)) assert.ok(!swapped && sizeOf(shape) % 16 === 0);
  }
});
