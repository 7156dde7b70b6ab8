/** Reads what was measured of the dynamics of a study's runs, as far as it is of the models that the runs have now. */
import { createHash } from "node:crypto";
import { parseWith } from "../../cells/config.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { numbersOf } from "../../train/version.ts";
import { dynamicsSchema, type DynamicsSettings, type RunDynamics } from "./dynamics_file.ts";
import { advised, readBytes, readJson } from "./files.ts";
import { runKey, type StudyPaths } from "./paths.ts";
import { checkVersion, type RunResult } from "./result.ts";
import type { Experiment } from "./schema.ts";

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

/** What to do about a damaged file. */
const MEND = "mend it, or move it away and the run is measured again";

/**
 * The dynamics of these runs; files of other runs are not looked at. Every measured model is hashed at each call, which takes 0.3 s for each 100 MB:
 * size and time of a file say nothing sure of what it holds where a study was copied.
 *
 * @param runs whatever has an id and a seed: results, say
 */
export async function readDynamics(
  paths: StudyPaths,
  experiment: Experiment,
  runs: readonly Pick<RunResult, "id" | "seed">[],
): Promise<ReadDynamics> {
  const current = new Map<string, RunDynamics>();
  const unreadable: string[] = [], stale: string[] = [], unchecked: string[] = [];
  for (const key of runs.map(({ id, seed }) => runKey(id, seed)).sort()) {
    try {
      const dynamics = await readRunDynamics(paths, experiment, key);
      if (!dynamics) continue;
      const sum = await modelSum(paths, experiment, key);
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

/**
 * What was measured of a run, of whichever model; undefined where nothing was.
 *
 * @throws {UserError} naming the file, if it is damaged, is another run's, or a later program wrote it
 */
export async function readRunDynamics(
  paths: StudyPaths,
  experiment: Experiment,
  key: string,
): Promise<RunDynamics | undefined> {
  const path = paths.dynamicsPath(experiment, key);
  const value = await advised(MEND, () => readJson(path));
  if (value === undefined) return undefined;
  checkVersion(value, path);
  return await advised(MEND, () => {
    const dynamics = parseWith(dynamicsSchema, value, path), named = runKey(dynamics.id, dynamics.seed);
    if (named !== key) throw new UserError(`Cannot read ${path}: it is of run ${named}, must be of ${key}`);
    return dynamics;
  });
}

/** SHA-256 of a run's model, hexadecimal; undefined where it has none. */
export async function modelSum(paths: StudyPaths, experiment: Experiment, key: string): Promise<string | undefined> {
  const bytes = await readBytes(paths.modelPath(experiment, key));
  return bytes && createHash("sha256").update(bytes).digest("hex");
}

/** Runs by how they were measured: the most runs first, then the most tokens. */
function groupsOf(dynamics: ReadonlyMap<string, RunDynamics>): { as: MeasuredAs; keys: string[] }[] {
  const groups = Map.groupBy(dynamics.keys(), (key) => JSON.stringify(measuredAs(dynamics.get(key)!)));
  const tokens = ({ settings }: MeasuredAs) => settings.streams * settings.tokens;
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, keys]) => ({ as: measuredAs(dynamics.get(keys[0])!), keys }))
    .sort((a, b) => b.keys.length - a.keys.length || tokens(b.as) - tokens(a.as));
}

function measuredAs({ settings: { streams, tokens, exponents }, cellspace_version }: RunDynamics): MeasuredAs {
  return { settings: { streams, tokens, exponents }, version: numbersOf(cellspace_version) };
}
