/** What has changed from one look at an experiment to the next. */
import { isDeepStrictEqual } from "node:util";
import type { Overview } from "../../experiments/queue/overview.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import type { Changes, Curve, OverviewChanges, Snapshot } from "./events.ts";

/** What makes the one snapshot the other: see {@linkcode withChanges}. */
export function changesBetween(before: Snapshot, after: Snapshot): Changes {
  const [old, now] = [before, after].map(({ results }) =>
    new Map(results.map((result) => [runKey(result.id, result.seed), result]))
  );
  const gone = [...old.keys()].filter((key) => !now.has(key));
  const results = [...now].filter(([key, result]) => !isSame(old.get(key), result)).map(([, result]) => result);
  const curves = curveChanges(before.curves, after.curves), overview = overviewChanges(before.overview, after.overview);
  return {
    ...(isSame(before.list, after.list) ? {} : { list: after.list }),
    ...(gone.length ? { gone } : {}),
    ...(results.length ? { results } : {}),
    ...(curves.length ? { curves } : {}),
    ...(Object.keys(overview).length ? { overview } : {}),
    ...(isSame(before.problems, after.problems) ? {} : { problems: after.problems }),
  };
}

/** What has not been read again is the same object: most need not be compared. */
function isSame(before: unknown, after: unknown): boolean {
  return before === after || isDeepStrictEqual(before, after);
}

function curveChanges(before: readonly Curve[], after: readonly Curve[]): Curve[] {
  const old = new Map(before.map((curve) => [curve.key, curve])), now = new Set(after.map(({ key }) => key));
  const gone = before.filter(({ key }) => !now.has(key)).map(ended);
  return [...gone, ...after.flatMap((curve) => growth(old.get(curve.key), curve))];
}

/** Says that a run has no curve beside its result any more. */
function ended({ key, log_every }: Curve): Curve {
  return { key, log_every, from: 0, values: [] };
}

/** How a curve goes on; all of it where it does not continue what it was. */
function growth(before: Curve | undefined, after: Curve): Curve[] {
  if (!before) return [after];
  const { length } = before.values;
  const goesOn = before.log_every === after.log_every && before.from === after.from &&
    before.values.every((value, i) => value === after.values[i]);
  if (!goesOn) return [ended(before), after];
  return after.values.length > length
    ? [{ ...after, from: after.from + length, values: after.values.slice(length) }]
    : [];
}

function overviewChanges(before: Overview, after: Overview): OverviewChanges {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof Overview)[]);
  const changed = [...keys].filter((key) => !isSame(before[key], after[key]));
  return Object.fromEntries(changed.map((key) => [key, after[key] ?? null]));
}
