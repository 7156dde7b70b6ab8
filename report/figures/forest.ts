/** Panels of forest plots: rows of means over pairs and seeds, with their intervals and the means of single seeds. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import { intervalOf } from "../tables/study_words.ts";
import { formatOnAxis } from "../tables/format.ts";
import { panel, type Shape, type SvgDocument, type SvgElement } from "./svg.ts";
import { scaledToFit, shortened, widest, wrapped } from "./text.ts";
import { COLOUR, SIZE } from "./theme.ts";

/** A mean in a row. */
export interface ForestMark {
  readonly mean: PairMean;
  readonly colour: string;
  readonly shape: Shape;
  /** Pixels below the middle of its row. */
  readonly dy: number;
}

/** A row: its label to the left, means, and a text for each column to the right. */
export interface ForestRow {
  readonly label: string;
  readonly marks: readonly ForestMark[];
  readonly cells: readonly string[];
}

/** What a panel shows. */
export interface ForestPanel {
  readonly title: string;
  /** What the axis below says. */
  readonly axis: string;
  readonly rows: readonly ForestRow[];
  /** Headings of the columns, each with its end in pixels from the right border of the plot. */
  readonly columns: readonly { readonly heading: string; readonly end: number }[];
  /** Pixels of a row. */
  readonly row: number;
}

const INSET = { top: 62, bottom: 62, right: 352 } as const;
/** Room for the rows' labels, with a gap to the plot: what usual labels need, and what is left for the plot's sake. */
const LABELS = { least: 118, most: 240, gap: 10 } as const;

/** The height of a panel, in pixels. */
export function forestHeight({ rows, row }: ForestPanel): number {
  return INSET.top + rows.length * row + INSET.bottom;
}

/** Draws a panel at the left margin. @param top in pixels from the picture's top */
export function forestPanel(document: SvgDocument, content: ForestPanel, top: number): SvgElement {
  const { rows, title, axis, columns } = content, keys = rows.map((_, i) => i), domain = domainOf(rows);
  const labels = rowLabels(rows.map(({ label }) => label)), span = domain[1] - domain[0];
  return panel(document, [SIZE.margin, top], {
    width: SIZE.width - 2 * SIZE.margin,
    height: forestHeight(content),
    marginLeft: labels.room,
    marginRight: INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain, label: null },
    y: { type: "point", domain: keys, padding: 0.5, label: null },
    marks: [
      Plot.gridX({ ticks: 6, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisX({ ticks: 5, tickSize: 5, label: null, tickFormat: (value: number) => formatOnAxis(value, span, 1) }),
      Plot.axisY({ tickSize: 0, label: null, fontSize: labels.size, tickFormat: (key: number) => labels.texts[key] }),
      Plot.ruleX([0], { stroke: COLOUR.text, strokeWidth: 1.2 }),
      ...rows.flatMap(({ marks }, key) => marks.flatMap((mark) => meanMarks(mark, key))),
      ...columns.flatMap((column, i) => columnMarks(rows, column, i)),
      Plot.text([title], {
        frameAnchor: "top-left",
        dx: -labels.room,
        dy: -50,
        fontSize: SIZE.text,
        fontWeight: "bold",
        textAnchor: "start",
      }),
      Plot.text([axis], { frameAnchor: "bottom", dy: 44, fontSize: SIZE.tick }),
    ],
  });
}

/** Everything that is drawn, and zero, with a little room. */
function domainOf(rows: readonly ForestRow[]): [number, number] {
  const ends = rows.flatMap(({ marks }) =>
    marks.flatMap(({ mean }) => {
      const interval = intervalOf(mean);
      return [
        mean.difference ?? 0,
        ...mean.by_seed.map(({ difference }) => difference),
        ...(interval ? [interval.low, interval.high] : []),
      ];
    })
  );
  const [low, high] = extentOf([0, ...ends]), pad = 0.06 * (high - low) || 0.1;
  return [low - pad, high + pad];
}

function rowLabels(names: readonly string[]): { texts: readonly string[]; room: number; size: number } {
  const fitting = names.map((name) => widest([name], SIZE.text) > LABELS.most - LABELS.gap ? wrapped(name, 2) : name);
  const room = Math.min(Math.max(LABELS.least, widest(fitting, SIZE.text) + LABELS.gap), LABELS.most);
  const size = scaledToFit(widest(fitting, SIZE.text), room - LABELS.gap, SIZE.text);
  return { texts: fitting.map((name) => shortened(name, room - LABELS.gap, size)), room, size };
}

/** An interval as a line, single seeds as small rings, and the mean above both. */
function meanMarks({ mean, colour, shape, dy }: ForestMark, y: number): Plot.Markish[] {
  if (mean.difference === undefined) return [];
  const interval = intervalOf(mean), seeds = mean.by_seed.length > 1 ? mean.by_seed : [];
  return [
    ...(interval
      ? [
        Plot.ruleY([interval], {
          y: () => y,
          x1: "low",
          x2: "high",
          dy,
          stroke: colour,
          strokeWidth: 3,
          strokeOpacity: 0.75,
        }),
      ]
      : []),
    ...(seeds.length
      ? [
        Plot.dot(seeds, {
          x: "difference",
          y: () => y,
          dy,
          r: 2.2,
          fill: COLOUR.background,
          stroke: COLOUR.text,
          strokeWidth: 0.9,
        }),
      ]
      : []),
    Plot.dot([mean], {
      x: "difference",
      y: () => y,
      dy,
      r: 4.4,
      symbol: shape,
      fill: colour,
      stroke: COLOUR.background,
      strokeWidth: 0.6,
    }),
  ];
}

function columnMarks(
  rows: readonly ForestRow[],
  { heading, end }: ForestPanel["columns"][number],
  column: number,
): Plot.Markish[] {
  return [
    Plot.text(rows, {
      y: (_: ForestRow, i: number) => i,
      frameAnchor: "right",
      textAnchor: "end",
      dx: end,
      text: ({ cells }: ForestRow) => cells[column],
    }),
    Plot.text([heading], {
      frameAnchor: "top-right",
      textAnchor: "end",
      dx: end,
      dy: -20,
      fill: COLOUR.muted,
      fontSize: 13,
    }),
  ];
}
