/**
 * The closed list of operations, and the nodes made of them. Every stage (shape rule, gradient, interpreter, ONNX, WGSL)
 * holds one table over {@linkcode OpName}, so that an operation which a stage forgot fails to compile.
 */

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** `float` for numbers, `index` for bytes and tokens. */
export type DType = "float" | "index";

/** Nothing beside the inputs. */
export type NoAttributes = Record<never, never>;

/**
 * The operations, and what each carries beside its inputs. Binary ones take two tensors of one shape, or one that is a scalar or a
 * vector of the other's last axis, which is broadcast. `B` is the batch, `[a, b]` joins features.
 */
export interface OpAttributes {
  /** A tensor from outside. Under this name it is fed; it is the only operation whose dtype may be `index`. */
  input: { readonly name: string };
  /** A scalar. */
  constant: { readonly value: number };
  /** `a + b`. */
  add: NoAttributes;
  /** `a − b`. */
  sub: NoAttributes;
  /** `a ⊙ b`. */
  mul: NoAttributes;
  /** `a / b`. */
  div: NoAttributes;
  /** `eˣ`. */
  exp: NoAttributes;
  /** `ln x`. */
  log: NoAttributes;
  /** `√x`. */
  sqrt: NoAttributes;
  /** `1 / (1 + e⁻ˣ)`. */
  sigmoid: NoAttributes;
  /** `(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)`. */
  tanh: NoAttributes;
  /** `max(x, 0)`. */
  relu: NoAttributes;
  /** 1 where the input is above zero, else 0: the derivative of `relu`. */
  step: NoAttributes;
  /** `x1 [B,i1] … xk [B,ik]`, `W [o, i1+…+ik]`, `b [o]` → `[x1 … xk] Wᵀ + b  [B,o]`. */
  linear: NoAttributes;
  /** `dy [B,o]`, `W [o,i]` → `dy W[:, offset:offset+width]  [B,width]`. */
  linear_input_gradient: { readonly offset: number; readonly width: number };
  /** `dy [B,o]`, `x1 … xk` → `dyᵀ [x1 … xk]  [o, i1+…+ik]`. */
  linear_weight_gradient: NoAttributes;
  /** `indices [B]`, `W [o, vocabulary]`, `b [o]` → `W[:, indices]ᵀ + b  [B,o]`. */
  embedding: NoAttributes;
  /** `dy [B,o]`, `indices [B]` → `dyᵀ onehot(indices)  [o, vocabulary]`. */
  embedding_weight_gradient: { readonly vocabulary: number };
  /** `[n, …]` → `[…]`, over the first axis. */
  sum: NoAttributes;
  /** `logits [B,v]`, `targets [B]` → the mean of `−ln softmax(logits)[target]`, a scalar, nats. */
  softmax_cross_entropy: NoAttributes;
  /** `logits [B,v]`, `targets [B]` → `(softmax(logits) − onehot(targets)) / B  [B,v]`. */
  softmax_cross_entropy_gradient: NoAttributes;
}

/** An operation by its name; every stage has one table over them. */
export type OpName = keyof OpAttributes;

/** Operations that work element by element; an engine may join chains of them into one kernel. */
export const ELEMENTWISE = [
  "add",
  "sub",
  "mul",
  "div",
  "exp",
  "log",
  "sqrt",
  "sigmoid",
  "tanh",
  "relu",
  "step",
] as const satisfies readonly OpName[];
export type ElementwiseOp = typeof ELEMENTWISE[number];

/** One operation with its inputs and the shape of its single output. Immutable, but for the label, which no stage computes with. */
export interface Tensor<K extends OpName = OpName> {
  /** The operation whose output this is. */
  readonly op: K;
  /** What the operation carries beside its inputs; {@linkcode OpAttributes} has the formulas. */
  readonly attributes: OpAttributes[K];
  /** What it reads, in the formula's order; none for an input or a constant. */
  readonly inputs: readonly Tensor[];
  /** Shape of the output, fixed when the node is made. */
  readonly shape: Shape;
  /** Kind of the output: `float`, but for inputs that hold bytes or tokens. */
  readonly dtype: DType;
  /** The symbol that people use for it (`z`, `h̃`): for prints, pictures and equations. */
  label?: string;
}

/** Narrows a tensor to one operation, so that its attributes have their type. */
export function isOp<K extends OpName>(tensor: Tensor, op: K): tensor is Tensor<K> {
  return tensor.op === op;
}

export function isElementwise(tensor: Tensor): tensor is Tensor<ElementwiseOp> {
  return (ELEMENTWISE as readonly OpName[]).includes(tensor.op);
}

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** `[256, 32]`, as errors and prints show it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
