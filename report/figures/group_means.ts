/** Means of groups in panels of columns: a bar at each, and its number above the bar's right end. */
import * as Plot from "@observablehq/plot";
import { formatLoss } from "../tables/format.ts";
import type { Box } from "./labels.ts";
import { BOLD, LEAST_SIZE, scaledToFit, widest } from "./text.ts";
import { COLOUR, SIZE } from "./theme.ts";

/** Between texts of neighbouring columns, in pixels. */
export const TEXT_GAP = 4;

/** The size of text at the columns of a panel: of many a smaller one. */
export function columnTextSize(groups: readonly unknown[]): number {
  return groups.length > 4 ? 11 : SIZE.tick;
}

/** Each which column has text, where there is no room for a readable one at each. */
export function thinning(texts: readonly string[], column: number, boldness = 1): number {
  return Math.max(1, Math.ceil((boldness * widest(texts, LEAST_SIZE) + TEXT_GAP) / column));
}

/** A group: the number of its column, and its mean where it has one. */
export interface PlacedGroup {
  x: number;
  mean: number | undefined;
}

/** Half the width of a mean's bar; a column is 1 wide. */
const HALF_BAR = 0.42;

function withMean(groups: readonly PlacedGroup[]): PlacedGroup[] {
  return groups.filter((group) => group.mean !== undefined);
}

/** The bars. */
export function meanBars(groups: readonly PlacedGroup[]): Plot.Markish[] {
  const bar = {
    y: "mean",
    x1: (group: PlacedGroup) => group.x - HALF_BAR,
    x2: (group: PlacedGroup) => group.x + HALF_BAR,
  };
  return [
    Plot.ruleY(withMean(groups), { ...bar, stroke: COLOUR.highlight, strokeWidth: 2.5 }),
  ];
}

/** The means in figures, above the right end of their bars: there the swarm is thinner than in the middle. */
export function meanLabels(groups: readonly PlacedGroup[], column: number): Plot.Markish {
  const { shown, fontSize } = fittedMeans(groups, column);
  return Plot.text(shown, {
    x: (group: PlacedGroup) => group.x + HALF_BAR,
    y: "mean",
    text: ({ mean }: PlacedGroup) => formatLoss(mean!),
    textAnchor: "end",
    dy: -MEAN_ABOVE,
    fontSize,
    fontWeight: "bold",
    fill: COLOUR.highlight,
    stroke: COLOUR.background,
    strokeWidth: 4,
  });
}

/** How far the middle of a mean stands above its bar, in pixels. */
const MEAN_ABOVE = 10;

/** The groups whose means are written, and the size of these. */
function fittedMeans(groups: readonly PlacedGroup[], column: number): { shown: PlacedGroup[]; fontSize: number } {
  const texts = withMean(groups).map(({ mean }) => formatLoss(mean!)), usual = columnTextSize(groups);
  const every = thinning(texts, column, BOLD);
  return {
    shown: withMean(groups).filter(({ x }) => x % every === 0),
    fontSize: scaledToFit(BOLD * widest(texts, usual), every * column - TEXT_GAP, usual),
  };
}

/**
 * Where the bars and the texts of means stand, from the upper left corner of the domain.
 *
 * @param middle columns before the first one
 * @param height of the domain, in pixels
 */
export function meanBoxes(
  groups: readonly PlacedGroup[],
  { column, middle, height, domain: [low, high] }: {
    readonly column: number;
    readonly middle: number;
    readonly height: number;
    readonly domain: readonly [number, number];
  },
): Box[] {
  const { shown, fontSize } = fittedMeans(groups, column);
  const yOf = (mean: number) => (high - mean) / (high - low) * height;
  const xOf = (x: number) => (x + 0.5 + middle) * column;
  const bars = withMean(groups).map(({ x, mean }): Box => {
    const y = yOf(mean!);
    return { left: xOf(x - HALF_BAR), right: xOf(x + HALF_BAR), top: y - 2, bottom: y + 2 };
  });
  const texts = shown.map(({ x, mean }): Box => {
    const right = xOf(x + HALF_BAR), y = yOf(mean!) - MEAN_ABOVE;
    const left = right - BOLD * widest([formatLoss(mean!)], fontSize);
    return { left, right, top: y - fontSize / 2, bottom: y + fontSize / 2 };
  });
  return [...bars, ...texts];
}
