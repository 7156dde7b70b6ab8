/** What running a graph costs. */
import { elementwiseTable } from "./elementwise.ts";
import type { Graph } from "./graph.ts";
import { type OpName, sizeOf, type Tensor } from "./tensor.ts";

type Cost<K extends OpName> = (node: Tensor<K>) => number;

const none = () => 0;

/**
 * Floating-point operations of the matrix products, a multiplication and an addition each: `2 M N K`. All else is bound by
 * memory and counts nothing; so does the embedding, which reads rows.
 */
const PRODUCT_FLOP: { readonly [K in OpName]: Cost<K> } = {
  ...elementwiseTable(() => none),
  input: none,
  constant: none,
  linear: ({ shape, inputs }) => 2 * sizeOf(shape) * inputs[inputs.length - 2].shape[1],
  linear_input_gradient: ({ shape, inputs: [dy] }) => 2 * sizeOf(shape) * dy.shape[1],
  linear_weight_gradient: ({ shape, inputs: [dy] }) => 2 * sizeOf(shape) * dy.shape[0],
  embedding: none,
  embedding_weight_gradient: none,
  sum: none,
  slice: none,
  concat: none,
  softmax_cross_entropy: none,
  softmax_cross_entropy_gradient: none,
};

function costOf<K extends OpName>(node: Tensor<K>): number {
  return PRODUCT_FLOP[node.op](node);
}

/** Floating-point operations of all matrix products of one run of the graph. */
export function productFlop(graph: Graph): number {
  return graph.nodes.reduce((total, node) => total + costOf(node), 0);
}
