/** The picture `results_*_dynamics_fixed_points`: where a state comes to rest while one byte is read again and again. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../../cells/extremes.ts";
import { counted } from "../../../cells/counts.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { visibleByte } from "../../../cells/visible_text.ts";
import { cohortsOf, ownKind } from "../../data/baselines.ts";
import { type FateOfStarts, fatesOf, meanFate, tokensTried } from "../../data/fixed_points.ts";
import type { MergedRow } from "../../data/merged.ts";
import { measuresOf } from "../../data/seed_estimates.ts";
import type { Table } from "../../data/table.ts";
import { countColumn, nameColumns, numberColumn, pictureTable, textColumn } from "../data_columns.ts";
import { describer, panelName } from "../panel_headings.ts";
import { composeFigure, type FigureOptions, panel, panelArea, type SvgDocument } from "../svg.ts";
import { BOLD, fitTogether } from "../text.ts";
import { COLOUR, DIFFERENCE_COLOUR, SIZE } from "../theme.ts";
import { type Portrait, portraitNotes, portraitsOf } from "./portraits.ts";

/** Of a row, and room for what rows are called, in pixels. */
const ROW = 40, LABELS = 176, TOP = 34, NUMBER_SIZE = 12.5, LABEL_SIZE = 13;
/** Columns: so many of the most frequent bytes. */
const MOST = 16;

const COLOURS = {
  stable: DIFFERENCE_COLOUR.lower,
  unstable: DIFFERENCE_COLOUR.higher,
  slow: "#8a8a8a",
  none: "#e3e3e3",
} as const;
const WORDS: Readonly<Record<keyof typeof COLOURS, string>> = {
  stable: "at a stable fixed point",
  unstable: "at an unstable one",
  slow: "at a slow point",
  none: "at none",
};

/** A line of the table: a configuration, or the mean of all. */
interface Line {
  /** Undefined: the mean of all. */
  readonly portrait: Portrait | undefined;
  readonly name: string;
  readonly described: string;
  readonly fates: ReadonlyMap<number, FateOfStarts>;
}

/** The lines of the table, the mean last, and its columns. */
function linesOf(
  rows: readonly MergedRow[],
  table: FactorTable,
): { readonly tokens: readonly number[]; readonly portraits: readonly Portrait[]; readonly lines: readonly Line[] } {
  const portraits = portraitsOf(rows, table, (row) => fatesOf(row).size > 0), describe = describer(rows, table);
  const tokens = tokensTried(rows).slice(0, MOST), { own } = cohortsOf(table, rows);
  const all = own.map(fatesOf).filter(({ size }) => size);
  const lines = [
    ...portraits.map((portrait): Line => ({
      portrait,
      name: `${portrait.rank}. ${panelName(portrait.row, table)}`,
      described: describe(portrait.row).join(", "),
      fates: fatesOf(portrait.row),
    })),
    {
      portrait: undefined,
      name: "mean",
      described: counted(all.length, `${ownKind(table, own)}configuration`),
      fates: new Map(tokens.map((token) => [token, meanFate(all.flatMap((fates) => fates.get(token) ?? []))])),
    },
  ];
  return { tokens, portraits, lines };
}

/** One field of the table. */
interface Field {
  readonly line: Line;
  readonly token: number;
  readonly fate: FateOfStarts;
}

/** The data behind {@linkcode figureFixedPoints}: a row for each field. */
export function fixedPointsData(rows: readonly MergedRow[], table: FactorTable): Table {
  const { tokens, lines } = linesOf(rows, table);
  const fields = lines.flatMap((line) =>
    tokens.flatMap((token): Field[] => {
      const fate = line.fates.get(token);
      return fate ? [{ line, token, fate }] : [];
    })
  );
  const share = (fate: keyof typeof COLOURS) =>
    numberColumn(`share_${fate}`, `share of the starts that end ${WORDS[fate]}`, (field: Field) => field.fate[fate]);
  return pictureTable<Field>([
    textColumn(
      "shown",
      "a configuration, or the mean of those of the study's own cell",
      ({ line }) => line.portrait ? "configuration" : "mean",
    ),
    countColumn("rank", "among all configurations, from 1", ({ line }) => line.portrait?.rank),
    ...nameColumns(({ line }: Field) => line.portrait?.row),
    countColumn(rows[0].reads, "the repeated byte or token, as a number", ({ token }) => token),
    numberColumn("points", "distinct fixed points that were found, mean over the seeds", ({ fate }) => fate.points),
    ...(Object.keys(COLOURS) as (keyof typeof COLOURS)[]).map(share),
  ], fields);
}

/**
 * Draws a line for each portrait and a column for each of the most frequent bytes: how many fixed points were found, and where the starts ended.
 *
 * @param rows best first, at least one with fixed points
 * @returns the SVG's text
 */
export function figureFixedPoints(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const { tokens, portraits, lines } = linesOf(rows, table), [{ reads }] = rows;
  const starts = rows.flatMap((row) => measuresOf(row, ({ fixed_points }) => fixed_points))
    .flatMap(({ tokens }) => tokens.map(({ starts }) => starts));
  const [least, most] = extentOf(starts);
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `Newton's method from ${least < most ? `${least} to ` : ""}${
        counted(most, "visited state")
      } for each ${reads}, the most frequent ${reads}s first; more points may exist than were found.`,
      ...portraitNotes(portraits, rows, table),
      "Number: distinct fixed points found, mean over the seeds. ␣ is a space, ↵ a line feed.",
    ],
    legend: [{
      heading: "Bar: share of starts that end",
      entries: Object.entries(COLOURS).map(([fate, colour]) => ({
        mark: "square" as const,
        colour,
        text: WORDS[fate as keyof typeof COLOURS],
      })),
    }],
    x: `the repeated ${reads}`,
  };
  const { top } = panelArea(frame), height = TOP + ROW * lines.length;
  const drawn = panel(document, [SIZE.margin, top], {
    width: SIZE.width - 2 * SIZE.margin,
    height,
    marginLeft: LABELS,
    marginRight: 0,
    marginTop: TOP,
    marginBottom: 0,
    x: { domain: [0, tokens.length], axis: null },
    y: { domain: [0, lines.length], reverse: true, axis: null },
    marks: [
      ...headMarks(tokens),
      ...labelMarks(lines),
      ...lines.flatMap(({ fates }, y) =>
        tokens.flatMap((token, x) => {
          const fate = fates.get(token);
          return fate ? cellMarks(fate, x, y) : [];
        })
      ),
      Plot.ruleY([lines.length - 1], { stroke: COLOUR.axis }),
    ],
  });
  return composeFigure(document, frame, [drawn], height);
}

function headMarks(tokens: readonly number[]): Plot.Markish[] {
  return [
    Plot.text(tokens, {
      x: (_, i) => i + 0.5,
      frameAnchor: "top",
      dy: -20,
      text: visibleByte,
      fontSize: 16,
      fontWeight: "bold",
    }),
    Plot.ruleY([0], { stroke: COLOUR.axis }),
  ];
}

function labelMarks(lines: readonly Line[]): Plot.Markish[] {
  return ([["name", -9, BOLD], ["described", 8, 1]] as const).map(([key, dy, boldness]) => {
    const { texts, size } = fitTogether(lines.map((line) => line[key]), LABELS - 12, LABEL_SIZE, { boldness });
    return Plot.text(lines, {
      y: (_: Line, i: number) => i + 0.5,
      frameAnchor: "left",
      textAnchor: "start",
      dx: -LABELS,
      dy,
      text: (_: Line, i: number) => texts[i],
      fontSize: size,
      fontWeight: boldness > 1 ? "bold" : "normal",
      fill: boldness > 1 ? COLOUR.text : COLOUR.muted,
    });
  });
}

/** The number of points, and below it a bar of the fates of all starts. */
function cellMarks({ points, ...shares }: FateOfStarts, x: number, y: number): Plot.Markish[] {
  const inset = 0.1;
  let from = x + inset;
  const parts = (Object.keys(COLOURS) as (keyof typeof COLOURS)[]).map((fate) => {
    const x1 = from;
    from += (1 - 2 * inset) * shares[fate];
    return { x1, x2: from, fill: COLOURS[fate] };
  });
  return [
    Plot.text([`${Number(points.toFixed(1))}`], { x: [x + 0.5], y: [y + 0.32], fontSize: NUMBER_SIZE }),
    Plot.rect(parts.filter(({ x1, x2 }) => x2 > x1), {
      x1: "x1",
      x2: "x2",
      y1: y + 0.58,
      y2: y + 0.84,
      fill: "fill",
    }),
  ];
}
