/**
 * The axis of training curves: updates; where runs go back by several numbers of steps, what they have read. An update of 16 steps back reads as
 * much as 16 of one, so that on an axis of updates curves of one study end at places that say nothing.
 */
import { curveOf, type CurvePoint, type MergedRow } from "./merged.ts";
import { areSeveralBack, stepsBack } from "./reading.ts";

/** What curves are drawn over. */
export interface CurveAxis {
  readonly label: string;
  /** What counts on it, after a number: `steps`, or `bytes read`. */
  readonly noun: string;
  /** Why it is not as usual, for a subtitle. */
  readonly note: readonly string[];
  /** Where a configuration stands on it after so many updates. */
  at(row: MergedRow, updates: number): number;
}

/** @param rows all of a picture, so that its parts agree */
export function curveAxis(rows: readonly MergedRow[]): CurveAxis {
  if (!areSeveralBack(rows)) {
    return { label: "training steps", noun: "steps", note: [], at: (_, updates) => updates };
  }
  const [{ reads }] = rows;
  return {
    label: `${reads}s read: training steps × steps back × batch size`,
    noun: `${reads}s read`,
    note: [
      `With k steps back a step reads k ${reads}s of each sequence: curves align where the same number is read.`,
    ],
    at: (row, updates) => updates * stepsBack(row) * row.runs[0].batch_size,
  };
}

/** A point on the axis. */
export interface PlacedPoint extends CurvePoint {
  /** Where it stands. */
  readonly step: number;
  readonly updates: number;
}

/** A configuration's curve on an axis: see {@linkcode curveOf}. */
export function curveOn(axis: CurveAxis, row: MergedRow, most?: number): PlacedPoint[] {
  return curveOf(row, most).map((point) => ({ ...point, updates: point.step, step: axis.at(row, point.step) }));
}
