/** Configurations that have a name: the ones that benchmarks measure and tests train. */
import type { CellConfig } from "./config.ts";

/** The best configuration of the original study: 2 layers, 256 states, state gate, forget gate, new state, residual. */
export const BEST_CONFIG: CellConfig = {
  use_input_gate: false,
  use_forget_gate: true,
  use_output_gate: false,
  use_state_gate: true,
  use_new_state: true,
  use_old_state: false,
  use_residual: true,
  n_layers: 2,
  state_size: 256,
};

/** The same switches, small: what a first look at a corpus trains. */
export const SMALL_CONFIG: CellConfig = { ...BEST_CONFIG, n_layers: 1, state_size: 32 };
