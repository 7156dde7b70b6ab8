/** How pictures of curves show where passes end. */
import * as Plot from "@observablehq/plot";
import { COLOUR } from "./theme.ts";

/** Of the label, in pixels: its size, and how far it stands above the panel. */
const LABEL = { size: 11, above: 12 } as const;

/**
 * Vertical dotted lines.
 *
 * @param ends see {@linkcode Passes}
 * @param labelled whether the first one says above the panel what begins there
 */
export function passMarks(ends: readonly number[], labelled = false): Plot.Markish[] {
  if (!ends.length) return [];
  const x = (end: number) => end;
  return [
    Plot.ruleX(ends, { x, stroke: COLOUR.axis, strokeWidth: 1, strokeDasharray: "1,3" }),
    ...(labelled
      ? [Plot.text(ends.slice(0, 1), {
        x,
        text: () => "2nd pass",
        frameAnchor: "top",
        dy: -LABEL.above,
        fontSize: LABEL.size,
        fill: COLOUR.muted,
      })]
      : []),
  ];
}
