/** What ONNX Runtime needs for the tensors between a step's inputs and outputs: with several steps back, most of a run's memory. */
import type { Graph } from "../../../cells/graph/graph.ts";
import { isOp, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";

/**
 * Bytes of the tensors that a graph has made and still needs, at the node where they are the most. Its inputs and outputs are not among them.
 * ONNX Runtime takes the nodes in another order, does some of them in place and leaves gaps: it was seen to take up to 1.7 times as much.
 */
export function workingBytes({ nodes, outputs }: Graph): number {
  const lasting = new Set(outputs.values()), lastUser = new Map<Tensor, Tensor>();
  for (const node of nodes) for (const source of node.inputs) lastUser.set(source, node);
  const isOwn = (tensor: Tensor) => !isOp(tensor, "input") && !lasting.has(tensor);
  let alive = 0, most = 0;
  for (const node of nodes) {
    if (isOwn(node)) alive += Float32Array.BYTES_PER_ELEMENT * sizeOf(node.shape);
    most = Math.max(most, alive);
    for (const source of new Set(node.inputs)) {
      if (isOwn(source) && lastUser.get(source) === node) {
        alive -= Float32Array.BYTES_PER_ELEMENT * sizeOf(source.shape);
      }
    }
  }
  return most;
}
