/** The picture `results_*_dynamics_recall`: how far back the state says which byte was read, of the ten best configurations and of baselines. */
import * as Plot from "@observablehq/plot";
import { maxOf } from "../../../cells/extremes.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { formatCount } from "../../../cells/counts.ts";
import type { MergedRow } from "../../data/merged.ts";
import { measuresOf } from "../../data/seed_estimates.ts";
import { meanRecall, type RecallPoint } from "../../data/recall.ts";
import type { Table } from "../../data/table.ts";
import { countColumn, estimateColumns, pictureTable, withUnit } from "../data_columns.ts";
import { composeFigure, type FigureOptions, naming, SEEDS_LABEL, type SvgDocument } from "../svg.ts";
import { COLOUR } from "../theme.ts";
import {
  drawPortraits,
  type OfPortrait,
  OTHERS,
  type Portrait,
  portraitColumns,
  portraitNotes,
  portraitsOf,
  shownBy,
} from "./portraits.ts";
import { ERRORS, extentText } from "./words.ts";

const HEIGHT = 150;

interface Curve {
  readonly name: string;
  readonly points: readonly RecallPoint[];
}

function portraitsWithRecall(rows: readonly MergedRow[], table: FactorTable): Portrait[] {
  return portraitsOf(rows, table, (row) => meanRecall(row).length > 0);
}

/** The data behind {@linkcode figureRecall}: a row for each dot. */
export function recallData(rows: readonly MergedRow[], table: FactorTable): Table {
  type Point = OfPortrait & RecallPoint;
  const points = shownBy(portraitsWithRecall(rows, table), meanRecall);
  return pictureTable<Point>([
    ...portraitColumns<Point>(),
    countColumn(
      "lag",
      "number of steps ago that the recalled byte or token was read; 0: the last one",
      ({ lag }) => lag,
    ),
    ...estimateColumns(
      withUnit("recall", `bits per ${rows[0].reads}`),
      "bits about it that a linear readout of the state recovers",
      (point: Point) => point,
    ),
  ], points);
}

/**
 * Draws a panel for each portrait: bits that a linear readout of the state tells of the byte read so many steps ago, over those of the others.
 *
 * @param rows best first, with at least one byte recall
 * @returns the SVG's text
 */
export function figureRecall(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const portraits = portraitsWithRecall(rows, table), [{ reads }] = rows;
  const curves = portraits.map(({ row }): Curve => ({ name: row.name, points: meanRecall(row) }));
  const last = maxOf(curves.flatMap(({ points }) => points.map(({ lag }) => lag)), 1);
  const found = portraits.flatMap(({ row }) => measuresOf(row, ({ byte_recall }) => byte_recall));
  const entropy = maxOf(found.map(({ entropy }) => entropy));
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `Read: ${extentText(rows, ({ byte_recall }) => byte_recall)}; ${
        formatCount(maxOf(found.map(({ scored }) => scored)))
      } pairs of state and ${reads} scored.`,
      ...portraitNotes(portraits, rows, table),
      `Dot: bits that a linear readout of the state recovers about the ${reads} at this lag, mean over the seeds. Lag 0 is the last one read.`,
      `Bars: ${ERRORS}. A line ends where nothing is recovered.`,
    ],
    legend: [{
      entries: [
        { mark: "dashes" as const, colour: COLOUR.muted, text: `H: entropy, the maximum, ${entropy.toFixed(2)} bits` },
        { mark: "line" as const, colour: OTHERS, text: "the others shown" },
      ],
    }],
    x: `lag (${reads}s back)`,
    y: `recall (bits per ${reads})`,
  };
  const drawn = drawPortraits(document, { portraits, rows, table, frame }, {
    height: HEIGHT,
    labels: { first: 24, every: 0 },
    x: { domain: [-0.03 * last, last] },
    y: { domain: [0, 1.06 * entropy] },
    marks: (portrait, isFirst) => [
      Plot.gridY({ ticks: 4, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: isFirst ? 4 : [], tickSize: 0, label: null }),
      Plot.axisX({ ticks: 3, tickSize: 4, label: null }),
      Plot.ruleY([0], { stroke: COLOUR.axis }),
      Plot.ruleY([entropy], { stroke: COLOUR.muted, strokeDasharray: "5,3", strokeWidth: 1.2 }),
      ...curveMarks(portrait, curves),
    ],
  });
  return composeFigure(document, frame, drawn.panels, drawn.height);
}

function curveMarks({ row, colour }: Portrait, curves: readonly Curve[]): Plot.Markish[] {
  const { points } = curves.find(({ name }) => name === row.name)!;
  const others = curves.filter(({ name, points }) => name !== row.name && points.length > 1)
    .flatMap(({ name, points }) => points.map((point) => ({ ...point, name })));
  const at = { x: "lag", y: "value" } as const, named = naming(points, () => row.name);
  const sure = points.filter(({ standard_error }) => standard_error !== null);
  const end = (sign: number) => ({ value, standard_error }: RecallPoint) => value! + sign * standard_error!;
  return [
    Plot.line(others, { ...at, z: "name", stroke: OTHERS, strokeWidth: 0.8 }),
    Plot.ruleX(sure, {
      x: "lag",
      y1: end(-1),
      y2: end(1),
      stroke: colour,
      strokeWidth: 1.4,
      ariaDescription: SEEDS_LABEL,
    }),
    ...(points.length > 1 ? [Plot.line(points, { ...at, stroke: colour, strokeWidth: 1.6, ...named })] : []),
    Plot.dot(points, { ...at, fill: colour, r: 2.2, ...named }),
  ];
}
