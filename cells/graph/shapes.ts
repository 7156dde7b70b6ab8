/** The shape rules: what each operation needs of its inputs, and what comes out. */
import { elementwiseTable } from "./elementwise.ts";
import {
  type DType,
  formatShape,
  type OpAttributes,
  type OpName,
  sameShape,
  type Shape,
  type Tensor,
} from "./tensor.ts";

/** A rule returns the output's shape, or throws a {@linkcode TypeError} that says what is needed. */
type ShapeRule<K extends OpName> = (inputs: readonly Tensor[], attributes: OpAttributes[K]) => Shape;

function fail(op: OpName, needed: string, inputs: readonly Tensor[]): never {
  const came = inputs.map((t) => (t.dtype === "index" ? "index " : "") + formatShape(t.shape)).join(", ") || "no input";
  throw new TypeError(`Cannot build '${op}': needs ${needed}, got ${came}`);
}

const areFloats = (tensors: readonly Tensor[]) => tensors.every((t) => t.dtype === "float");

function expectFloats(op: OpName, inputs: readonly Tensor[], count: number, needed: string): void {
  if (inputs.length !== count || !areFloats(inputs)) fail(op, needed, inputs);
}

/** Two of one shape, or one that is a trailing part of the other: a scalar, or a vector over the last axis. */
function broadcastRule(op: OpName): (inputs: readonly Tensor[]) => Shape {
  const needed = "two tensors of one shape, or one that is a scalar or a vector of the other's last axis";
  return (inputs) => {
    expectFloats(op, inputs, 2, needed);
    const [long, short] = inputs.map((t) => t.shape).sort((a, b) => b.length - a.length);
    if (!sameShape(long.slice(long.length - short.length), short)) fail(op, needed, inputs);
    return long;
  };
}

function sameShapeRule(op: OpName): (inputs: readonly Tensor[]) => Shape {
  return (inputs) => {
    expectFloats(op, inputs, 1, "one tensor of numbers");
    return inputs[0].shape;
  };
}

function lossInputs(op: OpName, inputs: readonly Tensor[]): Shape {
  const [logits, targets] = inputs;
  const right = inputs.length === 2 && logits.dtype === "float" && logits.shape.length === 2 &&
    targets.dtype === "index" && sameShape(targets.shape, logits.shape.slice(0, 1));
  if (!right) fail(op, "logits [batch, vocabulary] and targets index [batch]", inputs);
  return logits.shape;
}

/** Columns that the inputs of one `linear` have together; each must be `[batch, features]`. */
function joinedFeatures(op: OpName, xs: readonly Tensor[], needed: string, all: readonly Tensor[]): number {
  const right = xs.length > 0 && areFloats(all) &&
    xs.every((x) => x.shape.length === 2 && x.shape[0] === xs[0].shape[0]);
  if (!right) fail(op, needed, all);
  return xs.reduce((sum, x) => sum + x.shape[1], 0);
}

/** One rule for each operation. */
export const SHAPE_RULES: { readonly [K in OpName]: ShapeRule<K> } = {
  ...elementwiseTable(({ arity }, op) => arity === 1 ? sameShapeRule(op) : broadcastRule(op)),
  // An input's shape is given, not derived: see `input()` in builder.ts.
  input: (inputs) => fail("input", "a declared shape", inputs),
  constant: () => [],
  linear(inputs) {
    const [weight, bias] = inputs.slice(-2);
    const needed = "x [batch, features] …, weight [out, sum of features], bias [out]";
    const features = joinedFeatures("linear", inputs.slice(0, -2), needed, inputs);
    if (!sameShape(weight.shape, [bias.shape[0], features]) || bias.shape.length !== 1) fail("linear", needed, inputs);
    return [inputs[0].shape[0], bias.shape[0]];
  },
  linear_input_gradient(inputs, { offset, width }) {
    const needed = `dy [batch, out], weight [out, at least ${offset + width}]`;
    expectFloats("linear_input_gradient", inputs, 2, needed);
    const [dy, weight] = inputs;
    const right = dy.shape.length === 2 && weight.shape.length === 2 && dy.shape[1] === weight.shape[0] &&
      offset >= 0 && width > 0 && offset + width <= weight.shape[1];
    if (!right) fail("linear_input_gradient", needed, inputs);
    return [dy.shape[0], width];
  },
  linear_weight_gradient(inputs) {
    const [dy, ...xs] = inputs;
    const needed = "dy [batch, out], x [batch, features] …";
    const features = joinedFeatures("linear_weight_gradient", xs, needed, inputs);
    if (dy.shape.length !== 2 || dy.shape[0] !== xs[0].shape[0]) fail("linear_weight_gradient", needed, inputs);
    return [dy.shape[1], features];
  },
  embedding(inputs) {
    const [indices, weight, bias] = inputs;
    const right = inputs.length === 3 && indices.dtype === "index" && indices.shape.length === 1 &&
      areFloats([weight, bias]) &&
      weight.shape.length === 2 && sameShape(bias.shape, weight.shape.slice(0, 1));
    if (!right) fail("embedding", "index [batch], weight [out, vocabulary], bias [out]", inputs);
    return [indices.shape[0], bias.shape[0]];
  },
  embedding_weight_gradient(inputs, { vocabulary }) {
    const [dy, indices] = inputs;
    const right = inputs.length === 2 && areFloats([dy]) && dy.shape.length === 2 && indices.dtype === "index" &&
      sameShape(indices.shape, dy.shape.slice(0, 1));
    if (!right) fail("embedding_weight_gradient", "dy [batch, out], index [batch]", inputs);
    return [dy.shape[1], vocabulary];
  },
  sum(inputs) {
    expectFloats("sum", inputs, 1, "one tensor with at least one axis");
    if (inputs[0].shape.length === 0) fail("sum", "one tensor with at least one axis", inputs);
    return inputs[0].shape.slice(1);
  },
  slice(inputs, { first, count }) {
    const isRange = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count > 0;
    const needed = isRange
      ? `one tensor with at least ${first + count} rows`
      : `whole numbers, a first row from 0 on and 1 row or more, not ${first} and ${count}`;
    expectFloats("slice", inputs, 1, needed);
    const [rows, ...rest] = inputs[0].shape;
    if (!isRange || !(first + count <= rows)) fail("slice", needed, inputs);
    return [count, ...rest];
  },
  concat(inputs) {
    const needed = "tensors with rows of one shape";
    if (!inputs.length || !areFloats(inputs) || inputs.some(({ shape }) => !shape.length)) {
      fail("concat", needed, inputs);
    }
    const [[, ...rest]] = inputs.map(({ shape }) => shape);
    if (!inputs.every(({ shape }) => sameShape(shape.slice(1), rest))) fail("concat", needed, inputs);
    return [inputs.reduce((rows, { shape }) => rows + shape[0], 0), ...rest];
  },
  softmax_cross_entropy(inputs) {
    lossInputs("softmax_cross_entropy", inputs);
    return [];
  },
  softmax_cross_entropy_gradient: (inputs) => lossInputs("softmax_cross_entropy_gradient", inputs),
};

/** Checks a declared shape: whole positive sizes. */
export function checkShape(name: string, shape: Shape, dtype: DType): void {
  if (shape.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new RangeError(
      `Cannot declare ${dtype} input '${name}': shape is ${formatShape(shape)}, sizes must be whole and positive`,
    );
  }
}
