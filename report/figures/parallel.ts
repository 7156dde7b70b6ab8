/** The picture `results_*_parallel`: parallel coordinates, one line per configuration through its hyperparameters to its loss. */
import * as Plot from "@observablehq/plot";
import { maxOf } from "../../cells/extremes.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import { type BaselineLine, baselineLines, baselineNote, reachOf } from "./baselines.ts";
import type { Table } from "../data/table.ts";
import {
  countColumn,
  factorColumns,
  measureColumn,
  nameColumns,
  numberColumn,
  pictureTable,
  textColumn,
} from "./data_columns.ts";
import { dodged } from "./labels.ts";
import { levelNote } from "./levels.ts";
import { leftOut } from "./scatter.ts";
import { nameOfLevel } from "../data/cell_names.ts";
import { cohortsOf } from "../data/baselines.ts";
import { criterionOfRows, type MergedRow, rankedBy } from "../data/merged.ts";
import { levelsIn, variedIn } from "../data/rows.ts";
import { levelText } from "../tables/factor_words.ts";
import { composeFigure, type FigureOptions, naming, panel, panelArea, type SvgDocument } from "./svg.ts";
import { BOLD, type FittedTexts, fitTogether, LEAST_SIZE, scaledToFit, shortened, widest, wrapped } from "./text.ts";
import { BASELINE_COLOUR, COLOUR, SIZE } from "./theme.ts";
import { criterionAxis } from "../tables/criterion_words.ts";
import { formatOnAxis } from "../tables/format.ts";

const HEIGHT = 520;
const INSET = { left: 46, right: 62, top: 48, bottom: 14 } as const;
/** Share of an axis that lies between two of its values. */
const BETWEEN = 0.09;
/** The best of so many are drawn in colour. */
const BEST_SHARE = 0.1;
const BEST_COLOUR = "#0072B2";

/** A vertical axis: the values that occur, and which one a row has. */
interface Axis {
  label: string;
  values: string[];
  valueOf(row: MergedRow): string;
}

/** A line's crossing of an axis: `y` from 0 (bottom) to 1. */
interface Crossing {
  x: number;
  y: number;
  row: MergedRow;
}

/** A value's part of its axis. */
interface Band {
  x: number;
  low: number;
  high: number;
  value: string;
}

/**
 * Draws each configuration as a line that crosses one axis per hyperparameter, and at last that of the number that it is ranked by. Within a
 * value the lines lie by rank, the best above, so that lines do not hide each other; the best tenth is coloured, the best one black.
 * Baselines have no switches to go through: they are marks with names at the last axis. A configuration that has no score yet has no line.
 *
 * @param all at least one configuration, best first
 * @returns the SVG's text
 */
export function figureParallel(
  document: SvgDocument,
  all: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const { criterion, meanOf, rows, lines } = shownIn(all, table);
  const { axis, short, unit } = criterionAxis(criterion, all[0].reads);
  const base = { name: options.name, title: options.title };
  if (!rows.length) {
    const note = "No configuration has a score on the validation split yet, so none is ranked.";
    return composeFigure(document, { ...base, subtitle: [options.subtitle, note], legend: [] }, [], 0);
  }
  const levels = levelsOn(axis, options.levels, all[0]);
  const range = reachOf([meanOf(rows[0])!, meanOf(rows.at(-1)!)!], lines);
  const axes = axesOf(rows, table);
  const bands = axes.map((axis, x) => bandsOf(axis, rows, x));
  const best = Math.max(1, Math.round(BEST_SHARE * rows.length));
  const frame = {
    ...base,
    subtitle: [
      options.subtitle,
      "One line per configuration; within a value better ones are higher, and a value's length is its number of configurations." +
      leftOut(all.filter((row) => meanOf(row) === undefined).length, "no validation score"),
      ...baselineNote(lines, range, "Marks"),
      ...levelNote(levels, range),
    ],
    legend: [
      {
        entries: [
          { mark: "bar" as const, colour: COLOUR.highlight, text: `best: ${rows[0].name}, ${rows[0].label}` },
        ],
      },
      {
        entries: [
          ...(best > 1 ? [{ mark: "line" as const, colour: BEST_COLOUR, text: `the best tenth (${best})` }] : []),
          ...(best < rows.length ? [{ mark: "line" as const, colour: COLOUR.axis, text: "the others" }] : []),
        ],
      },
    ],
  };
  const { top } = panelArea(frame);
  const headings = [...axes.map(({ label }) => label), `${short},\n${unit}`];
  const texts = textsOf(axes, headings);
  const crossings = linesOf(axes, bands, rows, range, (row) => meanOf(row)!);
  const drawn = panel(document, [SIZE.margin, top], {
    width: SIZE.width - 2 * SIZE.margin,
    height: HEIGHT,
    marginLeft: texts.left,
    marginRight: INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain: [0, axes.length], axis: null },
    y: { domain: [0, 1], axis: null },
    marks: [
      ...lineMarks(crossings.slice(best).flat(), COLOUR.axis, 0.7, rows.length > 100 ? 0.35 : 0.6),
      ...lineMarks(crossings.slice(1, best).reverse().flat(), BEST_COLOUR, 1.5, 0.85),
      ...lineMarks(crossings[0], COLOUR.background, 5, 1, false),
      ...lineMarks(crossings[0], COLOUR.highlight, 2.6, 1),
      ...bandMarks(bands, texts.values),
      ...scoreMarks(axes.length, range),
      ...levelTicks(axes.length, range, levels, lines),
      ...headingMarks(texts.headings),
    ],
  });
  return composeFigure(document, frame, [drawn], HEIGHT - 30);
}

/** The configurations that have lines, best first, and the baselines that have marks. */
function shownIn(all: readonly MergedRow[], table: FactorTable) {
  const criterion = criterionOfRows(all), meanOf = (row: MergedRow) => rankedBy(row, criterion)?.mean;
  return {
    criterion,
    meanOf,
    rows: cohortsOf(table, all).own.filter((row) => meanOf(row) !== undefined),
    lines: baselineLines(table, all, meanOf),
  };
}

/** The data behind {@linkcode figureParallel}: a row for each line, and for the mark of each baseline. */
export function parallelData(all: readonly MergedRow[], table: FactorTable): Table {
  const { criterion, meanOf, rows, lines } = shownIn(all, table), [{ reads }] = all;
  const shown = [
    ...rows.map((row) => ({ row, shown: "line" })),
    ...lines.map(({ row }) => ({ row, shown: "mark of a baseline" })),
  ];
  type Shown = typeof shown[number];
  return pictureTable<Shown>([
    textColumn("shown", "the line of a configuration, or the mark of a baseline", ({ shown }) => shown),
    ...nameColumns(({ row }: Shown) => row),
    countColumn("rank", "among all configurations, from 1", ({ row }) => all.indexOf(row) + 1),
    numberColumn(
      measureColumn(criterion, reads),
      `${criterionAxis(criterion, reads).label}, mean over its seeds`,
      ({ row }) => meanOf(row),
    ),
    ...factorColumns(table, ({ row }: Shown) => row),
  ], shown);
}

function axesOf(rows: readonly MergedRow[], table: FactorTable): Axis[] {
  return variedIn(table, rows).map((factor): Axis => {
    const values = levelsIn(factor, rows).map((value) => nameOfLevel(factor, value));
    return {
      label: wrapped(factor.label, 2),
      values,
      valueOf: (row) => levelText(table, factor, row),
    };
  });
}

/** Between a value and its axis, and between texts of neighbouring axes, in pixels. */
const VALUE_GAP = 6, TEXT_GAP = 6;
/** Room to the left of the first axis, and lines of a value, at most. */
const MOST_LEFT = 180, MOST_LINES = 3;

/**
 * Room to the left of the first axis, for its values, and texts of neighbouring axes that do not touch.
 *
 * @param headings those of the axes, and of the last one
 */
function textsOf(
  axes: readonly Axis[],
  headings: readonly string[],
): { left: number; headings: FittedTexts; values: FittedTexts[] } {
  const width = (texts: readonly string[]) => BOLD * widest(texts, SIZE.tick);
  const left = Math.min(Math.max(INSET.left, width(axes[0].values) + VALUE_GAP), MOST_LEFT);
  const between = (SIZE.width - 2 * SIZE.margin - left - INSET.right) / axes.length;
  // A heading is centred at its axis: between two axes there is room for half of each one's.
  const widths = headings.map((text) => width([text]));
  const halves = widths.slice(1).map((width, i) => (width + widths[i]) / 2);
  const size = scaledToFit(maxOf(halves), between - TEXT_GAP, SIZE.tick);
  const cut = (text: string) => size > LEAST_SIZE ? text : shortened(text, (between - TEXT_GAP) / BOLD, size);
  return {
    left,
    headings: { texts: headings.map(cut), size },
    values: axes.map(({ values }, x) =>
      fitTogether(values, x ? between - VALUE_GAP - TEXT_GAP : left - VALUE_GAP, SIZE.tick, {
        lines: MOST_LINES,
        boldness: BOLD,
      })
    ),
  };
}

/** An axis cut into its values, the first below, each as long as its share of the rows. */
function bandsOf(axis: Axis, rows: readonly MergedRow[], x: number): Band[] {
  const room = 1 - BETWEEN * (axis.values.length - 1);
  let low = 0;
  return axis.values.map((value) => {
    const high = low + room * rows.filter((row) => axis.valueOf(row) === value).length / rows.length;
    const band = { x, low, high, value };
    low = high + BETWEEN;
    return band;
  });
}

/** The crossings of each row, in the rows' order. */
function linesOf(
  axes: readonly Axis[],
  bands: readonly Band[][],
  rows: readonly MergedRow[],
  [least, most]: readonly [number, number],
  valueOf: (row: MergedRow) => number,
): Crossing[][] {
  const lines = rows.map((): Crossing[] => []);
  for (const [x, axis] of axes.entries()) {
    for (const { value, low, high } of bands[x]) {
      const own = rows.flatMap((row, i) => axis.valueOf(row) === value ? [i] : []);
      // The best of a value lies at its top; half a step from either end, so that a lone one lies in the middle.
      for (const [rank, i] of own.entries()) {
        lines[i].push({ x, y: high - (high - low) * (rank + 0.5) / own.length, row: rows[i] });
      }
    }
  }
  for (const [i, row] of rows.entries()) {
    const y = most > least ? (most - valueOf(row)) / (most - least) : 0.5;
    lines[i].push({ x: axes.length, y, row });
  }
  return lines;
}

function lineMarks(
  crossings: Crossing[],
  stroke: string,
  strokeWidth: number,
  strokeOpacity: number,
  named = true,
): Plot.Markish[] {
  if (!crossings.length) return [];
  const line = { x: "x", y: "y", z: ({ row }: Crossing) => row.name, stroke, strokeWidth, strokeOpacity } as const;
  return [Plot.line(crossings, { ...line, ...(named ? naming(crossings, ({ row }) => row.name) : {}) })];
}

/** @param values what is written at the bands, by axis */
function bandMarks(bands: readonly Band[][], values: readonly FittedTexts[]): Plot.Markish[] {
  const at = { x: "x", y: ({ low, high }: Band) => (low + high) / 2 } as const;
  const written = bands.flatMap((own, x) => own.map((band, i) => ({ ...band, text: values[x].texts[i] })));
  return [
    Plot.ruleX(bands.flat(), { x: "x", y1: "low", y2: "high", stroke: COLOUR.text, strokeWidth: 3 }),
    ...[...Map.groupBy(written, ({ x }) => values[x].size)].map(([fontSize, own]) =>
      Plot.text(own, {
        ...at,
        text: "text",
        textAnchor: "end",
        dx: -VALUE_GAP,
        fontSize,
        fontWeight: "bold",
        fill: COLOUR.text,
        stroke: COLOUR.background,
        strokeWidth: 4,
      })
    ),
  ];
}

/** The axis of what is ranked by, whose least value is at the top. */
function scoreMarks(x: number, [least, most]: readonly [number, number]): Plot.Markish[] {
  const count = most > least ? 6 : 1;
  const ticks = Array.from({ length: count }, (_, i) => ({
    y: count === 1 ? 0.5 : i / (count - 1),
    loss: count === 1 ? least : most - (most - least) * i / (count - 1),
  }));
  return [
    Plot.ruleX([x], { y1: 0, y2: 1, stroke: COLOUR.text, strokeWidth: 1.5 }),
    Plot.text(ticks, {
      x: () => x,
      y: "y",
      text: ({ loss }: { loss: number }) => formatOnAxis(loss, most - least),
      textAnchor: "start",
      dx: 7,
      fontSize: SIZE.tick,
      fill: COLOUR.text,
    }),
  ];
}

/** Levels on the last axis, as short dotted lines across it, and baselines as broken ones. */
function levelTicks(
  x: number,
  [least, most]: readonly [number, number],
  levels: readonly Level[],
  lines: readonly BaselineLine[],
): Plot.Markish[] {
  const placed = <Of extends { readonly value: number }>(some: readonly Of[]) =>
    some.filter(({ value }) => value >= least && value <= most && most > least)
      .map((one) => ({ ...one, y: (most - one.value) / (most - least) }));
  const shown = placed(levels), baselines = placed(lines), height = HEIGHT - INSET.top - INSET.bottom;
  // Both stand to the left of one axis, apart from each other.
  const at = [...shown, ...baselines].map(({ y }) => (1 - y) * height), places = dodged(at, 15, [0, height]);
  const moved = at.map((y, i) => places[i] - y);
  return [
    ...baselineTicks(x, baselines, moved.slice(shown.length)),
    Plot.ruleY(shown, { y: "y", x1: x - 0.12, x2: x, stroke: COLOUR.text, strokeWidth: 1.4, strokeDasharray: "2,2" }),
    ...shown.map((one, i) =>
      Plot.text([one], {
        x: () => x - 0.12,
        y: "y",
        text: "label",
        textAnchor: "end",
        dx: -3,
        dy: moved[i],
        fontSize: 11,
        fill: COLOUR.text,
        stroke: COLOUR.background,
        strokeWidth: 3,
      })
    ),
  ];
}

/** Names of baselines to the left of the last axis. @param moved down from their ticks, in pixels */
function baselineTicks(
  x: number,
  baselines: readonly (BaselineLine & { y: number })[],
  moved: readonly number[],
): Plot.Markish[] {
  return [
    Plot.ruleY(baselines, {
      y: "y",
      x1: x - 0.2,
      x2: x,
      stroke: BASELINE_COLOUR,
      strokeWidth: 2.4,
      ...naming(baselines, ({ row }) => row.name),
    }),
    ...baselines.map((one, i) =>
      Plot.text([one], {
        x: () => x - 0.2,
        y: "y",
        text: "name",
        textAnchor: "end",
        dx: -4,
        dy: moved[i],
        fontSize: 13,
        fontWeight: "bold",
        fill: BASELINE_COLOUR,
        stroke: COLOUR.background,
        strokeWidth: 4,
      })
    ),
  ];
}

function headingMarks({ texts, size }: FittedTexts): Plot.Markish[] {
  return [Plot.text(texts, {
    x: (_, i) => i,
    frameAnchor: "top",
    lineAnchor: "bottom",
    dy: -14,
    fontSize: size,
    fontWeight: "bold",
    fill: COLOUR.text,
  })];
}
