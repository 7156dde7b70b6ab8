/** Optimizers against numbers of PyTorch: `tests/golden/optimizers.py` wrote them. */
import assert from "node:assert/strict";
import golden from "../golden/optimizers.json" with { type: "json" };
import { input } from "../../cells/graph/builder.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import { interpret } from "../../cells/graph/interpreter.ts";
import { factorOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { momentName, type Optimizer, updateOf } from "../../cells/optimizer.ts";
import { LEARNING_RATE, OPTIMIZER_NAMES, type OptimizerName, optimizerOf, OPTIMIZERS } from "../../cells/optimizers.ts";
import { assertClose } from "./graph/finite_differences.ts";

interface Golden {
  readonly settings: { readonly start: number[]; readonly a: number[]; readonly b: number[] };
  readonly cases: readonly { optimizer: OptimizerName; learning_rate: number; parameters: number[][] }[];
}

// Imported, which needs no permission: plain `deno test` has none.
const GOLDEN = golden as Golden;

/** The values after each update of `p`, whose gradient is that of the golden file. */
function updates(optimizer: Optimizer, learningRate: number, count: number): number[][] {
  const { start, a, b } = GOLDEN.settings, shape = [start.length];
  const graph = buildGraph(updateOf(optimizer, "p", input("p", shape), input("gradient", shape)));
  const feeds = new Map<string, ArrayLike<number>>([["p", start]]);
  for (const moment of optimizer.moments) feeds.set(momentName(moment, "p"), start.map(() => 0));
  return Array.from({ length: count }, (_, i) => {
    const p = Array.from(feeds.get("p")!);
    feeds.set("gradient", p.map((value, k) => a[k] * value - b[k] * Math.sin(b[k] * value)));
    optimizer.scalars(i + 1, learningRate).forEach((value, k) => feeds.set(optimizer.scalarNames[k], [value]));
    for (const [name, values] of interpret(graph, feeds)) feeds.set(name, values);
    return Array.from(feeds.get("p")!);
  });
}

for (const { optimizer, learning_rate, parameters } of GOLDEN.cases) {
  Deno.test(`optimizer ${optimizer} gives PyTorch's numbers in ${parameters.length} updates at rate ${learning_rate}`, () => {
    const own = updates(OPTIMIZERS[optimizer], learning_rate, parameters.length);
    assertClose(own.flat(), parameters.flat(), "parameters", { relative: 1e-13, absolute: 1e-14 });
  });
}

Deno.test("the golden file has each optimizer, at two rates and ten updates", () => {
  const counted = OPTIMIZER_NAMES.map((name) => GOLDEN.cases.filter(({ optimizer }) => optimizer === name).length);
  assert.deepEqual(counted, OPTIMIZER_NAMES.map(() => 2));
  assert.ok(GOLDEN.cases.every(({ parameters }) => parameters.length === 10));
});

Deno.test("the factor's choices are the optimizers, by the names that they have themselves", () => {
  const factor = factorOf(GATED, "optimizer");
  assert.ok(factor.kind === "choice");
  assert.deepEqual(factor.choices?.map(({ value }) => value), OPTIMIZER_NAMES);
  assert.deepEqual(Object.values(OPTIMIZERS).map(({ name }) => name), OPTIMIZER_NAMES);
  // A configuration that names neither is trained with the first one, at its own rate.
  assert.equal(factor.default, optimizerOf().name);
  for (const name of OPTIMIZER_NAMES) assert.equal(optimizerOf(name).learningRate, LEARNING_RATE);
});

Deno.test("optimizerOf() takes a name or an optimizer, and refuses what is none", () => {
  assert.equal(optimizerOf("sgd"), OPTIMIZERS.sgd);
  const own = { ...OPTIMIZERS.adam, name: "own" };
  assert.equal(optimizerOf(own), own);
  for (const name of ["lion", "toString"]) {
    assert.throws(() => optimizerOf(name as OptimizerName), {
      name: "RangeError",
      message: `Cannot find optimizer '${name}': must be one of adam, sgd, adam_no_second_moment`,
    });
  }
});
