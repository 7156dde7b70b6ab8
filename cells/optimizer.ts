/** What an optimizer is: a value that a training step carries. Engines ask it for numbers and know nothing else of it. */
import { input } from "./graph/builder.ts";
import type { Tensor } from "./graph/tensor.ts";

/** New values after one update. */
export interface OptimizerUpdate {
  /** The weight, in its shape. */
  readonly weight: Tensor;
  /** The moments in the order of {@linkcode Optimizer.moments}, each in the weight's shape. */
  readonly moments: readonly Tensor[];
}

/** How gradients change weights. */
export interface Optimizer {
  /** What settings and files call it. */
  readonly name: string;
  /** What a short description of a configuration says of it; absent: nothing. */
  readonly phrase?: string;
  /** The learning rate where nothing else is said. */
  readonly learningRate: number;
  /**
   * What it remembers of each trained weight, in the weight's shape, zero at first: prefixes of the tensors' names. `exp_avg` is
   * `exp_avg.layers.0.state_nn.weight` in a step and in checkpoints.
   */
  readonly moments: readonly string[];
  /** Names of the scalar inputs of a step that change from update to update. */
  readonly scalarNames: readonly string[];
  /**
   * Values of these scalars at one update, in the order of their names.
   *
   * @param update number of the update, from 1
   */
  scalars(update: number, learningRate: number): readonly number[];
  /** The update of one weight as a graph: moments and scalars come in the order of their names. */
  update(
    weight: Tensor,
    gradient: Tensor,
    moments: readonly Tensor[],
    scalars: readonly Tensor[],
  ): OptimizerUpdate;
}

/**
 * Checks that an optimizer gives a value for each of its scalars; engines take them by number.
 *
 * @throws {TypeError} if it gives more or fewer at the first update
 */
export function checkScalars(optimizer: Optimizer): void {
  const given = optimizer.scalars(1, optimizer.learningRate).length, needed = optimizer.scalarNames.length;
  if (given === needed) return;
  throw new TypeError(`Cannot update by '${optimizer.name}': it gave ${given} scalars, must be ${needed}`);
}

/** Name of the tensor that a moment of a weight is: `exp_avg.layers.0.state_nn.weight`. */
export const momentName = (moment: string, weight: string): string => `${moment}.${weight}`;

/**
 * The update of one weight, with inputs for what the optimizer needs.
 *
 * @param name of the weight
 * @returns the new values of the weight and its moments, each under the name of its input
 * @throws {TypeError} if the optimizer gives another number of moments than it names
 */
export function updateOf(optimizer: Optimizer, name: string, weight: Tensor, gradient: Tensor): Record<string, Tensor> {
  const names = optimizer.moments.map((moment) => momentName(moment, name));
  const updated = optimizer.update(
    weight,
    gradient,
    names.map((moment) => input(moment, weight.shape)),
    optimizer.scalarNames.map((scalar) => input(scalar, [])),
  );
  if (updated.moments.length !== names.length) {
    throw new TypeError(
      `Cannot update by '${optimizer.name}': it gave ${updated.moments.length} moments, must be ${names.length}`,
    );
  }
  return { [name]: updated.weight, ...Object.fromEntries(names.map((moment, i) => [moment, updated.moments[i]])) };
}
