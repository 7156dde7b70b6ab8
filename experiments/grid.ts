/** Experiment 01: every sensible configuration. */
import { type CellConfig, isValidSwitchSetting, SWITCHES, type SwitchKey } from "../cells/config.ts";
import { UserError } from "../cells/errors.ts";

/** The sizes of experiment 01. */
export const GRID = { layers: [1, 2, 3], state_sizes: [32, 256] } as const;

/** The most states of a small cell, by {@linkcode isSmall}. */
export const MOST_SMALL_STATES = 32;

/** Most configurations of a list: every command reads all of it, 30 MB at this length. */
export const MOST_CONFIGS = 100_000;

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
 * @throws {UserError} before any is made, if they are too many for a list
 */
export function grid(
  layers: readonly number[] = GRID.layers,
  stateSizes: readonly number[] = GRID.state_sizes,
): CellConfig[] {
  const allLayers = [...new Set(layers)], sizes = [...new Set(stateSizes)], settings = switchSettings();
  checkListLength(
    `list ${allLayers.length} numbers of layers × ${sizes.length} state sizes × ${settings.length} settings of the switches`,
    allLayers.length * sizes.length * settings.length,
  );
  return settings.flatMap((switches) =>
    allLayers.flatMap((n_layers) =>
      sizes
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
