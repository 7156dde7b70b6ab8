/** Weights as they go into files and come out of them: there, of the right number, and finite. */
import { UserError } from "../../cells/errors.ts";
import { formatShape, type Shape, sizeOf } from "../../cells/graph/tensor.ts";
import type { TensorMap } from "../engines/engine.ts";

/** What is wanted of a tensor. */
export interface ExpectedTensor {
  readonly name: string;
  readonly shape: Shape;
}

/** The index of the first number that is NaN or infinite; undefined where all are finite. */
export function firstNonFinite(values: ArrayLike<number>): number | undefined {
  // A plain loop: with `findIndex`, millions of numbers took ten times as long, on the thread that feeds the GPU.
  for (let i = 0; i < values.length; i++) if (values[i] - values[i] !== 0) return i;
  return undefined;
}

/**
 * Why a tensor cannot be used, as the end of a sentence: `'x' is NaN at element 3, must be finite`. Undefined where it can.
 *
 * @param values undefined where there are none
 */
export function whyUnusable(
  { name, shape }: ExpectedTensor,
  values: ArrayLike<number> | undefined,
): string | undefined {
  if (!values) return `'${name}' is missing`;
  const size = sizeOf(shape);
  if (values.length !== size) {
    return `'${name}' has ${values.length} elements, its shape ${formatShape(shape)} needs ${size}`;
  }
  const at = firstNonFinite(values);
  return at === undefined ? undefined : `'${name}' is ${values[at]} at element ${at}, must be finite`;
}

/**
 * The wanted tensors as 32-bit numbers. What is not finite then (a 64-bit number may be too large) is refused as well: a file of
 * weights that no model can run on would replace one that is good.
 *
 * @param action what the error says was being done
 * @throws {UserError} naming the first tensor that is missing, has another number of elements, or is not finite
 */
export function checkedFloats(
  tensors: TensorMap,
  wanted: readonly ExpectedTensor[],
  action: string,
): Map<string, Float32Array> {
  return new Map(wanted.map((tensor) => {
    const given = tensors.get(tensor.name);
    const values = given && (given instanceof Float32Array ? given : Float32Array.from(given));
    const why = whyUnusable(tensor, values);
    if (!values || why) throw new UserError(`Cannot ${action}: ${why}`);
    return [tensor.name, values];
  }));
}
