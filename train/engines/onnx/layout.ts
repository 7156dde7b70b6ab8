/**
 * How a training step's matrices lie in a worker's memory. A weight `[out, in]` that only products read is kept transposed,
 * `[in, out]`: its part for one input is then contiguous, so that an input's gradient reads it in place, and so is an
 * embedding's row.
 */
import { type Graph, usersOf } from "../../../cells/graph/graph.ts";
import { isOp, type Shape, type Tensor } from "../../../cells/graph/tensor.ts";
import type { Update } from "./loops.ts";

/** Whether a node reads a tensor as its weight, and in no other way. */
function readsAsWeight(node: Tensor, weight: Tensor): boolean {
  const index = isOp(node, "linear")
    ? node.inputs.length - 2
    : isOp(node, "linear_input_gradient") || isOp(node, "embedding")
    ? 1
    : undefined;
  return index !== undefined && node.inputs.every((source, i) => (source === weight) === (i === index));
}

/** The matrices that lie transposed: weights, and what their updates read and write. */
export function transposedTensors(graph: Graph, updates: readonly Update[]): Set<Tensor> {
  const moved = new Set(updates.flatMap(({ nodes }) => nodes));
  const users = new Map([...usersOf(graph)].map(([node, all]) => [node, all.filter((user) => !moved.has(user))]));
  const timesReturned = (x: Tensor) => [...graph.outputs.values()].filter((output) => output === x).length;
  const isWeight = (x: Tensor) => x.shape.length === 2 && users.get(x)!.every((user) => readsAsWeight(user, x));
  const isOwnGradient = (x: Tensor) =>
    (isOp(x, "linear_weight_gradient") || isOp(x, "embedding_weight_gradient")) && users.get(x)!.length === 0 &&
    timesReturned(x) < 2;
  const isOfWeight = ({ computed, arrays, results }: Update) =>
    computed !== undefined && isOwnGradient(computed) &&
    arrays.every((x) =>
      x === computed || isOp(x, "input") && isWeight(x) &&
        // What the model writes comes as it is.
        (results.has(x) || !graph.outputs.has(x.attributes.name))
    );
  const updated = new Set(updates.flatMap(({ arrays }) => arrays));
  const frozen = [...graph.inputs].flatMap(([name, x]) =>
    !updated.has(x) && !graph.outputs.has(name) && users.get(x)!.length > 0 && isWeight(x) ? [x] : []
  );
  return new Set([...frozen, ...updates.filter(isOfWeight).flatMap(({ arrays }) => arrays)]);
}

/** Some inputs of a product that are read as one matrix, and which of its weight's inputs they are. */
export interface Part {
  readonly inputs: readonly Tensor[];
  readonly first: number;
  readonly width: number;
}

/** Whether two inputs, one after the other, are read as one matrix. */
export type AreAdjacent = (left: Tensor, right: Tensor) => boolean;

/**
 * Inputs that stand side by side in several products are joined once for all of them; others are multiplied apart and added up,
 * which costs less than to join them.
 */
export function neighbours(graph: Graph): AreAdjacent {
  const times = new Map<Tensor, Map<Tensor, number>>();
  for (const { inputs } of graph.nodes.filter((node) => isOp(node, "linear"))) {
    inputs.slice(0, -3).forEach((left, i) => {
      const ofLeft = times.get(left) ?? new Map<Tensor, number>(), right = inputs[i + 1];
      times.set(left, ofLeft.set(right, (ofLeft.get(right) ?? 0) + 1));
    });
  }
  return (left, right) => (times.get(left)?.get(right) ?? 0) > 1;
}

/** The inputs of a product, cut where neighbours do not stand together. */
export function partsOf(inputs: readonly Tensor[], areAdjacent: AreAdjacent): Part[] {
  const parts: Part[] = [];
  inputs.forEach((input, i) => {
    const last = parts.at(-1);
    const [, width] = input.shape;
    if (last && areAdjacent(inputs[i - 1], input)) {
      parts[parts.length - 1] = { ...last, inputs: [...last.inputs, input], width: last.width + width };
    } else parts.push({ inputs: [input], first: last ? last.first + last.width : 0, width });
  });
  return parts;
}

/** Some rows of a transposed weight, read as a tensor of its own. */
export interface View {
  readonly name: string;
  readonly weight: Tensor;
  readonly first: number;
  readonly shape: Shape;
}

export function viewName(weight: Tensor, first: number, width: number): string {
  if (!isOp(weight, "input")) throw new TypeError(`Cannot view part of '${weight.op}': it must be an input`);
  return `${weight.attributes.name}[${first}:${first + width}]`;
}

/** The views that a graph's products and input gradients read, each once. */
export function viewsOf(graph: Graph, transposed: ReadonlySet<Tensor>): View[] {
  const areAdjacent = neighbours(graph), views = new Map<string, View>();
  const add = (weight: Tensor, first: number, width: number) => {
    const [out, all] = weight.shape;
    if (width === all || !transposed.has(weight)) return;
    const name = viewName(weight, first, width);
    views.set(name, { name, weight, first, shape: [width, out] });
  };
  for (const node of graph.nodes) {
    if (isOp(node, "linear_input_gradient")) add(node.inputs[1], node.attributes.offset, node.attributes.width);
    if (!isOp(node, "linear")) continue;
    for (const { first, width } of partsOf(node.inputs.slice(0, -2), areAdjacent)) {
      add(node.inputs.at(-2)!, first, width);
    }
  }
  return [...views.values()];
}

/** A matrix `[rows, columns]`, row-major, as `[columns, rows]`. */
export function transpose(values: ArrayLike<number>, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
