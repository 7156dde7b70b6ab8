/**
 * Reverse-mode gradient as a graph. Above each rule stands its formula; `dy` is the gradient of the loss with respect to
 * the operation's output `y`. First order only: the operations that appear in gradients alone have no rule themselves. The rules of
 * the elementwise operations stand in their records.
 */
import { add, constant, makeNode, mul, sum } from "./builder.ts";
import { ON_TENSORS, topologicalOrder } from "./derivative.ts";
import { concat, slice } from "./rows.ts";
import { ELEMENTWISE, type ElementwiseOperation, elementwiseTable } from "./elementwise.ts";
import { isElementwise, isOp, type OpName, type Shape, type Tensor } from "./tensor.ts";

/** Gradients of the inputs, in their order; `null` where none flows (indices, constants). */
type GradientRule<K extends OpName> = (y: Tensor<K>, dy: Tensor) => (Tensor | null)[];

/** Undoes a broadcast: sums the leading axes away that the input does not have. */
function reduceTo(dy: Tensor, shape: Shape): Tensor {
  let reduced = dy;
  while (reduced.shape.length > shape.length) reduced = sum(reduced);
  return reduced;
}

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
  // Of the rows that are read; `Flows` puts those of all slices of a tensor together, zeros where no gradient flows.
  slice: (_, dy) => [dy],
  // dx_j: the rows of dy at which those of x_j stand
  concat: ({ inputs }, dy) => {
    let first = 0;
    return inputs.map(({ shape: [count] }) => {
      const dx = slice(dy, first, count);
      first += count;
      return dx;
    });
  },
  // d mean(−ln softmax(l)[t]) = (softmax(l) − onehot(t)) / B
  softmax_cross_entropy: ({ inputs: [logits, targets] }, dy) => [
    mul(makeNode("softmax_cross_entropy_gradient", [logits, targets], {}), dy),
    null,
  ],
  softmax_cross_entropy_gradient: firstOrderOnly("softmax_cross_entropy_gradient"),
};

/** How gradients are built. */
export interface GradientOptions {
  /**
   * Where several products of a graph read one weight, its gradient is one product over the rows of all, and a bias' gradient one sum. Without it
   * these are made one by one and added up, which rounds otherwise.
   */
  readonly joinProducts?: boolean;
}

/**
 * Gradients of a scalar with respect to some inputs.
 *
 * @returns one tensor for each of `targets`, or `null` where nothing flows: the loss does not depend on it
 * @throws {TypeError} if the loss is not a scalar
 */
export function gradients(
  loss: Tensor,
  targets: readonly Tensor[],
  { joinProducts = false }: GradientOptions = {},
): (Tensor | null)[] {
  if (loss.shape.length) {
    throw new TypeError(`Cannot differentiate '${loss.op}': it has ${loss.shape.length} axes, must be a scalar`);
  }
  const order = topologicalOrder([loss]);
  const leads = dependsOn(order, new Set(targets));
  const flows = new Map<Tensor, Flows>([[loss, new Flows(loss, joinProducts)]]);
  flows.get(loss)!.add(constant(1));
  for (const node of order.reverse()) {
    const dy = flows.get(node)?.total;
    if (!dy || !node.inputs.some((source) => leads.has(source))) continue;
    applyRule(node, dy).forEach((flow, i) => {
      const source = node.inputs[i];
      if (!flow || !leads.has(source)) return;
      const known = flows.get(source) ?? new Flows(source, joinProducts);
      flows.set(source, known);
      known.add(flow, isOp(node, "slice") ? node.attributes.first : undefined);
    });
  }
  return targets.map((target) => flows.get(target)?.total ?? null);
}

/** What flows back into one tensor, from all that read it: from the last reader of the graph to the first. */
class Flows {
  readonly #whole: Tensor[] = [];
  /** By the first row of a slice, what flows into its rows. */
  readonly #rows = new Map<number, Tensor[]>();
  #total?: Tensor;

  constructor(private readonly tensor: Tensor, private readonly joinProducts: boolean) {}

  /** @param first the row from which on the flow lies; absent: it has the shape of all */
  add(flow: Tensor, first?: number): void {
    if (first === undefined) {
      this.#whole.push(flow);
      return;
    }
    const known = this.#rows.get(first);
    if (known) known.push(flow);
    else this.#rows.set(first, [flow]);
  }

  /** The gradient; to be asked for when all have flown, which holds once the reverse order has come to the tensor. */
  get total(): Tensor {
    return this.#total ??= this.#join();
  }

  #join(): Tensor {
    const flows = this.#rows.size ? [this.#joinRows(), ...this.#whole] : this.#whole;
    return (this.joinProducts ? joinProducts(flows) : flows).reduce((a, b) => add(a, b));
  }

  /** Slices that stand side by side, with zeros between them. */
  #joinRows(): Tensor {
    const parts: Tensor[] = [], { tensor } = this;
    let row = 0;
    const zerosTo = (end: number) => {
      if (end > row) parts.push(mul(slice(tensor, row, end - row), 0));
    };
    for (const [first, flows] of [...this.#rows].sort(([a], [b]) => a - b)) {
      const [{ shape: [count] }] = flows;
      if (first < row || flows.some(({ shape }) => shape[0] !== count)) {
        throw new TypeError(`Cannot differentiate '${tensor.op}': some of its slices overlap, must be equal or apart`);
      }
      zerosTo(first);
      parts.push(flows.reduce((a, b) => add(a, b)));
      row = first + count;
    }
    zerosTo(tensor.shape[0]);
    return concat(parts);
  }
}

/** Σ_j dy_jᵀ x_j = [dy_1; …]ᵀ [x_1; …], and so for sums over the batch: rows of all products of a kind, one below the other. */
function joinProducts(flows: readonly Tensor[]): Tensor[] {
  const kindOf = (flow: Tensor) => {
    const matrices = flow.inputs.every(({ shape }) => shape.length === 2);
    const isKnown = isOp(flow, "linear_weight_gradient") || isOp(flow, "sum");
    return isKnown && matrices ? `${flow.op} ${flow.inputs.map(({ shape }) => shape[1])}` : undefined;
  };
  const joined: Tensor[] = [], kinds = new Map<string, Tensor[]>();
  for (const flow of flows) {
    const kind = kindOf(flow);
    const known = kind === undefined ? joined : kinds.get(kind);
    if (known) known.push(flow);
    else kinds.set(kind!, [flow]);
  }
  for (const backwards of kinds.values()) {
    // The last reader's flow came first: rows stand in the order of the steps, as those of the inputs do that the graph has joined already.
    const alike = backwards.reverse(), [first] = alike;
    const inputs = first.inputs.map((_, i) => concat(alike.map((flow) => flow.inputs[i])));
    joined.push(alike.length === 1 ? first : makeNode(first.op, inputs, first.attributes));
  }
  return joined;
}

/** The table's entry for a node; generic, so that key and value stay joined. */
function applyRule<K extends OpName>(node: Tensor<K>, dy: Tensor): (Tensor | null)[] {
  return GRADIENT_RULES[node.op](node, dy);
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
