/** The results of the configurations that a command means. */
import type { FactorTable } from "../../cells/factor.ts";
import type { ConfigEntry, ReadResults } from "./runs.ts";
import { idInKey } from "./run_key.ts";
import { configOf } from "./result.ts";
import type { Experiment } from "./experiment.ts";
import { selectFrom, type Selection } from "./selection.ts";
import type { Study } from "./store.ts";

/**
 * The results of an experiment, as far as they are meant.
 *
 * @param doing what for, as in `Cannot <doing>: …`
 * @throws {UserError} if there are results, and none of them is meant
 */
export async function readSelected(
  study: Study,
  experiment: Experiment,
  only: Selection | undefined,
  doing: string,
): Promise<ReadResults> {
  const read = await study.readResults(experiment);
  if (!only) return read;
  selectFrom(read.results, only, (result) => configOf(result, study.space), doing, "result");
  return selectedResults(read, only, await study.readConfigs(experiment), study.space);
}

/**
 * The results that are meant. What a damaged file is of can be told by the list alone: one of a run that it has not is kept, and said.
 *
 * @param listed the entries of the list
 * @param table whose factors stand in the results
 */
export function selectedResults(
  read: ReadResults,
  only: Selection | undefined,
  listed: readonly ConfigEntry[],
  table: FactorTable,
): ReadResults {
  if (!only) return read;
  const left = new Set(listed.filter(({ config }) => !only(config)).map(({ id }) => id));
  const damaged = new Map([...read.damaged].filter(([key]) => !left.has(idInKey(key))));
  const lines = new Set(damaged.values());
  return {
    results: read.results.filter((result) => only(configOf(result, table))),
    unreadable: [...lines],
    damaged,
    unknown_version: read.unknown_version.filter((line) => lines.has(line)),
  };
}
