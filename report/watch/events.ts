/**
 * What `deno task watch` sends to its page: a snapshot of an experiment, and what changes of it, as server-sent events. The page's script imports
 * this file too, so it loads neither the file system nor Deno.
 */
import type { CellConfig } from "../../cells/config.ts";
import type { Overview } from "../../experiments/queue/overview.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";

/** A run of the study's list. */
export interface ListedRun {
  /** The name of its files. */
  readonly key: string;
  readonly id: string;
  readonly seed: number;
  /** As it is listed. */
  readonly config: CellConfig;
  /** The configuration in a short line. */
  readonly label: string;
  /** Steps that the study asks of it, whole passes. */
  readonly steps: number;
  /** In experiment 02: drawn at random from what was not chosen. */
  readonly control?: true;
}

/**
 * Losses of a run that are in no result of it: those of one under way, or those that a finished run that is trained further has more than its
 * result. The run's whole curve is the first `from` values of its result's `loss`, and `values` behind.
 */
export interface Curve {
  /** The name of the run's files. */
  readonly key: string;
  /** Steps between two values. */
  readonly log_every: number;
  /** Where the first value stands in the run's curve. */
  readonly from: number;
  /** Smoothed training loss, nats per token. */
  readonly values: readonly number[];
}

/** Where an experiment stands. */
export interface Snapshot {
  readonly experiment: Experiment;
  /** What a person calls the study, where that is known. */
  readonly title?: string;
  /** The listed runs, in the order in which they are trained. */
  readonly list: readonly ListedRun[];
  /** All that can be read, sorted by key. */
  readonly results: readonly RunResult[];
  /** Sorted by key; none is empty. */
  readonly curves: readonly Curve[];
  readonly overview: Overview;
  /** A line for each file that cannot be read. */
  readonly problems: readonly string[];
}

/** The parts of an overview that have changed; null: it has this part no more. */
export type OverviewChanges = { readonly [K in keyof Overview]?: Overview[K] | null };

/** What has changed since a snapshot, or since the changes before; what is absent has not. */
export interface Changes {
  /** All of the list. */
  readonly list?: readonly ListedRun[];
  /** Keys of results that are there no more, or cannot be read now. */
  readonly gone?: readonly string[];
  /** Those that are new or have changed, whole. */
  readonly results?: readonly RunResult[];
  /** Values that go on where a run's curve ended; or, with another `from`, what takes the curve's place: no values, where it is there no more. */
  readonly curves?: readonly Curve[];
  readonly overview?: OverviewChanges;
  /** All of the lines. */
  readonly problems?: readonly string[];
}

/** Whether nothing has changed. */
export function isNothing(changes: Changes): boolean {
  return Object.keys(changes).length === 0;
}

/** A snapshot with changes made: the one that the server would send now. What has not changed stays the same object. */
export function withChanges(snapshot: Snapshot, changes: Changes): Snapshot {
  const { list = snapshot.list, problems = snapshot.problems } = changes;
  return {
    ...snapshot,
    list,
    results: withResults(snapshot.results, changes),
    curves: changes.curves ? withCurves(snapshot.curves, changes.curves) : snapshot.curves,
    overview: changes.overview ? withParts(snapshot.overview, changes.overview) : snapshot.overview,
    problems,
  };
}

function withResults(
  before: readonly RunResult[],
  { gone = [], results = [] }: Pick<Changes, "gone" | "results">,
): readonly RunResult[] {
  if (!gone.length && !results.length) return before;
  const byKey = new Map(before.map((result) => [runKey(result.id, result.seed), result]));
  for (const key of gone) byKey.delete(key);
  for (const result of results) byKey.set(runKey(result.id, result.seed), result);
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, result]) => result);
}

function withCurves(before: readonly Curve[], changes: readonly Curve[]): readonly Curve[] {
  const byKey = new Map(before.map((curve) => [curve.key, curve]));
  for (const change of changes) {
    const { key, from, values } = change, known = byKey.get(key);
    if (known && values.length && from === known.from + known.values.length) {
      byKey.set(key, { ...known, values: [...known.values, ...values] });
    } else if (values.length) byKey.set(key, change);
    else byKey.delete(key);
  }
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function withParts(before: Overview, changes: OverviewChanges): Overview {
  return Object.fromEntries(
    Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null && value !== undefined),
  ) as unknown as Overview;
}

/** The names of the events, and what each carries as JSON. */
export interface Events {
  readonly snapshot: Snapshot;
  readonly changes: Changes;
}

/** Milliseconds after which a page that has lost the server asks for it again. */
const RETRY_MILLISECONDS = 2000;

/** What the server sends now and then where nothing changes, so that a connection that is gone is noticed. */
export const KEEP_ALIVE = ": still here\n\n";

/** What the server sends first. */
export const OPENING = `retry: ${RETRY_MILLISECONDS}\n\n`;

/**
 * An event as it stands in the stream. JSON has no line break that is not escaped, so the data are one line.
 *
 * @param id what a page that connects again names as the last that it has heard
 */
export function encodeEvent<K extends keyof Events>(event: K, data: Events[K], id: string): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
