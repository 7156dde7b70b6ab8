/** The picture `results_*_dynamics_truncation`: what the gradient through one step has of that through several, by their number. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../../cells/extremes.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import type { Estimate } from "../../../train/dynamics/estimate.ts";
import type { GradientAgreement } from "../../../train/dynamics/agreement.ts";
import type { MergedRow } from "../../data/merged.ts";
import { stepsBack } from "../../data/reading.ts";
import { distinct } from "../../data/rows.ts";
import { meanOverSeeds, measuresOf } from "../../data/seed_estimates.ts";
import type { Table } from "../../data/table.ts";
import { countColumn, estimateColumns, pictureTable, textColumn } from "../data_columns.ts";
import { composeFigure, type FigureOptions, naming, SEEDS_LABEL, type Shape, type SvgDocument } from "../svg.ts";
import { COLOUR, colourScale } from "../theme.ts";
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

const HEIGHT = 150;
/** Of a picture in which nothing is lost anywhere. */
const LEAST_PAD = 0.01;

/** What is drawn of an agreement, each with a colour and a shape of its own. */
const SERIES = [
  {
    name: "cosine",
    shape: "circle",
    text: "cosine: 1 is the same direction",
    of: ({ cosine, cosine_standard_error }: GradientAgreement): Estimate => ({
      value: cosine,
      standard_error: cosine_standard_error,
    }),
  },
  {
    name: "ratio",
    shape: "square",
    text: "ratio of norms: 1 is the same length",
    of: ({ ratio, ratio_standard_error }: GradientAgreement): Estimate => ({
      value: ratio,
      standard_error: ratio_standard_error,
    }),
  },
] as const satisfies readonly { readonly shape: Shape; readonly [key: string]: unknown }[];
const COLOURS = colourScale(SERIES.map(({ name }) => name));

interface Point extends Estimate {
  readonly steps: number;
}

/** The mean over the seeds for each number of steps back. */
function pointsOf(row: MergedRow, { of }: typeof SERIES[number]): Point[] {
  const gaps = measuresOf(row, ({ truncation_gap }) => truncation_gap).flatMap(({ gaps }) => gaps);
  return [...Map.groupBy(gaps, ({ bptt }) => bptt)].map(([steps, same]) => ({
    ...meanOverSeeds(same.map(({ whole }) => of(whole))),
    steps,
  })).filter(({ value }) => value !== null).sort((a, b) => a.steps - b.steps);
}

/** Whether there is something to compare: a model without a gradient has neither number. */
export function hasGradients(row: MergedRow): boolean {
  return SERIES.some((one) => pointsOf(row, one).length > 0);
}

/** Where a study trains with several numbers of steps back, the best of each. */
function portraitsWithGradients(rows: readonly MergedRow[], table: FactorTable): Portrait[] {
  return portraitsOf(rows, table, hasGradients, stepsBack);
}

/** The data behind {@linkcode figureTruncation}: a row for each mark. */
export function truncationData(rows: readonly MergedRow[], table: FactorTable): Table {
  type Mark = OfPortrait & Point & { readonly series: string };
  const marks = shownBy(
    portraitsWithGradients(rows, table),
    (row) => SERIES.flatMap((series) => pointsOf(row, series).map((point) => ({ ...point, series: series.name }))),
  );
  return pictureTable<Mark>([
    ...portraitColumns<Mark>(),
    textColumn("number", "cosine of both gradients, or ratio of their norms", ({ series }) => series),
    countColumn(
      "steps_back",
      "steps back of the gradient that is compared with the one through one step",
      ({ steps }) => steps,
    ),
    ...estimateColumns("value", "the cosine or the ratio", (mark: Mark) => mark),
  ], marks);
}

/**
 * Draws a panel for each portrait: cosine and ratio of norms over steps back.
 *
 * Where a study trains with several numbers of steps back, the best of each number are shown, ordered by it.
 *
 * @param rows best first, with at least one truncation gap
 * @returns the SVG's text
 */
export function figureTruncation(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const portraits = portraitsWithGradients(rows, table);
  const points = portraits.flatMap(({ row }) => SERIES.flatMap((one) => pointsOf(row, one)));
  const steps = distinct(points, ({ steps }) => steps), trained = distinct(portraits, ({ row }) => stepsBack(row));
  const frame = {
    ...measureTexts(options, rows, ({ truncation_gap }) => truncation_gap, [
      ...portraitNotes(portraits, rows, table),
      "Mark: mean gradient of all weights through one step, compared with that through several; both of the trained model.",
      `Bars: ${ERRORS}.${
        trained.length > 1 ? ` Grouped by the steps back of the training: ${trained.join(", ")}.` : ""
      }`,
    ]),
    legend: [{ entries: SERIES.map(({ name, shape, text }) => ({ mark: shape, colour: COLOURS.get(name)!, text })) }],
    x: "steps back of the second gradient (logarithmic)",
    y: "one step against several",
  };
  const drawn = drawPortraits(document, { portraits, rows, table, frame }, {
    height: HEIGHT,
    labels: { first: 38, every: 0 },
    x: { type: "log", base: 2, domain: [steps[0] / 1.2, steps[steps.length - 1] * 1.2] },
    y: { domain: domainOf(points) },
    marks: (portrait, isFirst) => [
      Plot.gridY({ ticks: 4, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: isFirst ? 4 : [], tickSize: 0, label: null }),
      Plot.axisX(steps, { tickSize: 4, label: null, tickFormat: (k: number) => `${k}` }),
      Plot.ruleY([1], { stroke: COLOUR.muted, strokeDasharray: "2,3" }),
      ...SERIES.flatMap((one) => seriesMarks(portrait, one)),
    ],
  });
  return composeFigure(document, frame, drawn.panels, drawn.height);
}

/** All points with their errors, and 1, where nothing is lost: gaps of trained models may be small. */
function domainOf(points: readonly Point[]): [number, number] {
  const [low, high] = extentOf([
    1,
    ...points.flatMap(({ value, standard_error }) => [-1, 1].map((sign) => value! + sign * (standard_error ?? 0))),
  ]);
  const pad = Math.max(0.05 * (high - low), LEAST_PAD);
  return [low - pad, high + pad];
}

function seriesMarks({ row }: Portrait, series: typeof SERIES[number]): Plot.Markish[] {
  const points = pointsOf(row, series), at = { x: "steps", y: "value" } as const, stroke = COLOURS.get(series.name)!;
  const sure = points.filter(({ standard_error }) => standard_error), named = naming(points, () => row.name);
  const end = (sign: number) => ({ value, standard_error }: Point) => value! + sign * standard_error!;
  return [
    Plot.ruleX(sure, { x: "steps", y1: end(-1), y2: end(1), stroke, strokeWidth: 1.4, ariaDescription: SEEDS_LABEL }),
    ...(points.length > 1 ? [Plot.line(points, { ...at, stroke, strokeWidth: 1.6, ...named })] : []),
    Plot.dot(points, { ...at, fill: stroke, r: 2.8, symbol: series.shape, ...named }),
  ];
}
