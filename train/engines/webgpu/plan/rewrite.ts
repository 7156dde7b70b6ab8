/** Rewrites of a training step for the GPU: the same function, in a form from which larger kernels come. */
import { add, constant, makeNode } from "../../../../cells/graph/builder.ts";
import { slice } from "../../../../cells/graph/rows.ts";
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

/** What {@linkcode rewrite} tells of the graph that it makes. */
interface Rewriting {
  /** Adds a node; returns it. */
  keep(made: Tensor): Tensor;
  /** Whether a node of the new graph is an output of it. */
  isReturned(made: Tensor): boolean;
}

/** Copies a graph node by node; `change` gives what takes a node's place, from the node with its new inputs. */
function rewrite(graph: Graph, change: (node: Tensor, rewriting: Rewriting) => Tensor): Graph {
  const nodes: Tensor[] = [], replacement = new Map<Tensor, Tensor>();
  const before = new Set(graph.outputs.values()), returned = new Set<Tensor>();
  const isReturned = (made: Tensor) => returned.has(made);
  const keep = (node: Tensor) => {
    nodes.push(node);
    return node;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((source) => replacement.get(source)!);
    const now = inputs.every((source, i) => source === node.inputs[i]) ? node : { ...node, inputs };
    const made = change(now, { keep, isReturned });
    replacement.set(node, made);
    if (before.has(node)) returned.add(made);
  }
  const outputs = new Map([...graph.outputs].map(([name, output]) => [name, replacement.get(output)!]));
  return { inputs: graph.inputs, outputs, nodes: neededFor([...outputs.values(), ...graph.inputs.values()], nodes) };
}

/** Those of some nodes from which the results come, in their order. */
export function neededFor(results: Iterable<Tensor>, nodes: readonly Tensor[]): Tensor[] {
  const all = new Set(nodes), needed = new Set(results);
  // A set that grows while it is walked: what is added is visited too.
  for (const node of needed) for (const source of node.inputs) if (all.has(source)) needed.add(source);
  return nodes.filter((node) => needed.has(node));
}

/**
 * Writes a weight's gradient over rows that were put together as a sum of products over the parts: `[a; b]ᵀ [x; y]` becomes `aᵀx + bᵀy`. One
 * kernel adds them up in its registers, and reads each part where it lies.
 */
export function splitProducts(graph: Graph): Graph {
  if (!graph.nodes.some(isView)) return graph;
  return rewrite(graph, (node, { keep }) => {
    const whole = isOp(node, "linear_weight_gradient") ? node.inputs.find((x) => isOp(x, "concat")) : undefined;
    if (!whole) return keep(node);
    const counts = whole.inputs.map(({ shape }) => shape[0]);
    const isLike = (x: Tensor) => x.inputs.map(({ shape }) => shape[0]).join() === counts.join();
    if (node.inputs.some((x) => isOp(x, "concat") && !isLike(x))) return keep(node);
    let first = 0;
    const products = counts.map((count, i) => {
      const parts = node.inputs.map((x) => {
        if (isOp(x, "concat")) return x.inputs[i];
        return keep(slice(x, first, count));
      });
      first += count;
      return keep(makeNode("linear_weight_gradient", parts, {}));
    });
    return products.reduce((a, b) => keep(add(a, b)));
  });
}

/**
 * Makes each part of a `concat` a tensor that can be made in its place there: one that a kernel computes, that has no other place, and that does
 * not outlive the step. A copy stands in for any other; where a kernel makes what is copied, it writes it twice.
 */
export function placeParts(graph: Graph): Graph {
  if (!graph.nodes.some(isView)) return graph;
  const zero = constant(0), taken = new Set<Tensor>();
  const placed = rewrite(graph, (node, { keep, isReturned }) => {
    if (!isOp(node, "concat")) return keep(node);
    const parts = node.inputs.map((part) => {
      const isFree = !isOp(part, "input") && !isOp(part, "constant") && !isView(part) && !isReturned(part) &&
        !taken.has(part);
      const own = isFree ? part : keep(add(part, zero));
      taken.add(own);
      return own;
    });
    return keep({ ...node, inputs: parts });
  });
  return { ...placed, nodes: [zero, ...placed.nodes] };
}
