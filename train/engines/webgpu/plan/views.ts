/**
 * Rows of larger tensors. A `slice` is read where it lies, and what goes into a `concat` is made where it is to lie: neither is any work
 * for the GPU, and neither takes memory of its own.
 */
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
