/** Fixed points by byte, over the seeds of a configuration. */
import { mean } from "simple-statistics";
import type { TokenFixedPoints } from "../../train/dynamics/fixed_points.ts";
import type { MergedRow } from "./merged.ts";
import { measuresOf } from "./seed_estimates.ts";

/** What came of the starts of one byte; the shares sum to 1. */
export interface FateOfStarts {
  /** Distinct fixed points that were found. */
  readonly points: number;
  /** Shares of the starts that ended at a stable fixed point, at an unstable one, at a slow point, and at none of these. */
  readonly stable: number;
  readonly unstable: number;
  readonly slow: number;
  readonly none: number;
}

function fateOf({ points, starts, slow, failed }: TokenFixedPoints): FateOfStarts {
  const from = (isStable: boolean) =>
    points.filter(({ unstable }) => (unstable === 0) === isStable).reduce((sum, { found_from }) => sum + found_from, 0);
  return {
    points: points.length,
    stable: from(true) / starts,
    unstable: from(false) / starts,
    slow: slow / starts,
    none: failed / starts,
  };
}

/** The means of some fates, at least one. */
export function meanFate(fates: readonly FateOfStarts[]): FateOfStarts {
  const of = (key: keyof FateOfStarts) => mean(fates.map((fate) => fate[key]));
  return { points: of("points"), stable: of("stable"), unstable: of("unstable"), slow: of("slow"), none: of("none") };
}

/** By byte, the mean over the seeds; none where fixed points were not looked for. */
export function fatesOf(row: MergedRow): Map<number, FateOfStarts> {
  const all = measuresOf(row, ({ fixed_points }) => fixed_points?.tokens).flat();
  return new Map(
    [...Map.groupBy(all, ({ token }) => token)].map(([token, same]) => [token, meanFate(same.map(fateOf))]),
  );
}

/** The bytes that were tried, the most frequent first. */
export function tokensTried(rows: readonly MergedRow[]): number[] {
  const all = rows.flatMap((row) => measuresOf(row, ({ fixed_points }) => fixed_points?.tokens).flat());
  const shares = new Map(all.map(({ token, share }) => [token, share]));
  return [...shares].sort(([a, one], [b, other]) => other - one || a - b).map(([token]) => token);
}
