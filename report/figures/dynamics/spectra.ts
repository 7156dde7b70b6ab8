/** The picture `results_*_dynamics_spectra`: the Lyapunov spectra of the ten best configurations and of baselines. */
import * as Plot from "@observablehq/plot";
import { quantile } from "simple-statistics";
import { maxOf } from "../../../cells/extremes.ts";
import type { FactorTable } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import type { MergedRow } from "../../data/merged.ts";
import { meanSpectrum, type RankedExponent } from "../../data/spectrum.ts";
import type { Table } from "../../data/table.ts";
import { estimateColumns, numberColumn, pictureTable, withUnit } from "../data_columns.ts";
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
} from "./portraits.ts";
import { ERRORS, measureTexts } from "./words.ts";

const HEIGHT = 150;
/** Of all exponents that are shown, so many lie below the axis at most. */
const BELOW = 0.1;
/** A line that ends before this share of all exponents is said to end. */
const LAST_SHARE = 0.95;

interface Curve extends OfPortrait {
  readonly name: string;
  readonly points: readonly RankedExponent[];
}

/** The curves as far as they are drawn, and the range of the axis. */
function shownSpectra(rows: readonly MergedRow[], table: FactorTable): { domain: [number, number]; curves: Curve[] } {
  const spectra = new Map(rows.map((row) => [row, meanSpectrum(row)]));
  const portraits = portraitsOf(rows, table, (row) => spectra.get(row)!.length > 0);
  const values = portraits.flatMap(({ row }) => spectra.get(row)!.map(({ value }) => value!));
  const high = maxOf(values, 0), low = quantile(values, BELOW), pad = 0.06 * (high - low) || 0.1;
  // What lies below the axis is left out: the PNG renderer fails on a line that is clipped away whole.
  const curves = portraits.map((portrait): Curve => ({
    portrait,
    name: portrait.row.name,
    points: spectra.get(portrait.row)!.filter(({ value }) => value! >= low - pad),
  }));
  return { domain: [low - pad, high + pad], curves };
}

/** The data behind {@linkcode figureSpectra}: a row for each exponent that is drawn. */
export function spectraData(rows: readonly MergedRow[], table: FactorTable): Table {
  type Point = OfPortrait & RankedExponent;
  const points = shownSpectra(rows, table).curves.flatMap(({ portrait, points }) =>
    points.map((point): Point => ({ ...point, portrait }))
  );
  return pictureTable<Point>([
    ...portraitColumns<Point>(),
    numberColumn(
      "share",
      "the exponent's rank as a share of all state variables, at the middle of its step",
      ({ share }) => share,
    ),
    ...estimateColumns(
      withUnit("lyapunov_exponent", `nats per ${rows[0].reads}`),
      "the exponent",
      (point: Point) => point,
    ),
  ], points);
}

/**
 * Draws a panel for each portrait: its exponents by their rank as a share of all, from the largest, over those of the others in grey.
 *
 * @param rows best first, with at least one spectrum
 * @returns the SVG's text
 */
export function figureSpectra(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const { domain, curves: shown } = shownSpectra(rows, table), [{ reads }] = rows;
  const portraits = shown.map(({ portrait }) => portrait);
  const frame = {
    ...measureTexts(options, rows, ({ lyapunov }) => lyapunov, [
      ...portraitNotes(portraits, rows, table),
      `Line: exponents λᵢ of all layers, the largest first; band: ${ERRORS}.`,
      "An exponent near 0: a direction that is forgotten slowly; far below 0: at once. Grey: the others shown.",
      ...(shown.some(({ points }) => points.length && points[points.length - 1].share < LAST_SHARE)
        ? ["A line ends at the axis limit, or where exponents were not measured or are too small for float64."]
        : []),
    ]),
    legend: [],
    x: "rank of the exponent, as a share of all state variables",
    y: `Lyapunov exponent (nats per ${reads})`,
  };
  const drawn = drawPortraits(document, { portraits, rows, table, frame }, {
    height: HEIGHT,
    labels: { first: 38, every: 0 },
    x: { domain: [0, 1] },
    y: { domain },
    marks: (portrait, isFirst) => [
      Plot.gridY({ ticks: 4, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: isFirst ? 4 : [], tickSize: 0, label: null }),
      Plot.axisX({ ticks: [0, 0.5], tickSize: 4, label: null, tickFormat: (share: number) => `${100 * share} %` }),
      Plot.ruleY([0], { stroke: COLOUR.muted, strokeWidth: 1.2 }),
      ...curveMarks(portrait, shown),
    ],
  });
  return composeFigure(document, frame, drawn.panels, drawn.height);
}

function curveMarks({ row, colour }: Portrait, curves: readonly Curve[]): Plot.Markish[] {
  const { points } = curves.find(({ name }) => name === row.name)!;
  const others = curves.filter(({ name, points }) => name !== row.name && points.length > 1)
    .flatMap(({ name, points }) => points.map((point) => ({ ...point, name })));
  const at = { x: "share", y: "value" } as const, sure = points.filter(({ standard_error }) => standard_error !== null);
  const end = (sign: number) => ({ value, standard_error }: RankedExponent) => value! + sign * standard_error!;
  return [
    Plot.line(others, { ...at, z: "name", stroke: OTHERS, strokeWidth: 0.8 }),
    ...(sure.length > 1
      ? [
        Plot.areaY(sure, {
          x: "share",
          y1: end(-1),
          y2: end(1),
          fill: colour,
          fillOpacity: 0.28,
          ariaDescription: SEEDS_LABEL,
        }),
      ]
      : []),
    points.length > 1
      ? Plot.line(points, { ...at, stroke: colour, strokeWidth: 2, ...naming(points, () => row.name) })
      : Plot.dot(points, { ...at, fill: colour, r: 3, ...naming(points, () => row.name) }),
  ];
}
