/** What both directions of a derivative are built with. */
import * as operations from "./builder.ts";
import type { Arithmetic } from "./elementwise.ts";
import type { Tensor } from "./tensor.ts";

/** Each elementwise operation on tensors: one without its function in `builder.ts` fails to compile here. */
export const ON_TENSORS: Arithmetic<Tensor> = operations;

/** Everything that some tensors are made of, each once, inputs first. With a stack of its own: a deep graph must not exhaust that of calls. */
export function topologicalOrder(roots: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [], seen = new Set<Tensor>();
  const stack: [node: Tensor, isExpanded: boolean][] = roots.toReversed().map((root) => [root, false]);
  while (stack.length) {
    const [node, isExpanded] = stack.pop()!;
    if (isExpanded) order.push(node);
    else if (!seen.has(node)) {
      seen.add(node);
      stack.push([node, true]);
      for (const source of node.inputs) if (!seen.has(source)) stack.push([source, false]);
    }
  }
  return order;
}
