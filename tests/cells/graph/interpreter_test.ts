import assert from "node:assert/strict";
import * as build from "../../../cells/graph/builder.ts";
import { concat, slice } from "../../../cells/graph/rows.ts";
import { makeNode } from "../../../cells/graph/builder.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import type { OtherOp, Tensor } from "../../../cells/graph/tensor.ts";
import { LISTED } from "./elementwise_cases.ts";
import { assertClose, Inputs, valueOf } from "./finite_differences.ts";

/** A node with the values that it must have, worked out by hand or with plain numbers. */
interface Known {
  build(x: Inputs): Tensor;
  readonly value: readonly number[];
}

const LN = Math.log;

/** Gradients and golden numbers show that operations fit together; these, that each means what its name says. */
const KNOWN: { readonly [K in OtherOp]: Known } = {
  input: { build: (x) => x.float([2], [3, -4]), value: [3, -4] },
  constant: { build: () => build.constant(-0.25), value: [-0.25] },
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
  slice: { build: (x) => slice(x.float([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), 1, 2), value: [3, 4, 5, 6] },
  concat: {
    build: (x) => concat([x.float([1, 2], [1, 2]), x.float([2, 2], [3, 4, 5, 6]), x.float([1, 2], [7, 8])]),
    value: [1, 2, 3, 4, 5, 6, 7, 8],
  },
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

/** The elementwise operations, by their table. */
const ELEMENTWISE_KNOWN = LISTED.map(({ op, on, operands, value }): [string, Known] => {
  const build = (x: Inputs) => {
    const [a, b] = operands.map((values) => x.float([values.length], values));
    return on(a, b);
  };
  return [op, { build, value }];
});

for (const [op, { build, value }] of [...Object.entries(KNOWN), ...ELEMENTWISE_KNOWN]) {
  Deno.test(`interpret() gives the value known by hand when it meets '${op}'`, () => {
    const inputs = new Inputs();
    const node = build(inputs);
    assert.equal(node.op, op, "the case builds another operation");
    assertClose(valueOf(node, inputs.feeds), value, op, { relative: 1e-15, absolute: 1e-15 });
  });
}

for (const { op, record, on } of LISTED) {
  const { arity, value } = record;
  if (arity === 1) continue;
  Deno.test(`interpret() repeats a vector and a scalar over all rows when it meets '${op}'`, () => {
    const inputs = new Inputs();
    const rows = [1, 2, 3, 4], vector = [10, -20], scalar = 0.5;
    const matrix = inputs.float([2, 2], rows), row = inputs.float([2], vector);
    const cases: [Tensor, number[]][] = [
      [on(matrix, row), rows.map((x, i) => value(x, vector[i % 2]))],
      [on(row, matrix), rows.map((x, i) => value(vector[i % 2], x))],
      [on(matrix, scalar), rows.map((x) => value(x, scalar))],
      [on(scalar, matrix), rows.map((x) => value(scalar, x))],
    ];
    for (const [node, expected] of cases) assert.deepEqual([...valueOf(node, inputs.feeds)], expected);
  });
}

Deno.test("interpret() takes and joins numbers when the tensors are vectors", () => {
  const inputs = new Inputs(), a = inputs.float([3], [1, 2, 3]), b = inputs.float([1], [4]);
  assert.deepEqual([...valueOf(slice(a, 2, 1), inputs.feeds)], [3]);
  assert.deepEqual([...valueOf(concat([b, a, b]), inputs.feeds)], [4, 1, 2, 3, 4]);
});

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

Deno.test("interpret() leaves what it is fed alone, and gives a copy of an input that is an output", () => {
  const h = build.input("h", [2]), fed = Float64Array.of(1, 2);
  const results = interpret(buildGraph({ h, y: build.add(h, h) }), new Map([["h", fed]]));
  results.get("h")!.fill(0);
  results.get("y")!.fill(0);
  assert.deepEqual([...fed], [1, 2]);
});
