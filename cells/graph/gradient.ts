/**
 * Reverse-mode gradient as a graph. Above each rule stands its formula; `dy` is the gradient of the loss with respect to
 * the operation's output `y`. First order only: the operations that appear in gradients alone have no rule themselves. The rules of
 * the elementwise operations stand in their records.
 */
import * as operations from "./builder.ts";
import { add, constant, makeNode, mul, sum } from "./builder.ts";
import { type Arithmetic, ELEMENTWISE, type ElementwiseOperation, elementwiseTable } from "./elementwise.ts";
import { isElementwise, type OpName, type Shape, type Tensor } from "./tensor.ts";

/** Gradients of the inputs, in their order; `null` where none flows (indices, constants). */
type GradientRule<K extends OpName> = (y: Tensor<K>, dy: Tensor) => (Tensor | null)[];

/** Undoes a broadcast: sums the leading axes away that the input does not have. */
function reduceTo(dy: Tensor, shape: Shape): Tensor {
  let reduced = dy;
  while (reduced.shape.length > shape.length) reduced = sum(reduced);
  return reduced;
}

/** Each elementwise operation on tensors: one without its function in `builder.ts` fails to compile here. */
const ON_TENSORS: Arithmetic<Tensor> = operations;

function elementwiseRule(operation: ElementwiseOperation): (y: Tensor, dy: Tensor) => (Tensor | null)[] {
  if (operation.arity === 1) {
    const { gradient } = operation;
    return (y, dy) => [gradient && gradient(ON_TENSORS, { x: y.inputs[0], y, dy })];
  }
  return (y, dy) => {
    const [a, b] = y.inputs;
    const [da, db] = operation.gradient(ON_TENSORS, { a, b, y, dy });
    return [reduceTo(da, a.shape), reduceTo(db, b.shape)];
  };
}

function firstOrderOnly(op: OpName): () => never {
  return () => {
    throw new TypeError(
      `Cannot differentiate '${op}': it is part of a gradient, and gradients are of first order only`,
    );
  };
}

/** The rule of each operation. */
export const GRADIENT_RULES: { readonly [K in OpName]: GradientRule<K> } = {
  ...elementwiseTable(elementwiseRule),
  input: () => [],
  constant: () => [],
  // y = [x1 … xk] Wᵀ + b:  dx_j = dy W_j (W_j: its columns),  dW = dyᵀ [x1 … xk],  db = Σ_batch dy
  linear: ({ inputs }, dy) => {
    const xs = inputs.slice(0, -2);
    const weight = inputs[inputs.length - 2];
    let offset = 0;
    const dxs = xs.map((x) => {
      const dx = makeNode("linear_input_gradient", [dy, weight], { offset, width: x.shape[1] });
      offset += x.shape[1];
      return dx;
    });
    return [...dxs, makeNode("linear_weight_gradient", [dy, ...xs], {}), sum(dy)];
  },
  linear_input_gradient: firstOrderOnly("linear_input_gradient"),
  linear_weight_gradient: firstOrderOnly("linear_weight_gradient"),
  // y = W[:, i]ᵀ + b:  dW = dyᵀ onehot(i),  db = Σ_batch dy
  embedding: ({ inputs: [indices, weight] }, dy) => [
    null,
    makeNode("embedding_weight_gradient", [dy, indices], { vocabulary: weight.shape[1] }),
    sum(dy),
  ],
  embedding_weight_gradient: firstOrderOnly("embedding_weight_gradient"),
  // d Σ_i x_i: dy, the same for every i; broadcast by adding it to zeros of x's shape
  sum: ({ inputs: [x] }, dy) => [add(mul(x, 0), dy)],
  // d mean(−ln softmax(l)[t]) = (softmax(l) − onehot(t)) / B
  softmax_cross_entropy: ({ inputs: [logits, targets] }, dy) => [
    mul(makeNode("softmax_cross_entropy_gradient", [logits, targets], {}), dy),
    null,
  ],
  softmax_cross_entropy_gradient: firstOrderOnly("softmax_cross_entropy_gradient"),
};

/**
 * Gradients of a scalar with respect to some inputs.
 *
 * @returns one tensor for each of `targets`, or `null` where nothing flows: the loss does not depend on it
 * @throws {TypeError} if the loss is no scalar
 */
export function gradients(loss: Tensor, targets: readonly Tensor[]): (Tensor | null)[] {
  if (loss.shape.length) {
    throw new TypeError(`Cannot differentiate '${loss.op}': it has ${loss.shape.length} axes, must be a scalar`);
  }
  const order = topologicalOrder(loss);
  const leads = dependsOn(order, new Set(targets));
  const gradient = new Map<Tensor, Tensor>([[loss, constant(1)]]);
  for (const node of order.reverse()) {
    const dy = gradient.get(node);
    if (!dy || !node.inputs.some((source) => leads.has(source))) continue;
    const flows = applyRule(node, dy);
    node.inputs.forEach((source, i) => {
      const flow = flows[i];
      if (!flow || !leads.has(source)) return;
      const known = gradient.get(source);
      gradient.set(source, known ? add(known, flow) : flow);
    });
  }
  return targets.map((target) => gradient.get(target) ?? null);
}

/** The table's entry for a node; generic, so that key and value stay joined. */
function applyRule<K extends OpName>(node: Tensor<K>, dy: Tensor): (Tensor | null)[] {
  return GRADIENT_RULES[node.op](node, dy);
}

function topologicalOrder(root: Tensor): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: [Tensor, boolean][] = [[root, false]];
  while (stack.length) {
    const [node, expanded] = stack.pop()!;
    if (expanded) order.push(node);
    else if (!seen.has(node)) {
      seen.add(node);
      stack.push([node, true]);
      for (const source of node.inputs) if (!seen.has(source)) stack.push([source, false]);
    }
  }
  return order;
}

/** The nodes from which a target is reached: only they carry a gradient. */
function dependsOn(order: readonly Tensor[], targets: ReadonlySet<Tensor>): Set<Tensor> {
  const leads = new Set<Tensor>();
  const isConstant = (node: Tensor) => isElementwise(node) && ELEMENTWISE[node.op].gradient === null;
  for (const node of order) {
    if (targets.has(node) || (!isConstant(node) && node.inputs.some((source) => leads.has(source)))) leads.add(node);
  }
  return leads;
}
