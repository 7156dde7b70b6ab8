import assert from "node:assert/strict";
import { embedding, input, linear, makeNode, softmaxCrossEntropy } from "../../../cells/graph/builder.ts";
import { type BinaryOp, elementwiseTable, type UnaryOp } from "../../../cells/graph/elementwise.ts";
import { type OpName, type Shape, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";

/** What is wrong, and the two parts of the error: what the operation needs and what came. */
interface Wrong {
  readonly when: string;
  build(): Tensor;
  readonly needs: string;
  readonly got: string;
}

/** At least one. */
type WrongCases = readonly [Wrong, ...Wrong[]];

const float = (...shape: number[]) => input(`float ${shape}`, shape);
const index = (...shape: number[]) => input(`index ${shape}`, shape, "index");

const BROADCAST = "two tensors of one shape, or one that is a scalar or a vector of the other's last axis";

function binary(op: BinaryOp): WrongCases {
  const wrong = (when: string, needs: string, inputs: Tensor[], got: string): Wrong => (
    { when, needs, build: () => makeNode(op, inputs, {}), got }
  );
  return [
    wrong("shapes differ", BROADCAST, [float(2, 3), float(2, 4)], "[2, 3], [2, 4]"),
    wrong("a vector fits the first axis only", BROADCAST, [float(2, 3), float(2)], "[2, 3], [2]"),
    wrong("a vector is as long as all elements", BROADCAST, [float(6), float(2, 3)], "[6], [2, 3]"),
    wrong("an operand is an index", BROADCAST, [float(2), index(2)], "[2], index [2]"),
    wrong("an operand is missing", BROADCAST, [float(2)], "[2]"),
  ];
}

function unary(op: UnaryOp): WrongCases {
  const needs = "one tensor of numbers";
  return [
    { when: "the input is an index", build: () => makeNode(op, [index(2)], {}), needs, got: "index [2]" },
    { when: "two inputs come", build: () => makeNode(op, [float(2), float()], {}), needs, got: "[2], []" },
    { when: "no input comes", build: () => makeNode(op, [], {}), needs, got: "no input" },
  ];
}

const LINEAR = "x [batch, features] …, weight [out, sum of features], bias [out]";
const EMBEDDING = "index [batch], weight [out, vocabulary], bias [out]";
const LOSS = "logits [batch, vocabulary] and targets index [batch]";
const WEIGHT_GRADIENT = "dy [batch, out], x [batch, features] …";
const EMBEDDING_GRADIENT = "dy [batch, out], index [batch]";

function loss(op: "softmax_cross_entropy" | "softmax_cross_entropy_gradient"): WrongCases {
  const wrong = (when: string, inputs: Tensor[], got: string): Wrong => (
    { when, needs: LOSS, build: () => makeNode(op, inputs, {}), got }
  );
  return [
    wrong("targets are numbers", [float(2, 3), float(2)], "[2, 3], [2]"),
    wrong("targets are too few", [float(2, 3), index(1)], "[2, 3], index [1]"),
    wrong("logits are a vector", [float(3), index(3)], "[3], index [3]"),
    wrong("targets are missing", [float(2, 3)], "[2, 3]"),
  ];
}

function slice(when: string, inputs: Tensor[], first: number, count: number, got: string): Wrong {
  const build = () => makeNode("slice", inputs, { first, count });
  const isRange = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count > 0;
  const numbers = `whole numbers, a first row from 0 on and 1 row or more, not ${first} and ${count}`;
  return { when, build, needs: isRange ? `one tensor with at least ${first + count} rows` : numbers, got };
}

function concat(when: string, inputs: Tensor[], got: string): Wrong {
  return { when, build: () => makeNode("concat", inputs, {}), needs: "tensors with rows of one shape", got };
}

/** For each operation with inputs, at least one use that must not pass. */
const WRONG: { readonly [K in Exclude<OpName, "constant">]: WrongCases } = {
  input: [{
    when: "it is made like an operation",
    build: () => makeNode("input", [], { name: "x" }),
    needs: "a declared shape",
    got: "no input",
  }],
  ...elementwiseTable(({ arity }, op) => arity === 1 ? unary(op as UnaryOp) : binary(op as BinaryOp)),
  linear: [
    {
      when: "the weight is too narrow for two inputs",
      build: () => linear([float(2, 3), float(2, 1)], float(5, 3), float(5)),
      needs: LINEAR,
      got: "[2, 3], [2, 1], [5, 3], [5]",
    },
    {
      when: "the weight is transposed",
      build: () => linear([float(2, 3)], float(3, 5), float(5)),
      needs: LINEAR,
      got: "[2, 3], [3, 5], [5]",
    },
    {
      when: "inputs differ in batch",
      build: () => linear([float(2, 3), float(4, 3)], float(5, 6), float(5)),
      needs: LINEAR,
      got: "[2, 3], [4, 3], [5, 6], [5]",
    },
    {
      when: "the bias is a matrix",
      build: () => linear([float(2, 3)], float(5, 3), float(5, 1)),
      needs: LINEAR,
      got: "[2, 3], [5, 3], [5, 1]",
    },
    {
      when: "an input is an index",
      build: () => linear([index(2, 3)], float(5, 3), float(5)),
      needs: LINEAR,
      got: "index [2, 3], [5, 3], [5]",
    },
    {
      when: "the weight is an index",
      build: () => linear([float(2, 3)], index(5, 3), float(5)),
      needs: LINEAR,
      got: "[2, 3], index [5, 3], [5]",
    },
    { when: "no input comes", build: () => linear([], float(5, 3), float(5)), needs: LINEAR, got: "[5, 3], [5]" },
  ],
  linear_input_gradient: [
    {
      when: "columns lie beyond the weight",
      build: () => makeNode("linear_input_gradient", [float(2, 4), float(4, 6)], { offset: 4, width: 3 }),
      needs: "dy [batch, out], weight [out, at least 7]",
      got: "[2, 4], [4, 6]",
    },
    {
      when: "dy does not fit the weight",
      build: () => makeNode("linear_input_gradient", [float(2, 3), float(4, 6)], { offset: 0, width: 6 }),
      needs: "dy [batch, out], weight [out, at least 6]",
      got: "[2, 3], [4, 6]",
    },
  ],
  linear_weight_gradient: [
    {
      when: "inputs differ in batch",
      build: () => makeNode("linear_weight_gradient", [float(2, 4), float(3, 1)], {}),
      needs: WEIGHT_GRADIENT,
      got: "[2, 4], [3, 1]",
    },
    {
      when: "no input comes",
      build: () => makeNode("linear_weight_gradient", [float(2, 4)], {}),
      needs: WEIGHT_GRADIENT,
      got: "[2, 4]",
    },
    {
      when: "dy is an index",
      build: () => makeNode("linear_weight_gradient", [index(2, 4), float(2, 1)], {}),
      needs: WEIGHT_GRADIENT,
      got: "index [2, 4], [2, 1]",
    },
  ],
  embedding: [
    {
      when: "indices are numbers",
      build: () => embedding(float(2), float(3, 5), float(3)),
      needs: EMBEDDING,
      got: "[2], [3, 5], [3]",
    },
    {
      when: "the bias fits the vocabulary",
      build: () => embedding(index(2), float(3, 5), float(5)),
      needs: EMBEDDING,
      got: "index [2], [3, 5], [5]",
    },
    {
      when: "the weight is an index",
      build: () => embedding(index(2), index(3, 5), float(3)),
      needs: EMBEDDING,
      got: "index [2], index [3, 5], [3]",
    },
  ],
  embedding_weight_gradient: [
    {
      when: "indices are numbers",
      build: () => makeNode("embedding_weight_gradient", [float(2, 3), float(2)], { vocabulary: 5 }),
      needs: EMBEDDING_GRADIENT,
      got: "[2, 3], [2]",
    },
    {
      when: "dy is an index",
      build: () => makeNode("embedding_weight_gradient", [index(2, 3), index(2)], { vocabulary: 5 }),
      needs: EMBEDDING_GRADIENT,
      got: "index [2, 3], index [2]",
    },
  ],
  sum: [
    {
      when: "the input is a scalar",
      build: () => makeNode("sum", [float()], {}),
      needs: "one tensor with at least one axis",
      got: "[]",
    },
  ],
  slice: [
    slice("rows lie beyond the last", [float(4, 2)], 3, 2, "[4, 2]"),
    slice("it begins before the first row", [float(4, 2)], -1, 2, "[4, 2]"),
    slice("it has no row", [float(4, 2)], 2, 0, "[4, 2]"),
    slice("it begins between two rows", [float(4, 2)], 0.5, 2, "[4, 2]"),
    slice("it ends between two rows", [float(4, 2)], 0, 1.5, "[4, 2]"),
    slice("the input is a scalar", [float()], 0, 1, "[]"),
    slice("the input is an index", [index(4)], 0, 1, "index [4]"),
    slice("two inputs come", [float(4), float(4)], 0, 1, "[4], [4]"),
  ],
  concat: [
    concat("rows differ in width", [float(2, 3), float(2, 4)], "[2, 3], [2, 4]"),
    concat("a vector stands beside a matrix", [float(3), float(2, 3)], "[3], [2, 3]"),
    concat("an input is a scalar", [float(3), float()], "[3], []"),
    concat("an input is an index", [float(3), index(3)], "[3], index [3]"),
    concat("no input comes", [], "no input"),
  ],
  softmax_cross_entropy: loss("softmax_cross_entropy"),
  softmax_cross_entropy_gradient: loss("softmax_cross_entropy_gradient"),
};

for (const [op, cases] of Object.entries(WRONG)) {
  for (const { when, build, needs, got } of cases) {
    Deno.test(`'${op}' throws when ${when}`, () => {
      assert.throws(build, { name: "TypeError", message: `Cannot build '${op}': needs ${needs}, got ${got}` });
    });
  }
}

const SHAPES: readonly [what: string, node: Tensor, shape: Shape][] = [
  ["a scalar is broadcast", makeNode("add", [float(), float(2, 3)], {}), [2, 3]],
  ["a vector is broadcast", makeNode("div", [float(2, 3), float(3)], {}), [2, 3]],
  ["linear joins inputs", linear([float(2, 3), float(2, 1)], float(5, 4), float(5)), [2, 5]],
  ["embedding looks rows up", embedding(index(7), float(3, 5), float(3)), [7, 3]],
  ["sum takes the first axis", makeNode("sum", [float(2, 3, 4)], {}), [3, 4]],
  ["slice takes rows of a matrix", makeNode("slice", [float(4, 3)], { first: 1, count: 2 }), [2, 3]],
  ["slice takes rows of a vector", makeNode("slice", [float(4)], { first: 3, count: 1 }), [1]],
  ["concat joins rows", makeNode("concat", [float(4, 3), float(1, 3)], {}), [5, 3]],
  ["concat joins vectors", makeNode("concat", [float(4), float(2), float(4)], {}), [10]],
  ["the loss is a scalar", softmaxCrossEntropy(float(2, 3), index(2)), []],
];
for (const [what, node, shape] of SHAPES) {
  Deno.test(`makeNode() gives shape [${shape}] when ${what}`, () => {
    assert.deepEqual(node.shape, shape);
    assert.equal(node.dtype, "float");
  });
}

for (const sizes of [[0], [2, -1], [1.5], [NaN]]) {
  Deno.test(`input() throws when its shape is [${sizes}]`, () => {
    assert.throws(() => input("x", sizes), {
      name: "RangeError",
      message: `Cannot declare float input 'x': shape is [${sizes.join(", ")}], sizes must be whole and positive`,
    });
  });
}

Deno.test("sizeOf() gives 1 when the shape is a scalar's", () => assert.equal(sizeOf([]), 1));
