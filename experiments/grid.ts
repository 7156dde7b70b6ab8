/** Experiment 01: every sensible configuration. */
import { z } from "zod";
import {
  type CellConfig,
  configFields,
  isValidSwitchSetting,
  parseWith,
  SWITCHES,
  type SwitchKey,
} from "../cells/config.ts";

/** The sizes of experiment 01. */
export const GRID = { layers: [1, 2, 3], state_sizes: [32, 256] } as const;

/** At this size only cells with a residual are tried: 256 byte values do not pass through 32 numbers otherwise. */
const RESIDUAL_ONLY_SIZE = 32;

/** The settings of the seven switches that depend on the past at all: 96 of 128. */
export function switchSettings(): Record<SwitchKey, boolean>[] {
  const all = Array.from(
    { length: 2 ** SWITCHES.length },
    (_, bits) => Object.fromEntries(SWITCHES.map(({ key }, i) => [key, (bits >> (SWITCHES.length - 1 - i) & 1) === 1])),
  ) as Record<SwitchKey, boolean>[];
  return all.filter(isValidSwitchSetting);
}

/**
 * All configurations over these layers and state sizes: 432 by default.
 *
 * @throws {UserError} if a number of layers or a state size is out of bounds
 */
export function grid(
  layers: readonly number[] = GRID.layers,
  stateSizes: readonly number[] = GRID.state_sizes,
): CellConfig[] {
  parseWith(z.array(configFields.n_layers), [...layers], "the layers of a grid");
  parseWith(z.array(configFields.state_size), [...stateSizes], "the state sizes of a grid");
  return switchSettings().flatMap((switches) =>
    [...new Set(layers)].flatMap((n_layers) =>
      [...new Set(stateSizes)]
        .filter((size) => size !== RESIDUAL_ONLY_SIZE || switches.use_residual)
        .map((state_size) => ({ ...switches, n_layers, state_size }))
    )
  );
}
