/** What each elementwise operation must be, known by hand; every stage's tests go through this table. */
import * as build from "../../../cells/graph/builder.ts";
import type { Operand } from "../../../cells/graph/builder.ts";
import {
  type BinaryOp,
  ELEMENTWISE,
  type ElementwiseOp,
  type ElementwiseOperation,
  type UnaryOp,
} from "../../../cells/graph/elementwise.ts";
import type { Tensor } from "../../../cells/graph/tensor.ts";

/** One operation as it must be. */
export interface ElementwiseCase {
  /** A list of numbers for each operand, and what the operation makes of them. */
  readonly operands: readonly (readonly number[])[];
  readonly value: readonly number[];
  /** Whether its operands (of two, the right one) must be above zero. */
  readonly positive?: true;
  /** Further numbers at which its gradient is checked: where it saturates or has a corner. */
  readonly points?: readonly number[];
  /** How equations write it, of `a` and `b`. */
  readonly text: string;
  /** What a picture's box says of it: its sign, or its name. */
  readonly sign: string;
}

const { E, SQRT2 } = Math;
const LN = Math.log;

/** One case for each record: an operation without one fails to compile. */
export const ELEMENTWISE_CASES: { readonly [K in ElementwiseOp]: ElementwiseCase } = {
  add: { operands: [[1, 2, -3], [10, -20, 0.5]], value: [11, -18, -2.5], text: "a + b", sign: "+" },
  sub: { operands: [[1, 2, -3], [10, -20, 0.5]], value: [-9, 22, -3.5], text: "a − b", sign: "−" },
  mul: { operands: [[1, 2, -3], [10, -20, 0.5]], value: [10, -40, -1.5], text: "a ⊙ b", sign: "⊙" },
  div: { operands: [[12, 12, -1], [1, -2, 8]], value: [12, -6, -0.125], positive: true, text: "a / b", sign: "/" },
  exp: { operands: [[0, 1, -1]], value: [1, E, 1 / E], text: "exp(a)", sign: "exp" },
  log: { operands: [[1, E, E * E]], value: [0, 1, 2], positive: true, text: "ln(a)", sign: "log" },
  sqrt: { operands: [[0, 2, 9]], value: [0, SQRT2, 3], positive: true, text: "sqrt(a)", sign: "sqrt" },
  tanh: {
    operands: [[0, LN(3), -LN(2)]],
    value: [0, 0.8, -0.6],
    points: [-9, -3, 3, 9],
    text: "tanh(a)",
    sign: "tanh",
  },
  sigmoid: {
    operands: [[0, LN(3), -LN(3)]],
    value: [0.5, 0.75, 0.25],
    points: [-30, -4, 4, 30],
    text: "σ(a)",
    sign: "σ",
  },
  relu: { operands: [[-2, 0, 3]], value: [0, 0, 3], points: [-2, -0.1, 0.1, 2], text: "relu(a)", sign: "relu" },
  step: { operands: [[-2, 0, 3]], value: [0, 0, 1], points: [-2, -0.1, 0.1, 2], text: "step(a)", sign: "step" },
};

/** An operation for tests: its name, its record, its case, and its function on tensors; a unary one leaves `b` alone. */
export interface Listed extends ElementwiseCase {
  readonly op: ElementwiseOp;
  readonly record: ElementwiseOperation;
  readonly on: (a: Operand, b: Operand) => Tensor;
}

/** All elementwise operations. */
export const LISTED: readonly Listed[] = Object.entries(ELEMENTWISE_CASES).map(([name, known]) => {
  const op = name as ElementwiseOp, record = ELEMENTWISE[op];
  const on = (a: Operand, b: Operand) =>
    record.arity === 1 ? build[op as UnaryOp](a as Tensor) : build[op as BinaryOp](a, b);
  return { op, record, on, ...known };
});
