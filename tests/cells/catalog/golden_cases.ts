/** The reference numbers, and configurations to try things on. */
import bptt from "../../golden/bptt.json" with { type: "json" };
import catalogBptt from "../../golden/catalog_bptt.json" with { type: "json" };
import catalog from "../../golden/catalog_cells.json" with { type: "json" };
import golden from "../../golden/gated_cells.json" with { type: "json" };
import type { CellConfig } from "../../../cells/config.ts";
import { type CaseErrors, type GoldenCase, parseGolden } from "../../../train/golden.ts";
import { ORIGINAL_SWITCHES } from "../../original_table.ts";

export const GOLDEN = parseGolden(JSON.stringify(golden), "tests/golden/gated_cells.json");
/** The same of the catalog's cells. */
export const CATALOG_GOLDEN = parseGolden(JSON.stringify(catalog), "tests/golden/catalog_cells.json");
/** The same of both, with gradients through several steps. */
export const BPTT_GOLDEN = parseGolden(JSON.stringify(bptt), "tests/golden/bptt.json");
export const CATALOG_BPTT_GOLDEN = parseGolden(JSON.stringify(catalogBptt), "tests/golden/catalog_bptt.json");

/** A small gated configuration with every switch on, but for changes. */
export function gatedConfig(changes: Partial<CellConfig>): CellConfig {
  const on = Object.fromEntries(ORIGINAL_SWITCHES.map(({ key }) => [key, true]));
  return { ...on, n_layers: 1, state_size: 4, ...changes } as CellConfig;
}

/** Every valid setting of the switches, with one layer. */
export function allGatedConfigs(): CellConfig[] {
  return Array.from({ length: 2 ** ORIGINAL_SWITCHES.length }, (_, bits) => {
    const switches = Object.fromEntries(ORIGINAL_SWITCHES.map(({ key }, i) => [key, (bits >> i) % 2 === 1]));
    return gatedConfig(switches);
  }).filter((config) => config.use_new_state || config.use_old_state);
}

/** `2 layers, input gate + residual` or `2 layers, gru`, to say which case failed. */
export function describeCase(golden: GoldenCase): string {
  if (golden.cell !== undefined) return `${golden.n_layers} layers, ${golden.cell}`;
  const on = ORIGINAL_SWITCHES.filter(({ key }) => golden[key]).map(({ label }) => label);
  return `${golden.n_layers} layers, ${on.join(" + ")}`;
}

/** What is above the tolerance, one line each; empty if nothing is. Infinity and NaN are above any. */
export function failures(cases: readonly GoldenCase[], errors: readonly CaseErrors[], tolerance: number): string[] {
  return errors.flatMap((error, i) =>
    Object.entries(error)
      .filter(([, value]) => !(value <= tolerance))
      .map(([what, value]) => `${describeCase(cases[i])}: ${what} are off by ${value}`)
  );
}
