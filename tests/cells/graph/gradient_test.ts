import assert from "node:assert/strict";
import * as build from "../../../cells/graph/builder.ts";
import { concat, slice } from "../../../cells/graph/rows.ts";
import {
  add,
  div,
  embedding,
  input,
  linear,
  makeNode,
  mul,
  softmaxCrossEntropy,
} from "../../../cells/graph/builder.ts";
import { gradients } from "../../../cells/graph/gradient.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import type { OpName, OtherOp, Shape, Tensor } from "../../../cells/graph/tensor.ts";
import { LISTED, type Listed } from "./elementwise_cases.ts";
import {
  assertClose,
  checkGradients,
  finiteDifferences,
  Inputs,
  total,
  valueOf,
  weightedTotal,
} from "./finite_differences.ts";

/** Operations that stand in gradients only; each is checked as the derivative of its forward operation. */
type GradientOnly =
  | "linear_input_gradient"
  | "linear_weight_gradient"
  | "embedding_weight_gradient"
  | "softmax_cross_entropy_gradient";

/** One way to use an operation: `build` returns a node of it. */
interface ForwardCase {
  readonly when: string;
  build(x: Inputs): Tensor;
}

/** `node` must be the derivative of the scalar `of` with respect to `by`. */
interface DerivativeCase {
  readonly when: string;
  build(x: Inputs): { node: Tensor; of: Tensor; by: Tensor<"input"> };
}

/** All pairs of shapes that a binary operation may join, and one operand used twice. The divisor is kept off zero. */
const binary = (f: Listed["on"]): ForwardCase[] => [
  { when: "both operands have one shape", build: (x) => f(x.float([2, 3]), x.positive([2, 3])) },
  { when: "the right operand is a vector", build: (x) => f(x.float([2, 3]), x.positive([3])) },
  { when: "the left operand is a vector", build: (x) => f(x.float([3]), x.positive([2, 3])) },
  { when: "the right operand is a scalar", build: (x) => f(x.float([2, 3]), x.positive([])) },
  { when: "the left operand is a scalar", build: (x) => f(x.float([]), x.positive([2, 3])) },
  { when: "a vector is broadcast over two axes", build: (x) => f(x.float([2, 2, 3]), x.positive([3])) },
  { when: "a number stands on the left", build: (x) => f(0.7, x.positive([2, 3])) },
  { when: "a number stands on the right", build: (x) => f(x.float([2, 3]), 0.7) },
  {
    when: "both operands are one tensor",
    build: (x) => {
      const both = x.positive([2, 3]);
      return f(both, both);
    },
  },
];

/** Each elementwise operation, in the operands that it takes. */
function elementwiseCases({ on, record, positive, points }: Listed): ForwardCase[] {
  if (record.arity === 2) return binary(on);
  const given = (x: Inputs, shape: Shape) => positive ? x.positive(shape) : x.float(shape);
  const of = (x: Tensor) => on(x, x);
  return [
    { when: "the input is a matrix", build: (x) => of(given(x, [3, 4])) },
    { when: "the input is a scalar", build: (x) => of(given(x, [])) },
    ...points
      ? [{ when: `inputs are ${points.join(", ")}`, build: (x: Inputs) => of(x.float([points.length], points)) }]
      : [],
  ];
}

const FORWARD: { readonly [K in Exclude<OtherOp, GradientOnly>]: readonly ForwardCase[] } = {
  input: [{ when: "it is the loss' only operand", build: (x) => x.float([2, 3]) }],
  constant: [{ when: "it is a number", build: () => build.constant(2.5) }],
  linear: [
    { when: "one input is read", build: (x) => linear([x.float([3, 2])], x.float([4, 2]), x.float([4])) },
    {
      when: "three inputs of different widths are read",
      build: (x) => linear([x.float([2, 3]), x.float([2, 1]), x.float([2, 2])], x.float([4, 6]), x.float([4])),
    },
    {
      when: "one input is read twice",
      build: (x) => {
        const twice = x.float([2, 3]);
        return linear([twice, twice], x.float([2, 6]), x.float([2]));
      },
    },
  ],
  embedding: [
    {
      when: "an index is repeated",
      build: (x) => embedding(x.indices(3, 0, 3, 3), x.float([2, 5]), x.float([2])),
    },
  ],
  sum: [
    { when: "the input is a vector", build: (x) => build.sum(x.float([4])) },
    { when: "the input is a matrix", build: (x) => build.sum(x.float([2, 3])) },
    { when: "the input has three axes", build: (x) => build.sum(x.float([2, 3, 2])) },
  ],
  slice: [
    { when: "the input is a vector", build: (x) => slice(x.float([5]), 1, 3) },
    { when: "the input is a matrix", build: (x) => slice(x.float([4, 3]), 1, 2) },
    { when: "it begins with the first row", build: (x) => slice(x.float([4, 3]), 0, 1) },
    { when: "it ends with the last row", build: (x) => slice(x.float([4, 3]), 2, 2) },
    { when: "it is of a slice", build: (x) => slice(slice(x.float([6, 2]), 1, 4), 2, 1) },
  ],
  concat: [
    { when: "the inputs are vectors", build: (x) => concat([x.float([2]), x.float([3])]) },
    {
      when: "the inputs are matrices",
      build: (x) => concat([x.float([2, 3]), x.float([1, 3]), x.float([2, 3])]),
    },
    {
      when: "one input stands in it twice",
      build: (x) => {
        const twice = x.float([2, 3]);
        return concat([twice, x.float([1, 3]), twice]);
      },
    },
  ],
  softmax_cross_entropy: [
    {
      when: "a target is repeated",
      build: (x) => softmaxCrossEntropy(x.float([3, 4]), x.indices(2, 0, 2)),
    },
    {
      // e^800 is beyond float64: only with the maximum taken off first is anything finite
      when: "logits are large",
      build: (x) => softmaxCrossEntropy(x.float([2, 3], [800, 801, 799, -800, -800.5, -801]), x.indices(0, 2)),
    },
  ],
};

/** `Σ dy ⊙ y`, whose derivative has `dy` as the gradient that comes in. */
const flowing = (dy: Tensor, y: Tensor) => total(mul(dy, y));

const DERIVATIVES: { readonly [K in GradientOnly]: readonly DerivativeCase[] } = {
  linear_input_gradient: [0, 1, 2].map((which) => ({
    when: `it is the derivative by input ${which} of three`,
    build: (x) => {
      const xs = [x.float([2, 3]), x.float([2, 1]), x.float([2, 2])];
      const weight = x.float([4, 6]), dy = x.float([2, 4]);
      const attributes = { offset: [0, 3, 4][which], width: [3, 1, 2][which] };
      return {
        node: makeNode("linear_input_gradient", [dy, weight], attributes),
        of: flowing(dy, linear(xs, weight, x.float([4]))),
        by: xs[which],
      };
    },
  })),
  linear_weight_gradient: [{
    when: "it is the derivative by the weight of two inputs",
    build: (x) => {
      const xs = [x.float([3, 2]), x.float([3, 1])];
      const by = x.float([4, 3]), dy = x.float([3, 4]);
      return {
        node: makeNode("linear_weight_gradient", [dy, ...xs], {}),
        of: flowing(dy, linear(xs, by, x.float([4]))),
        by,
      };
    },
  }],
  embedding_weight_gradient: [{
    when: "it is the derivative by the weight and an index is repeated",
    build: (x) => {
      const indices = x.indices(3, 0, 3, 1), by = x.float([2, 5]), dy = x.float([4, 2]);
      return {
        node: makeNode("embedding_weight_gradient", [dy, indices], { vocabulary: 5 }),
        of: flowing(dy, embedding(indices, by, x.float([2]))),
        by,
      };
    },
  }],
  softmax_cross_entropy_gradient: [{
    when: "it is the derivative by the logits",
    build: (x) => {
      const by = x.float([3, 4]), targets = x.indices(2, 0, 2);
      return {
        node: makeNode("softmax_cross_entropy_gradient", [by, targets], {}),
        of: softmaxCrossEntropy(by, targets),
        by,
      };
    },
  }],
};

const ELEMENTWISE_FORWARD = LISTED.map((listed): [string, ForwardCase[]] => [listed.op, elementwiseCases(listed)]);

for (const [op, cases] of [...Object.entries(FORWARD), ...ELEMENTWISE_FORWARD]) {
  for (const { when, build } of cases) {
    Deno.test(`gradients() of '${op}' equals finite differences when ${when}`, () => {
      const inputs = new Inputs();
      const y = build(inputs);
      assert.equal(y.op, op, "the case builds another operation");
      checkGradients(weightedTotal(y, inputs), inputs.feeds);
    });
  }
}

for (const [op, cases] of Object.entries(DERIVATIVES)) {
  for (const { when, build } of cases) {
    Deno.test(`'${op}' equals finite differences when ${when}`, () => {
      const inputs = new Inputs();
      const { node, of, by } = build(inputs);
      assert.equal(node.op, op, "the case builds another operation");
      assertClose(valueOf(node, inputs.feeds), finiteDifferences(of, inputs.feeds, by.attributes.name), op);
    });
  }
  Deno.test(`gradients() throws when it meets '${op}'`, () => {
    const inputs = new Inputs();
    const { node } = cases[0].build(inputs);
    const floats = node.inputs.filter(({ dtype }) => dtype === "float");
    assert.throws(() => gradients(total(node), floats), {
      name: "TypeError",
      message: `Cannot differentiate '${op}': it is part of a gradient, and gradients are of first order only`,
    });
  });
}

for (const { op, record, on } of LISTED.filter(({ record }) => record.gradient === null)) {
  Deno.test(`gradients() gives null when the only way leads through '${op}', and goes on beside it`, () => {
    assert.equal(record.arity, 1);
    const inputs = new Inputs();
    const x = inputs.float([4]);
    assert.deepEqual(gradients(total(on(x, x)), [x]), [null]);
    checkGradients(total(mul(on(x, x), x)), inputs.feeds);
  });
}

Deno.test("'step' is the derivative of 'relu'", () => {
  const inputs = new Inputs();
  const x = inputs.float([4], [-2, -0.1, 0.1, 2]);
  const expected = finiteDifferences(total(build.relu(x)), inputs.feeds, x.attributes.name);
  assertClose(valueOf(build.step(x), inputs.feeds), expected, "step");
});

/** Rows of `x` and what is made of them: all that `gradients()` has to put together where a tensor is read in parts. */
const ROWS: readonly (readonly [when: string, y: (x: Tensor) => Tensor])[] = [
  ["there is a gap between two slices", (x) => concat([build.tanh(slice(x, 0, 1)), slice(x, 3, 2)])],
  ["only rows in the middle are read", (x) => mul(slice(x, 2, 1), slice(x, 2, 1))],
  ["slices are read in another order", (x) => div(slice(x, 4, 2), add(build.exp(slice(x, 1, 2)), 1))],
  ["equal slices are read by several", (x) => add(build.tanh(slice(x, 1, 2)), build.exp(slice(x, 1, 2)))],
  ["rows are read by slices and by all", (x) => add(build.tanh(x), total(build.exp(slice(x, 1, 2))))],
  [
    "slices of a concat cut through its parts",
    (x) => {
      const joined = concat([build.tanh(x), build.exp(x)]);
      return mul(slice(joined, 4, 4), slice(joined, 8, 4));
    },
  ],
  [
    "a concat is read as a whole and in parts",
    (x) => {
      const joined = concat([build.tanh(x), build.exp(x)]);
      return add(mul(joined, joined), total(slice(joined, 3, 6)));
    },
  ],
];
for (const [when, y] of ROWS) {
  for (const shape of [[6], [6, 2]]) {
    Deno.test(`gradients() equals finite differences when ${when} of [${shape}]`, () => {
      const inputs = new Inputs();
      checkGradients(weightedTotal(y(inputs.float(shape)), inputs), inputs.feeds);
    });
  }
}

const OVERLAPPING: readonly (readonly [what: string, a: [number, number], b: [number, number]])[] = [
  ["share a row", [0, 2], [1, 2]],
  ["begin alike and end apart", [1, 2], [1, 3]],
  ["lie in each other", [0, 4], [1, 2]],
];
for (const [what, a, b] of OVERLAPPING) {
  Deno.test(`gradients() throws when two slices of a tensor ${what}`, () => {
    const x = build.tanh(input("x", [5, 2]));
    const loss = add(total(slice(x, ...a)), total(slice(x, ...b)));
    assert.throws(() => gradients(loss, [x]), {
      name: "TypeError",
      message: "Cannot differentiate 'tanh': some of its slices overlap, must be equal or apart",
    });
  });
}

/** Three products and a broadcast that read one weight and one bias, as the steps of an unrolled cell do; one product reads other widths. */
function sharedWeight(x: Inputs): Tensor {
  const weight = x.float([3, 3]), bias = x.float([3]), [a, b] = [x.float([2, 3]), x.float([4, 3])];
  const first = build.tanh(linear([a], weight, bias)), second = build.tanh(linear([b], weight, bias));
  const split = linear([x.float([2, 1]), x.float([2, 2])], weight, bias);
  return add(
    add(weightedTotal(linear([first], weight, bias), x), weightedTotal(second, x)),
    add(weightedTotal(split, x), weightedTotal(mul(a, bias), x)),
  );
}

Deno.test("gradients() equals finite differences when it joins the products that read one weight", () => {
  const inputs = new Inputs();
  checkGradients(sharedWeight(inputs), inputs.feeds, { joinProducts: true });
});

Deno.test("gradients() makes one product of those that read one weight in equal parts, and one sum, only when asked to", () => {
  const loss = sharedWeight(new Inputs()), { inputs } = buildGraph({ loss });
  const [weight, bias] = ["x0", "x1"].map((name) => inputs.get(name)!);
  const count = (joinProducts: boolean, op: OpName) => {
    const { outputs } = buildGraph({ loss });
    const flows = gradients(outputs.get("loss")!, [weight, bias], { joinProducts });
    return buildGraph({ weight: flows[0]!, bias: flows[1]! }).nodes.filter((node) => node.op === op).length;
  };
  assert.deepEqual([false, true].map((joined) => count(joined, "linear_weight_gradient")), [4, 2]);
  assert.deepEqual([false, true].map((joined) => count(joined, "sum")), [9, 5], "four are the loss' own");
});

Deno.test("gradients() gives null when the loss does not depend on a target", () => {
  const x = input("x", []), other = input("other", [2]);
  const [dx, none] = gradients(mul(x, 3), [x, other]);
  assert.equal(none, null);
  assert.deepEqual([...valueOf(dx!, new Map([["x", [5]]]))], [3]);
});

Deno.test("gradients() gives 1 when the target is the loss itself", () => {
  const x = input("x", []);
  assert.deepEqual([...valueOf(gradients(x, [x])[0]!, new Map())], [1]);
});

Deno.test("gradients() adds all flows when a tensor is used many times", () => {
  const inputs = new Inputs();
  const x = inputs.float([3]);
  const y = mul(x, build.tanh(x));
  checkGradients(weightedTotal(add(mul(y, x), div(y, add(mul(x, x), 1))), inputs), inputs.feeds);
});

Deno.test("gradients() throws when the loss is no scalar", () => {
  const x = input("x", [2, 3]);
  assert.throws(() => gradients(build.exp(x), [x]), {
    name: "TypeError",
    message: "Cannot differentiate 'exp': it has 2 axes, must be a scalar",
  });
});
