/**
 * Rows of larger tensors. A `slice` is read where it lies, and what goes into a `concat` is made where it is to lie: neither is any work
 * for the GPU, and neither takes memory of its own.
 */
import { add, constant, makeNode, slice } from "../../../../cells/graph/builder.ts";
import { type Graph, usersOf } from "../../../../cells/graph/graph.ts";
import { isOp, sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";

/** Whether a node does nothing but name rows that others have made. */
export function isView(node: Tensor): node is Tensor<"slice" | "concat"> {
  return isOp(node, "slice") || isOp(node, "concat");
}

/** The tensors that are in memory where this one is read: itself, unless it is a view. */
export function storedIn(tensor: Tensor): Tensor[] {
  return isView(tensor) ? tensor.inputs.flatMap(storedIn) : [tensor];
}

/** For each node, those that read it, be it through views; views themselves read nothing. */
export function readersOf(graph: Graph): Map<Tensor, Tensor[]> {
  const users = usersOf(graph), readers = new Map<Tensor, Tensor[]>();
  for (const node of graph.nodes.toReversed()) {
    const all = users.get(node)!.flatMap((user) => isView(user) ? readers.get(user)! : [user]);
    readers.set(node, [...new Set(all)]);
  }
  return readers;
}

/** The tensors that a view names rows of, or is made of. */
export function viewedIn(graph: Graph): Set<Tensor> {
  return new Set(graph.nodes.filter(isView).flatMap(({ inputs }) => inputs));
}

/** Where a tensor lies within another. */
export interface Within {
  readonly whole: Tensor;
  /** Its first element there. */
  readonly first: number;
}

/** Of slices, and of what {@linkcode placeParts} has made fit for its place in a `concat`. */
export function withinOthers(graph: Graph): Map<Tensor, Within> {
  const places = new Map<Tensor, Within>();
  for (const node of graph.nodes) {
    if (isOp(node, "slice")) {
      const [whole] = node.inputs, [, ...row] = node.shape;
      places.set(node, { whole, first: node.attributes.first * sizeOf(row) });
    }
    if (!isOp(node, "concat")) continue;
    let first = 0;
    for (const part of node.inputs) {
      places.set(part, { whole: node, first });
      first += sizeOf(part.shape);
    }
  }
  return places;
}

/** Copies a graph node by node; `change` gives what takes a node's place, from the node with its new inputs. */
function rewrite(graph: Graph, change: (node: Tensor, keep: (made: Tensor) => Tensor) => Tensor): Graph {
  const nodes: Tensor[] = [], replacement = new Map<Tensor, Tensor>();
  const keep = (node: Tensor) => {
    nodes.push(node);
    return node;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((source) => replacement.get(source)!);
    const now = inputs.every((source, i) => source === node.inputs[i]) ? node : { ...node, inputs };
    replacement.set(node, change(now, keep));
  }
  const outputs = new Map([...graph.outputs].map(([name, output]) => [name, replacement.get(output)!]));
  return { inputs: graph.inputs, outputs, nodes };
}

/**
 * Writes a weight's gradient over rows that were put together as a sum of products over the parts: `[a; b]ᵀ [x; y]` becomes `aᵀx + bᵀy`. One
 * kernel adds them up in its registers, and reads each part where it lies.
 */
export function splitProducts(graph: Graph): Graph {
  if (!graph.nodes.some(isView)) return graph;
  return rewrite(graph, (node, keep) => {
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
  const returned = new Set(graph.outputs.values()), taken = new Set<Tensor>();
  const zero = constant(0);
  const placed = rewrite(graph, (node, keep) => {
    if (!isOp(node, "concat")) return keep(node);
    const parts = node.inputs.map((part) => {
      const isFree = !isOp(part, "input") && !isOp(part, "constant") && !isView(part) && !returned.has(part) &&
        !taken.has(part);
      const own = isFree ? part : keep(add(part, zero));
      taken.add(own);
      return own;
    });
    return keep({ ...node, inputs: parts });
  });
  return { ...placed, nodes: [zero, ...placed.nodes] };
}
