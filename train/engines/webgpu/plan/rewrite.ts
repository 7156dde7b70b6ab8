/** Rewrites of a training step for the GPU: the same function, in a form from which larger kernels come. */
import { add, constant } from "../../../../cells/graph/builder.ts";
import { type Graph, usersOf } from "../../../../cells/graph/graph.ts";
import { isOp, sameShape, type Tensor } from "../../../../cells/graph/tensor.ts";
import { isView } from "./views.ts";

/** Products whose results may be added up while they are made: one kind, and one layout of columns. */
export function sameProducts(a: Tensor, b: Tensor): boolean {
  if (!isProduct(a) || a.op !== b.op || !sameShape(a.shape, b.shape)) return false;
  // A weight gradient is made in one window of columns per input.
  const windows = (x: Tensor) =>
    isOp(x, "linear_weight_gradient") ? x.inputs.slice(1).map(({ shape }) => shape[1]) : [];
  return windows(a).join() === windows(b).join();
}

export function isProduct(
  tensor: Tensor,
): tensor is Tensor<"linear" | "linear_input_gradient" | "linear_weight_gradient"> {
  return isOp(tensor, "linear") || isOp(tensor, "linear_input_gradient") || isOp(tensor, "linear_weight_gradient");
}

/**
 * A cell may hand a state on as it is, `a ← b`, or its input, which is rows of a larger tensor. Then a carried output is another's input, which must
 * be kept until all is read; a copy of its own lets it be treated like any computed tensor.
 */
export function separateCarried(graph: Graph): Graph {
  const zero = constant(0);
  const added: Tensor[] = [];
  const outputs = new Map([...graph.outputs].map(([name, output]) => {
    const isMade = !isOp(output, "input") && !isView(output);
    if (isMade || graph.inputs.get(name) === output) return [name, output];
    const copy = add(output, zero);
    added.push(copy);
    return [name, copy];
  }));
  return added.length ? { inputs: graph.inputs, outputs, nodes: [...graph.nodes, zero, ...added] } : graph;
}

/**
 * Reorders sums so that products stand together: `(p₁ + e) + p₂` becomes `(p₁ + p₂) + e`. The gradient of a tensor that many
 * products read is such a sum; products that stand together are one kernel, which adds them up in its registers.
 */
export function gatherProducts(graph: Graph): Graph {
  const users = usersOf(graph);
  const returned = new Set(graph.outputs.values());
  const isPart = (node: Tensor) => {
    const [user] = users.get(node)!;
    return users.get(node)!.length === 1 && !returned.has(node) && user.inputs.filter((x) => x === node).length === 1;
  };
  /** Whether a sum is a term of another sum of its shape, and of nothing else. */
  const isInner = (node: Tensor) =>
    isOp(node, "add") && isPart(node) && isOp(users.get(node)![0], "add") &&
    sameShape(users.get(node)![0].shape, node.shape);
  const termsOf = (node: Tensor, shape = node.shape): Tensor[] =>
    node.inputs.flatMap((term) => isInner(term) && sameShape(term.shape, shape) ? termsOf(term, shape) : [term]);

  const nodes: Tensor[] = [];
  const replacement = new Map<Tensor, Tensor>();
  const keep = (node: Tensor) => {
    nodes.push(node);
    return node;
  };
  for (const node of graph.nodes) {
    if (isInner(node)) continue;
    const now = (term: Tensor) => replacement.get(term)!;
    const terms = isOp(node, "add") ? termsOf(node) : [];
    if (terms.length > 2) {
      const groups: Tensor[][] = [];
      const others: Tensor[] = [];
      for (const term of terms) {
        if (!isProduct(term) || !isPart(term)) others.push(term);
        else {
          const group = groups.find(([first]) => sameProducts(first, term));
          if (group) group.push(term);
          else groups.push([term]);
        }
      }
      const sumUp = (list: readonly Tensor[]) => list.reduce((a, b) => keep(add(a, b)));
      const sums = groups.map((group) => sumUp(group.map(now)));
      // The last addition takes the place of the sum: it has its shape, whatever is broadcast.
      const matrices = [...sums, ...others.map(now)].sort((a, b) => b.shape.length - a.shape.length);
      replacement.set(node, sumUp(matrices));
    } else {
      const inputs = node.inputs.map(now);
      replacement.set(node, keep(inputs.every((x, i) => x === node.inputs[i]) ? node : { ...node, inputs }));
    }
  }
  const outputs = new Map([...graph.outputs].map(([name, output]) => [name, replacement.get(output)!]));
  return { inputs: graph.inputs, outputs, nodes };
}
