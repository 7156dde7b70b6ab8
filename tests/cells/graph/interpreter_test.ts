import assert from "node:assert/strict";
import * as build from "../../../cells/graph/builder.ts";
import { makeNode } from "../../../cells/graph/builder.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import type { OpName, Tensor } from "../../../cells/graph/tensor.ts";
import { assertClose, Inputs, valueOf } from "./finite_differences.ts";

/** A node with the values that it must have, worked out by hand or with plain numbers. */
interface Known {
  build(x: Inputs): Tensor;
  readonly value: readonly number[];
}

const { E, SQRT2 } = Math;
const LN = Math.log;

/** Gradients and golden numbers show that operations fit together; these, that each means what its name says. */
const KNOWN: { readonly [K in OpName]: Known } = {
  input: { build: (x) => x.float([2], [3, -4]), value: [3, -4] },
  constant: { build: () => build.constant(-0.25), value: [-0.25] },
  add: { build: (x) => build.add(x.float([2, 2], [1, 2, 3, 4]), x.float([2], [10, 20])), value: [11, 22, 13, 24] },
  sub: { build: (x) => build.sub(x.float([2], [10, 20]), x.float([2, 2], [1, 2, 3, 4])), value: [9, 18, 7, 16] },
  mul: { build: (x) => build.mul(x.float([2, 2], [1, 2, 3, 4]), 3), value: [3, 6, 9, 12] },
  div: { build: (x) => build.div(12, x.float([3], [1, -2, 8])), value: [12, -6, 1.5] },
  exp: { build: (x) => build.exp(x.float([3], [0, 1, -1])), value: [1, E, 1 / E] },
  log: { build: (x) => build.log(x.float([3], [1, E, E * E])), value: [0, 1, 2] },
  sqrt: { build: (x) => build.sqrt(x.float([3], [0, 2, 9])), value: [0, SQRT2, 3] },
  sigmoid: { build: (x) => build.sigmoid(x.float([3], [0, LN(3), -LN(3)])), value: [0.5, 0.75, 0.25] },
  tanh: { build: (x) => build.tanh(x.float([3], [0, LN(3), -LN(2)])), value: [0, 0.8, -0.6] },
  relu: { build: (x) => build.relu(x.float([3], [-2, 0, 3])), value: [0, 0, 3] },
  step: { build: (x) => build.step(x.float([3], [-2, 0, 3])), value: [0, 0, 1] },
  // rows [1, 2 | 10] and [3, 4 | 20]; W has the rows [1, 0, 0] and [1, 2, 3]
  linear: {
    build: (x) =>
      build.linear(
        [x.float([2, 2], [1, 2, 3, 4]), x.float([2, 1], [10, 20])],
        x.float([2, 3], [1, 0, 0, 1, 2, 3]),
        x.float([2], [0.5, 100]),
      ),
    value: [1.5, 135, 3.5, 171],
  },
  // columns 1 and 2 of W = [[1, 2, 3], [4, 5, 6]], rows of dy [1, 0] and [10, 1]
  linear_input_gradient: {
    build: (x) =>
      makeNode("linear_input_gradient", [x.float([2, 2], [1, 0, 10, 1]), x.float([2, 3], [1, 2, 3, 4, 5, 6])], {
        offset: 1,
        width: 2,
      }),
    value: [2, 3, 25, 36],
  },
  linear_weight_gradient: {
    build: (x) =>
      makeNode("linear_weight_gradient", [
        x.float([2, 2], [1, 0, 10, 1]),
        x.float([2, 1], [2, 3]),
        x.float([2, 1], [5, 7]),
      ], {}),
    value: [32, 75, 3, 7],
  },
  embedding: {
    build: (x) => build.embedding(x.indices(2, 0), x.float([2, 3], [1, 2, 3, 4, 5, 6]), x.float([2], [10, 20])),
    value: [13, 26, 11, 24],
  },
  embedding_weight_gradient: {
    build: (x) =>
      makeNode("embedding_weight_gradient", [x.float([3, 2], [1, 2, 10, 20, 100, 200]), x.indices(2, 0, 2)], {
        vocabulary: 3,
      }),
    value: [10, 0, 101, 20, 0, 202],
  },
  sum: { build: (x) => build.sum(x.float([2, 3], [1, 2, 3, 10, 20, 30])), value: [11, 22, 33] },
  // probabilities (1/4, 3/4) and (1/2, 1/2)
  softmax_cross_entropy: {
    build: (x) => build.softmaxCrossEntropy(x.float([2, 2], [0, LN(3), 7, 7]), x.indices(0, 1)),
    value: [(LN(4) + LN(2)) / 2],
  },
  softmax_cross_entropy_gradient: {
    build: (x) => makeNode("softmax_cross_entropy_gradient", [x.float([2, 2], [0, LN(3), 7, 7]), x.indices(0, 1)], {}),
    value: [-0.375, 0.375, 0.25, -0.25],
  },
};

for (const [op, { build, value }] of Object.entries(KNOWN)) {
  Deno.test(`interpret() gives the value known by hand when it meets '${op}'`, () => {
    const inputs = new Inputs();
    const node = build(inputs);
    assert.equal(node.op, op, "the case builds another operation");
    assertClose(valueOf(node, inputs.feeds), value, op, { relative: 1e-15, absolute: 1e-15 });
  });
}

Deno.test("interpret() stays finite when logits are beyond the range of exp", () => {
  const inputs = new Inputs();
  const logits = inputs.float([1, 2], [800, 0]);
  assert.deepEqual([...valueOf(build.softmaxCrossEntropy(logits, inputs.indices(1)), inputs.feeds)], [800]);
});

Deno.test("interpret() throws when an input has no value", () => {
  assert.throws(() => interpret(buildGraph({ y: build.exp(build.input("x", [2])) }), new Map()), {
    name: "TypeError",
    message: "Cannot run the graph: input 'x' has no value",
  });
});

Deno.test("interpret() throws when a value has another size than its input", () => {
  assert.throws(() => interpret(buildGraph({ y: build.exp(build.input("x", [2, 3])) }), new Map([["x", [1, 2]]])), {
    name: "RangeError",
    message: "Cannot run the graph: input 'x' has 2 elements, its shape [2, 3] needs 6",
  });
});
