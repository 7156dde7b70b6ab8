/**
 * How a training step's matrices lie in a worker's memory. A weight `[out, in]` that only products read is kept transposed,
 * `[in, out]`: its part for one input is then contiguous, so that an input's gradient reads it in place, and so is an
 * embedding's row.
 */
import { type Graph, usersOf } from "../../../cells/graph/graph.ts";
import { isOp, type Shape, type Tensor } from "../../../cells/graph/tensor.ts";
import type { Update } from "./updates.ts";

/** Whether a node reads a tensor as its weight, and in no other way. */
function readsAsWeight(node: Tensor, weight: Tensor): boolean {
  const place = isOp(node, "linear")
    ? node.inputs.length - 2
    : isOp(node, "linear_input_gradient") || isOp(node, "embedding")
    ? 1
    : undefined;
  return place !== undefined && node.inputs.every((source, i) => (source === weight) === (i === place));
}

/** The matrices that lie transposed: weights, and what their updates read and write. */
export function transposedTensors(graph: Graph, updates: readonly Update[]): Set<Tensor> {
  const moved = new Set(updates.flatMap(({ nodes }) => nodes));
  const users = new Map([...usersOf(graph)].map(([node, all]) => [node, all.filter((user) => !moved.has(user))]));
  const isWeight = (x: Tensor) => x.shape.length === 2 && users.get(x)!.every((user) => readsAsWeight(user, x));
  const isFree = (x: Tensor) =>
    isOp(x, "input")
      ? isWeight(x)
      : (isOp(x, "linear_weight_gradient") || isOp(x, "embedding_weight_gradient")) && users.get(x)!.length === 0;
  const updated = new Set(updates.flatMap(({ arrays }) => arrays));
  const frozen = [...graph.inputs].flatMap(([name, x]) =>
    !updated.has(x) && !graph.outputs.has(name) && users.get(x)!.length > 0 && isWeight(x) ? [x] : []
  );
  return new Set([...frozen, ...updates.flatMap(({ arrays }) => arrays.every(isFree) ? arrays : [])]);
}

/** Some rows of a transposed weight, read as a tensor of its own. */
export interface View {
  readonly name: string;
  readonly weight: Tensor;
  readonly first: number;
  readonly shape: Shape;
}

/** The part of a transposed weight that an input's gradient reads; none if that is all of it. */
export function viewOf(
  { inputs: [, weight], attributes: { offset, width } }: Tensor<"linear_input_gradient">,
): View | undefined {
  const [out, all] = weight.shape;
  if (width === all || !isOp(weight, "input")) return undefined;
  return { name: `${weight.attributes.name}[${offset}:${offset + width}]`, weight, first: offset, shape: [width, out] };
}

/** A matrix `[rows, columns]`, row-major, as `[columns, rows]`. */
export function transpose(values: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
