/** What was measured of the dynamics of a study's runs, and what of it can be compared. */
import type { DynamicsSettings } from "../../train/dynamics/measure.ts";
import { numbersOf } from "../../train/version.ts";
import type { RunDynamics } from "./dynamics_file.ts";

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
  /** A line for each file that cannot be read; and the same by the runs' keys. */
  readonly unreadable: readonly string[];
  readonly damaged: ReadonlyMap<string, string>;
  /** Runs whose model is another one than what was measured. */
  readonly stale: readonly string[];
  /** Runs that were measured otherwise than most. */
  readonly otherwise: readonly { readonly as: MeasuredAs; readonly keys: readonly string[] }[];
  /** What these were measured at: among other runs they may be the most. */
  readonly left: ReadonlyMap<string, RunDynamics>;
  /** Runs without a model's file, measured in whatever way: whether that is the measured one is unknown. */
  readonly unchecked: readonly string[];
}

/** What a study has of which nothing was measured. */
export const NO_DYNAMICS: ReadDynamics = {
  measured: new Map(),
  as: undefined,
  unreadable: [],
  damaged: new Map(),
  stale: [],
  otherwise: [],
  left: new Map(),
  unchecked: [],
};

/** What has been read of each run; {@linkcode dynamicsAmong} says what of it can be compared. */
export interface DynamicsRead extends Pick<ReadDynamics, "damaged" | "stale" | "unchecked"> {
  /** By the runs' keys, sorted. */
  readonly current: ReadonlyMap<string, RunDynamics>;
}

/** Of what was measured in several ways, the way of most runs; the others are named. */
export function comparableDynamics({ current, damaged, stale, unchecked }: DynamicsRead): ReadDynamics {
  const [most, ...others] = groupsOf(current);
  return {
    measured: new Map(most?.keys.map((key) => [key, current.get(key)!])),
    as: most?.as,
    unreadable: [...damaged.values()],
    damaged,
    stale,
    otherwise: others,
    left: new Map(others.flatMap(({ keys }) => keys.map((key) => [key, current.get(key)!] as const))),
    unchecked,
  };
}

/** The same of some runs alone: other runs may have been measured as most of these were not. @param keys of runs */
export function dynamicsAmong(read: ReadDynamics, keys: ReadonlySet<string>): ReadDynamics {
  const current = [...read.measured, ...read.left].filter(([key]) => keys.has(key)).sort(([a], [b]) => a < b ? -1 : 1);
  return comparableDynamics({
    current: new Map(current),
    damaged: new Map([...read.damaged].filter(([key]) => keys.has(key))),
    stale: read.stale.filter((key) => keys.has(key)),
    unchecked: read.unchecked.filter((key) => keys.has(key)),
  });
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
