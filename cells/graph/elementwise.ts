/**
 * The elementwise operations, one record each: everything that any stage needs to know of an operation. A new one is a name and a record
 * here, and its function in `builder.ts`; a name without either fails to compile. This module imports nothing, so that every stage can read it.
 */

/** How equations write an operation: as a function's name, or between its operands. */
export type Notation =
  | { readonly call: string }
  | {
    readonly infix: string;
    /** How strongly it binds: 0 like a sum, 1 like a product. */
    readonly precedence: 0 | 1;
    /** Whether `a ∘ (b ∘ c)` needs no brackets. */
    readonly associative: boolean;
  };

/** Writes nodes of an ONNX model; both methods return the name of a result. */
export interface OnnxWriter {
  /** Adds a node of an operator of opset 17. */
  node(op_type: string, inputs: readonly string[], attributes?: Record<string, number>): string;
  /** A float constant without axes. */
  scalar(value: number): string;
  /** ONNX's number of the type of all floats in the model. */
  readonly floatType: number;
}

/** What every elementwise operation has. */
interface Elementwise {
  readonly notation: Notation;
  /** The ONNX operator that it is, or what writes several nodes and returns the name of the last one's result. */
  readonly onnx: string | ((model: OnnxWriter, inputs: readonly string[]) => string);
  /**
   * WebAssembly that takes the operands, four floats each, from the stack and leaves the result there. Absent: the operation stays with
   * ONNX Runtime. Encodings: WebAssembly Core Specification 2.0, section 5.4.9.
   */
  readonly wasm?: readonly number[];
  /** Whether to compute it again costs a GPU less than to fetch its result from memory. */
  readonly isCheap: boolean;
}

/** An operation on one tensor. */
export interface UnaryOperation extends Elementwise {
  readonly arity: 1;
  /** Its meaning, in float64. */
  readonly value: (x: number) => number;
  /**
   * The gradient with respect to `x`, from that with respect to `y`, the output. It is written against {@linkcode Arithmetic}, so that
   * graphs and numbers can follow it. `null`: constant almost everywhere, nothing flows.
   */
  readonly gradient: (<V>(ops: Arithmetic<V>, at: { readonly x: V; readonly y: V; readonly dy: V }) => V) | null;
  /** A WGSL expression of the name of a value; `V` is its type, `f32` or `vec4f`. */
  readonly wgsl: (x: string, V: string) => string;
  /** Declarations that the expression needs, for every `V`. */
  readonly wgslDeclarations?: (V: string) => string;
  /** Nonlinearities that pictures draw in one box with the product that they read: a gate's values are fractions. */
  readonly activation?: "gate" | "other";
}

/** An operation on two tensors; a scalar, or a vector of the other's last axis, is broadcast. */
export interface BinaryOperation extends Elementwise {
  readonly arity: 2;
  /** Its meaning, in float64. */
  readonly value: (a: number, b: number) => number;
  /** The gradients with respect to `a` and `b`, in the shape of the output: the caller sums what was broadcast. */
  readonly gradient: <V>(
    ops: Arithmetic<V>,
    at: { readonly a: V; readonly b: V; readonly y: V; readonly dy: V },
  ) => readonly [da: V, db: V];
  /** A WGSL expression of the names of two values of one type. */
  readonly wgsl: (a: string, b: string) => string;
}

/** The record of any elementwise operation. */
export type ElementwiseOperation = UnaryOperation | BinaryOperation;

/** `a + b`. */
const add: BinaryOperation = {
  arity: 2,
  value: (a, b) => a + b,
  // d(a+b) = da + db
  gradient: (_, { dy }) => [dy, dy],
  wgsl: (a, b) => `${a} + ${b}`,
  onnx: "Add",
  wasm: [0xfd, 0xe4, 0x01], // f32x4.add
  notation: { infix: "+", precedence: 0, associative: true },
  isCheap: true,
};

/** `a − b`. */
const sub: BinaryOperation = {
  arity: 2,
  value: (a, b) => a - b,
  // d(a−b) = da − db
  gradient: ({ sub }, { dy }) => [dy, sub(0, dy)],
  wgsl: (a, b) => `${a} - ${b}`,
  onnx: "Sub",
  wasm: [0xfd, 0xe5, 0x01], // f32x4.sub
  notation: { infix: "−", precedence: 0, associative: false },
  isCheap: true,
};

/** `a ⊙ b`. */
const mul: BinaryOperation = {
  arity: 2,
  value: (a, b) => a * b,
  // d(a⊙b) = b⊙da + a⊙db
  gradient: ({ mul }, { a, b, dy }) => [mul(dy, b), mul(dy, a)],
  wgsl: (a, b) => `${a} * ${b}`,
  onnx: "Mul",
  wasm: [0xfd, 0xe6, 0x01], // f32x4.mul
  notation: { infix: "⊙", precedence: 1, associative: true },
  isCheap: true,
};

/** `a / b`. */
const div: BinaryOperation = {
  arity: 2,
  value: (a, b) => a / b,
  // d(a/b) = da/b − (a/b)⊙db/b
  gradient: ({ div, mul, sub }, { b, y, dy }) => {
    const da = div(dy, b);
    return [da, sub(0, mul(da, y))];
  },
  wgsl: (a, b) => `${a} / ${b}`,
  onnx: "Div",
  wasm: [0xfd, 0xe7, 0x01], // f32x4.div
  notation: { infix: "/", precedence: 1, associative: false },
  isCheap: false,
};

/** `eˣ`. */
const exp: UnaryOperation = {
  arity: 1,
  value: Math.exp,
  // d eˣ = eˣ dx
  gradient: ({ mul }, { y, dy }) => mul(dy, y),
  wgsl: (x) => `exp(${x})`,
  onnx: "Exp",
  notation: { call: "exp" },
  isCheap: false,
};

/** `ln x`. */
const log: UnaryOperation = {
  arity: 1,
  value: Math.log,
  // d ln x = dx / x
  gradient: ({ div }, { x, dy }) => div(dy, x),
  wgsl: (x) => `log(${x})`,
  onnx: "Log",
  notation: { call: "ln" },
  isCheap: false,
};

/** `√x`. */
const sqrt: UnaryOperation = {
  arity: 1,
  value: Math.sqrt,
  // d √x = dx / (2√x)
  gradient: ({ div, mul }, { y, dy }) => div(mul(dy, 0.5), y),
  wgsl: (x) => `sqrt(${x})`,
  onnx: "Sqrt",
  wasm: [0xfd, 0xe3, 0x01], // f32x4.sqrt
  notation: { call: "sqrt" },
  isCheap: false,
};

/** `(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)`. */
const tanh: UnaryOperation = {
  arity: 1,
  value: Math.tanh,
  // d tanh = (1 − tanh²) dx
  gradient: ({ mul, sub }, { y, dy }) => mul(dy, sub(1, mul(y, y))),
  wgsl: (x) => `safe_tanh(${x})`,
  wgslDeclarations: (V) =>
    `// naga's tanh is NaN for large inputs on Metal and inexact near zero on lavapipe
fn safe_tanh(x: ${V}) -> ${V} {
  let t = exp(${V}(-2.0) * abs(x));
  return select(sign(x) * (${V}(1.0) - t) / (${V}(1.0) + t), fma(x * x * x, ${V}(${-1 / 3}), x), abs(x) < ${V}(0.02));
}`,
  onnx: "Tanh",
  notation: { call: "tanh" },
  isCheap: false,
  activation: "other",
};

/** The logistic function, `1 / (1 + e⁻ˣ)`. */
const sigmoid: UnaryOperation = {
  arity: 1,
  value: (x) => 1 / (1 + Math.exp(-x)),
  // dσ = σ(1−σ) dx
  gradient: ({ mul, sub }, { y, dy }) => mul(dy, mul(y, sub(1, y))),
  wgsl: (x) => `safe_sigmoid(${x})`,
  wgslDeclarations: (V) =>
    `// the exponential's argument is never positive, so it cannot overflow
fn safe_sigmoid(x: ${V}) -> ${V} {
  let t = exp(-abs(x));
  return select(t, ${V}(1.0), x >= ${V}(0.0)) / (${V}(1.0) + t);
}`,
  onnx: "Sigmoid",
  notation: { call: "σ" },
  isCheap: false,
  activation: "gate",
};

/** `max(x, 0)`. */
const relu: UnaryOperation = {
  arity: 1,
  value: (x) => Math.max(x, 0),
  // d max(x,0) = [x>0] dx
  gradient: ({ mul, step }, { x, dy }) => mul(dy, step(x)),
  wgsl: (x, V) => `max(${x}, ${V}(0.0))`,
  onnx: "Relu",
  notation: { call: "relu" },
  isCheap: false,
  activation: "other",
};

/** 1 where the input is above zero, else 0: the derivative of `relu`. */
const step: UnaryOperation = {
  arity: 1,
  value: (x) => (x > 0 ? 1 : 0),
  gradient: null,
  wgsl: (x, V) => `select(${V}(0.0), ${V}(1.0), ${x} > ${V}(0.0))`,
  onnx: (model, [x]) => model.node("Cast", [model.node("Greater", [x, model.scalar(0)])], { to: model.floatType }),
  notation: { call: "step" },
  isCheap: false,
};

/**
 * The name of an elementwise operation. Those on two tensors: `add` (`a + b`), `sub` (`a − b`), `mul` (`a ⊙ b`) and `div` (`a / b`), where
 * a scalar, or a vector of the other's last axis, is broadcast. Those on one: `exp` (`eˣ`), `log` (`ln x`), `sqrt` (`√x`),
 * `tanh` (`(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)`), `sigmoid` (`1 / (1 + e⁻ˣ)`), `relu` (`max(x, 0)`) and `step` (1 where `x > 0`, else 0).
 */
export type ElementwiseOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "step";

/**
 * All of them, by name. Every WebGPU program declares what operations need in this order: another order is another program text, and so
 * another fingerprint of the version.
 */
export const ELEMENTWISE = {
  add,
  sub,
  mul,
  div,
  exp,
  log,
  sqrt,
  tanh,
  sigmoid,
  relu,
  step,
} satisfies Record<ElementwiseOp, ElementwiseOperation>;

/** Those on one tensor. */
export type UnaryOp = {
  [K in ElementwiseOp]: (typeof ELEMENTWISE)[K] extends UnaryOperation ? K : never;
}[ElementwiseOp];
/** Those on two. */
export type BinaryOp = Exclude<ElementwiseOp, UnaryOp>;

/** The operations as functions of values of one kind: tensors of a graph, say, or numbers. A plain number stands for a constant. */
export type Arithmetic<V> =
  & { readonly [K in UnaryOp]: (x: V) => V }
  & { readonly [K in BinaryOp]: (a: V | number, b: V | number) => V };

/** A stage's table over the elementwise operations: what it makes of each record. */
export function elementwiseTable<T>(
  make: (operation: ElementwiseOperation, op: ElementwiseOp) => T,
): Readonly<Record<ElementwiseOp, T>> {
  const entries = Object.entries(ELEMENTWISE).map(([op, record]) => [op, make(record, op as ElementwiseOp)]);
  return Object.fromEntries(entries) as Record<ElementwiseOp, T>;
}
