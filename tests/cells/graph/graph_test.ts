import assert from "node:assert/strict";
import * as build from "../../../cells/graph/builder.ts";
import { concat, slice } from "../../../cells/graph/rows.ts";
import { add, constant, div, input, linear, makeNode, mul, named, sub, tanh } from "../../../cells/graph/builder.ts";
import { gradients } from "../../../cells/graph/gradient.ts";
import { buildGraph, carriedNames, type Graph, usersOf } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import type { OpName, Tensor } from "../../../cells/graph/tensor.ts";

const x = () => input("x", [2, 3]);
const count = (graph: Graph, op: OpName) => graph.nodes.filter((node) => node.op === op).length;

Deno.test("buildGraph() makes one node when subexpressions are equal", () => {
  const branch = () => tanh(mul(x(), build.sigmoid(x())));
  const graph = buildGraph({ y: add(branch(), branch()), same: branch() });
  assert.deepEqual(graph.nodes.map(({ op }) => op), ["input", "sigmoid", "mul", "tanh", "add"]);
  const [sum, branchNode] = [graph.outputs.get("y")!, graph.outputs.get("same")!];
  assert.equal(sum.inputs[0], branchNode);
  assert.equal(sum.inputs[1], branchNode);
});

Deno.test("buildGraph() keeps nodes apart when their operands are in another order", () => {
  const a = input("a", [2]), b = input("b", [2]);
  assert.equal(count(buildGraph({ y: sub(a, b), z: sub(b, a) }), "sub"), 2);
});

Deno.test("buildGraph() keeps nodes apart when only their attributes differ", () => {
  const dy = input("dy", [2, 4]), weight = input("w", [4, 6]);
  const part = (offset: number) => makeNode("linear_input_gradient", [dy, weight], { offset, width: 3 });
  assert.equal(count(buildGraph({ y: part(0), z: part(3), again: part(0) }), "linear_input_gradient"), 2);
});

Deno.test("buildGraph() keeps constants apart when JSON would print them alike", () => {
  const graph = buildGraph({ y: add(x(), Infinity), z: add(x(), -Infinity), w: add(x(), NaN) });
  assert.equal(count(graph, "constant"), 3);
});

const TRIVIAL: readonly [what: string, y: (x: Tensor) => Tensor][] = [
  ["1 · x", (x) => mul(1, x)],
  ["x · 1", (x) => mul(x, 1)],
  ["x / 1", (x) => div(x, 1)],
  ["0 + x", (x) => add(0, x)],
  ["x + 0", (x) => add(x, 0)],
  ["x − 0", (x) => sub(x, 0)],
  ["(2 − 1) · x", (x) => mul(sub(2, 1), x)],
];
for (const [what, y] of TRIVIAL) {
  Deno.test(`buildGraph() leaves x alone when it meets ${what}`, () => {
    const source = x();
    assert.equal(buildGraph({ y: y(source) }).outputs.get("y"), source);
  });
}

const MEANINGFUL: readonly [what: string, y: (x: Tensor) => Tensor, at2: number][] = [
  ["0 − x", (x) => sub(0, x), -2],
  ["1 / x", (x) => div(1, x), 0.5],
  ["x · 0", (x) => mul(x, 0), 0],
  ["1 − x", (x) => sub(1, x), -1],
  ["0 / x", (x) => div(0, x), 0],
];
for (const [what, y, at2] of MEANINGFUL) {
  Deno.test(`buildGraph() keeps the operation when it meets ${what}`, () => {
    const graph = buildGraph({ y: y(input("s", [])) });
    assert.deepEqual(graph.nodes.length, 3);
    assert.deepEqual([...interpret(graph, new Map([["s", [2]]])).get("y")!], [at2]);
  });
}

Deno.test("buildGraph() folds arithmetic when all operands are constants", () => {
  const graph = buildGraph({ y: add(mul(constant(3), constant(4)), sub(constant(1), constant(6))) });
  const y = graph.outputs.get("y")!;
  assert.deepEqual([y.op, y.attributes], ["constant", { value: 7 }]);
});

const a = tanh(x()), b = build.exp(x()), rows = () => concat([a, b, a]);
const ROWS_AS_THEY_ARE: readonly [what: string, y: () => Tensor, same: Tensor][] = [
  ["rows that are one part of a concat", () => slice(rows(), 2, 2), b],
  ["rows that are a part which stands twice in a concat", () => slice(rows(), 4, 2), a],
  ["a concat of all slices of a tensor", () => concat([slice(a, 0, 1), slice(a, 1, 1)]), a],
  [
    "a slice of a concat of slices",
    () => slice(concat([concat([slice(a, 0, 1), slice(a, 1, 1)]), b]), 0, 2),
    a,
  ],
];
for (const [what, y, same] of ROWS_AS_THEY_ARE) {
  Deno.test(`buildGraph() leaves a tensor alone when it meets ${what}`, () => {
    const { outputs } = buildGraph({ y: y(), same });
    assert.equal(outputs.get("y"), outputs.get("same"));
  });
}

const ROWS_TAKEN: readonly [what: string, y: () => Tensor, op: OpName][] = [
  ["a slice cuts through the parts of a concat", () => slice(rows(), 1, 2), "slice"],
  ["a slice takes two parts of a concat", () => slice(rows(), 0, 4), "slice"],
  ["slices stand in another order", () => concat([slice(a, 1, 1), slice(a, 0, 1)]), "concat"],
  ["slices are of two tensors", () => concat([slice(a, 0, 1), slice(b, 1, 1)]), "concat"],
  ["the last row is missing", () => concat([slice(rows(), 0, 3), slice(rows(), 3, 2)]), "concat"],
  ["a row stands twice", () => concat([slice(a, 0, 1), slice(a, 0, 1)]), "concat"],
  ["a tensor follows a slice", () => concat([slice(a, 0, 1), b]), "concat"],
];
for (const [what, y, op] of ROWS_TAKEN) {
  Deno.test(`buildGraph() keeps the operation when ${what}`, () => {
    assert.equal(buildGraph({ y: y() }).outputs.get("y")!.op, op);
  });
}

Deno.test("slice() and concat() give the tensor itself when they take all of it", () => {
  assert.equal(slice(a, 0, 2), a);
  assert.equal(concat([a]), a);
});

Deno.test("buildGraph() keeps a label when the labelled node is merged or simplified away", () => {
  const merged = buildGraph({ y: add(tanh(x()), named("n", tanh(x()))) });
  assert.equal(merged.nodes.find(({ op }) => op === "tanh")!.label, "n");
  const simplified = buildGraph({ y: named("u", mul(1, tanh(x()))) });
  assert.equal(simplified.outputs.get("y")!.label, "u");
});

Deno.test("buildGraph() lists each node after its inputs when branches meet", () => {
  const a = tanh(x()), b = mul(a, x()), y = linear([b, a], input("w", [4, 6]), input("b", [4]));
  const { nodes } = buildGraph({ y, branch: b });
  const seen = new Set<Tensor>();
  for (const node of nodes) {
    for (const source of node.inputs) assert.ok(seen.has(source), `${node.op} stands before its ${source.op}`);
    assert.ok(!seen.has(node));
    seen.add(node);
  }
});

Deno.test("buildGraph() throws when a carried output has another shape than its input", () => {
  assert.throws(() => buildGraph({ h: build.sum(input("h", [2, 3])) }), {
    name: "TypeError",
    message: "Cannot carry 'h': its input is [2, 3], its output [3]; they must be equal",
  });
});

Deno.test("buildGraph() throws when one name has two shapes", () => {
  assert.throws(() => buildGraph({ y: build.exp(input("w", [2])), z: build.exp(input("w", [3])) }), {
    name: "TypeError",
    message: "Cannot build a graph: input 'w' is declared as float [2] and as float [3]",
  });
});

Deno.test("buildGraph() throws when one name stands for numbers and for indices", () => {
  const looked = build.embedding(input("t", [2], "index"), input("w", [4, 3]), input("b", [4]));
  assert.throws(() => buildGraph({ y: build.exp(input("t", [2])), z: looked }), {
    name: "TypeError",
    message: "Cannot build a graph: input 't' is declared as float [2] and as index [2]",
  });
});

Deno.test("carriedNames() gives what is input and output when a graph has both", () => {
  const h = input("h", [2]), c = input("c", [2]);
  const graph = buildGraph({ loss: build.sum(h), c: add(h, c), h: tanh(h) });
  assert.deepEqual(carriedNames(graph), ["c", "h"]);
});

Deno.test("usersOf() names a reader once when it reads a tensor twice", () => {
  const graph = buildGraph({ y: mul(x(), x()), z: tanh(x()) });
  const users = usersOf(graph);
  assert.deepEqual(users.get(graph.inputs.get("x")!)!.map(({ op }) => op), ["mul", "tanh"]);
  assert.deepEqual(users.get(graph.outputs.get("z")!), []);
});

Deno.test("buildGraph() and gradients() do not exhaust the stack when a graph is 10,000 nodes deep", () => {
  const start = input("s", []);
  let y: Tensor = start;
  // Doubling and halving are exact and cancel in pairs, so value and slope are known.
  for (let i = 0; i < 10_000; i++) y = i % 2 ? div(y, 2) : mul(y, 2);
  const graph = buildGraph({ y, slope: gradients(y, [start])[0]! });
  assert.ok(graph.nodes.length > 20_000, `${graph.nodes.length} nodes`);
  const results = interpret(graph, new Map([["s", [0.75]]]));
  assert.deepEqual([results.get("y")![0], results.get("slope")![0]], [0.75, 1]);
});

Deno.test("gradients() stays linear in size when every node is used twice", () => {
  const start = input("s", []);
  let y: Tensor = start;
  // 2⁶⁰ paths lead back to the start: whoever walks paths instead of nodes does not come back.
  for (let i = 0; i < 60; i++) y = add(y, y);
  const graph = buildGraph({ slope: gradients(y, [start])[0]! });
  assert.equal(interpret(graph, new Map([["s", [1]]])).get("slope")![0], 2 ** 60);
});
