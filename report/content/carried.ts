/**
 * What a page carries of its report's input, so that it can draw a part of it: as JSON, which has neither maps nor functions.
 */
import type { Configuration } from "../../cells/factor.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { recordSpace, replayedSpace, type SpaceRecord } from "../../cells/recorded_space.ts";
import type { Space } from "../../cells/space.ts";
import type { ReadDynamics } from "../../experiments/study/dynamics_among.ts";
import { configOf, type RunResult } from "../../experiments/study/result.ts";
import { sortRuns, withShownLoss } from "../data/rows.ts";
import { studyRunsOf, type StudyRunsSource } from "../data/other_studies.ts";
import type { ReportInput } from "./report_input.ts";

/** A map as JSON has it. */
type Entries<V> = readonly (readonly [key: string, value: V])[];

/** Dynamics as JSON has them. */
type CarriedDynamics = Omit<ReadDynamics, "measured" | "damaged" | "left"> & {
  readonly measured: Entries<ReadDynamics["measured"] extends ReadonlyMap<string, infer V> ? V : never>;
  readonly damaged: Entries<string>;
  readonly left: CarriedDynamics["measured"];
};

type CarriedStudy = Omit<StudyRunsSource, "space" | "damaged"> & {
  readonly space?: SpaceRecord;
  readonly damaged: Entries<string>;
};

/** A report's input as a page has it. */
export type CarriedInput = Omit<ReportInput, "table" | "damaged" | "dynamics" | "others"> & {
  readonly table?: SpaceRecord;
  readonly damaged: Entries<string>;
  readonly dynamics?: CarriedDynamics;
  readonly others: readonly CarriedStudy[];
};

/**
 * @param known results that come later, of configurations that the list may not have
 * @throws {UserError} if the space does not know a configuration's cell
 */
export function carriedOf(input: ReportInput, known: readonly RunResult[] = []): CarriedInput {
  const { table = GATED_SPACE, damaged = [], dynamics, others = [], chosenBy, runs = [], ...rest } = input;
  const listed = runs.map(({ entry }) => entry.config);
  return {
    ...rest,
    results: sortRuns(input.results).map(shown),
    ...(chosenBy ? { chosenBy: { ...chosenBy, short: sortRuns(chosenBy.short).map(shown) } } : {}),
    ...(input.runs ? { runs: input.runs } : {}),
    table: recordOf(table, [...input.results, ...chosenBy?.short ?? [], ...known], listed),
    damaged: [...damaged].sort(),
    ...(dynamics && isAnythingOf(dynamics)
      ? {
        dynamics: {
          ...dynamics,
          measured: [...dynamics.measured],
          damaged: [...dynamics.damaged],
          left: [...dynamics.left],
        },
      }
      : {}),
    // Where a study lies is no matter of the page.
    others: others.map(({ source: { space, damaged = [], dir, ...source } }) => ({
      ...source,
      dir: source.name,
      unreadable: source.unreadable.map((line) => line.replaceAll(dir, source.name)),
      results: sortRuns(source.results).map(shown),
      space: recordOf(space, source.results, (source.entries ?? []).map(({ config }) => config)),
      damaged: [...damaged].map(([key, line]) => [key, line.replaceAll(dir, source.name)] as const),
    })),
  };
}

/** What {@linkcode carriedOf} was made of, as far as a part is drawn from it. */
export function inputOf({ table, damaged, dynamics, others, ...rest }: CarriedInput): ReportInput {
  return {
    ...rest,
    table: replayedSpace(table),
    damaged: new Map(damaged),
    ...(dynamics
      ? {
        dynamics: {
          ...dynamics,
          measured: new Map(dynamics.measured),
          damaged: new Map(dynamics.damaged),
          left: new Map(dynamics.left),
        },
      }
      : {}),
    others: others.map(({ space, damaged, ...source }) =>
      studyRunsOf({ ...source, space: replayedSpace(space), damaged: new Map(damaged) })
    ),
  };
}

function recordOf(
  space: Space,
  results: readonly RunResult[],
  listed: readonly Configuration[],
): SpaceRecord | undefined {
  return recordSpace(space, [...results.map((result) => configOf(result, space)), ...listed]);
}

/** Whether there is anything to say of dynamics: where nothing was measured a page has no word on them. */
function isAnythingOf({ measured, damaged, left, stale, unreadable }: ReadDynamics): boolean {
  return measured.size + damaged.size + left.size + stale.length + unreadable.length > 0;
}

/** Without what a run lost when it failed, which is shown nowhere. */
function shown({ loss_before_failure: _, ...result }: RunResult): RunResult {
  return withShownLoss(result as RunResult);
}
