/** The curve of the best configuration among all others: in black, with the range of its seeds and its lowest loss. */
import * as Plot from "@observablehq/plot";
import type { CurvePoint, MergedRow } from "../data/merged.ts";
import { formatSpread } from "../tables/format.ts";
import type { Box } from "./labels.ts";
import { naming, SEEDS_LABEL } from "./svg.ts";
import { BOLD, widest } from "./text.ts";
import { COLOUR, SIZE } from "./theme.ts";

/** How far the label of the best one stands below its lowest point, and beyond it where it ends there, in pixels. */
const BEST_BELOW = 17, BEST_BESIDE = 5;

function bestLabel(best: MergedRow, curve: readonly CurvePoint[], lastStep: number) {
  const lowest = curve.reduce((least, point) => (point.loss < least.loss ? point : least));
  // Centred below the point would leave the panel near its right edge, as the lowest loss mostly does.
  const textAnchor = lowest.step > 0.6 * lastStep ? "end" : lowest.step < 0.3 * lastStep ? "start" : "middle";
  // The mean of the seeds' own lowest losses, as tables have it: somewhat below the lowest value of the mean curve.
  return { lowest, textAnchor, text: `lowest loss of the best: ${formatSpread(best.min_loss)}` } as const;
}

/**
 * Where its label stands, from the upper left corner of the domain.
 *
 * @param inner, height of the domain, in pixels
 */
export function bestBox(
  best: MergedRow,
  curve: readonly CurvePoint[],
  { lastStep, domain: [low, high], inner, height }: {
    readonly lastStep: number;
    readonly domain: readonly number[];
    readonly inner: number;
    readonly height: number;
  },
): Box {
  const { lowest, textAnchor, text } = bestLabel(best, curve, lastStep);
  const width = BOLD * widest([text], SIZE.tick), at = lowest.step / lastStep * inner;
  const left = at - (textAnchor === "end" ? width - BEST_BESIDE : textAnchor === "middle" ? width / 2 : 0);
  const middle = (high - lowest.loss) / (high - low) * height + BEST_BELOW;
  return { left, right: left + width, top: middle - SIZE.tick / 2, bottom: middle + SIZE.tick / 2 };
}

/** @param lastStep the end of the axis */
export function bestMarks(best: MergedRow, curve: readonly CurvePoint[], lastStep: number): Plot.Markish[] {
  const { lowest, textAnchor, text } = bestLabel(best, curve, lastStep);
  const own = naming(curve, () => best.name);
  const at = { x: (point: CurvePoint) => point.step, y: (point: CurvePoint) => point.loss };
  return [
    ...(best.runs.length > 1
      ? [
        Plot.areaY(curve, {
          x: "step",
          y1: "least",
          y2: "most",
          fill: COLOUR.axis,
          fillOpacity: 0.45,
          clip: true,
          ariaDescription: SEEDS_LABEL,
        }),
      ]
      : []),
    Plot.line(curve, { x: "step", y: "loss", stroke: COLOUR.background, strokeWidth: 4, clip: true }),
    Plot.line(curve, { x: "step", y: "loss", stroke: COLOUR.highlight, strokeWidth: 2.4, clip: true, ...own }),
    Plot.dot([lowest], { ...at, r: 4, fill: COLOUR.highlight, stroke: COLOUR.background }),
    Plot.text([lowest], {
      ...at,
      text: () => text,
      textAnchor,
      dx: textAnchor === "end" ? BEST_BESIDE : 0,
      dy: BEST_BELOW,
      fontSize: SIZE.tick,
      fontWeight: "bold",
      fill: COLOUR.highlight,
      stroke: COLOUR.background,
      strokeWidth: 4,
    }),
  ];
}
