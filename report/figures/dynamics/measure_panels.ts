/** Panels side by side: configurations as dots by a measure each, over their test scores on a common axis. */
import type { FactorTable, SwitchFactor } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import type { MergedRow } from "../../data/merged.ts";
import { cellNames, drawScatter, TICK_LABELS } from "../scatter.ts";
import { composeFigure, type FigureOptions, panelArea, type SvgDocument } from "../svg.ts";
import { COLOUR, SIZE } from "../theme.ts";
import type { Table } from "../../data/table.ts";
import { factorColumns, nameColumns, pictureTable, textColumn } from "../data_columns.ts";
import {
  type MeasureAxis,
  placedColumns,
  placeDots,
  type PlacedRow,
  placedRows,
  RINGED,
  ringMarks,
  switchKey,
} from "./dots.ts";
import { SCORE_LABEL, scoreAxis } from "./score_axis.ts";
import { ERRORS } from "./words.ts";

const HEIGHT = 560, GAP = 26;

/** One panel. */
export interface MeasurePanel {
  /** The measure as its column in the table of runs is called, where it has one, and its unit. */
  readonly measure: string;
  readonly unit: string;
  readonly axis: MeasureAxis;
  readonly heading: string;
  /** With its unit. */
  readonly xLabel: string;
  /** Of the width of all. */
  readonly share: number;
}

/** What figures of measures take beside their rows. */
export interface MeasureOptions extends FigureOptions {
  readonly table?: FactorTable;
  /** The switch that colours are of; sizes where absent. */
  readonly by?: SwitchFactor;
}

/** A dot in a panel. */
interface PanelDot extends PlacedRow {
  readonly panel: MeasurePanel;
}

/** The data behind such a figure: a row for each dot of each panel. */
export function measuresData(rows: readonly MergedRow[], measures: readonly MeasurePanel[], table: FactorTable): Table {
  const { shown } = scoreAxis(rows, undefined, table);
  const dots = measures.flatMap((panel) => placedRows(shown, panel.axis).map((dot): PanelDot => ({ ...dot, panel })));
  return pictureTable<PanelDot>([
    textColumn("measure", "what the panel shows", ({ panel }) => panel.measure),
    textColumn("unit", "unit of values", ({ panel }) => panel.unit),
    ...nameColumns(({ row }: PanelDot) => row),
    ...placedColumns<PanelDot>("value", "the measure"),
    ...factorColumns(table, ({ row }: PanelDot) => row),
  ], dots);
}

/**
 * Draws the panels.
 *
 * @param rows best first, at least one with a test score
 * @param explanation lines of the subtitle between the first one and those on marks
 * @returns the SVG's text
 */
export function drawMeasures(
  document: SvgDocument,
  rows: readonly MergedRow[],
  measures: readonly MeasurePanel[],
  explanation: readonly string[],
  { table = GATED, by, ...options }: MeasureOptions,
): string {
  const { domain, shown, levels, notes } = scoreAxis(rows, options.levels, table), key = switchKey(shown, table, by);
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      ...explanation,
      `One mark per configuration; horizontal bars: ${ERRORS}.`,
      "Vertical bars: lowest to highest score of its seeds; lower is better.",
      ...notes,
    ],
    legend: [...key.legend, {
      entries: [
        { mark: "bar" as const, colour: COLOUR.highlight, text: "bold ring: the best measured" },
        {
          mark: "line" as const,
          colour: COLOUR.highlight,
          text: `thin rings: the best ${Math.min(RINGED, shown.length)} measured`,
        },
      ],
    }],
    y: SCORE_LABEL,
  };
  const area = panelArea(frame), room = SIZE.width - area.left - TICK_LABELS - (measures.length - 1) * GAP - 10;
  let left = area.left;
  const panels = measures.map(({ axis, heading, xLabel, share }, i) => {
    const { dots, ticks, ...placed } = placeDots(shown, axis, key), width = share * room;
    const position = [left, area.top] as const;
    left += width + GAP + (i ? 0 : TICK_LABELS);
    // Worst first, so that better ones lie above.
    return drawScatter(document, dots.toReversed(), {
      position,
      width,
      height: HEIGHT,
      heading,
      xLabel,
      xScale: axis.scale,
      xDomain: placed.domain,
      xTicks: ticks,
      tickFormat: placed.tickFormat,
      yDomain: domain,
      labelled: i === 0,
      key,
      names: cellNames(dots, table),
      levels,
      under: placed.under,
      over: ringMarks(dots, shown.slice(0, RINGED)),
    });
  });
  return composeFigure(document, frame, panels, HEIGHT - 24);
}
