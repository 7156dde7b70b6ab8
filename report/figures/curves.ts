/** Training curves as pictures have them: the mean over the seeds, with a band from their lowest to their highest. */
import * as Plot from "@observablehq/plot";
import { maxOf, minOf } from "../../cells/extremes.ts";
import type { DrawnCurve } from "./curve_data.ts";
import { naming } from "./svg.ts";

/** The axis starts where the curves have come this far down: what is before is the same in all, and would press the rest together. */
const SHOWN_SHARE = 0.6;

/** The range of losses that is shown: from below the lowest to what all curves are below after the part of their steps that is not steep. */
export function shownLosses(curves: readonly DrawnCurve[]): [number, number] {
  const low = minOf(curves.flatMap(({ points }) => points.map(({ least }) => least)));
  const late = curves.flatMap(({ points }) => points.slice(Math.floor((1 - SHOWN_SHARE) * (points.length - 1) / 2)));
  const high = maxOf(late.map(({ most }) => most), low + 0.02);
  return [low - 0.04 * (high - low), high];
}

/** From the first step to the last. */
export function shownSteps(curves: readonly DrawnCurve[]): [number, number] {
  return [0, maxOf(curves.flatMap(({ points }) => points.map(({ step }) => step)))];
}

/**
 * Band and line of a curve; of one point a dot.
 *
 * @param dashes of the line; absent: it is whole
 */
export function curveMarks(
  { row, points }: DrawnCurve,
  colour: string,
  dashes?: string,
  bandOpacity = 0.28,
): Plot.Markish[] {
  const name = naming(points, () => row.name);
  return [
    ...(row.runs.length > 1
      ? [Plot.areaY(points, { x: "step", y1: "least", y2: "most", fill: colour, fillOpacity: bandOpacity, clip: true })]
      : []),
    points.length > 1
      ? Plot.line(points, {
        x: "step",
        y: "loss",
        stroke: colour,
        strokeWidth: 2,
        ...(dashes ? { strokeDasharray: dashes } : {}),
        clip: true,
        ...name,
      })
      : Plot.dot(points, { x: "step", y: "loss", fill: colour, r: 3, ...name }),
  ];
}

/** The largest of 1, 2 or 5 times a power of ten up to `step`. */
export function tickBefore(step: number): number {
  const decade = 10 ** Math.floor(Math.log10(step));
  return [5, 2, 1].map((factor) => factor * decade).find((tick) => tick <= step)!;
}
