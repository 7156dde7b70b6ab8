/** The forward function of a configuration in words, put together from its factors' clauses. */
import { findCell, GATED_SPACE } from "./catalog/catalog.ts";
import type { Space } from "./space.ts";
import type { CellConfig } from "./config.ts";
import { counted } from "./counts.ts";
import { clauseOf, valueOf } from "./factor.ts";
import type { Unit } from "./unit.ts";

/** A forward function in words. */
export interface ForwardWords {
  /** What comes before the layers. */
  readonly before: string;
  /** What leads in to `layer`, ending in a colon. */
  readonly lead: string;
  /** What each layer does: a clause for each switch, and for each choice whose value does something of its own. */
  readonly layer: readonly string[];
  /** What comes after the layers. */
  readonly after: string;
}

/**
 * The forward function of a configuration in words.
 *
 * @param reads what the model reads one by one
 */
export function forwardInWords(
  config: CellConfig,
  reads: Unit = "byte",
  space: Space = GATED_SPACE,
): ForwardWords {
  const { n_layers, state_size } = config;
  const through = n_layers === 1 ? "then passes through one layer" : `then passes through ${n_layers} layers in turn`;
  const before = `Each ${reads} becomes ${counted(state_size, "number")} (its embedding), ${through}; ` +
    `${n_layers === 1 ? "the layer" : "each layer"} carries ${statesInWords(space, config)} from ${reads} to ${reads}.`;
  const after = `A linear layer maps the ${n_layers === 1 ? "layer" : "last layer"}'s output to ` +
    `the logits of the next ${reads}.`;
  const clauses = space.isOwnCell(config)
    ? space.factors.flatMap((factor) => clauseOf(factor, valueOf(factor, config)) ?? [])
    : [];
  const lead = clauses.length && space.lead || "In each layer:";
  return { before, lead, layer: clauses.length ? clauses : [cellInWords(space, config)], after };
}

function statesInWords(space: Space, config: CellConfig): string {
  const { length } = space.cellOf(config).states, numbers = counted(config.state_size, "number");
  return length === 1 ? `a state of ${numbers}` : `${length} states of ${numbers} each`;
}

/** A cell that no factor describes. */
function cellInWords(space: Space, config: CellConfig): string {
  const { name } = space.cellOf(config), named = findCell(name);
  return named && !space.definesCell(config) ? `the cell is ${named.label}: ${named.about}` : `the cell is '${name}'`;
}
