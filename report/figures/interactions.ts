/** The picture `results_*_interactions`, a heat map: what two factors change together beyond what each changes alone. */
import * as Plot from "@observablehq/plot";
import { maxOf } from "../../cells/extremes.ts";
import { formatInterval } from "../tables/effect_tables.ts";
import type { Table } from "../data/table.ts";
import { COLUMN_OF, measureWithUnit, unitOfMeasure } from "../tables/measure_words.ts";
import type { Interaction } from "../statistics/dependences.ts";
import type { Effects } from "../statistics/effects.ts";
import { isSignificant, SIGNIFICANT_P } from "../tables/significant_effects.ts";
import { contrastWords, valuesCompared } from "../tables/factor_words.ts";
import { whyNoInterval } from "./comparisons.ts";
import { contrastColumns, countColumn, numberColumn, pictureTable, textColumn } from "./data_columns.ts";
import { pairColumns } from "./forest_data.ts";
import { composeFigure, type FigureOptions, panel, panelArea, type SvgDocument, type SvgElement } from "./svg.ts";
import { BOLD, fitTogether, scaledToFit, widest } from "./text.ts";
import { COLOUR, SIZE, TINT, TINT_LABEL, tintOf } from "./theme.ts";
import { counted } from "../../cells/counts.ts";
import { formatDifference } from "../tables/format.ts";

/** Of the picture, unless its rows would be too low for two lines of text. */
const LEAST_HEIGHT = 470;
const LEAST_ROW = 50;
const INSET = { right: 0, top: 4, bottom: 30 } as const;
/** Room for the rows' labels, with a gap to the map: what usual labels need, and what is left for the map's sake. */
const LABELS = { least: 118, most: 200, gap: 10 } as const;
/** A single column leaves room for the scale beside it. */
const MOST_COLUMN = 417;
const WIDTH = SIZE.width - 2 * SIZE.margin;
/** More below a map whose columns have headings of two lines. */
const SECOND_LINE = 16;
/** Of the text of a cell without a number. */
const EMPTY_SIZE = 12.5;
/** Of a number, and of the text under it. */
const SIZE_OF_NUMBER = 16, SIZE_OF_DETAIL = 12;

/** One cell of the map, at the keys of its factors. */
interface Cell extends Interaction {
  column: string;
  row: string;
}

/**
 * Draws the interactions of the primary measure: a triangle, as each two factors occur once. The colours are centred at zero; cells without a
 * number are grey and say why.
 *
 * @returns the SVG's text
 */
export function figureInteractions(document: SvgDocument, effects: Effects, options: FigureOptions): string {
  const cells = effects.interactions.map((one): Cell => ({
    ...one,
    column: one.factors[0].factor.key,
    row: one.factors[1].factor.key,
  }));
  const labels = new Map(effects[effects.primary].map(({ factor }) => [factor.key, factor.label]));
  const height = Math.max(LEAST_HEIGHT, INSET.top + INSET.bottom + LEAST_ROW * (labels.size - 1));
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [options.subtitle, ...explanation(effects), ...valuesCompared(effects[effects.primary])],
    legend: [],
  };
  const { top } = panelArea(frame);
  const largest = maxOf(cells.map(({ difference }) => Math.abs(difference ?? 0)), 0);
  const map = drawCells(document, cells, { labels, largest: largest || 1, top, height });
  return composeFigure(document, frame, [map, drawScale(document, largest, top)], height - 20);
}

/** The data behind {@linkcode figureInteractions}: a row for each cell of the map. */
export function interactionsData({ primary, reads, interactions }: Effects): Table {
  return pictureTable<Interaction>([
    textColumn("measure", "what is compared, by the name of its column in the table of runs", () => COLUMN_OF[primary]),
    textColumn("unit", "unit of differences and intervals", () => unitOfMeasure(primary, reads)),
    ...contrastColumns(({ factors: [first] }: Interaction) => first, "first_"),
    ...contrastColumns(({ factors: [, second] }: Interaction) => second, "second_"),
    numberColumn(
      "difference",
      "interaction: joint effect minus the sum of both single effects, mean over matched sets of four",
      ({ difference }) => difference,
    ),
    ...pairColumns((one: Interaction) => one),
    countColumn(
      "not_trained",
      "matched sets left out, whose added weights are never trained",
      ({ inactive }) => inactive,
    ),
  ], interactions);
}

function explanation({ primary, reads, interactions, ...effects }: Effects): string[] {
  const words = contrastWords(effects[primary]), tested = interactions[0]?.tested ?? 0;
  const measure = measureWithUnit(primary, reads);
  return [
    `Each number: mean of “${words.bothAtSecond} − only one − only the other + neither”, ${measure},`,
    `over matched sets of four configurations, otherwise identical; below it ${
      tested ? "its 95 % interval" : "their number."
    }`,
    ...(tested
      ? [
        "for other configurations with other seeds. " +
        `Bold: p at most ${SIGNIFICANT_P} with Holm's correction for ${counted(tested, "interaction")}${
          tested > interactions.filter(({ p }) => p !== undefined).length ? ", those with sizes included" : ""
        }.`,
      ]
      : whyNoInterval(interactions, "matched set")),
  ];
}

interface MapOptions {
  /** Of the factors by key, in order: all but the last name a column, all but the first a row. */
  labels: ReadonlyMap<string, string>;
  /** The difference that has the strongest colour. */
  largest: number;
  top: number;
  height: number;
}

function drawCells(document: SvgDocument, cells: readonly Cell[], options: MapOptions): SvgElement {
  const { labels, largest, top, height } = options, keys = [...labels.keys()];
  const columns = keys.slice(0, -1), rows = keys.slice(1);
  const labelled = (some: readonly string[]) => some.map((key) => labels.get(key)!);
  const left = Math.min(Math.max(LABELS.least, widest(labelled(rows), SIZE.text) + LABELS.gap), LABELS.most);
  const names = fitTogether(labelled(rows), left - LABELS.gap, SIZE.text, { lines: 2 });
  const column = Math.min((WIDTH - left - INSET.right) / columns.length, MOST_COLUMN), room = 0.94 * column;
  const headings = fitTogether(labelled(columns), room, SIZE.text, { lines: 2 });
  const isWide = headings.texts.some((heading) => heading.includes("\n"));
  const detail = ({ interval, pairs }: Cell) => interval ? formatInterval(interval) : counted(pairs, "matched set");
  const whyNone = ({ inactive }: Cell) => inactive ? "gate not trained" : "no matched set";
  const known = cells.filter(({ difference }) => difference !== undefined);
  const numbers = known.map(({ difference }) => formatDifference(difference!));
  const at = { x: "column", y: "row" } as const;
  return panel(document, [SIZE.margin, top], {
    width: left + columns.length * column + INSET.right,
    height,
    marginLeft: left,
    marginRight: INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom + (isWide ? SECOND_LINE : 0),
    x: { type: "band", domain: columns, label: null, paddingInner: 0.03, paddingOuter: 0 },
    y: { type: "band", domain: rows, label: null, paddingInner: 0.05, paddingOuter: 0 },
    opacity: { type: "identity" },
    marks: [
      Plot.cell(cells, { ...at, fill: ({ difference }: Cell) => difference === undefined ? TINT.empty : TINT.ground }),
      Plot.cell(known, { ...at, ...tinted(({ difference }: Cell) => difference! / largest) }),
      Plot.axisX({
        anchor: "bottom",
        tickSize: 0,
        label: null,
        fontSize: headings.size,
        tickFormat: (key: string) => headings.texts[columns.indexOf(key)],
      }),
      Plot.axisY({
        tickSize: 0,
        label: null,
        fontSize: names.size,
        tickFormat: (key: string) => names.texts[rows.indexOf(key)],
      }),
      ...[true, false].map((clear) =>
        Plot.text(known.filter((cell) => isSignificant(cell) === clear), {
          ...at,
          text: ({ difference }: Cell) => formatDifference(difference!),
          dy: -9,
          fontSize: scaledToFit(BOLD * widest(numbers, SIZE_OF_NUMBER), room, SIZE_OF_NUMBER),
          fontWeight: clear ? "bold" : "normal",
        })
      ),
      Plot.text(known, {
        ...at,
        text: detail,
        dy: 13,
        fontSize: scaledToFit(widest(known.map(detail), SIZE_OF_DETAIL), room, SIZE_OF_DETAIL),
      }),
      Plot.text(cells.filter(({ difference }) => difference === undefined), {
        ...at,
        text: whyNone,
        fill: COLOUR.muted,
        fontSize: scaledToFit(widest(cells.map(whyNone), EMPTY_SIZE), room, EMPTY_SIZE),
      }),
    ],
  });
}

/** Options of a mark that is a layer of tints. @param shareOf see {@linkcode tintOf} */
function tinted<Datum>(shareOf: (datum: Datum) => number) {
  return {
    fill: (datum: Datum) => tintOf(shareOf(datum)).colour,
    fillOpacity: (datum: Datum) => tintOf(shareOf(datum)).opacity,
    ariaDescription: TINT_LABEL,
  };
}

const SCALE = { left: 560, top: 14, width: 400, height: 70, steps: 81 } as const;

/** The colours and what they mean, in the empty corner of the triangle. */
function drawScale(document: SvgDocument, largest: number, top: number): SvgElement {
  const step = 2 / SCALE.steps;
  const shares = Array.from({ length: SCALE.steps }, (_, i) => -1 + (i + 0.5) * step);
  const marks: Plot.Markish[] = [
    Plot.rect([0], { x1: -1, x2: 1, y1: 0, y2: 1, fill: TINT.ground }),
    Plot.rect(shares, {
      x1: (share: number) => share - step / 2,
      x2: (share: number) => share + step / 2,
      y1: 0,
      y2: 1,
      ...tinted((share: number) => share),
      // Neighbours that only touch would leave pale seams, and dark ones where they overlap.
      shapeRendering: "crispEdges",
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
    opacity: { type: "identity" },
    marks: largest ? marks : [],
  });
}
