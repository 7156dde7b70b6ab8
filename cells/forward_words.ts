/** The forward function of a configuration in words, put together from its factors' clauses. */
import type { CellConfig } from "./config.ts";
import { counted } from "./counts.ts";
import { clauseOf, type FactorTable, valueOf } from "./factor.ts";
import { GATED } from "./factors.ts";
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
  table: FactorTable = GATED,
): ForwardWords {
  const { n_layers, state_size } = config;
  const through = n_layers === 1
    ? "then goes through one layer"
    : `then goes through ${n_layers} layers, one after the other`;
  const before = `Each ${reads} becomes ${counted(state_size, "number")} (its embedding), ${through}; ` +
    `${n_layers === 1 ? "the layer" : "each layer"} carries a state of ${counted(state_size, "number")} ` +
    `from ${reads} to ${reads}.`;
  const after = `A linear layer maps the ${n_layers === 1 ? "layer" : "last layer"}'s output to ` +
    `one logit for each value that the next ${reads} may have.`;
  const isOwn = table.isOwnCell(config);
  const clauses = isOwn ? table.factors.flatMap((factor) => clauseOf(factor, valueOf(factor, config)) ?? []) : [];
  if (clauses.length) return { before, lead: table.lead ?? "In each layer:", layer: clauses, after };
  const layer = [
    isOwn ? `the cell is '${table.name}'` : `the cell is '${config.cell}', which the switches do not describe`,
  ];
  return { before, lead: "In each layer:", layer, after };
}
