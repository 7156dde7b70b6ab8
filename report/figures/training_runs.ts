/** The picture `results_01_all` (or `results_02_big`): every configuration's smoothed loss over training steps. */
import { ownCellName } from "../data/cell_names.ts";
import * as Plot from "@observablehq/plot";
import { maxOf, minOf } from "../../cells/extremes.ts";
import { type FactorTable, type IntegerFactor, markedBy, valueOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { type Criterion, criterionInWords } from "../../experiments/study/criterion.ts";
import { baselineEntry, endLabels, hasBaselines, labelRoom, MOST_NAMED, nameColour, otherCells } from "./baselines.ts";
import { bestBox, bestMarks } from "./best_curve.ts";
import { levelMarks, levelNote } from "./levels.ts";
import { cohortsOf } from "../data/baselines.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import {
  countConfigurations,
  criterionOfRows,
  curveOf,
  type CurvePoint,
  type MergedRow,
  mostSeeds,
} from "../data/merged.ts";
import { curveAxis, curveOn } from "../data/curve_axis.ts";
import { passesOf } from "../data/passes.ts";
import type { Table } from "../data/table.ts";
import { curvesTable } from "./curve_data.ts";
import { switchColumn } from "./data_columns.ts";
import { distinct, levelsIn } from "../data/rows.ts";
import { lossRange } from "../statistics/means.ts";
import { type FactorColours, sizeColours, sizeInWords } from "./marks.ts";
import { passMarks } from "./passes.ts";
import {
  BASELINE_DASHES,
  composeFigure,
  DASHES,
  type FigureOptions,
  type LegendLine,
  naming,
  panel,
  panelArea,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { BASELINE_COLOUR, COLOUR, SIZE } from "./theme.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { rankedByText } from "../tables/criterion_words.ts";

/** Values of the size that has a panel each: more do not stand side by side, and all curves share one panel. */
const MOST_PANELS = 4;
/** Points of all curves together, and of one: a picture with more is slow to open, and no finer to the eye. */
const MOST_POINTS = 40_000;
const MOST_POINTS_OF_ONE = 400;

const HEIGHT = 430;
/** Between panels: room for half of the last step's label and for the next panel's "0". */
const GAP = 46;
const TICK_LABELS = 34;
const INSET = { top: 40, bottom: 26, right: 26 } as const;

/** One panel: some curves under a heading. */
interface Facet {
  heading: string;
  rows: MergedRow[];
}

/**
 * Draws training curves, one panel for each value of the size that other pictures show by shapes, coloured by the other size, the best
 * one in black, with the range of its seeds; controls are broken lines.
 *
 * @param rows at least one configuration, best first
 * @returns the SVG's text
 */
export function figureTrainingRuns(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const { own: [best], baselines } = cohortsOf(table, rows);
  const range = lossRange(rows), levels = levelsOn("training", options.levels, best);
  const colours = sizeColours(table, rows),
    { axis, curveOf: drawnCurve } = thinned(rows),
    passes = passesOf(rows, axis);
  const cut = range.cut ? "; y axis clipped; early losses not shown" : "";
  const lines = mostSeeds(rows) > 1 ? "One line per configuration: the mean over its seeds" : "One line per run";
  // The label of the best run stands below its end, so the axis reaches somewhat below the lowest value.
  const span = Math.max(range.high - range.low, 0.05);
  const low = minOf(curveOf(best).map(({ least }) => least), range.low);
  const y = { domain: [low - 0.09 * span, range.high + 0.02 * span] };
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `${lines}, logged every ${loggedEvery(rows)}; lower is better${cut}.`,
      ...axis.note,
      ...passes.note,
      ...bestNote(best, criterionOfRows(rows)),
      ...levelNote(levels, y.domain),
    ],
    legend: legendOf(rows, colours, table),
    x: axis.label,
    y: `smoothed training loss (nats per ${best.reads})`,
  };
  const area = panelArea(frame);
  const shown = facets(rows, table), room = labelRoom(otherCells(table, rows));
  const gaps = (shown.length - 1) * GAP + shown.length * room;
  const inner = (SIZE.width - area.left - TICK_LABELS - INSET.right - 10 - gaps) / shown.length;
  const lastStep = maxOf(
    rows.flatMap((row) => row.runs.map(({ loss }) => axis.at(row, loss.length * row.log_every))),
  );
  const x = { domain: [0, lastStep] };

  const panels = shown.map((facet, i) =>
    drawFacet(document, facet, {
      position: [area.left + i * (inner + room + GAP) + (i ? TICK_LABELS : 0), area.top],
      inner,
      room,
      table,
      isBaseline: (row) => baselines.includes(row),
      nameColour: nameColour(table, rows),
      labelled: i === 0,
      x,
      y,
      colours,
      best,
      levels,
      passEnds: passes.ends,
      curveOf: drawnCurve,
    })
  );
  return composeFigure(document, frame, panels, HEIGHT);
}

/** The axis of all curves, and each of them as it is drawn. */
function thinned(rows: readonly MergedRow[]) {
  const axis = curveAxis(rows),
    most = Math.min(MOST_POINTS_OF_ONE, Math.max(100, Math.floor(MOST_POINTS / rows.length)));
  return { axis, curveOf: (row: MergedRow) => curveOn(axis, row, most) };
}

/** The data behind {@linkcode figureTrainingRuns}. */
export function trainingRunsData(rows: readonly MergedRow[]): Table {
  const { axis, curveOf } = thinned(rows);
  return curvesTable(rows.map((row) => ({ row, points: curveOf(row) })), axis, [
    switchColumn(
      "control",
      "experiment 02: drawn at random from the configurations that were not promoted",
      ({ row }) => row.control,
    ),
  ]);
}

/** What the best one is chosen by, where that is not what its curve shows. */
function bestNote(best: MergedRow, criterion: Criterion): string[] {
  if (criterion === "min loss") return [];
  return [`Black: best by ${criterionInWords(criterion)}, ${rankedByText(best, criterion)}.`];
}

function loggedEvery(rows: readonly MergedRow[]): string {
  const values = distinct(rows, (row) => row.log_every);
  return counted(values[0], "step") + (values.length > 1 ? ` to ${counted(values.at(-1)!, "step")}` : "");
}

function facets(rows: readonly MergedRow[], table: FactorTable): Facet[] {
  const factor: IntegerFactor = markedBy(table, "shape");
  const isBaseline = hasBaselines(table, rows) ? (row: MergedRow) => !table.isOwnCell(row.config) : () => false;
  const values = levelsIn(factor, rows) as number[];
  const headed = (range: string, own: readonly MergedRow[]) => ({
    heading: `${range}: ${inShort(own)}`,
    rows: [...own],
  });
  const inShort = (all: readonly MergedRow[]) => {
    const count = countConfigurations(all), others = countConfigurations(all.filter(isBaseline));
    if (!others) return counted(count, "configuration");
    return count > others
      ? `${formatCount(count - others)} + ${counted(others, "baseline")}`
      : counted(others, "baseline");
  };
  if (values.length > MOST_PANELS) return [headed(`${values[0]} to ${sizeInWords(factor, values.at(-1)!)}`, rows)];
  return values.map((value) =>
    headed(sizeInWords(factor, value), rows.filter(({ config }) => valueOf(factor, config) === value))
  );
}

function legendOf(
  rows: readonly MergedRow[],
  { factor, entries }: FactorColours,
  table: FactorTable,
): LegendLine[] {
  const { own: [best], baselines } = cohortsOf(table, rows), seeds = best.runs.length;
  const isMany = otherCells(table, rows).length > MOST_NAMED;
  const range = seeds > 1 ? `; grey: from the lowest to the highest of its ${seeds} seeds` : "";
  return [
    {
      heading: factor.label,
      entries: [
        ...entries.map((entry) => ({ mark: "line" as const, ...entry })),
        ...(rows.some(({ control }) => control)
          ? [{ mark: "dashes" as const, colour: COLOUR.muted, text: "a control" }]
          : []),
        ...(baselines.length
          ? [
            baselineEntry(
              `baselines, the best of ${isMany ? `the best ${MOST_NAMED}` : "each"} named at its end`,
              "dashdot",
            ),
          ]
          : []),
      ],
    },
    {
      entries: [{
        mark: "bar",
        colour: COLOUR.highlight,
        text: `best${baselines.length ? ` ${ownCellName(table)}` : ""}: ${best.name}, ${best.label}${range}`,
      }],
    },
  ];
}

interface FacetOptions {
  position: readonly [number, number];
  /** Width between the axes, in pixels. */
  inner: number;
  /** To the right of it for names of baselines, in pixels. */
  room: number;
  isBaseline(row: MergedRow): boolean;
  nameColour: string;
  table: FactorTable;
  /** Whether the ticks of the loss are labelled. */
  labelled: boolean;
  x: { domain: number[] };
  y: { domain: number[] };
  colours: FactorColours;
  best: MergedRow;
  /** A configuration's curve on the axis of x. */
  curveOf(row: MergedRow): CurvePoint[];
  levels: readonly Level[];
  /** On the axis of x. */
  passEnds: readonly number[];
}

function drawFacet(document: SvgDocument, facet: Facet, options: FacetOptions): SvgElement {
  const { best, inner, x, y } = options;
  const left = options.labelled ? TICK_LABELS : 0;
  // The best run is drawn last, above all others; so the others go from worst to best.
  const others = facet.rows.filter((row) => row !== best).reverse();
  const [baselines, own] = [true, false].map((wanted) => others.filter((row) => options.isBaseline(row) === wanted));
  const curves = own.map((row): DrawnPoint[] => {
    const colour = options.colours.of(row);
    return options.curveOf(row).map((point) => ({ ...point, name: row.name, colour, control: row.control }));
  });
  const many = facet.rows.length;
  const holdsBest = facet.rows.includes(best), bestCurve = options.curveOf(best);
  const height = HEIGHT - INSET.top - INSET.bottom;
  return panel(document, options.position, {
    width: left + inner + options.room + INSET.right,
    height: HEIGHT,
    marginLeft: left,
    marginRight: options.room + INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { ...x, label: null },
    y: { ...y, label: null },
    marks: [
      Plot.gridY({ ticks: 7, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: options.labelled ? 7 : [], tickSize: 0, label: null }),
      Plot.axisX({
        ticks: Math.max(2, Math.floor(inner / 110)),
        tickSize: 5,
        label: null,
        tickFormat: (step: number) => formatCount(step),
      }),
      Plot.ruleY([y.domain[0]], { stroke: COLOUR.axis }),
      ...passMarks(options.passEnds, true),
      ...[true, false].flatMap((control) => curveMarks(curves.filter(([point]) => point.control === control), many)),
      ...levelMarks(options.levels, y.domain, {
        height,
        labelled: options.labelled,
        width: inner,
        taken: holdsBest ? [bestBox(best, bestCurve, { lastStep: x.domain[1], domain: y.domain, inner, height })] : [],
      }),
      ...baselineCurves(baselines, options),
      ...cellNames(facet.rows, options),
      ...(holdsBest ? bestMarks(best, bestCurve, x.domain[1]) : []),
      Plot.text([facet.heading], {
        frameAnchor: "top-left",
        dy: -31,
        fontSize: SIZE.text,
        fontWeight: "bold",
        fill: COLOUR.text,
      }),
    ],
  });
}

/** A point of a configuration's curve, and how it is drawn. */
interface DrawnPoint extends CurvePoint {
  name: string;
  colour: string | undefined;
  control: boolean;
}

/** Such a curve is drawn as a dot: a line of one point would not be seen. */
function isOnePoint({ length }: readonly unknown[]): boolean {
  return length === 1;
}

/** Curves of controls, or of others; `many` is how many there are in the panel. */
function curveMarks(curves: readonly DrawnPoint[][], many: number): Plot.Markish[] {
  const control = curves[0]?.[0].control;
  const dots = curves.filter(isOnePoint).flat(), lines = curves.filter((curve) => !isOnePoint(curve)).flat();
  const at = { x: "step", y: "loss" };
  const named = (points: readonly DrawnPoint[]) => naming(points, ({ name }) => name);
  return [
    Plot.line(lines, {
      ...at,
      z: "name",
      stroke: "colour",
      strokeWidth: many > 40 ? 0.9 : 1.6,
      strokeOpacity: many > 100 ? 0.35 : many > 20 ? 0.55 : 0.9,
      strokeDasharray: control ? DASHES : undefined,
      clip: true,
      ...named(lines),
    }),
    Plot.dot(dots, { ...at, fill: "colour", r: 3, symbol: control ? "diamond" : "circle", ...named(dots) }),
  ];
}

/** Curves of baselines, the best of each cell thicker. */
function baselineCurves(rows: readonly MergedRow[], { curveOf, table }: FacetOptions): Plot.Markish[] {
  if (!rows.length) return [];
  const best = otherCells(table, rows.toReversed()).slice(0, MOST_NAMED);
  const curves = rows.map((row) => curveOf(row).map((point) => ({ ...point, row })));
  const dots = curves.filter(isOnePoint).flat(), points = curves.filter((curve) => !isOnePoint(curve)).flat();
  const stroke = { stroke: BASELINE_COLOUR, strokeDasharray: BASELINE_DASHES, clip: true } as const;
  const isBest = (row: MergedRow) => best.some((one) => one.row === row);
  return [
    ...[false, true].map((wanted) => {
      const own = points.filter(({ row }) => isBest(row) === wanted);
      const named = naming(own, ({ row }) => row.name);
      return Plot.line(own, {
        x: "step",
        y: "loss",
        z: ({ row }) => row.name,
        ...stroke,
        strokeWidth: wanted ? 2 : 1,
        strokeOpacity: wanted ? 1 : 0.5,
        ...named,
      });
    }),
    Plot.dot(dots, { x: "step", y: "loss", fill: BASELINE_COLOUR, r: 3, ...naming(dots, ({ row }) => row.name) }),
  ];
}

/** The names of other cells at the right border, as high as the curve of the best of each ends. */
function cellNames(
  rows: readonly MergedRow[],
  { curveOf, y: { domain: [low, high] }, table, nameColour }: FacetOptions,
) {
  const height = HEIGHT - INSET.top - INSET.bottom;
  const ends = otherCells(table, rows).slice(0, MOST_NAMED).map(({ name, row }) => {
    const { loss } = curveOf(row).at(-1)!;
    return { name, y: (high - loss) / (high - low) * height };
  });
  return endLabels(ends, height, nameColour);
}
