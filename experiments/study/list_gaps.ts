/** Where a study's list and its results differ. */
import { runKey } from "./run_key.ts";
import type { ReadResults, Run } from "./runs.ts";

/** Where a study's list and its folder of results differ, as keys: runs without any file, and results of runs that the list has not. */
export interface ListGaps {
  readonly not_begun: readonly string[];
  readonly unlisted: readonly string[];
}

export function comparedWithList(
  runs: readonly Run[],
  { results, damaged }: Pick<ReadResults, "results" | "damaged">,
): ListGaps {
  const listed = new Set(runs.map(({ key }) => key)), kept = results.map(({ id, seed }) => runKey(id, seed));
  const there = new Set([...kept, ...damaged.keys()]);
  return {
    not_begun: [...listed].filter((key) => !there.has(key)).sort(),
    unlisted: kept.filter((key) => !listed.has(key)).sort(),
  };
}
