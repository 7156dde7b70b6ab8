/** The picture `results_*_cost`: what the best is chosen by against parameters and against training time, with the Pareto fronts. */
import * as Plot from "@observablehq/plot";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { levelsOn } from "../data/levels.ts";
import { criterionOfRows, type MergedRow, rankedBy, type Spread } from "../data/merged.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import type { Table } from "../data/table.ts";
import {
  factorColumns,
  measureColumn,
  nameColumns,
  numberColumn,
  type OfConfiguration,
  pictureTable,
  spreadColumns,
  switchColumn,
  textColumn,
} from "./data_columns.ts";
import { levelNote } from "./levels.ts";
import { type Candidate, paretoFront } from "../statistics/pareto.ts";
import { distinct } from "../data/rows.ts";
import { dotKey } from "./marks.ts";
import { cellNames, drawScatter, leftOut, logTicks, type ScatterDot, TICK_LABELS, widened } from "./scatter.ts";
import { composeFigure, type FigureOptions, panelArea, type SvgDocument } from "./svg.ts";
import { COLOUR, SIZE } from "./theme.ts";
import { criterionAxis } from "../tables/criterion_words.ts";
import { formatSeconds } from "../tables/format.ts";

const HEIGHT = 470;
const GAP = 30;

/** Seconds that read well: up to a minute, an hour, a day. */
const TIMES = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400];

/** What a configuration costs: one panel each. */
const COSTS = [
  {
    measure: "parameters",
    heading: "by parameters",
    xLabel: "parameters",
    of: ({ parameters }: MergedRow) => parameters,
    ticks: logTicks,
    tickFormat: (count: number) => count < 1e6 ? `${round(count / 1e3)}k` : `${round(count / 1e6)}M`,
  },
  {
    measure: "train_seconds",
    heading: "by training time",
    xLabel: "training time of a run",
    of: ({ train_seconds }: MergedRow) => train_seconds.mean,
    ticks: () => TIMES,
    tickFormat: (seconds: number) => formatSeconds(seconds),
  },
] as const;

function round(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * Draws what the best is chosen by (the score on the validation split, or the lowest training loss) against what it costs, both costs on
 * logarithmic axes; a stair joins the configurations, ringed, that no other one beats at their cost or less.
 *
 * @param rows at least one configuration, best first
 * @returns the SVG's text
 */
export function figureCost(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  table: FactorTable = GATED,
): string {
  const key = dotKey(rows, table);
  const untimed = rows.filter((row) => !(row.train_seconds.mean > 0)).length;
  const engines = distinct(rows.flatMap(({ runs }) => runs), ({ engine }) => engine).join(" and ");
  const criterion = criterionOfRows(rows), { axis, label, unit } = criterionAxis(criterion, rows[0].reads);
  const ranked = rankedRows(rows, criterion);
  const yDomain = widened(ranked.flatMap(({ score: { least, most } }) => [least, most]), "linear");
  const levels = levelsOn(axis, options.levels, rows[0]);
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `One mark per configuration: ${label} against its cost; times were measured with ${engines}.` +
      leftOut(untimed, "no time") + leftOut(rows.length - ranked.length, "no validation score"),
      ...levelNote(levels, yDomain),
    ],
    legend: [...key.legend, {
      entries: [{
        mark: "line" as const,
        colour: COLOUR.highlight,
        text: "Pareto front: no other configuration is as cheap and has as low a loss",
      }],
    }],
    y: `${label} (${unit})`,
  };
  const area = panelArea(frame);
  const width = (SIZE.width - area.left - TICK_LABELS - GAP - 10) / COSTS.length;
  const panels = COSTS.map(({ of, ticks, ...cost }, i) => {
    const dots = dotsOf(ranked, of);
    const position = [area.left + i * (width + GAP) + (i ? TICK_LABELS : 0), area.top] as const;
    const shared = { position, width, height: HEIGHT, yDomain, labelled: i === 0, key, xScale: "log" as const };
    const xDomain = dots.length ? widened(dots.map(({ x }) => x), "log") : [1, 10] as const;
    const front = paretoFront(dots), over = frontMarks(front, xDomain[1]);
    // Worst first, so that better ones lie above.
    return drawScatter(document, dots.toReversed(), {
      ...cost,
      ...shared,
      xDomain,
      xTicks: ticks(xDomain),
      over,
      stair: stairOf(front, xDomain[1]),
      names: cellNames(dots, table),
      levels,
    });
  });
  return composeFigure(document, frame, panels, HEIGHT - 24);
}

/** A configuration with the number that it is ranked by. */
interface RankedRow extends OfConfiguration {
  readonly score: Spread;
}

/** Those that have the number. */
function rankedRows(rows: readonly MergedRow[], criterion: Criterion): RankedRow[] {
  return rows.flatMap((row) => {
    const score = rankedBy(row, criterion);
    return score ? [{ row, score }] : [];
  });
}

/** The dots of a panel: a logarithmic axis has no place for a cost of 0. */
function dotsOf(ranked: readonly RankedRow[], costOf: (row: MergedRow) => number): ScatterDot[] {
  return ranked.flatMap(({ row, score: { mean: y, least, most } }) =>
    costOf(row) > 0 ? [{ row, x: costOf(row), y, least, most }] : []
  );
}

/** A dot in a panel. */
interface CostDot extends ScatterDot {
  readonly cost: string;
  readonly isInFront: boolean;
}

/** The data behind {@linkcode figureCost}: a row for each dot of either panel. */
export function costData(rows: readonly MergedRow[], table: FactorTable): Table {
  const criterion = criterionOfRows(rows), ranked = rankedRows(rows, criterion), [{ reads }] = rows;
  const dots = COSTS.flatMap(({ measure, of }) => {
    const own = dotsOf(ranked, of), front = new Set(paretoFront(own));
    return own.map((dot): CostDot => ({ ...dot, cost: measure, isInFront: front.has(dot) }));
  });
  return pictureTable<CostDot>([
    textColumn(
      "cost_measure",
      "the panel's cost; train_seconds: training time, mean over the seeds",
      ({ cost }) => cost,
    ),
    ...nameColumns(({ row }: CostDot) => row),
    numberColumn("cost", "the cost, in parameters or seconds", ({ x }) => x),
    ...spreadColumns(
      measureColumn(criterion, reads),
      criterionAxis(criterion, reads).label,
      ({ y, least, most }: CostDot) => ({
        mean: y,
        least,
        most,
      }),
    ),
    switchColumn(
      "pareto",
      "whether no other configuration is as cheap and has as low a loss",
      ({ isInFront }) => isInFront,
    ),
    ...factorColumns(table, ({ row }: CostDot) => row),
  ], dots);
}

/** The front as a stair, from each of its configurations on to the next, and to the right edge from the last. */
function frontMarks(front: readonly ScatterDot[], end: number): Plot.Markish[] {
  if (!front.length) return [];
  const stair = [...front, { ...front.at(-1)!, x: end }];
  const at = { x: "x", y: "y" } as const;
  return [
    Plot.line(stair, { ...at, curve: "step-after", stroke: COLOUR.highlight, strokeWidth: 1.6 }),
    Plot.dot(front, { ...at, r: 6, stroke: COLOUR.highlight, strokeWidth: 1.6 }),
  ];
}

/** The corners of the stair. */
function stairOf(front: readonly ScatterDot[], end: number): Candidate[] {
  return front.flatMap(({ x, y }, i) => [{ x, y }, { x: front[i + 1]?.x ?? end, y }]);
}
