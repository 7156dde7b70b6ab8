/** Names of a configuration's cell, whatever its sizes: in files, in anchors of pages, and for what is equal. */
import { canonicalJsonIn, configIn } from "./config.ts";
import { cellFactors, type Configuration, type Factor, type FactorTable, isSwitch, slugOf, valueOf } from "./factor.ts";
import { GATED } from "./factors.ts";

/** Names a configuration's cell, whatever its layers and state size: `gated-247`, by the numbers of the switches that are on. */
export function cellKey(config: Configuration, table: FactorTable = GATED): string {
  const on = ownSwitches(config, table).map((factor, i) => valueOf(factor, config) ? (i + 1).toString(36) : "").join(
    "",
  );
  const own = table.isOwnCell(config) ? [plainName(table)] : [];
  return [...own, on, ...slugsOf(cellFactors(table, config), config)].filter(Boolean).join("-");
}

/** The same in words, by the switches that are on: `forget-state-new-residual`; the table's name where nothing else is to be said. */
export function cellName(config: Configuration, table: FactorTable = GATED): string {
  const parts = [...ownSwitches(config, table), ...cellFactors(table, config)];
  return slugsOf(parts, config).join("-") || plainName(table);
}

/**
 * All that makes a configuration's cell, as JSON: equal for equal cells alone. Names of files leave out characters, so two cells may share
 * a {@linkcode cellKey}.
 */
export function cellJson(config: Configuration, table: FactorTable = GATED): string {
  const factors = [...ownSwitches(config, table), ...cellFactors(table, config)];
  return canonicalJsonIn(table, configIn(config, { ...table, factors }));
}

/** The switches that say something of a configuration. */
function ownSwitches(config: Configuration, table: FactorTable): Factor[] {
  return table.isOwnCell(config) ? table.factors.filter(isSwitch) : [];
}

function slugsOf(factors: readonly Factor[], config: Configuration): string[] {
  return factors.flatMap((factor) => slugOf(factor, valueOf(factor, config)) ?? []);
}

function plainName({ name }: FactorTable): string {
  return name.replace(/[^\w.]/g, "");
}
