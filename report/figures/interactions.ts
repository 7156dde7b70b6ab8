/** The picture `results_*_interactions`, a heat map: what two switches change together beyond what each changes alone. */
import * as Plot from "@observablehq/plot";
import { maxOf } from "../../cells/extremes.ts";
import { SWITCHES, type SwitchKey } from "../../cells/factors.ts";
import { formatInterval } from "../tables/effect_tables.ts";
import { type Effects, FEWEST_PAIRS, type Interaction } from "../statistics/effects.ts";
import { seedsOfPairs } from "../tables/effect_words.ts";
import { composeFigure, type FigureOptions, panel, panelArea, type SvgDocument, type SvgElement } from "./svg.ts";
import { COLOUR, divergingColour, formatDifference, plural, SIZE } from "./theme.ts";

const HEIGHT = 470;
const INSET = { left: 118, right: 0, top: 4, bottom: 30 } as const;
const EMPTY = "#e9e9e9";

const LABELS = new Map<SwitchKey, string>(SWITCHES.map(({ key, label }) => [key, label]));

/** One cell of the map. */
interface Cell extends Interaction {
  column: string;
  row: string;
}

/**
 * Draws the interactions of the least training loss: a triangle, as each two switches occur once. The colours are centred at
 * zero; cells without a quadruple are grey and say so.
 *
 * @returns the SVG's text
 */
export function figureInteractions(document: SvgDocument, effects: Effects, options: FigureOptions): string {
  const cells = effects.interactions.map((one): Cell => ({
    ...one,
    column: LABELS.get(one.switches[0])!,
    row: LABELS.get(one.switches[1])!,
  }));
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      "Each number: mean of “both on − only the one − only the other + neither”, least training loss, nats per " +
      `${effects.reads},`,
      "over quadruples of configurations alike in all else; below it its BCa 95 % interval, bold if it leaves out zero.",
      warning(effects),
    ],
    legend: [],
  };
  const { top } = panelArea(frame);
  const largest = maxOf(cells.map(({ difference }) => Math.abs(difference ?? 0)), 0);
  const panels = [drawCells(document, cells, largest || 1, top), drawScale(document, largest, top)];
  return composeFigure(document, frame, panels, HEIGHT - 20);
}

function warning(effects: Effects): string {
  const looks = effects.interactions.filter(({ interval }) => interval).length;
  const chance = looks
    ? `${plural(looks, "interval")}, not corrected for their number: one in twenty leaves out zero by chance.`
    : `No two switches have ${FEWEST_PAIRS} quadruples, so there is no interval.`;
  return seedsOfPairs(effects).most < 2 ? `${chance} One seed: seed noise is unknown.` : chance;
}

function drawCells(document: SvgDocument, cells: readonly Cell[], largest: number, top: number): SvgElement {
  const labels = SWITCHES.map(({ label }) => label);
  const known = cells.filter(({ difference }) => difference !== undefined);
  const place = { x: "column", y: "row" } as const;
  return panel(document, [SIZE.margin, top], {
    width: SIZE.width - 2 * SIZE.margin,
    height: HEIGHT,
    marginLeft: INSET.left,
    marginRight: INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { type: "band", domain: labels.slice(0, -1), label: null, paddingInner: 0.03, paddingOuter: 0 },
    y: { type: "band", domain: labels.slice(1), label: null, paddingInner: 0.05, paddingOuter: 0 },
    marks: [
      Plot.cell(cells, {
        ...place,
        fill: ({ difference }: Cell) => difference === undefined ? EMPTY : divergingColour(difference / largest),
      }),
      Plot.axisX({ anchor: "bottom", tickSize: 0, label: null, fontSize: SIZE.text }),
      Plot.axisY({ tickSize: 0, label: null, fontSize: SIZE.text }),
      ...[true, false].map((clear) =>
        Plot.text(known.filter((cell) => isClear(cell) === clear), {
          ...place,
          text: ({ difference }: Cell) => formatDifference(difference!),
          dy: -9,
          fontSize: 16,
          fontWeight: clear ? "bold" : "normal",
        })
      ),
      Plot.text(known, {
        ...place,
        text: ({ interval, quadruples }: Cell) =>
          interval ? formatInterval(interval) : `${plural(quadruples, "quadruple")} only`,
        dy: 13,
        fontSize: 12,
      }),
      Plot.text(cells.filter(({ difference }) => difference === undefined), {
        ...place,
        text: () => "no quadruple",
        fill: COLOUR.muted,
        fontSize: 12.5,
      }),
    ],
  });
}

function isClear({ interval }: Interaction): boolean {
  return interval !== undefined && (interval.low > 0 || interval.high < 0);
}

const SCALE = { left: 560, top: 14, width: 400, height: 70, steps: 81 } as const;

/** The colours and what they mean, in the empty corner of the triangle. */
function drawScale(document: SvgDocument, largest: number, top: number): SvgElement {
  const step = 2 / SCALE.steps;
  const shares = Array.from({ length: SCALE.steps }, (_, i) => -1 + (i + 0.5) * step);
  const marks: Plot.Markish[] = [
    Plot.rect(shares, {
      x1: (share: number) => share - step / 2,
      x2: (share: number) => share + step / 2,
      y1: 0,
      y2: 1,
      fill: divergingColour,
      // Neighbours that only touch would leave pale seams.
      insetRight: -0.4,
    }),
    Plot.text(["both together, against the sum of each alone"], { frameAnchor: "top", dy: -22 }),
    Plot.text([-1, 0, 1], {
      x: (share: number) => share,
      y: 0,
      text: (share: number) => share ? `${formatDifference(share * largest)} ${share < 0 ? "lower" : "higher"}` : "0",
      dy: 15,
    }),
  ];
  return panel(document, [SCALE.left, top + SCALE.top], {
    width: SCALE.width,
    height: SCALE.height,
    marginLeft: 50,
    marginRight: 50,
    marginTop: 24,
    marginBottom: 26,
    x: { domain: [-1, 1], axis: null },
    y: { domain: [0, 1], axis: null },
    marks: largest ? marks : [],
  });
}
