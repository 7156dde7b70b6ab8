/** Reads what was measured of the dynamics of a study's runs, as far as it is of the models that the runs have now. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { MEASURES } from "../../train/dynamics/measure.ts";
import { CELLSPACE_VERSION, numbersOf } from "../../train/version.ts";
import { comparableDynamics, type ReadDynamics } from "./dynamics_among.ts";
import type { RunDynamics } from "./dynamics_file.ts";
import { readBytes, sumOf } from "./files.ts";
import { runKey } from "./run_key.ts";
import type { RunResult } from "./result.ts";
import type { Experiment } from "./experiment.ts";
import type { Study } from "./store.ts";

/**
 * The dynamics of these runs; files of other runs are not looked at. Every measured model is hashed at each call, which takes 0.3 s for each 100 MB:
 * size and time of a file say nothing sure of what it holds where a study was copied.
 *
 * @param runs whatever has an id and a seed: results, say
 */
export async function readCurrentDynamics(
  study: Study,
  experiment: Experiment,
  runs: readonly Pick<RunResult, "id" | "seed">[],
): Promise<ReadDynamics> {
  const current = new Map<string, RunDynamics>();
  const damaged = new Map<string, string>(), stale: string[] = [], unchecked: string[] = [];
  for (const key of runs.map(({ id, seed }) => runKey(id, seed)).sort()) {
    try {
      const dynamics = await study.readDynamics(experiment, key);
      if (!dynamics) continue;
      const sum = await modelSum(study, experiment, key);
      if (sum === undefined) unchecked.push(key);
      if (sum !== undefined && sum !== dynamics.model_sha256) stale.push(key);
      else current.set(key, dynamics);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damaged.set(key, messageOf(error));
    }
  }
  return comparableDynamics({ current, damaged, stale, unchecked });
}

/** SHA-256 of the file of a run's model, hexadecimal; undefined where it has none. */
export async function modelSum(study: Study, experiment: Experiment, key: string): Promise<string | undefined> {
  const model = await readBytes(study.modelPath(experiment, key));
  return model && sumOf(model);
}

/**
 * Whether what was measured is of this model, by a program that computes the same, and all that there is to measure. It is so with any settings:
 * a coarse measurement must not replace a fine one unasked.
 */
export function isCurrent(dynamics: RunDynamics, model_sha256: string): boolean {
  return dynamics.model_sha256 === model_sha256 &&
    numbersOf(dynamics.cellspace_version) === numbersOf(CELLSPACE_VERSION) &&
    MEASURES.every((measure) => dynamics[measure] !== undefined || dynamics.not_measured[measure] !== undefined);
}
