/** Central differences in float64: the oracle that every gradient is compared with. */
import assert from "node:assert/strict";
import { input, mul, sum } from "../../../cells/graph/builder.ts";
import { type GradientOptions, gradients } from "../../../cells/graph/gradient.ts";
import { buildGraph } from "../../../cells/graph/graph.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { type Shape, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";

export type Feeds = ReadonlyMap<string, ArrayLike<number>>;

/** The formula's own error grows with the square of the step, rounding with its inverse: near 1e-5 both are about 1e-11. */
const STEP = 1e-5;
/** An entry may be wrong by this part of the largest one, and by this much where all are tiny. */
const RELATIVE = 1e-7, ABSOLUTE = 1e-9;

/** Numbers without a pattern that a wrong index could hit by chance; none is nearer to zero than 0.05. */
export function scattered(size: number, phase: number): Float64Array {
  return new Float64Array(size).map((_, i) => {
    const x = Math.sin(12.9898 * (i + 1) + 78.233 * (phase + 1)) * 43758.5453;
    const unit = 2 * (x - Math.floor(x)) - 1;
    return 0.05 * Math.sign(unit) + 0.95 * unit;
  });
}

/** Inputs of one check: each call declares one, with values of its own. */
export class Inputs {
  readonly feeds = new Map<string, ArrayLike<number>>();

  float(shape: Shape, values: ArrayLike<number> = scattered(sizeOf(shape), this.feeds.size)): Tensor<"input"> {
    return this.#declare(shape, values, "float");
  }

  /** For logarithms, roots and divisors. */
  positive(shape: Shape): Tensor<"input"> {
    return this.float(shape, scattered(sizeOf(shape), this.feeds.size).map((x) => x + 1.5));
  }

  indices(...values: number[]): Tensor<"input"> {
    return this.#declare([values.length], values, "index");
  }

  #declare(shape: Shape, values: ArrayLike<number>, dtype: "float" | "index"): Tensor<"input"> {
    const name = `x${this.feeds.size}`;
    this.feeds.set(name, values);
    return input(name, shape, dtype);
  }
}

/** Sums all axes away. */
export function total(tensor: Tensor): Tensor {
  let scalar = tensor;
  while (scalar.shape.length) scalar = sum(scalar);
  return scalar;
}

/** A scalar in which each element counts differently, so that mixed-up elements cannot cancel. */
export function weightedTotal(y: Tensor, inputs: Inputs): Tensor {
  return total(mul(y, inputs.float(y.shape)));
}

export function valueOf(tensor: Tensor, feeds: Feeds): Float64Array {
  return interpret(buildGraph({ value: tensor }), feeds).get("value")!;
}

/** `(loss(x+h) − loss(x−h)) / 2h` for each element of one input. */
export function finiteDifferences(loss: Tensor, feeds: Feeds, name: string): Float64Array {
  const graph = buildGraph({ loss });
  const values = Float64Array.from(feeds.get(name)!);
  const lossAt = (i: number, value: number) => {
    const moved = values.with(i, value);
    return interpret(graph, new Map(feeds).set(name, moved)).get("loss")![0];
  };
  return values.map((x, i) => (lossAt(i, x + STEP) - lossAt(i, x - STEP)) / (2 * STEP));
}

/** NaN is never close: each comparison asks whether the error is small, not whether it is large. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  { relative = RELATIVE, absolute = ABSOLUTE } = {},
): void {
  assert.equal(actual.length, expected.length, `${what}: number of elements`);
  const wanted = Array.from(expected);
  const limit = absolute + relative * wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  wanted.forEach((x, i) => {
    assert.ok(Math.abs(actual[i] - x) <= limit, `${what}: element ${i} is ${actual[i]}, must be ${x} within ${limit}`);
  });
}

/** Compares `gradients()` of a scalar with finite differences, for every float input that it is fed; null counts as zero. */
export function checkGradients(loss: Tensor, feeds: Feeds, options: GradientOptions = {}): void {
  // A graph has nodes of its own where it merges equal ones: the loss and its inputs must come from the same graph.
  const { inputs, outputs } = buildGraph({ loss });
  const targets = [...inputs.values()].filter(({ dtype }) => dtype === "float");
  assert.ok(targets.length > 0, "nothing to differentiate");
  gradients(outputs.get("loss")!, targets, options).forEach((gradient, i) => {
    const { name } = targets[i].attributes;
    if (gradient) assert.deepEqual(gradient.shape, targets[i].shape, `gradient of '${name}': shape`);
    const actual = gradient ? valueOf(gradient, feeds) : new Float64Array(sizeOf(targets[i].shape));
    assertClose(actual, finiteDifferences(loss, feeds, name), `gradient of '${name}'`);
  });
}
