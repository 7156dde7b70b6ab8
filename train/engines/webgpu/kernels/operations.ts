/** The table from operations to kernels. */
import { elementwiseTable } from "../../../../cells/graph/elementwise.ts";
import { isElementwise, type OpName } from "../../../../cells/graph/tensor.ts";
import { elementwiseUse, embeddingUse } from "./elementwise_template.ts";
import { productUses } from "./product_template.ts";
import { embeddingGradientUse, softmaxUse, sumUse } from "./reduction_template.ts";
import type { KernelUse, Place } from "./kernel.ts";
import type { Task } from "../plan/tasks.ts";

type Launch = (task: Task, place: Place) => KernelUse[];

const chainAlone: Launch = (task, place) => [elementwiseUse(task, place)];
const softmax: Launch = (task, place) => [softmaxUse(task, place)];

/** Why an operation needs no kernel. */
const inMemory: Launch = ({ nodes: [{ op }] }) => {
  throw new TypeError(`Cannot launch '${op}': it is in memory from the start`);
};

const LAUNCHES: { readonly [K in OpName]: Launch } = {
  ...elementwiseTable(() => chainAlone),
  input: inMemory,
  constant: inMemory,
  linear: productUses,
  linear_input_gradient: productUses,
  linear_weight_gradient: productUses,
  embedding: (task, place) => [embeddingUse(task, place)],
  embedding_weight_gradient: (task, place) => [embeddingGradientUse(task, place)],
  sum: (task, place) => [sumUse(task, place)],
  softmax_cross_entropy: softmax,
  softmax_cross_entropy_gradient: softmax,
};

/** The kernel instances of a task. */
export function usesOf(task: Task, place: Place): KernelUse[] {
  if (task.target) return chainAlone(task, place);
  const [head] = task.heads.length ? task.heads : task.nodes.filter(isElementwise);
  return LAUNCHES[head.op](task, place);
}
