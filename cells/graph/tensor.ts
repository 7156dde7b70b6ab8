/**
 * The closed list of operations, and the nodes made of them. Every stage (shape rule, gradient, interpreter, ONNX, WGSL)
 * holds one table over {@linkcode OpName}, so that an operation which a stage forgot fails to compile. What a stage makes of an
 * elementwise operation follows from its record in `elementwise.ts`.
 */
import { ELEMENTWISE, type ElementwiseOp } from "./elementwise.ts";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** `float` for numbers, `index` for bytes and tokens. */
export type DType = "float" | "index";

/** Nothing beside the inputs. */
export type NoAttributes = Record<never, never>;

/** Elementwise operations: of one tensor, or of two of one shape, of which one may be a scalar or a vector of the other's last axis. */
export type ElementwiseAttributes = Readonly<Record<ElementwiseOp, NoAttributes>>;

/** The operations, and what each carries beside its inputs. `B` is the batch, `[a, b]` joins features. */
export interface OpAttributes extends ElementwiseAttributes {
  /** A tensor from outside. Under this name it is fed; it is the only operation whose dtype may be `index`. */
  input: { readonly name: string };
  /** A scalar. */
  constant: { readonly value: number };
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
  /** `[n, …]` → rows `first` to `first + count − 1`  `[count, …]`. */
  slice: { readonly first: number; readonly count: number };
  /** `x1 [n1, …] … xk [nk, …]` → the rows of all, one tensor after the other  `[n1+…+nk, …]`. */
  concat: NoAttributes;
  /** `logits [B,v]`, `targets [B]` → the mean of `−ln softmax(logits)[target]`, a scalar, nats. */
  softmax_cross_entropy: NoAttributes;
  /** `logits [B,v]`, `targets [B]` → `(softmax(logits) − onehot(targets)) / B  [B,v]`. */
  softmax_cross_entropy_gradient: NoAttributes;
}

/** An operation by its name; every stage has one table over them. */
export type OpName = keyof OpAttributes;

/** An operation that is not an elementwise one: a source, a product, a reduction, a look-up. */
export type OtherOp = Exclude<OpName, ElementwiseOp>;

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
  return Object.hasOwn(ELEMENTWISE, tensor.op);
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
