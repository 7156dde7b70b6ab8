/** The gated cell with its seven switches: those of the README, line by line. */
import type { CellConfig } from "../config.ts";
import { GATED } from "../factors.ts";
import { UserError } from "../errors.ts";
import { type Cell, defineCell } from "../cell.ts";
import { add, mul, named, sigmoid, sub, tanh } from "../graph/builder.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * The cell that a configuration describes. State `h` is the layer's `n` of the step before.
 *
 * @throws {UserError} if its output would not depend on the past
 */
export function gatedCell(config: CellConfig): Cell {
  if (!GATED.valid.holds(config)) throw new UserError(`Cannot make a gated cell: it ${GATED.valid.must}`);
  return defineCell({
    name: "gated",
    states: ["h"],
    forward(layer, x, { h }) {
      const gate = (name: string, inputs: readonly Tensor[]) => sigmoid(layer.linear(name, inputs));

      let xGated = x, hGated = h;
      if (config.use_input_gate) {
        xGated = named("x̃", mul(gate("input_gate_nn", [x, h]), x));
        hGated = named("h̃", mul(gate("state_input_gate_nn", [x, h]), h));
      }

      let n = named("n", tanh(layer.linear("state_nn", [xGated, hGated])));
      const gateInputs = () => config.gate_inputs === "x,h" ? [xGated, hGated] : [xGated, hGated, n];

      if (config.use_state_gate) {
        const z = named("z", gate("state_gate_nn", gateInputs()));
        n = named("n", add(mul(z, n), mul(sub(1, z), h)));
      }
      if (config.use_forget_gate) {
        const f = named("f", gate("forget_gate_nn", gateInputs()));
        n = named("n", mul(f, n));
      }

      const u = [
        ...(config.use_new_state ? [n] : []),
        ...(config.use_old_state ? [hGated] : []),
        ...(config.use_residual ? [x] : []),
      ];
      const o = named("o", layer.linear("output_nn", u));
      const y = mul(o, config.use_output_gate ? gate("output_gate_nn", [o, ...u]) : sigmoid(o));
      return { output: named("y", y), states: { h: n } };
    },
  });
}
