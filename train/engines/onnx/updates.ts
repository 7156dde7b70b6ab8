/**
 * Takes the updates of carried tensors (weights, and the optimizer's moments) out of a training step. ONNX Runtime makes a pass
 * over memory for each of their operations; as one loop over the elements, in place, they are one pass in all.
 */
import { type Graph, usersOf } from "../../../cells/graph/graph.ts";
import { isOp, sameShape, type Tensor } from "../../../cells/graph/tensor.ts";
import { isInLoops, type Update } from "./loops.ts";

/**
 * The updates of a training step. Run after the rest of it, they complete it: the rest reads nothing that they make, and none
 * reads what another writes.
 */
export function findUpdates(graph: Graph): Update[] {
  const movable = movableNodes(graph);
  return connected(graph, movable).flatMap((nodes) => describe(graph, nodes) ?? []);
}

/** Elementwise nodes from which only carried tensors follow, and nothing that the rest of the step reads. */
function movableNodes(graph: Graph): Set<Tensor> {
  const users = usersOf(graph);
  const returned = new Map<Tensor, string[]>();
  for (const [name, tensor] of graph.outputs) returned.set(tensor, [...returned.get(tensor) ?? [], name]);
  const movable = new Set<Tensor>();
  for (const node of graph.nodes.toReversed()) {
    const names = returned.get(node) ?? [];
    const isPlain = isInLoops(node) && node.shape.length > 0 &&
      node.inputs.every(({ shape }) => shape.length === 0 || sameShape(shape, node.shape));
    const staysApart = names.every((name) => graph.inputs.has(name)) && users.get(node)!.every((x) => movable.has(x));
    if (isPlain && staysApart) movable.add(node);
  }
  return movable;
}

/** Movable nodes in groups that read or write something in common, but for single numbers: each becomes one loop. */
function connected(graph: Graph, movable: ReadonlySet<Tensor>): Tensor[][] {
  const groups = new Map<Tensor, Set<Tensor>>();
  const join = (a: Tensor, b: Tensor) => {
    const [first, second] = [a, b].map((tensor) => groups.get(tensor) ?? new Set([tensor]));
    for (const tensor of second) first.add(tensor);
    for (const tensor of first) groups.set(tensor, first);
  };
  for (const node of movable) for (const source of node.inputs) if (source.shape.length > 0) join(node, source);
  for (const [name, tensor] of graph.outputs) if (movable.has(tensor)) join(tensor, graph.inputs.get(name)!);
  return [...new Set(groups.values())].map((group) => graph.nodes.filter((x) => movable.has(x) && group.has(x)));
}

/** The update that these nodes are; none if it needed several computed tensors: handing them over costs more than it saves. */
function describe(graph: Graph, nodes: readonly Tensor[]): Update | undefined {
  const own = new Set(nodes);
  const results = new Map(
    [...graph.outputs].flatMap(([name, x]) => own.has(x) ? [[graph.inputs.get(name)!, x] as const] : []),
  );
  const sources = new Set([...nodes.flatMap(({ inputs }) => inputs), ...results.keys()]);
  const outside = [...sources].filter((source) => !own.has(source) && !isOp(source, "constant"));
  const arrays = outside.filter(({ shape }) => shape.length > 0);
  const numbers = outside.filter(({ shape }) => shape.length === 0);
  const scalars = numbers.filter((source) => isOp(source, "input"));
  const computed = arrays.filter((source) => !isOp(source, "input"));
  if (computed.length > 1 || scalars.length < numbers.length) return undefined;
  return { nodes, arrays, scalars, results, computed: computed[0] };
}
