/** Configurations by how well they were trained: what experiment 02 is chosen by, and what its report compares. */
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import type { CellConfig } from "../../cells/config.ts";
import { configOf, type FinishedResult, isFinished, type RunResult } from "./result.ts";

/** One configuration and what its runs came to. */
export interface RankedConfig {
  readonly id: string;
  readonly config: CellConfig;
  /** Mean over the seeds of `min loss`, nats per what the models read. */
  readonly min_loss: number;
  /** Its finished runs, ascending by seed. */
  readonly runs: readonly FinishedResult[];
}

/** Configurations that can be ranked together. */
export interface Ranking {
  /** Best first: by mean lowest loss, then by id. */
  readonly ranked: readonly RankedConfig[];
  /** Steps of each run; 0 where there is none. */
  readonly steps_done: number;
  readonly runs: number;
  /** Configurations that were trained too, but for fewer steps. */
  readonly shorter: number;
}

/**
 * Ranks the configurations with finished runs by the mean of their seeds. Losses after different numbers of steps cannot be
 * ranked together, so only runs of the most steps that any has count. The order of `results` does not matter.
 */
export function rankConfigs(results: readonly RunResult[], table: FactorTable = GATED): Ranking {
  const finished = results.filter(isFinished);
  const steps_done = finished.reduce((most, result) => Math.max(most, result.steps_done), 0);
  const comparable = finished.filter((result) => result.steps_done === steps_done);
  const ranked = [...Map.groupBy(comparable, ({ id }) => id)].map(([id, group]): RankedConfig => {
    const runs = group.toSorted((a, b) => a.seed - b.seed);
    const min_loss = runs.reduce((sum, result) => sum + result["min loss"], 0) / runs.length;
    return { id, config: configOf(runs[0], table), min_loss, runs };
  });
  ranked.sort((a, b) => a.min_loss - b.min_loss || (a.id < b.id ? -1 : 1));
  const all = new Set(finished.map(({ id }) => id)).size;
  return { ranked, steps_done, runs: comparable.length, shorter: all - ranked.length };
}
