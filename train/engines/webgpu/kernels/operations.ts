/** The table from operations to kernels. */
import { elementwiseTable } from "../../../../cells/graph/elementwise.ts";
import { isElementwise, type OpName } from "../../../../cells/graph/tensor.ts";
import { elementwiseUse, embeddingUse } from "./elementwise_template.ts";
import { productUses, type Tiles } from "./product_uses.ts";
import { embeddingGradientUse, softmaxUse, sumUse } from "./reduction_template.ts";
import type { KernelUse, Locations } from "./kernel.ts";
import type { Task } from "../plan/tasks.ts";

type Launch = (task: Task, locations: Locations, tiles: Tiles) => KernelUse[];

const elementwiseAlone: Launch = (task, locations) => [elementwiseUse(task, locations)];
const softmax: Launch = (task, locations) => [softmaxUse(task, locations)];

/** Why an operation needs no kernel. */
const inMemory: Launch = ({ nodes: [{ op }] }) => {
  throw new TypeError(`Cannot launch '${op}': it is in memory from the start`);
};

const LAUNCHES: { readonly [K in OpName]: Launch } = {
  ...elementwiseTable(() => elementwiseAlone),
  input: inMemory,
  constant: inMemory,
  linear: productUses,
  linear_input_gradient: productUses,
  linear_weight_gradient: productUses,
  embedding: (task, locations) => [embeddingUse(task, locations)],
  embedding_weight_gradient: (task, locations) => [embeddingGradientUse(task, locations)],
  slice: inMemory,
  concat: inMemory,
  sum: (task, locations) => [sumUse(task, locations)],
  softmax_cross_entropy: softmax,
  softmax_cross_entropy_gradient: softmax,
};

/** The kernel instances of a task. */
export function usesOf(task: Task, locations: Locations, tiles: Tiles): KernelUse[] {
  if (task.target) return elementwiseAlone(task, locations, tiles);
  const [head] = task.heads.length ? task.heads : task.nodes.filter(isElementwise);
  return LAUNCHES[head.op](task, locations, tiles);
}
