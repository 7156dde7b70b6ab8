/** What the sizes of a configuration say of its cost, for those who order runs and estimate times. */
import type { CellConfig } from "./config.ts";

/** What a cost follows from. */
export type Sizes = Pick<CellConfig, "n_layers" | "state_size">;

/** The sizes, the one with the largest effect on memory and time first: for sorting runs by shape. */
export function sizesOf({ state_size, n_layers }: Sizes): readonly number[] {
  return [state_size, n_layers];
}

/**
 * The relative cost of a training step: each layer multiplies by matrices of `state_size²` numbers, the two embeddings by 256 times
 * `state_size` each. It has no unit, and leaves out how many matrices a cell has.
 */
export function stepCost({ n_layers, state_size }: Sizes): number {
  return n_layers * state_size ** 2 + 512 * state_size;
}

/**
 * The relative cost of measuring a model's dynamics: for each token and layer, products with matrices of its carried numbers by themselves. It has no unit;
 * runs that differ in it alone take times that are known once one of each has been measured.
 *
 * @param states carried states of a layer, each of `state_size` numbers
 */
export function dynamicsCost({ n_layers, state_size }: Sizes, states: number): number {
  return n_layers * (states * state_size) ** 2;
}
