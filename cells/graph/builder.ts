/** Functions that build tensors: what a cell is written with. Numbers stand for scalar constants. */
import { checkShape, SHAPE_RULES } from "./shapes.ts";
import type { BinaryOp, UnaryOp } from "./elementwise.ts";
import type { DType, OpAttributes, OpName, Shape, Tensor } from "./tensor.ts";

/** Something that a binary operation takes. */
export type Operand = Tensor | number;

/**
 * Makes one node after its shape rule has passed.
 *
 * @throws {TypeError} naming the operation, what it needs and what came
 */
export function makeNode<K extends OpName>(op: K, inputs: readonly Tensor[], attributes: OpAttributes[K]): Tensor<K> {
  return { op, attributes, inputs, shape: SHAPE_RULES[op](inputs, attributes), dtype: "float" };
}

/** A named tensor that comes from outside: text, a weight, a carried state. */
export function input(name: string, shape: Shape, dtype: DType = "float"): Tensor<"input"> {
  checkShape(name, shape, dtype);
  return { op: "input", attributes: { name }, inputs: [], shape, dtype };
}

/** A number as a tensor of shape `[]`; operands that are plain numbers become one by themselves. */
export function constant(value: number): Tensor<"constant"> {
  return makeNode("constant", [], { value });
}

const asTensor = (value: Operand): Tensor => typeof value === "number" ? constant(value) : value;

/** Combines two operands. */
export type BinaryFunction = (a: Operand, b: Operand) => Tensor;
/** Maps one tensor. */
export type UnaryFunction = (x: Tensor) => Tensor;

const binary = (op: BinaryOp): BinaryFunction => (a, b) => makeNode(op, [asTensor(a), asTensor(b)], {});

const unary = (op: UnaryOp | "sum"): UnaryFunction => (x) => makeNode(op, [x], {});

/** `a + b`. */
export const add: BinaryFunction = binary("add");
/** `a − b`. */
export const sub: BinaryFunction = binary("sub");
/** `a ⊙ b`, elementwise. */
export const mul: BinaryFunction = binary("mul");
/** `a / b`, elementwise. */
export const div: BinaryFunction = binary("div");
/** `eˣ`, elementwise. */
export const exp: UnaryFunction = unary("exp");
/** Natural logarithm, elementwise. */
export const log: UnaryFunction = unary("log");
/** `√x`, elementwise. */
export const sqrt: UnaryFunction = unary("sqrt");
/** The logistic function `σ(x) = 1 / (1 + e⁻ˣ)`, elementwise. */
export const sigmoid: UnaryFunction = unary("sigmoid");
/** Hyperbolic tangent, elementwise. */
export const tanh: UnaryFunction = unary("tanh");
/** `max(x, 0)`, elementwise; its gradient at 0 is 0. */
export const relu: UnaryFunction = unary("relu");
/** 1 where `x > 0`, else 0. */
export const step: UnaryFunction = unary("step");
/** Sum over the first axis. */
export const sum: UnaryFunction = unary("sum");

/** `[x1 … xk] Wᵀ + b`; the inputs are never joined in memory. */
export function linear(xs: readonly Tensor[], weight: Tensor, bias: Tensor): Tensor {
  return makeNode("linear", [...xs, weight, bias], {});
}

/** A row of `Wᵀ` for each index, plus `b`: `linear` of the one-hot code. */
export function embedding(indices: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return makeNode("embedding", [indices, weight, bias], {});
}

/** Mean of `−ln softmax(logits)[target]` over the batch, in nats. */
export function softmaxCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return makeNode("softmax_cross_entropy", [logits, targets], {});
}

/** Gives a tensor the symbol that prints, pictures and equations show. Returns the same tensor. */
export function named(label: string, tensor: Tensor): Tensor {
  tensor.label ??= label;
  return tensor;
}
