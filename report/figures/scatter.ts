/** A panel of configurations as dots, by two numbers: see {@linkcode DotKey} for their colours and shapes. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import type { Level } from "../data/levels.ts";
import type { FactorTable } from "../../cells/factor.ts";
import type { Candidate } from "../statistics/pareto.ts";
import { placeLabels, type Spot } from "./labels.ts";
import { type LevelLabel, levelLabelMarks, levelLines, placeLevelLabels } from "./levels.ts";
import { cellNameIn } from "../data/cell_names.ts";
import type { MergedRow } from "../data/merged.ts";
import { padded } from "../statistics/means.ts";
import type { DotKey } from "./marks.ts";
import { naming, panel, SEEDS_LABEL, type SvgDocument, type SvgElement } from "./svg.ts";
import { COLOUR, SIZE } from "./theme.ts";
import { counted } from "../../cells/counts.ts";

/** One configuration in a panel, in the units of its axes, with the range of its seeds along y. */
export interface ScatterDot {
  row: MergedRow;
  x: number;
  y: number;
  least: number;
  most: number;
}

/** Where a panel stands and what it shows. */
export interface ScatterOptions {
  position: readonly [number, number];
  width: number;
  height: number;
  heading?: string;
  /** Of the axis, in its unit. */
  xLabel: string;
  xScale: "linear" | "log";
  /** Of all panels that share the axis. */
  xDomain: readonly [number, number];
  yDomain: readonly [number, number];
  /** Whether the ticks of y are labelled. */
  labelled: boolean;
  key: DotKey;
  /** Where ticks of x may stand; Plot's own choice where absent. Where none or one is in the domain, the least and the most dot have one. */
  xTicks?: readonly number[];
  tickFormat?: (value: number) => string;
  /** Names to write beside dots, the most important first; those without room are left out. */
  names?: readonly DotName[];
  /** Corners of a line that names should not lie on. */
  stair?: readonly Candidate[];
  /** In the unit of y. */
  levels?: readonly Level[];
  /** Drawn under the dots. */
  under?: readonly Plot.Markish[];
  /** Drawn over the dots. */
  over?: readonly Plot.Markish[];
}

/** A name to write beside a dot. */
export interface DotName {
  readonly dot: ScatterDot;
  readonly text: string;
  /** Whether it is written even where it lies on other dots. */
  readonly needed: boolean;
}

/** Room for the labels of y. */
export const TICK_LABELS = 34;
const INSET = { top: 12, heading: 22, bottom: 46, right: 14 } as const;

/** Least and most of some numbers, widened by a share of their distance on the axis's own scale. */
export function widened(values: readonly number[], scale: "linear" | "log", share = 0.05): [number, number] {
  const ends = extentOf(values);
  if (scale === "linear") return padded(ends, Math.max(share * (ends[1] - ends[0]), 0.01));
  const [low, high] = ends.map(Math.log);
  const pad = Math.max(share * (high - low), 0.05);
  return [Math.exp(low - pad), Math.exp(high + pad)];
}

/** Round numbers for the ticks of a logarithmic axis: so many per power of ten that labels stay apart. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const factors = Math.log10(high / low) > 1.7 ? [1, 3] : [1, 2, 5];
  return Array.from({ length: 40 }, (_, i) => 10 ** (i - 15)).flatMap((decade) => factors.map((f) => f * decade));
}

function ticksWithin(
  allowed: readonly number[],
  { xDomain: [low, high], xScale: scale }: ScatterOptions,
  dots: readonly ScatterDot[],
): number[] {
  const inside = allowed.filter((tick) => tick >= low && tick <= high);
  if (inside.length > 1 || !dots.length) return inside;
  const [least, most] = extentOf(dots.map(({ x }) => x)), along = scale === "log" ? Math.log : (x: number) => x;
  const apart = (along(most) - along(least)) / (along(high) - along(low));
  return apart < LEAST_APART ? [most] : [least, most];
}

/** Share of an axis that two labels of ticks need between them. */
const LEAST_APART = 0.15;

/** Draws one panel; each dot is named after its row. */
export function drawScatter(document: SvgDocument, dots: readonly ScatterDot[], options: ScatterOptions): SvgElement {
  const left = options.labelled ? TICK_LABELS : 0, levelLabels = placedLevels(dots, options);
  const colour = ({ row }: ScatterDot) => options.key.colourOf(row);
  const many = dots.length > 150;
  return panel(document, options.position, {
    width: left + options.width,
    height: options.height,
    marginLeft: left,
    marginRight: INSET.right,
    marginTop: INSET.top + (options.heading ? INSET.heading : 0),
    marginBottom: INSET.bottom,
    x: { type: options.xScale, domain: [...options.xDomain], label: null },
    y: { domain: [...options.yDomain], label: null },
    symbol: { type: "identity" },
    marks: [
      Plot.gridY({ ticks: 7, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: options.labelled ? 7 : [], tickSize: 0, label: null }),
      Plot.axisX({
        ticks: options.xTicks ? ticksWithin(options.xTicks, options, dots) : 8,
        tickSize: 5,
        label: null,
        // As a format, d3 would leave out some labels of a logarithmic axis.
        ...(options.tickFormat ? { text: options.tickFormat } : {}),
      }),
      Plot.ruleY([options.yDomain[0]], { stroke: COLOUR.axis }),
      ...levelLines(options.levels, options.yDomain),
      ...(options.under ?? []),
      Plot.ruleX(dots.filter(({ row }) => row.runs.length > 1), {
        x: "x",
        y1: "least",
        y2: "most",
        stroke: colour,
        strokeOpacity: 0.55,
        ariaDescription: SEEDS_LABEL,
      }),
      Plot.dot(dots, {
        x: "x",
        y: "y",
        r: many ? 3.4 : 4.6,
        symbol: ({ row }: ScatterDot) => options.key.shapeOf(row),
        fill: (dot: ScatterDot) => dot.row.control ? COLOUR.background : colour(dot),
        fillOpacity: many ? 0.75 : 0.9,
        stroke: (dot: ScatterDot) => dot.row.control ? colour(dot) : COLOUR.background,
        strokeWidth: dots.some(({ row }) => row.control) ? 1.4 : 0.6,
        ...naming(dots, ({ row }) => row.name),
      }),
      ...levelLabelMarks(levelLabels),
      ...nameMarks(dots, levelLabels, options),
      ...(options.over ?? []),
      Plot.text(options.heading ? [options.heading] : [], {
        frameAnchor: "top-left",
        dy: -25,
        fontSize: SIZE.text,
        fontWeight: "bold",
        fill: COLOUR.text,
      }),
      Plot.text([options.xLabel], { frameAnchor: "bottom", dy: 38, fontSize: SIZE.text, fill: COLOUR.text }),
    ],
  });
}

const NAME_SIZE = 12.5;

/** Where a panel draws, and where that is of a point, in pixels. */
function placesIn(options: ScatterOptions) {
  const left = options.labelled ? TICK_LABELS : 0, top = INSET.top + (options.heading ? INSET.heading : 0);
  const area = { left, right: left + options.width - INSET.right, top, bottom: options.height - INSET.bottom };
  const along = options.xScale === "log" ? Math.log : (x: number) => x;
  const [low, high] = options.xDomain.map(along), [least, most] = options.yDomain;
  const yOf = (y: number) => area.bottom - (y - least) / (most - least) * (area.bottom - area.top);
  const spot = ({ x, y }: Candidate): Spot => ({
    x: area.left + (along(x) - low) / (high - low) * (area.right - area.left),
    y: yOf(y),
  });
  return { area, yOf, spot };
}

/** The labels of levels, over dots and vertical lines: under them they could not be read where many lie at the left. */
function placedLevels(dots: readonly ScatterDot[], options: ScatterOptions): LevelLabel[] {
  if (!options.labelled) return [];
  const { levels, yDomain } = options, { area: { left, right, top, bottom }, yOf, spot } = placesIn(options);
  return placeLevelLabels(levels, yDomain, { left, right, height: bottom - top, yOf }, { dots: dots.map(spot) });
}

/** The names of some dots, where there is room for them. */
function nameMarks(
  dots: readonly ScatterDot[],
  levels: readonly LevelLabel[],
  options: ScatterOptions,
): Plot.Markish[] {
  const { names = [], stair = [], key } = options, { area, spot } = placesIn(options);
  const placed = placeLabels(names.map(({ dot, text, needed }) => ({ ...spot(dot), text, needed })), [
    ...dots.map(spot),
    ...pointsAlong(stair.map(spot)),
  ], {
    area,
    size: NAME_SIZE,
    reach: 4,
    taken: levels.map(({ box }) => box),
  });
  return names.flatMap(({ dot, text }, i) =>
    placed[i]
      ? [Plot.text([dot], {
        x: "x",
        y: "y",
        text: () => text,
        ...placed[i],
        fontSize: NAME_SIZE,
        fontWeight: "bold",
        fill: key.nameColour,
        stroke: COLOUR.background,
        strokeWidth: 4,
      })]
      : []
  );
}

/** Points along a line, so close that no label lies on it unseen. */
function pointsAlong(corners: readonly Spot[]): Spot[] {
  return corners.slice(1).flatMap((to, i) => {
    const from = corners[i], count = Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 8) || 1;
    return Array.from({ length: count + 1 }, (_, k) => ({
      x: from.x + k / count * (to.x - from.x),
      y: from.y + k / count * (to.y - from.y),
    }));
  });
}

/**
 * Names for the dots of other cells than the table's own: first one for the best of each cell, then those for the rest.
 *
 * @param dots best first
 */
export function cellNames(dots: readonly ScatterDot[], table: FactorTable): DotName[] {
  const seen = new Set<string>();
  const names = dots.filter(({ row }) => !table.isOwnCell(row.config)).map((dot): DotName => {
    const text = cellNameIn(table, dot.row.config), needed = !seen.has(text);
    seen.add(text);
    return { dot, text, needed };
  });
  return [...names.filter(({ needed }) => needed), ...names.filter(({ needed }) => !needed)];
}

/** How many of the configurations have no dot, for a subtitle; empty where all have one. */
export function leftOut(count: number, why: string): string {
  return count ? ` ${counted(count, "configuration")} ${count === 1 ? "has" : "have"} ${why}.` : "";
}
