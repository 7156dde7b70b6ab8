/** The axis of test scores that pictures of dynamics share, and which configurations are on it. */
import { extentOf } from "../../../cells/extremes.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { cohortsOf } from "../../data/baselines.ts";
import { type Level, levelsOn } from "../../data/levels.ts";
import type { MergedRow } from "../../data/merged.ts";
import { formatOnAxis } from "../../tables/format.ts";
import { reachOf } from "../baselines.ts";
import { levelNote } from "../levels.ts";
import { widened } from "../scatter.ts";

/** Its label. */
export const SCORE_LABEL = "test split (bits per byte)";
/** Configurations outside that are named. */
const MOST_OUTSIDE = 3;

/** The axis, and what is on it. */
export interface ScoreAxis {
  /** Bits per byte. */
  readonly domain: readonly [number, number];
  /** Measured configurations with a score within the domain, best first. */
  readonly shown: readonly MergedRow[];
  readonly levels: readonly Level[];
  /** What the levels are, and what lies outside. */
  readonly notes: readonly string[];
}

/**
 * From the best to the worst of the table's own cell, and baselines near these: one that has learned nothing would press the rest together.
 *
 * @param rows best first, at least one of them scored
 * @param levels of the study
 */
export function scoreAxis(
  rows: readonly MergedRow[],
  levels: readonly Level[] | undefined,
  table: FactorTable,
): ScoreAxis {
  const scored = rows.filter(({ test_bits_per_byte }) => test_bits_per_byte);
  const { own, baselines } = cohortsOf(table, scored);
  const lines = baselines.map((row) => ({ name: row.label, row, value: scoreOf(row) }));
  const ends = own.flatMap(({ test_bits_per_byte: score }) => [score!.least, score!.most]);
  const domain = widened(reachOf(extentOf(ends), lines), "linear"), onAxis = levelsOn("test", levels, rows[0]);
  const isWithin = (row: MergedRow) => scoreOf(row) <= domain[1];
  const outside = scored.filter((one) => !isWithin(one)).map((row) =>
    `${row.label} (${formatOnAxis(scoreOf(row), 1)})`
  );
  const more = outside.length - MOST_OUTSIDE;
  return {
    domain,
    shown: scored.filter(isWithin),
    levels: onAxis,
    notes: [
      ...levelNote(onAxis, domain),
      ...(outside.length
        ? [`Above the picture: ${outside.slice(0, MOST_OUTSIDE).join("; ")}${more > 0 ? `; and ${more} more` : ""}.`]
        : []),
    ],
  };
}

function scoreOf({ test_bits_per_byte }: MergedRow): number {
  return test_bits_per_byte!.mean;
}
