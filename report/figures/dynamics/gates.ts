/** The picture `results_*_dynamics_gates`: how far open each gate stands, of the ten best configurations and of baselines. */
import * as Plot from "@observablehq/plot";
import { maxOf } from "../../../cells/extremes.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { meanGates } from "../../data/gates.ts";
import type { MergedRow } from "../../data/merged.ts";
import type { Table } from "../../data/table.ts";
import { numberColumn, pictureTable, textColumn } from "../data_columns.ts";
import { composeFigure, type FigureOptions, type SvgDocument } from "../svg.ts";
import { shortened } from "../text.ts";
import { COLOUR, DIFFERENCE_COLOUR } from "../theme.ts";
import {
  drawPortraits,
  type OfPortrait,
  type Portrait,
  portraitColumns,
  portraitNotes,
  portraitsOf,
  shownBy,
} from "./portraits.ts";
import { ERRORS, measureTexts } from "./words.ts";

/** Of a gate's row, and of its label, in pixels. */
const ROW = 15, LABELS = 86, LABEL_SIZE = 10.5;
const COLOURS = { shut: DIFFERENCE_COLOUR.lower, between: "#dcdcdc", open: DIFFERENCE_COLOUR.higher } as const;

/** A gate's row. */
interface Bar {
  readonly label: string;
  /** Up to here it is shut, and from here on open. */
  readonly shut: number;
  readonly open: number;
  /** The share at which it is open. */
  readonly above: number;
  /** Standard errors of both. */
  readonly errors: readonly [number | null, number | null];
  readonly mean: number;
}

function barsOf(row: MergedRow): Bar[] {
  return meanGates(row).map(({ label, mean, below, above }) => ({
    label,
    shut: below.value!,
    open: 1 - above.value!,
    above: above.value!,
    errors: [below.standard_error, above.standard_error],
    mean: mean.value!,
  }));
}

function portraitsWithGates(rows: readonly MergedRow[], table: FactorTable): Portrait[] {
  return portraitsOf(rows, table, (row) => barsOf(row).length > 0);
}

/** The data behind {@linkcode figureGates}: a row for each bar. */
export function gatesData(rows: readonly MergedRow[], table: FactorTable): Table {
  type Row = OfPortrait & Bar;
  const bars = shownBy(portraitsWithGates(rows, table), barsOf);
  return pictureTable<Row>([
    ...portraitColumns<Row>(),
    textColumn("gate", "the layer, from 1, and the gate's name in the graph", ({ label }) => label),
    numberColumn(
      "shut",
      `share of units and ${rows[0].reads}s at which it is below 0.1, mean over the seeds`,
      ({ shut }) => shut,
    ),
    numberColumn("shut_standard_error", "standard error over streams of that", ({ errors: [error] }) => error),
    numberColumn("between", "share at which it is neither", ({ shut, above }) => 1 - shut - above),
    numberColumn("open", "share at which it is above 0.9", ({ above }) => above),
    numberColumn("open_standard_error", "standard error over streams of that", ({ errors: [, error] }) => error),
    numberColumn("mean", "mean of the gate, 0 to 1", ({ mean }) => mean),
  ], bars);
}

/**
 * Draws a panel for each portrait: a bar for each gate of each layer, cut into the shares at which it is shut, between, and open.
 *
 * @param rows best first, with at least one gate
 * @returns the SVG's text
 */
export function figureGates(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const portraits = portraitsWithGates(rows, table), [{ reads }] = rows;
  const most = maxOf(portraits.map(({ row }) => barsOf(row).length));
  const frame = {
    ...measureTexts(options, rows, ({ gates }) => gates, [
      ...portraitNotes(portraits, rows, table),
      "Row: a gate (the layer's number, then the gate's name in the graph). Double tick: its mean.",
      `Lines across the edges: ${ERRORS}.`,
    ]),
    legend: [{
      heading: `share of units and ${reads}s at which it is`,
      entries: [
        { mark: "square" as const, colour: COLOURS.shut, text: "below 0.1: closed" },
        { mark: "square" as const, colour: COLOURS.between, text: "between" },
        { mark: "square" as const, colour: COLOURS.open, text: "above 0.9: open" },
      ],
    }],
    x: `share of all units and ${reads}s`,
  };
  const drawn = drawPortraits(document, { portraits, rows, table, frame }, {
    columns: 4,
    height: ROW * most,
    labels: { first: LABELS - 22, every: LABELS - 10 },
    x: { domain: [0, 1] },
    y: { domain: [0, most], reverse: true, axis: null },
    marks: (portrait) => [
      Plot.axisX([0, 0.5, 1], { tickSize: 4, label: null, tickFormat: (share: number) => `${100 * share} %` }),
      ...barMarks(portrait),
    ],
  });
  return composeFigure(document, frame, drawn.panels, drawn.height);
}

function barMarks({ row }: Portrait): Plot.Markish[] {
  const bars = barsOf(row).map((bar, i) => ({ ...bar, y: i }));
  const parts = bars.flatMap(({ shut, open, y }) => [
    { x1: 0, x2: shut, y, fill: COLOURS.shut },
    { x1: shut, x2: open, y, fill: COLOURS.between },
    { x1: open, x2: 1, y, fill: COLOURS.open },
  ]);
  const errors = bars.flatMap(({ shut, open, errors, y }) =>
    [shut, open].flatMap((x, i) => {
      const error = errors[i];
      return error ? [{ x1: Math.max(0, x - error), x2: Math.min(1, x + error), y: y + 0.5 }] : [];
    })
  );
  const inset = 0.12, within = { y1: ({ y }: { y: number }) => y + inset, y2: ({ y }: { y: number }) => y + 1 - inset };
  return [
    Plot.rect(parts, { x1: "x1", x2: "x2", ...within, fill: "fill" }),
    Plot.ruleY(errors, { x1: "x1", x2: "x2", y: "y", stroke: COLOUR.text, strokeWidth: 2.4 }),
    Plot.ruleX(bars, { x: "mean", ...within, stroke: COLOUR.text, strokeWidth: 4 }),
    Plot.ruleX(bars, { x: "mean", ...within, stroke: COLOUR.background, strokeWidth: 1.8 }),
    Plot.text(bars, {
      y: ({ y }) => y + 0.5,
      frameAnchor: "left",
      textAnchor: "end",
      dx: -4,
      text: ({ label }) => shortened(label, LABELS, LABEL_SIZE),
      fontSize: LABEL_SIZE,
    }),
  ];
}
