/** A panel for each of the best configurations and for the best of each baseline's cell, on common axes. */
import type * as Plot from "@observablehq/plot";
import type { FactorTable } from "../../../cells/factor.ts";
import { firstOfCells } from "../../data/baselines.ts";
import { criterionInWords } from "../../../experiments/study/criterion.ts";
import { criterionOfRows, type MergedRow } from "../../data/merged.ts";
import { formatLoss } from "../../tables/format.ts";
import { switchLegend } from "../../tables/tables.ts";
import type { Column } from "../../data/table.ts";
import { countColumn, nameColumns } from "../data_columns.ts";
import { hasBaselines } from "../baselines.ts";
import { describer, HEADING_LINE, otherLines, panelHeadings, panelName } from "../panel_headings.ts";
import { panel, panelArea, type SvgDocument, type SvgElement } from "../svg.ts";
import { BASELINE_COLOUR, DIFFERENCE_COLOUR, SIZE } from "../theme.ts";

/** A configuration that has a panel. */
export interface Portrait {
  readonly row: MergedRow;
  /** Among all configurations, from 1. */
  readonly rank: number;
  readonly isBaseline: boolean;
  /** Of its marks. */
  readonly colour: string;
}

/** What the others are drawn in. */
export const OTHERS = "#b9b9b9";

const MOST = { own: 10, baselines: 5 } as const;

/**
 * The ten best of the table's own cell, then the best configuration of each baseline's cell, up to five.
 *
 * @param rows all, best first
 * @param isShown whether there is something to show of it
 * @param groupOf where it has several values, the ten are the best of each, in its order
 */
export function portraitsOf(
  rows: readonly MergedRow[],
  table: FactorTable,
  isShown: (row: MergedRow) => boolean,
  groupOf: (row: MergedRow) => number = () => 0,
): Portrait[] {
  const shown = rows.filter(isShown), isAny = hasBaselines(table, rows);
  const isBaseline = ({ config }: MergedRow) => isAny && !table.isOwnCell(config);
  const groups = [...Map.groupBy(shown.filter((row) => !isBaseline(row)), groupOf)].sort(([a], [b]) => a - b);
  const own = groups.flatMap(([, same]) => same.slice(0, Math.max(1, Math.floor(MOST.own / groups.length))));
  const baselines = firstOfCells(table, shown.filter(isBaseline)).slice(0, MOST.baselines);
  return [...own, ...baselines.map(({ row }) => row)].map((row) => ({
    row,
    rank: rows.indexOf(row) + 1,
    isBaseline: isBaseline(row),
    colour: isBaseline(row) ? BASELINE_COLOUR : DIFFERENCE_COLOUR.lower,
  }));
}

/** What a portrait shows, one by one. */
export interface OfPortrait {
  readonly portrait: Portrait;
}

/** All that portraits show, one by one. */
export function shownBy<Item>(
  portraits: readonly Portrait[],
  itemsOf: (row: MergedRow) => readonly Item[],
): (Item & OfPortrait)[] {
  return portraits.flatMap((portrait) => itemsOf(portrait.row).map((item) => ({ ...item, portrait })));
}

/** Columns that say which portrait a row is of. */
export function portraitColumns<Row extends OfPortrait>(): Column<Row>[] {
  return [
    countColumn("rank", "among all configurations, from 1", ({ portrait }) => portrait.rank),
    ...nameColumns(({ portrait }: Row) => portrait.row),
  ];
}

/** What each panel shows. */
export interface PortraitPanels {
  /** Panels side by side; absent: 5. */
  readonly columns?: number;
  /** Of the axes of one panel, in pixels. */
  readonly height: number;
  /** For labels of the first panel of a line, and for those of every panel, in pixels. */
  readonly labels: { readonly first: number; readonly every: number };
  readonly x: Plot.ScaleOptions;
  readonly y: Plot.ScaleOptions;
  /** What is drawn. @param isFirst whether it is the first of its line, which has the labels of y */
  marks(portrait: Portrait, isFirst: boolean): readonly Plot.Markish[];
}

const COLUMNS = 5, GAP_X = 18, RIGHT = 8, BOTTOM = 32, TOP = 42, HEADING_GAP = 4, BELOW = 10, SPARE = 22;

/** Panels side by side below the frame's texts, and the height of all of them. */
export function drawPortraits(
  document: SvgDocument,
  { portraits, rows, table, frame }: {
    readonly portraits: readonly Portrait[];
    readonly rows: readonly MergedRow[];
    readonly table: FactorTable;
    readonly frame: Parameters<typeof panelArea>[0];
  },
  panels: PortraitPanels,
): { readonly panels: SvgElement[]; readonly height: number } {
  const area = panelArea(frame), describe = describer(rows, table), { columns = COLUMNS, labels } = panels;
  const room = SIZE.width - area.left - labels.first - (columns - 1) * (GAP_X + labels.every) - SIZE.margin;
  const width = room / columns - RIGHT;
  const top = TOP + (otherLines(rows, table).length + 1) * HEADING_LINE, height = top + panels.height + BOTTOM + BELOW;
  const drawn = portraits.map((portrait, i) => {
    const column = i % columns, isFirst = column === 0, { row, rank } = portrait;
    const left = isFirst ? labels.first : labels.every;
    const before = isFirst ? 0 : labels.first + column * (width + RIGHT + GAP_X) + (column - 1) * labels.every;
    return panel(document, [area.left + before, area.top + Math.floor(i / columns) * height], {
      width: left + width + RIGHT,
      height: height - BELOW,
      marginLeft: left,
      marginRight: RIGHT,
      marginTop: top,
      marginBottom: BOTTOM,
      x: { ...panels.x, label: null },
      y: { ...panels.y, label: null },
      marks: [
        ...panels.marks(portrait, isFirst),
        ...panelHeadings(width + RIGHT + GAP_X - HEADING_GAP, `${rank}. ${panelName(row, table)}`, describe(row), [
          row.test_bits_per_byte ? `test ${formatLoss(row.test_bits_per_byte.mean)} bits/byte` : "not scored",
        ]),
      ],
    });
  });
  return { panels: drawn, height: Math.ceil(portraits.length / columns) * height - SPARE };
}

/** What panels are of, and what their headings say, for a subtitle. */
export function portraitNotes(
  portraits: readonly Portrait[],
  rows: readonly MergedRow[],
  table: FactorTable,
): string[] {
  const own = portraits.filter(({ isBaseline }) => !isBaseline).length, baselines = portraits.length - own;
  return [
    `The best ${own} measured, by ${criterionInWords(criterionOfRows(rows))}${
      baselines ? ", then the best configuration of each other cell" : ""
    }.`,
    ...switchLegend(rows, table).map((line) => `${line[0].toUpperCase()}${line.slice(1)}.`),
  ];
}
