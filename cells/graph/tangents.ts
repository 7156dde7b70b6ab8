/**
 * Forward-mode derivative as a graph: what a small change of some inputs does to the outputs. The derivatives of the elementwise operations
 * are those of their records, which `gradient.ts` reads too: their Jacobians are diagonal, so forwards and backwards are one formula.
 * Source: Griewank and Walther, "Evaluating derivatives", 2008, chapter 3.
 */
import { add, makeNode, mul, sum } from "./builder.ts";
import { ON_TENSORS, topologicalOrder } from "./derivative.ts";
import { type ElementwiseOperation, elementwiseTable } from "./elementwise.ts";
import { concat, slice } from "./rows.ts";
import { isOp, type OpName, sameShape, type Shape, type Tensor } from "./tensor.ts";

/** The change of a node, from those of its inputs; `null` where one does not change. At least one of them does. */
type TangentRule<K extends OpName> = (y: Tensor<K>, dxs: readonly (Tensor | null)[]) => Tensor | null;

/** Zeros of a tensor's shape. Where changes come several at a time, an export leaves products with them out. */
const zerosLike = (x: Tensor): Tensor => mul(x, 0);

/** Whether a tensor is zeros that {@linkcode tangents} has put in the place of an input which does not change. */
export function isZeros(x: Tensor): boolean {
  return isOp(x, "mul") && x.inputs.some((source) => isOp(source, "constant") && source.attributes.value === 0);
}

/** A change of a shorter operand is one of every row. */
function broadcastTo(dy: Tensor, y: Tensor): Tensor {
  return sameShape(dy.shape, y.shape) ? dy : add(zerosLike(y), dy);
}

function elementwiseRule(
  operation: ElementwiseOperation,
): (y: Tensor, dxs: readonly (Tensor | null)[]) => Tensor | null {
  if (operation.arity === 1) {
    const { gradient } = operation;
    return (y, [dx]) => gradient && gradient(ON_TENSORS, { x: y.inputs[0], y, dy: dx! });
  }
  return (y, dxs) => {
    const [a, b] = y.inputs;
    const parts = dxs.flatMap((dx, i) =>
      dx ? [broadcastTo(operation.gradient(ON_TENSORS, { a, b, y, dy: dx })[i], y)] : []
    );
    return parts.reduce((left, right) => add(left, right));
  };
}

function noTangent(op: OpName, why = "it is part of a loss or of a gradient"): () => never {
  return () => {
    throw new TypeError(`Cannot differentiate '${op}' forwards: ${why}`);
  };
}

const FIXED_WEIGHT = "its weight must not change";

/** The rule of each operation. */
const TANGENT_RULES: { readonly [K in OpName]: TangentRule<K> } = {
  ...elementwiseTable(elementwiseRule),
  input: () => null,
  constant: () => null,
  // y = [x1 … xk] Wᵀ + b:  dy = [dx1 … dxk] Wᵀ;  the weights stay as they are
  linear: ({ inputs }, dxs) => {
    const [weight, bias] = inputs.slice(-2);
    if (dxs.at(-1) || dxs.at(-2)) return noTangent("linear", FIXED_WEIGHT)();
    return makeNode(
      "linear",
      [...inputs.slice(0, -2).map((x, j) => dxs[j] ?? zerosLike(x)), weight, zerosLike(bias)],
      {},
    );
  },
  linear_input_gradient: noTangent("linear_input_gradient"),
  linear_weight_gradient: noTangent("linear_weight_gradient"),
  // A token does not change by little.
  embedding: noTangent("embedding", FIXED_WEIGHT),
  embedding_weight_gradient: noTangent("embedding_weight_gradient"),
  // y = Σ_i x_i:  dy = Σ_i dx_i
  sum: (_, [dx]) => sum(dx!),
  slice: ({ attributes: { first, count } }, [dx]) => slice(dx!, first, count),
  concat: ({ inputs }, dxs) => concat(inputs.map((x, j) => dxs[j] ?? zerosLike(x))),
  softmax_cross_entropy: noTangent("softmax_cross_entropy"),
  softmax_cross_entropy_gradient: noTangent("softmax_cross_entropy_gradient"),
};

/**
 * The directional derivative of some outputs: `dy = Σ (∂y/∂x) dx` over the inputs that change.
 *
 * @param seeds the inputs that change, each with its change, a tensor of the same shape
 * @returns one tensor for each of `outputs`, or `null` where it does not depend on any of the inputs
 * @throws {TypeError} if a change has another shape than its input, or reaches a weight, a loss or a gradient
 */
export function tangents(outputs: readonly Tensor[], seeds: ReadonlyMap<Tensor, Tensor>): (Tensor | null)[] {
  for (const [x, { shape }] of seeds) checkSeed(x, shape);
  const changes = new Map<Tensor, Tensor | null>(seeds);
  for (const node of topologicalOrder(outputs)) {
    if (changes.has(node)) continue;
    const dxs = node.inputs.map((source) => changes.get(source) ?? null);
    changes.set(node, dxs.some((dx) => dx !== null) ? applyRule(node, dxs) : null);
  }
  return outputs.map((output) => changes.get(output) ?? null);
}

function checkSeed({ op, shape: must }: Tensor, is: Shape): void {
  if (!sameShape(is, must)) {
    throw new TypeError(`Cannot differentiate forwards: the change of '${op}' is [${is}], must be [${must}]`);
  }
}

/** The table's entry for a node; generic, so that key and value stay joined. */
function applyRule<K extends OpName>(node: Tensor<K>, dxs: readonly (Tensor | null)[]): Tensor | null {
  return TANGENT_RULES[node.op](node, dxs);
}
