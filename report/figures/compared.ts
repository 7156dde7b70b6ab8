/** The picture of configurations that a person compares: their training curves, one above the other, each with its name at its end. */
import * as Plot from "@observablehq/plot";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { formatCount } from "../../cells/counts.ts";
import { curveAxis, curveOn } from "../data/curve_axis.ts";
import { levelsOn } from "../data/levels.ts";
import { type MergedRow, mostSeeds } from "../data/merged.ts";
import type { DrawnCurve } from "./curve_data.ts";
import { endLabels, labelPlaces, labelRoom } from "./baselines.ts";
import { curveMarks, shownLosses, shownSteps, tickBefore } from "./curves.ts";
import { levelMarks, levelNote } from "./levels.ts";
import { panelName } from "./panel_headings.ts";
import {
  composeFigure,
  DASHES,
  element,
  type FigureOptions,
  panel,
  panelArea,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { COLOUR, colourScale, SIZE } from "./theme.ts";

const HEIGHT = 400;
const INSET = { left: 46, right: 6, top: 10, bottom: 26 } as const;
/** Between the end of a curve and its name, for a line that leads from one to the other. */
const LEADER = 22;
const POINTS = 200;
/** Bands lie on each other. */
const BAND_OPACITY = 0.16;

/** How a curve is told from the others. */
interface Drawn extends DrawnCurve {
  readonly colour: string;
  readonly dashes?: string;
}

/** Where the panel lies in the picture, in pixels: its left and its top, and the extents of its axes. */
interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Draws curves on one pair of axes, each the mean over its seeds with a band from their lowest to their highest. The first, steep part of the
 * curves is left out.
 *
 * @param rows at least one configuration, and as many as a person tells apart
 * @returns the SVG's text
 */
export function figureCompared(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const axis = curveAxis(rows), curves = drawnCurves(rows.map((row) => ({ row, points: curveOn(axis, row, POINTS) })));
  const x = shownSteps(curves), y = shownLosses(curves), levels = levelsOn("training", options.levels, rows[0]);
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      (mostSeeds(rows) > 1 ? "Line: mean over the seeds; band: from their lowest to their highest. " : "") +
      "Lower is better. Losses above the axis are not shown.",
      ...axis.note,
      ...levelNote(levels, y),
    ],
    legend: curves.map(({ row, colour, dashes }) => ({
      entries: [{ mark: "line" as const, colour, dashes, text: `${row.name}: ${row.label}` }],
    })),
    x: axis.label,
    y: `smoothed training loss (nats per ${rows[0].reads})`,
  };
  const area = panelArea(frame),
    ends = curves.map(({ row, points }) => ({
      name: panelName(row, table),
      y: (y[1] - points.at(-1)!.loss) / (y[1] - y[0]) * HEIGHT,
    }));
  const left = area.left + INSET.left, room = LEADER + labelRoom(ends);
  const place: Place = {
    left,
    top: area.top + INSET.top,
    width: SIZE.width - left - room - INSET.right,
    height: HEIGHT,
  };
  const drawn = panel(document, [area.left, area.top], {
    width: INSET.left + place.width + room,
    height: INSET.top + HEIGHT + INSET.bottom,
    marginLeft: INSET.left,
    marginRight: room,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain: x, label: null },
    y: { domain: y, label: null },
    marks: [
      Plot.gridY({ ticks: 6, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: 6, tickSize: 0, label: null }),
      Plot.axisX({
        ticks: [0, 0.5, 1].map((share) => share * tickBefore(x[1])),
        tickSize: 4,
        label: null,
        tickFormat: (step: number) => formatCount(Math.round(step)),
      }),
      Plot.ruleY([y[0]], { stroke: COLOUR.axis }),
      ...levelMarks(levels, y, { height: HEIGHT, labelled: true }),
      ...curves.flatMap((curve) => curveMarks(curve, curve.colour, curve.dashes, BAND_OPACITY)),
      ...endLabels(ends, HEIGHT, COLOUR.text, LEADER),
    ],
  });
  const leaders = leaderLines(document, curves, labelPlaces(ends, HEIGHT), ends.map(({ y }) => y), { x, place });
  return composeFigure(document, frame, [drawn, ...leaders], INSET.top + HEIGHT + INSET.bottom);
}

/** A colour for each; where colours repeat, with broken lines. */
function drawnCurves(curves: readonly DrawnCurve[]): Drawn[] {
  const colours = colourScale(curves), used = new Set<string>();
  return curves.map((curve) => {
    const colour = colours.get(curve)!, isRepeated = used.has(colour);
    used.add(colour);
    return { ...curve, colour, ...(isRepeated ? { dashes: DASHES } : {}) };
  });
}

/** From the end of each curve to its name. */
function leaderLines(
  document: SvgDocument,
  curves: readonly Drawn[],
  names: readonly number[],
  ends: readonly number[],
  { x: [first, last], place }: { x: readonly [number, number]; place: Place },
): SvgElement[] {
  return curves.map(({ points, colour }, i) => {
    const at = (points.at(-1)!.step - first) / (last - first) * place.width;
    const [from, to] = [ends[i], names[i]].map((y) => place.top + Math.max(0, Math.min(HEIGHT, y)));
    return element(document, "path", {
      d: `M${place.left + at},${from}H${place.left + place.width}L${place.left + place.width + LEADER - 3},${to}`,
      stroke: colour,
      "stroke-width": 1,
      "stroke-opacity": 0.8,
      fill: "none",
    });
  });
}
