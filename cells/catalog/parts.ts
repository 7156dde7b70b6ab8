/** What several cells of the catalog are made of. */
import { add, exp, log, mul, named, relu, sub } from "../graph/builder.ts";
import type { Tensor } from "../graph/tensor.ts";

/** `gate ⊙ a + (1 − gate) ⊙ b`. */
export const mix = (gate: Tensor, a: Tensor, b: Tensor): Tensor => add(mul(gate, a), mul(sub(1, gate), b));

/**
 * `ln σ(x) = min(x, 0) − ln(1 + e^(−|x|))`, finite for every `x`. The logarithm of a logistic function would not be: in float32 that is 0
 * below about −88, and ONNX Runtime's from −18 on.
 *
 * @param symbol what equations call `x`
 */
export function logSigmoid(symbol: string, x: Tensor): Tensor {
  const exponent = named(symbol, x), below = relu(sub(0, exponent)), distance = add(relu(exponent), below);
  return named(`ln σ(${symbol})`, sub(sub(0, below), log(add(1, exp(sub(0, distance))))));
}
