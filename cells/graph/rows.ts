/**
 * Rows of tensors, over the first axis. They are for a model as a whole, which knows how many rows it has; no part of what cells are written with,
 * whose batch is another where a model is scored.
 */
import { makeNode } from "./builder.ts";
import type { Tensor } from "./tensor.ts";

/** Some rows of a tensor: `count` of them from row `first` on. All of them are the tensor itself. */
export function slice(x: Tensor, first: number, count: number): Tensor {
  return first === 0 && count === x.shape[0] ? x : makeNode("slice", [x], { first, count });
}

/** The rows of several tensors, one tensor after the other; of one, that tensor itself. */
export function concat(xs: readonly Tensor[]): Tensor {
  return xs.length === 1 ? xs[0] : makeNode("concat", xs, {});
}
