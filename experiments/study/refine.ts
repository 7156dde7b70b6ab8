/** Experiment 02: the best of 01, larger. */
import { type CellConfig, configIdIn } from "../../cells/config.ts";
import type { Configuration, FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";

/** How many of experiment 01 go on: the best tenth, rounded up. Not `× 0.1`, which makes 8 of 70. */
export const promotedCount = (total: number): number => Math.ceil(total / 10);

/** A configuration of experiment 02, and where it comes from. */
export interface RefinedConfig<C extends Configuration = CellConfig> {
  readonly config: C;
  /** Id of the configuration of experiment 01 that it comes from; of the best one, where it comes from several. */
  readonly oldId: string;
}

/**
 * The configurations of experiment 02: each of the best tenth as the table enlarges it, duplicates merged. What the table's rules forbid is left
 * out; where that is all, the configuration goes on as it is.
 *
 * @param ranked configurations of experiment 01, best first
 */
export function refine(ranked: readonly CellConfig[]): RefinedConfig[];
export function refine(ranked: readonly Configuration[], table: FactorTable): RefinedConfig<Configuration>[];
export function refine(
  ranked: readonly Configuration[],
  table: FactorTable = GATED,
): RefinedConfig<Configuration>[] {
  const best = ranked.slice(0, promotedCount(ranked.length));
  const refined = new Map<string, RefinedConfig<Configuration>>();
  for (const origin of best) {
    const larger = table.enlarged(origin).filter((config) => table.valid.holds(config));
    for (const config of larger.length ? larger : [origin]) {
      const id = configIdIn(table, config);
      if (!refined.has(id)) refined.set(id, { config, oldId: configIdIn(table, origin) });
    }
  }
  return [...refined.values()];
}
