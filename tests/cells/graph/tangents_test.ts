/** Forward derivatives against backward ones: `w·(D v) = (Dᵀ w)·v` for all cells. */
import assert from "node:assert/strict";
import { CATALOG, gruCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { type Cell, defineCell } from "../../../cells/cell.ts";
import {
  add,
  constant,
  embedding,
  input,
  linear,
  mul,
  relu,
  step,
  sub,
  sum,
  tanh,
} from "../../../cells/graph/builder.ts";
import { gradients } from "../../../cells/graph/gradient.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { concat, slice } from "../../../cells/graph/rows.ts";
import { isZeros, tangents } from "../../../cells/graph/tangents.ts";
import { sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { allGatedConfigs } from "../catalog/golden_cases.ts";
import { drawnWeights } from "../models.ts";
import { scattered, total, valueOf } from "./finite_differences.ts";

/** Rounding alone: both directions are exact derivatives in float64. */
const ROUNDING = 1e-12;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

/** Compares both directions over all states of a model's step. */
function checkCell(cell: Cell, n_layers = 2): void {
  const { graph, states, parameters } = evaluationModel(cell, { n_layers, state_size: 3, vocabulary: 5, batch: 2 });
  const before = states.map(({ name }) => graph.inputs.get(name)!);
  const after = states.map(({ name }) => graph.outputs.get(name)!);
  const changes = before.map(({ shape }, i) => input(`change.${i}`, shape));
  const weights = after.map(({ shape }, i) => input(`weight.${i}`, shape));
  const forwards = tangents(after, new Map(before.map((x, i) => [x, changes[i]])));
  const loss = after.map((y, i) => total(mul(y, weights[i]))).reduce((a, b) => add(a, b));
  const backwards = gradients(loss, before);

  const feeds = new Map<string, ArrayLike<number>>(drawnWeights(parameters));
  // Logarithms and roots of what cells keep above zero.
  states.forEach(({ name, shape }, i) => feeds.set(name, scattered(sizeOf(shape), i).map((x) => 1.5 + 0.4 * x)));
  for (const [i, { shape }] of changes.entries()) {
    feeds.set(`change.${i}`, scattered(sizeOf(shape), 10 + i));
    feeds.set(`weight.${i}`, scattered(sizeOf(shape), 20 + i));
  }
  feeds.set("bytes", [1, 4]);
  const valuesOf = (tensors: readonly (Tensor | null)[]) =>
    tensors.map((tensor) => tensor ? Array.from(valueOf(tensor, feeds)) : []);
  const left = valuesOf(forwards).reduce((sum, dy, i) => sum + (dy.length ? dot(dy, feeds.get(`weight.${i}`)!) : 0), 0);
  const right = valuesOf(backwards).reduce(
    (sum, dx, i) => sum + (dx.length ? dot(dx, feeds.get(`change.${i}`)!) : 0),
    0,
  );
  assert.notEqual(left, 0);
  assert.ok(Math.abs(left - right) <= ROUNDING * Math.abs(right), `${cell.name}: forwards ${left}, backwards ${right}`);
}

for (const { cell } of CATALOG) {
  Deno.test(`tangents() agrees with gradients() when the cell is ${cell.name}`, () => checkCell(cell));
}

Deno.test("tangents() agrees with gradients() when a gated cell has any setting of its switches", () => {
  for (const config of allGatedConfigs()) checkCell(gatedCell(config));
});

Deno.test("tangents() follows rows, sums, and operands that are broadcast", () => {
  const x = input("x", [4, 3]), v = input("v", [3]), dx = input("dx", [4, 3]), dv = input("dv", [3]);
  const rows = concat([slice(x, 2, 2), mul(slice(x, 0, 2), v)]);
  const outputs = [sum(rows), sub(rows, v), relu(add(v, rows))];
  const feeds = new Map(["x", "dx"].map((name, i) => [name, scattered(12, i)] as const));
  for (const [i, name] of ["v", "dv"].entries()) feeds.set(name, scattered(3, 5 + i));
  const found = tangents(outputs, new Map([[x, dx], [v, dv]]));
  const moved = (sign: number) =>
    new Map(["x", "v"].map((name) => [
      name,
      feeds.get(name)!.map((value, i) => value + sign * 1e-6 * feeds.get(`d${name}`)![i]),
    ]));
  outputs.forEach((output, i) => {
    const graph = buildGraph({ output }),
      [up, down] = [moved(1), moved(-1)].map((fed) => interpret(graph, fed).get("output")!);
    const change = valueOf(found[i]!, feeds);
    assert.deepEqual(found[i]!.shape, output.shape);
    // Central differences of step 1e-6: rounding leaves ten digits.
    change.forEach((value, j) => assert.ok(Math.abs(value - (up[j] - down[j]) / 2e-6) < 1e-9));
  });
});

Deno.test("tangents() gives null where an output does not depend on what changes", () => {
  const x = input("x", [2, 3]), other = input("other", [2, 3]), dx = input("dx", [2, 3]);
  assert.deepEqual(tangents([tanh(other), step(x), constant(2)], new Map([[x, dx]])), [null, null, null]);
});

Deno.test("tangents() puts zeros in the place of inputs of a product that do not change", () => {
  const [x, y, dx] = ["x", "y", "dx"].map((name) => input(name, [2, 3]));
  const [change] = tangents([linear([x, y], input("W", [4, 6]), input("b", [4]))], new Map([[x, dx]]));
  assert.deepEqual(change!.inputs.map(isZeros), [false, true, false, true]);
});

Deno.test("tangents() refuses a change of another shape, of a weight, and of a loss", () => {
  const [x, W, b] = [input("x", [2, 3]), input("W", [4, 3]), input("b", [4])];
  const y = linear([x], W, b);
  assert.throws(() => tangents([y], new Map([[x, input("dx", [3, 2])]])), {
    name: "TypeError",
    message: "Cannot differentiate forwards: the change of 'input' is [3,2], must be [2,3]",
  });
  assert.throws(() => tangents([y], new Map([[W, input("dW", [4, 3])]])), {
    name: "TypeError",
    message: "Cannot differentiate 'linear' forwards: its weight must not change",
  });
  const table = input("table", [3, 5]), read = embedding(input("bytes", [2], "index"), table, input("b3", [3]));
  assert.throws(() => tangents([read], new Map([[table, input("dtable", [3, 5])]])), {
    name: "TypeError",
    message: "Cannot differentiate 'embedding' forwards: its weight must not change",
  });
  const [gradient] = gradients(total(mul(y, y)), [x]);
  assert.throws(() => tangents([gradient!], new Map([[x, input("dx", [2, 3])]])), {
    name: "TypeError",
    message: "Cannot differentiate 'linear_input_gradient' forwards: it is part of a loss or of a gradient",
  });
});

Deno.test("tangents() agrees with gradients() when a user's cell has two states, and a stack three layers", () => {
  const cell = defineCell({
    name: "two_speeds",
    states: ["h", "s"],
    forward(layer, x, { h, s }) {
      const fast = tanh(layer.linear("state_nn", [x, h, s]));
      return { output: fast, states: { h: fast, s: add(mul(0.9, s), mul(0.1, fast)) } };
    },
  });
  checkCell(cell, 1);
  checkCell(gruCell, 3);
});
