/**
 * The closed list of operations, and the nodes made of them. Every stage (shape rule, gradient, interpreter, ONNX, WGSL)
 * holds one table over {@linkcode OpName}, so that an operation which a stage forgot fails to compile.
 */

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** `float` for numbers, `index` for bytes and tokens. */
export type DType = "float" | "index";

/** Nothing beside the inputs. */
type None = Record<never, never>;

/**
 * The operations, and what each carries beside its inputs. `B` is the batch, `[a, b]` joins features.
 *
 * | operation | inputs → output |
 * |---|---|
 * | `add` … `div` | two of one shape; a scalar, or a vector of the last axis, is broadcast |
 * | `linear` | `x1 [B,i1] … xk [B,ik]`, `W [o, i1+…+ik]`, `b [o]` → `[x1 … xk] Wᵀ + b  [B,o]` |
 * | `linear_input_gradient` | `dy [B,o]`, `W [o,i]` → `dy W[:, offset:offset+width]  [B,width]` |
 * | `linear_weight_gradient` | `dy [B,o]`, `x1 … xk` → `dyᵀ [x1 … xk]  [o, i1+…+ik]` |
 * | `embedding` | `indices [B]`, `W [o, vocabulary]`, `b [o]` → `W[:, indices]ᵀ + b  [B,o]` |
 * | `embedding_weight_gradient` | `dy [B,o]`, `indices [B]` → `dyᵀ onehot(indices)  [o, vocabulary]` |
 * | `sum` | `[n, …]` → `[…]`, over the first axis |
 * | `softmax_cross_entropy` | `logits [B,v]`, `targets [B]` → the mean of `−ln softmax(logits)[target]`, a scalar, nats |
 * | `softmax_cross_entropy_gradient` | the same → `(softmax(logits) − onehot(targets)) / B  [B,v]` |
 */
export interface OpAttributes {
  input: { readonly name: string };
  constant: { readonly value: number };
  add: None;
  sub: None;
  mul: None;
  div: None;
  exp: None;
  log: None;
  sqrt: None;
  sigmoid: None;
  tanh: None;
  relu: None;
  /** 1 where the input is above zero, else 0: the derivative of `relu`. */
  step: None;
  linear: None;
  linear_input_gradient: { readonly offset: number; readonly width: number };
  linear_weight_gradient: None;
  embedding: None;
  embedding_weight_gradient: { readonly vocabulary: number };
  sum: None;
  softmax_cross_entropy: None;
  softmax_cross_entropy_gradient: None;
}

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
  readonly op: K;
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly Tensor[];
  readonly shape: Shape;
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
