/** How pictures show baselines: as labelled lines, each at the loss of its cell's best configuration, in a colour that nothing else has. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { cohortsOf, firstOfCells, type NamedRow } from "../data/baselines.ts";
import type { MergedRow } from "../data/merged.ts";
import type { Configured } from "../data/rows.ts";
import { formatOnAxis } from "../tables/format.ts";
import { dodged } from "./labels.ts";
import { BASELINE_DASHES, type LegendEntry, naming } from "./svg.ts";
import { shortened, widest } from "./text.ts";
import { BASELINE_COLOUR, COLOUR } from "./theme.ts";

/** A cell's best configuration and its value in the unit of an axis. */
export interface BaselineLine {
  readonly name: string;
  readonly row: MergedRow;
  readonly value: number;
}

/** The best row of each other cell than the table's own, baseline or not. @param rows configurations, best first */
export function otherCells(table: FactorTable, rows: readonly MergedRow[]): NamedRow<MergedRow>[] {
  return firstOfCells(table, rows.filter(({ config }) => !table.isOwnCell(config)));
}

/** The best baselines alone have lines and names: more would hide what they are compared with. */
export const MOST_NAMED = 6;

/** A line for each of the best baselines' cells. @param rows configurations, best first */
export function baselineLines(
  table: FactorTable,
  rows: readonly MergedRow[],
  valueOf: (row: MergedRow) => number | undefined = ({ min_loss }) => min_loss.mean,
): BaselineLine[] {
  return firstOfCells(table, cohortsOf(table, rows).baselines).slice(0, MOST_NAMED).flatMap(({ name, row }) => {
    const value = valueOf(row);
    return value === undefined ? [] : [{ name, row, value }];
  });
}

/** A baseline farther away than this share of what is shown would press the rest together. */
const REACH = 0.6;

/** A range that takes in baselines near it; what lies farther away is named in a note. */
export function reachOf(extent: readonly [number, number], lines: readonly BaselineLine[]): [number, number] {
  const [low, high] = extent, reach = Math.max(REACH * (high - low), 0.02);
  const near = lines.map(({ value }) => value).filter((value) => value >= low - reach && value <= high + reach);
  return extentOf([low, high, ...near]);
}

const LABEL_SIZE = 12, LINE = 14, GAP = 4, ARROW = 11, MOST_ROOM = 130;

/** Room for the labels to the right of a panel; none where there are none. */
export function labelRoom(lines: readonly { readonly name: string }[]): number {
  const width = Math.ceil(widest(lines.map(({ name }) => name), LABEL_SIZE)) + 2 * GAP + ARROW;
  return lines.length ? Math.min(width, MOST_ROOM) : 0;
}

function isWithin([low, high]: readonly number[]) {
  return ({ value }: BaselineLine) => value >= low && value <= high;
}

/**
 * Lines across a panel, each with its label to the right of it.
 *
 * @param height of the domain, in pixels
 * @param labelled whether there is {@linkcode labelRoom} to the right
 */
export function baselineMarks(
  lines: readonly BaselineLine[],
  domain: readonly number[],
  { height, labelled }: { height: number; labelled: boolean },
): Plot.Markish[] {
  const shown = lines.filter(isWithin(domain));
  if (!shown.length) return [];
  const toPixels = (value: number) => (domain[1] - value) / (domain[1] - domain[0]) * height;
  return [
    Plot.ruleY(shown, {
      y: "value",
      stroke: BASELINE_COLOUR,
      strokeWidth: 1.6,
      strokeDasharray: BASELINE_DASHES,
      ...naming(shown, ({ row }) => row.name),
    }),
    ...(labelled ? endLabels(shown.map(({ name, value }) => ({ name, y: toPixels(value) })), height) : []),
  ];
}

/** What stands at the end of a line: its name, and `y` in pixels from the panel's top. */
export interface LineEnd {
  readonly name: string;
  readonly y: number;
}

/** Where the middles of {@linkcode endLabels} stand, in pixels from the panel's top. @param height of the panel, in pixels */
export function labelPlaces(ends: readonly LineEnd[], height: number): number[] {
  return dodged(ends.map(({ y }) => y), LINE, [0, height]);
}

/**
 * Names to the right of a panel, apart from each other; an arrow where what they name lies above the panel or below it.
 *
 * @param height of the panel, in pixels
 * @param gap between the panel and its labels, in pixels
 */
export function endLabels(
  ends: readonly LineEnd[],
  height: number,
  colour: string = BASELINE_COLOUR,
  gap: number = GAP,
): Plot.Markish[] {
  const places = labelPlaces(ends, height);
  return ends.map(({ name, y }, i) => {
    const arrow = y < 0 ? "↑" : y > height ? "↓" : "";
    return Plot.text([shortened(name, MOST_ROOM - 2 * GAP - ARROW, LABEL_SIZE) + arrow], {
      frameAnchor: "top-right",
      lineAnchor: "middle",
      textAnchor: "start",
      dx: gap,
      dy: places[i],
      fontSize: LABEL_SIZE,
      fill: colour,
    });
  });
}

/** What the lines are, for a subtitle, and which lie beyond the axis; nothing where there are none. */
export function baselineNote(
  lines: readonly BaselineLine[],
  domain: readonly number[],
  marks: "Lines" | "Marks" = "Lines",
): string[] {
  if (!lines.length) return [];
  const outside = lines.filter((line) => !isWithin(domain)(line));
  const values = outside.map(({ name, value }) => `${name} ${formatOnAxis(value, value)}`).join(", ");
  if (outside.length === lines.length) return [`Baselines beyond the axis: ${values}.`];
  const which = lines.length < MOST_NAMED ? "baselines" : `the best ${MOST_NAMED} baselines`;
  const what = `${marks} with names: ${which}, each at its best configuration; no mean includes them.`;
  return [outside.length ? `${what} Beyond the axis: ${values}.` : what];
}

/** The entry of a legend. */
export function baselineEntry(text: string, mark: LegendEntry["mark"]): LegendEntry {
  return { mark, colour: BASELINE_COLOUR, text };
}

/** What names of other cells are written in: that of baselines, where they are some. */
export function nameColour(table: FactorTable, rows: readonly Configured[]): string {
  return hasBaselines(table, rows) ? BASELINE_COLOUR : COLOUR.text;
}

/** Whether there is something to be told apart. */
export function hasBaselines(table: FactorTable, rows: readonly Configured[]): boolean {
  return cohortsOf(table, rows).baselines.length > 0;
}
