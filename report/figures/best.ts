/** The picture `results_*_best`: the training curves of the ten best configurations, with the spread over their seeds. */
import * as Plot from "@observablehq/plot";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { type Criterion, criterionInWords } from "../../experiments/study/criterion.ts";
import { baselineLines } from "./baselines.ts";
import { levelMarks, levelNote } from "./levels.ts";
import { describer, HEADING_LINE, otherLines, panelHeadings, panelName } from "./panel_headings.ts";
import { curveMarks, shownLosses, shownSteps, tickBefore } from "./curves.ts";
import { passMarks } from "./passes.ts";
import { curveAxis, curveOn } from "../data/curve_axis.ts";
import { passesOf } from "../data/passes.ts";
import { type Level, levelsOn } from "../data/levels.ts";
import type { Table } from "../data/table.ts";
import { curvesTable, type DrawnCurve } from "./curve_data.ts";
import { countColumn } from "./data_columns.ts";
import { criterionOfRows, type MergedRow, mostSeeds, rankedBy } from "../data/merged.ts";
import {
  BASELINE_DASHES,
  composeFigure,
  type FigureOptions,
  panel,
  panelArea,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { switchLegend } from "../tables/tables.ts";
import { BASELINE_COLOUR, COLOUR, SIZE } from "./theme.ts";
import { formatCount } from "../../cells/counts.ts";
import { formatSpread, NONE } from "../tables/format.ts";

/** How many are shown. */
const MOST = 10;
const COLUMNS = 5;
const PANEL_HEIGHT = 238;
const GAP_X = 16;
const TICK_LABELS = 38;
const INSET = { top: 56, bottom: 34, right: 10 } as const;
/** Between the lines above two panels. */
const HEADING_GAP = 4;
const POINTS = 140;
const COLOURS = { own: "#0072B2", others: "#b9b9b9" } as const;
interface Curve extends DrawnCurve {
  /** Of the picture's, from 1; undefined: the best baseline, which is in no panel of its own. */
  readonly rank: number | undefined;
}

/** The curves of the panels, and that of the best baseline, which is broken in each. */
function bestCurves(rows: readonly MergedRow[], table: FactorTable) {
  const axis = curveAxis(rows), [line] = baselineLines(table, rows);
  const curveFor = (row: MergedRow, rank?: number): Curve => ({ row, rank, points: curveOn(axis, row, POINTS) });
  return {
    axis,
    curves: rows.slice(0, MOST).map((row, i) => curveFor(row, i + 1)),
    baseline: line && curveFor(line.row),
  };
}

/** The data behind {@linkcode figureBest}. */
export function bestData(rows: readonly MergedRow[], table: FactorTable): Table {
  const { axis, curves, baseline } = bestCurves(rows, table);
  const isApart = baseline && !curves.some(({ row }) => row === baseline.row);
  return curvesTable([...curves, ...(isApart ? [baseline] : [])], axis, [
    countColumn(
      "rank",
      "among all configurations, from 1; empty: the best baseline, which every panel shows",
      ({ rank }) => rank,
    ),
  ]);
}

/**
 * Draws one panel for each of the ten best configurations, on common axes: its mean curve with a band from the lowest to the highest
 * of its seeds, over the others in grey. The panels leave out the first, steep part of the curves.
 *
 * @param rows at least one configuration, best first
 * @returns the SVG's text
 */
export function figureBest(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const { axis, curves, baseline } = bestCurves(rows, table);
  const passes = passesOf(rows, axis), levels = levelsOn("training", options.levels, rows[0]);
  const criterion = criterionOfRows(rows);
  const seeds = mostSeeds(curves.map(({ row }) => row)) > 1;
  const isOther = ({ config }: MergedRow) => !table.isOwnCell(config);
  const room = (otherLines(rows, table).length + scoresOf(rows[0], criterion).length - 1) * HEADING_LINE,
    height = PANEL_HEIGHT + room;
  const domain = shownLosses(curves);
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `Ranked by ${criterionInWords(criterion)}${seeds ? ", a mean over the seeds" : ""}.`,
      `${seeds ? "Line: mean over the seeds; band: from their lowest to their highest. " : ""}` +
      "Grey: the other panels. Losses above the axis are not shown.",
      ...switchLegend(rows, table).map((line) => `${line}.`),
      ...(baseline
        ? [`Dashed: the best baseline, ${baseline.row.label}, lowest loss ${formatSpread(baseline.row.min_loss)}.`]
        : []),
      ...passes.note,
      ...levelNote(levels, domain),
    ],
    legend: [],
    x: axis.label,
    y: `smoothed training loss (nats per ${rows[0].reads})`,
  };
  const area = panelArea(frame);
  const inner = (SIZE.width - area.left - TICK_LABELS - (COLUMNS - 1) * GAP_X - 6) / COLUMNS - INSET.right;
  const shared = {
    inner,
    curves,
    baseline,
    nameOf: (row: MergedRow) => panelName(row, table),
    colourOf: (row: MergedRow) => baseline && isOther(row) ? BASELINE_COLOUR : COLOURS.own,
    x: { domain: shownSteps(curves) },
    y: { domain },
    levels,
    passEnds: passes.ends,
    height,
    top: INSET.top + room,
    scoresOf: (row: MergedRow) => scoresOf(row, criterion),
    describe: describer(rows, table),
  };
  const panels = curves.map((curve, i) => {
    const [column, line] = [i % COLUMNS, Math.floor(i / COLUMNS)];
    const x = area.left + column * (inner + INSET.right + GAP_X) + (column ? TICK_LABELS : 0);
    return drawPanel(document, curve, { ...shared, rank: i + 1, position: [x, area.top + line * height] });
  });
  return composeFigure(document, frame, panels, Math.ceil(curves.length / COLUMNS) * height);
}

/** The lowest training loss, which the curve comes down to, and what is ranked by, where that is another number. */
function scoresOf(row: MergedRow, criterion: Criterion): string[] {
  const loss = formatSpread(row.min_loss), ranked = rankedBy(row, criterion);
  if (criterion === "min loss") return [loss];
  return [`validation ${ranked ? formatSpread(ranked) : NONE}`, `lowest loss ${loss}`];
}

interface PanelOptions {
  position: readonly [number, number];
  /** Width between the axes, in pixels. */
  inner: number;
  /** From 1. */
  rank: number;
  curves: readonly Curve[];
  /** The best one of baselines, to compare with. */
  baseline: Curve | undefined;
  nameOf(row: MergedRow): string;
  colourOf(row: MergedRow): string;
  x: { domain: number[] };
  y: { domain: number[] };
  levels: readonly Level[];
  /** On the axis of x. */
  passEnds: readonly number[];
  /** What a configuration came to, in lines. */
  scoresOf(row: MergedRow): string[];
  /** Of the panel, and of what lies above its axes, in pixels. */
  height: number;
  top: number;
  /** What a configuration is, in lines that a panel has room for. */
  describe(row: MergedRow): string[];
}

function drawPanel(document: SvgDocument, { row, points }: Curve, options: PanelOptions): SvgElement {
  const labelled = (options.rank - 1) % COLUMNS === 0, colour = options.colourOf(row), { baseline } = options;
  const left = labelled ? TICK_LABELS : 0;
  // A line of one point would not be seen, and the PNG renderer cannot clip it.
  const isShown = (curve: Curve) => curve.row !== row && curve.points.length > 1;
  const others = options.curves.filter((curve) => isShown(curve) && curve.row !== baseline?.row);
  const context = others.flatMap((curve) => curve.points.map((point) => ({ ...point, name: curve.row.name })));
  return panel(document, options.position, {
    width: left + options.inner + INSET.right,
    height: options.height,
    marginLeft: left,
    marginRight: INSET.right,
    marginTop: options.top,
    marginBottom: INSET.bottom,
    x: { ...options.x, label: null },
    y: { ...options.y, label: null },
    marks: [
      Plot.gridY({ ticks: 4, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks: labelled ? 4 : [], tickSize: 0, label: null }),
      // The label of the last step would run into the next panel's first.
      Plot.axisX({
        ticks: [0, tickBefore(0.8 * options.x.domain[1])],
        tickSize: 4,
        label: null,
        tickFormat: (step: number) => formatCount(step),
      }),
      Plot.ruleY([options.y.domain[0]], { stroke: COLOUR.axis }),
      ...passMarks(options.passEnds),
      ...levelMarks(options.levels, options.y.domain, {
        height: options.height - options.top - INSET.bottom,
        labelled: true,
      }),
      Plot.line(context, { x: "step", y: "loss", z: "name", stroke: COLOURS.others, strokeWidth: 0.8, clip: true }),
      ...(baseline && isShown(baseline)
        ? [Plot.line(baseline.points, {
          x: "step",
          y: "loss",
          stroke: BASELINE_COLOUR,
          strokeWidth: 1.4,
          strokeDasharray: BASELINE_DASHES,
          clip: true,
        })]
        : []),
      ...curveMarks({ row, points }, colour),
      ...panelHeadings(
        options.inner + INSET.right + GAP_X - HEADING_GAP,
        `${options.rank}. ${options.nameOf(row)}`,
        options.describe(row),
        options.scoresOf(row),
      ),
    ],
  });
}
