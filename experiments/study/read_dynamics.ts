/** Reads what was measured of the dynamics of a study's runs, as far as it is of the models that the runs have now. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { type DynamicsSettings, MEASURES } from "../../train/dynamics/measure.ts";
import { CELLSPACE_VERSION, numbersOf } from "../../train/version.ts";
import type { RunDynamics } from "./dynamics_file.ts";
import { readBytes, sumOf } from "./files.ts";
import { runKey } from "./run_key.ts";
import type { RunResult } from "./result.ts";
import type { Experiment } from "./schema.ts";
import type { Study } from "./store.ts";

/** How runs were measured: numbers that were measured otherwise are not compared. */
export interface MeasuredAs {
  readonly settings: DynamicsSettings;
  /** The parts of the program's version that numbers go by. */
  readonly version: string;
}

/** The dynamics of a study's runs. Nothing is dropped in silence: all that is not in `measured` is named. Keys are sorted. */
export interface ReadDynamics {
  /** By the runs' keys; all of them were measured in the same way. */
  readonly measured: ReadonlyMap<string, RunDynamics>;
  /** How; undefined where nothing is measured. */
  readonly as: MeasuredAs | undefined;
  /** A line for each file that cannot be read. */
  readonly unreadable: readonly string[];
  /** Runs whose model is another one than what was measured. */
  readonly stale: readonly string[];
  /** Runs that were measured otherwise than most. */
  readonly otherwise: readonly { readonly as: MeasuredAs; readonly keys: readonly string[] }[];
  /** Of `measured`, runs without a model's file: whether it is what was measured cannot be said. */
  readonly unchecked: readonly string[];
}

/** What a study has of which nothing was measured. */
export const NO_DYNAMICS: ReadDynamics = {
  measured: new Map(),
  as: undefined,
  unreadable: [],
  stale: [],
  otherwise: [],
  unchecked: [],
};

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
  const unreadable: string[] = [], stale: string[] = [], unchecked: string[] = [];
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
      unreadable.push(messageOf(error));
    }
  }
  const [most, ...others] = groupsOf(current);
  return {
    measured: new Map(most?.keys.map((key) => [key, current.get(key)!])),
    as: most?.as,
    unreadable,
    stale,
    otherwise: others,
    unchecked: unchecked.filter((key) => most?.keys.includes(key)),
  };
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

/** Those that read the most tokens; of several, the first with the most exponents. */
export function finestOf(settings: readonly DynamicsSettings[]): DynamicsSettings | undefined {
  return settings.toSorted((a, b) => tokensOf(b) - tokensOf(a) || b.exponents - a.exponents)[0];
}

/** Tokens that are measured, of all streams. */
function tokensOf({ streams, tokens }: DynamicsSettings): number {
  return streams * tokens;
}

/** Runs by how they were measured: the most runs first, then the most tokens. */
function groupsOf(dynamics: ReadonlyMap<string, RunDynamics>): { as: MeasuredAs; keys: string[] }[] {
  const groups = Map.groupBy(dynamics.keys(), (key) => JSON.stringify(measuredAs(dynamics.get(key)!)));
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, keys]) => ({ as: measuredAs(dynamics.get(keys[0])!), keys }))
    .sort((a, b) => b.keys.length - a.keys.length || tokensOf(b.as.settings) - tokensOf(a.as.settings));
}

function measuredAs(
  { settings: { streams, tokens, exponents }, cellspace_version }: Pick<RunDynamics, "settings" | "cellspace_version">,
): MeasuredAs {
  return { settings: { streams, tokens, exponents }, version: numbersOf(cellspace_version) };
}
