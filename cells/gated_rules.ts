/**
 * The rules of the gated cells: which configurations a study lists, and how experiment 02 enlarges one. They stand here because they name
 * factors and their values; what reads a table of factors names none.
 * See docs/study.md, "What is listed".
 */
import type { Configuration, Rule } from "./factor.ts";

/** The most states of a small cell: see {@linkcode LISTED}. */
export const MOST_SMALL_STATES = 32;

/** What experiment 02 trains at: the original study's usual size and depth, and its larger size. */
const USUAL_STATES = 256;
const LARGE_STATES = 512;
const MOST_LAYERS = 3;

/** The output must depend on the past. */
export const VALID: Rule = {
  holds: ({ use_new_state, use_old_state }) => Boolean(use_new_state || use_old_state),
  must: "needs use_new_state or use_old_state: without either the output does not depend on the past",
};

/** A small cell needs a residual. */
export const LISTED: Rule = {
  holds: (config) => !isSmall(config) || config.use_residual === true,
  must:
    `needs use_residual with up to ${MOST_SMALL_STATES} states: so few states are a bottleneck for the 256 values of a byte`,
};

/**
 * Whether a cell is small: so few states are a bottleneck for the 256 values of a byte without a residual, so a small cell is
 * tried with one alone, and experiment 02 trains it at the usual size.
 */
export function isSmall({ state_size }: Configuration): boolean {
  return Number(state_size) <= MOST_SMALL_STATES;
}

/**
 * What experiment 02 trains of a configuration that it has chosen: itself (a small one with 256 states), with 512 states, and, where it
 * has fewer than 3 layers, with 3 layers at 256 and at 512 states.
 */
export function enlarged(config: Configuration): Configuration[] {
  const sized = (state_size: Configuration[string], n_layers = config.n_layers) => ({
    ...config,
    n_layers,
    state_size,
  });
  const variants = [sized(isSmall(config) ? USUAL_STATES : config.state_size), sized(LARGE_STATES)];
  if (Number(config.n_layers) >= MOST_LAYERS) return variants;
  return [...variants, sized(USUAL_STATES, MOST_LAYERS), sized(LARGE_STATES, MOST_LAYERS)];
}
