/** The picture `results_02_big_promotion`: what configurations came to in experiment 01 against what they came to in 02. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { levelsOn } from "../data/levels.ts";
import type { MergedRow } from "../data/merged.ts";
import type { Table } from "../data/table.ts";
import { levelMarks, levelNote } from "./levels.ts";
import { padded } from "../statistics/means.ts";
import type { AuditPoint, PromotionAudit } from "../statistics/promotion_audit.ts";
import { factorColumns, measureColumn, nameColumns, pictureTable, spreadColumns } from "./data_columns.ts";
import {
  composeFigure,
  type FigureOptions,
  type LegendEntry,
  naming,
  panel,
  panelArea,
  type SvgDocument,
  type SvgElement,
} from "./svg.ts";
import { COLOUR, CONTROL_COLOUR, SIZE } from "./theme.ts";
import { formatCount } from "../../cells/counts.ts";
import { criterionAxis } from "../tables/criterion_words.ts";
import { loggedAt } from "../tables/promotion_words.ts";
import { formatLoss } from "../tables/format.ts";

const HEIGHT = 470;
const INSET = { left: 44, right: 30, top: 10, bottom: 30 } as const;
/** Of a picture without any width, so that one point stands in the middle. */
const LEAST_SPAN = 0.02;

/** Of the two kinds: their colour, and how Plot draws them. */
const KINDS = {
  promoted: { colour: "#0072B2", symbol: "circle", mark: "dot" },
  control: { colour: CONTROL_COLOUR, symbol: "diamond", mark: "diamond" },
} as const;

/**
 * Draws each configuration that was trained in both experiments as it is: promoted ones as dots, controls as diamonds, the ranges
 * of their seeds as lines. A line marks where the best promoted one ended: controls below it were left out wrongly.
 *
 * @param audit at least one point
 * @returns the SVG's text
 */
export function figurePromotion(document: SvgDocument, audit: PromotionAudit, options: FigureOptions): string {
  const { points, steps, regret, criterion, reads } = audit;
  const { axis, label, unit } = criterionAxis(criterion, reads), levels = levelsOn(axis, options.levels, audit);
  const seeds = points.some(({ short, long }) => short.count > 1 || long.count > 1);
  const ofKind = (control: boolean) => points.filter((point) => point.control === control);
  const entry = ({ mark, colour }: typeof KINDS[keyof typeof KINDS], text: string): LegendEntry => ({
    mark,
    colour,
    text,
  });
  const yDomain = domainOf(points.map(({ long }) => long));
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `One mark per configuration trained unchanged in both experiments${
        seeds ? ": mean of its seeds (line: their range)" : ""
      }.`,
      ...loggedNote(audit),
      ...levelNote(levels, yDomain),
    ],
    legend: [{
      entries: [
        entry(KINDS.promoted, `promoted by the short ranking (${ofKind(false).length})`),
        entry(KINDS.control, `control, drawn at random from those not promoted (${ofKind(true).length})`),
      ],
    }],
    x: `${label} in experiment 01, ${formatCount(steps.short)} steps (${unit})`,
    y: `in experiment 02, ${formatCount(steps.long)} steps (${unit})`,
  };
  const area = panelArea(frame);
  const marks = [
    Plot.gridX({ ticks: 7, stroke: COLOUR.grid, strokeOpacity: 1 }),
    Plot.gridY({ ticks: 7, stroke: COLOUR.grid, strokeOpacity: 1 }),
    Plot.axisX({ ticks: 7, tickSize: 0, label: null }),
    Plot.axisY({ ticks: 7, tickSize: 0, label: null }),
    Plot.frame({ stroke: COLOUR.axis }),
    ...levelMarks(levels, yDomain, { height: HEIGHT - INSET.top - INSET.bottom, labelled: true }),
    ...(regret ? bestLine(regret.promoted) : []),
    ...[false, true].flatMap((control) => pointMarks(ofKind(control), control ? KINDS.control : KINDS.promoted)),
  ];
  const drawn: SvgElement = panel(document, [area.left, area.top], {
    width: SIZE.width - area.left - SIZE.margin,
    height: HEIGHT,
    marginLeft: INSET.left,
    marginRight: INSET.right,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain: domainOf(points.map(({ short }) => short)), label: null },
    y: { domain: yDomain, label: null },
    marks,
  });
  return composeFigure(document, frame, [drawn], HEIGHT);
}

/**
 * The data behind {@linkcode figurePromotion}: a row for each point.
 *
 * @param rows of experiment 02, which have the points' configurations
 */
export function promotionData(
  { points, criterion, reads }: PromotionAudit,
  rows: readonly MergedRow[],
  table: FactorTable,
): Table {
  const named = new Map(rows.map((row) => [row.name, row])), rowOf = ({ name }: AuditPoint) => named.get(name);
  const { label } = criterionAxis(criterion, reads), column = measureColumn(criterion, reads);
  return pictureTable<AuditPoint>([
    ...nameColumns(rowOf),
    ...spreadColumns(`experiment_01_${column}`, `${label} in experiment 01`, ({ short }: AuditPoint) => short),
    ...spreadColumns(`experiment_02_${column}`, `${label} in experiment 02`, ({ long }: AuditPoint) => long),
    ...factorColumns(table, rowOf),
  ], points);
}

/** Which losses count; nothing of scores. */
function loggedNote({ criterion, every }: PromotionAudit): string[] {
  return criterion === "min loss" ? [`Losses are those logged ${loggedAt(every)}.`] : [];
}

function domainOf(spreads: readonly AuditPoint["short"][]): [number, number] {
  const [low, high] = extentOf(spreads.flatMap(({ least, most }) => [least, most]));
  const pad = Math.max(0.07 * (high - low), LEAST_SPAN / 2);
  return padded([low, high], pad);
}

/** Where the best promoted one ended. */
function bestLine({ long }: AuditPoint): Plot.Markish[] {
  return [
    Plot.ruleY([long.mean], { stroke: COLOUR.muted, strokeDasharray: "6,4" }),
    Plot.text([long.mean], {
      y: (value: number) => value,
      frameAnchor: "right",
      text: (value: number) => `best promoted: ${formatLoss(value)}`,
      textAnchor: "end",
      dx: -6,
      dy: 12,
      fontSize: SIZE.tick,
      fill: COLOUR.muted,
      stroke: COLOUR.background,
      strokeWidth: 4,
    }),
  ];
}

function pointMarks(
  points: readonly AuditPoint[],
  { colour, symbol }: typeof KINDS[keyof typeof KINDS],
): Plot.Markish[] {
  const at = { x: ({ short }: AuditPoint) => short.mean, y: ({ long }: AuditPoint) => long.mean };
  const line = { stroke: colour, strokeOpacity: 0.5 } as const;
  return [
    Plot.ruleX(points.filter(({ long }) => long.count > 1), {
      x: at.x,
      y1: ({ long }: AuditPoint) => long.least,
      y2: ({ long }: AuditPoint) => long.most,
      ...line,
    }),
    Plot.ruleY(points.filter(({ short }) => short.count > 1), {
      y: at.y,
      x1: ({ short }: AuditPoint) => short.least,
      x2: ({ short }: AuditPoint) => short.most,
      ...line,
    }),
    Plot.dot(points, {
      ...at,
      symbol,
      r: symbol === "circle" ? 5 : 5.5,
      fill: colour,
      stroke: COLOUR.background,
      ...naming(points, ({ name }) => name),
    }),
  ];
}
