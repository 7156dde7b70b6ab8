/** Experiment 02: the best of 01, larger. */
import { type CellConfig, configId } from "../../cells/config.ts";
import { isSmall } from "../../cells/factors.ts";

/** How many of experiment 01 go on, the best by `min loss`: a tenth, rounded up. Not `× 0.1`, which makes 8 of 70. */
export const promotedCount = (total: number): number => Math.ceil(total / 10);

const SIZES = { usual: 256, large: 512 } as const;
const MOST_LAYERS = 3;

export interface RefinedConfig {
  readonly config: CellConfig;
  /** Id of the configuration of experiment 01 that it comes from; of the best one, where it comes from several. */
  readonly oldId: string;
}

/**
 * The configurations of experiment 02: for each of the best, itself (a small one, of 32 states or fewer, with 256), with 512 states, and, where
 * it has fewer than 3 layers, with 3 layers at 256 and at 512.
 *
 * @param ranked configurations of experiment 01, best first
 */
export function refine(ranked: readonly CellConfig[]): RefinedConfig[] {
  const best = ranked.slice(0, promotedCount(ranked.length));
  const refined = new Map<string, RefinedConfig>();
  for (const origin of best) {
    const same = { ...origin, state_size: isSmall(origin) ? SIZES.usual : origin.state_size };
    const variants: CellConfig[] = [same, { ...origin, state_size: SIZES.large }];
    if (origin.n_layers < MOST_LAYERS) {
      variants.push(
        { ...origin, n_layers: MOST_LAYERS, state_size: SIZES.usual },
        { ...origin, n_layers: MOST_LAYERS, state_size: SIZES.large },
      );
    }
    for (const config of variants) {
      const id = configId(config);
      if (!refined.has(id)) refined.set(id, { config, oldId: configId(origin) });
    }
  }
  return [...refined.values()];
}
