/** Experiment 01: every sensible configuration. */
import { z } from "zod";
import {
  type CellConfig,
  configFields,
  isValidSwitchSetting,
  parseWith,
  SWITCHES,
  type SwitchKey,
} from "../../cells/config.ts";

import { UserError } from "../../cells/errors.ts";

/** The sizes of experiment 01. */
export const GRID = { layers: [1, 2, 3], state_sizes: [32, 256] } as const;

/** Layers, or state sizes, that one call lists: with as many of both, the 96 settings are 98,304 configurations. */
export const MOST_SIZES = 32;

/** Configurations of a list, which grows from call to call: every command reads all of it, 30 MB at this length. */
export const MOST_CONFIGS = 100_000;

/** Runs of an experiment, seeds counted: they are sorted in memory whenever a study is looked at. */
export const MOST_RUNS = 1_000_000;

/** The most states of a small cell. */
export const MOST_SMALL_STATES = 32;

/**
 * Whether a cell is small: the 256 values of a byte do not pass through so few numbers without a residual, so a small cell is
 * tried with one alone, and experiment 02 trains it at the usual size.
 */
export function isSmall({ state_size }: Pick<CellConfig, "state_size">): boolean {
  return state_size <= MOST_SMALL_STATES;
}

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
 * @throws {UserError} if a number of layers or a state size is out of bounds, or they are more than {@linkcode MOST_SIZES}
 */
export function grid(
  layers: readonly number[] = GRID.layers,
  stateSizes: readonly number[] = GRID.state_sizes,
): CellConfig[] {
  for (const [what, sizes] of [["layer counts", layers], ["state sizes", stateSizes]] as const) {
    if (sizes.length > MOST_SIZES) {
      throw new UserError(`Cannot list ${sizes.length} ${what}: must be at most ${MOST_SIZES} in one call`);
    }
  }
  parseWith(z.array(configFields.n_layers), [...layers], "the layers of a grid");
  parseWith(z.array(configFields.state_size), [...stateSizes], "the state sizes of a grid");
  return switchSettings().flatMap((switches) =>
    [...new Set(layers)].flatMap((n_layers) =>
      [...new Set(stateSizes)]
        .map((state_size): CellConfig => ({ ...switches, n_layers, state_size }))
        .filter((config) => !isSmall(config) || config.use_residual)
    )
  );
}

/** @throws {UserError} if so many configurations are too many for a list */
export function checkListLength(doing: string, count: number): void {
  if (count <= MOST_CONFIGS) return;
  throw new UserError(`Cannot ${doing}: these are ${count} configurations, must be at most ${MOST_CONFIGS}`);
}
