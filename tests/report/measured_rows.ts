/** Rows of the 48 configurations without input and output gate, of 256 states and 1 or 2 layers, with dynamics that a test chooses. */
import type { CellConfig } from "../../cells/config.ts";
import type { RunRow } from "../../report/data/rows.ts";
import { plantedRows } from "./planted_rows.ts";
import { type PlantedDynamics, syntheticDynamics } from "./synthetic_dynamics.ts";

/** Once per seed, with one loss for all. */
export function measuredRows(planted: (config: CellConfig, seed: number) => PlantedDynamics, seeds: number): RunRow[] {
  const isMeant = ({ use_input_gate, use_output_gate, state_size, n_layers }: CellConfig) =>
    !use_input_gate && !use_output_gate && state_size === 256 && n_layers < 3;
  return plantedRows(() => 2, seeds).filter(({ config }) => isMeant(config))
    .map((row) => ({ ...row, dynamics: syntheticDynamics(row, planted(row.config, row.seed)) }));
}
