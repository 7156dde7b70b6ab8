/** How pictures show levels: lines with labels, and a note on those that lie outside. */
import * as Plot from "@observablehq/plot";
import { minOf } from "../../cells/extremes.ts";
import type { Level } from "../data/levels.ts";
import { formatOnAxis } from "../tables/format.ts";
import { type Box, type Spot, touches } from "./labels.ts";
import { widest } from "./text.ts";
import { COLOUR } from "./theme.ts";

/** An end of level lines, at which their labels stand. */
export type LevelEnd = "left" | "right";

/** Pixels between the base lines of labels that do not touch. */
const LINE = 13;
/** Of labels: their size, how far they stand from the end of a line, and how far their middles above it or below. */
const LABEL_SIZE = 11, LABEL_GAP = 3, RAISED = 6, LOWERED = 8;
const DOTS = "2,3";

const isWithin = ([low, high]: readonly number[]) => ({ value }: Level) => value >= low && value <= high;

/** Levels that share a label, at the highest of them: where each had its own, they would touch. @param length of the domain, in pixels */
function grouped(shown: readonly Level[], domain: readonly number[], length: number) {
  const groups: { value: number; labels: string[] }[] = [];
  for (const { label, value } of shown.toSorted((a, b) => b.value - a.value)) {
    const last = groups.at(-1);
    const apart = last ? (last.value - value) / (domain[1] - domain[0]) * length : Infinity;
    if (last && apart < LINE) last.labels.push(label);
    else groups.push({ value, labels: [label] });
  }
  return groups;
}

/** Where labels of levels may stand: the sides of a panel, and the place of a value along y, in pixels. */
export interface LevelArea {
  readonly left: number;
  readonly right: number;
  /** Length of the domain. */
  readonly height: number;
  yOf(value: number): number;
}

/** A label of one level or several, and where it stands. */
export interface LevelLabel {
  readonly value: number;
  readonly text: string;
  readonly end: LevelEnd;
  /** Whether it stands above its line, as it does where there is room. */
  readonly isAbove: boolean;
  readonly box: Box;
}

/** In the order in which they are tried. */
const WAYS = [["left", true], ["right", true], ["left", false], ["right", false]] as const;

/**
 * Places labels at the ends of their lines, inside of the panel and apart from all other texts: of the ways that are left the one that covers the fewest dots is taken;
 * a label without room is left out. Levels that lie close together share one.
 *
 * @param area of the panel
 * @param dots that should stay visible
 * @param taken where other texts stand
 */
export function placeLevelLabels(
  levels: readonly Level[] | undefined,
  domain: readonly number[],
  { left, right, height, yOf }: LevelArea,
  { dots = [], taken = [] }: { dots?: readonly Spot[]; taken?: readonly Box[] } = {},
): LevelLabel[] {
  const placed: LevelLabel[] = [], [bottom, top] = domain.map(yOf);
  for (const { value, labels } of grouped((levels ?? []).filter(isWithin(domain)), domain, height)) {
    const text = inShort(labels), width = widest([text], LABEL_SIZE);
    const ways = WAYS.map(([end, isAbove]): LevelLabel => {
      const x = end === "left" ? left + LABEL_GAP : right - LABEL_GAP - width;
      const y = yOf(value) + (isAbove ? -RAISED : LOWERED);
      const box = { left: x, right: x + width, top: y - LABEL_SIZE / 2, bottom: y + LABEL_SIZE / 2 };
      return { value, text, end, isAbove, box };
    }).filter(({ box }) =>
      // Above the panel there are headings, and below it the axis.
      box.top >= top && box.bottom <= bottom &&
      ![...taken, ...placed.map((other) => other.box)].some((other) => touches(box, other))
    );
    // Somewhat more than the text, for dots have a width.
    const covered = ({ box }: LevelLabel) =>
      dots.filter(({ x, y }) =>
        Math.abs(y - (box.top + box.bottom) / 2) < LINE && x > box.left - LABEL_GAP && x < box.right + LABEL_GAP
      ).length;
    const counts = ways.map(covered), best = counts.indexOf(minOf(counts, Infinity));
    if (ways.length) placed.push(ways[best]);
  }
  return placed;
}

/** Options of {@linkcode levelMarks}, in pixels. */
export interface LevelOptions {
  /** Of the domain. */
  readonly height: number;
  readonly labelled: boolean;
  /** Of the panel; absent: so wide that labels at its right end are of no use. */
  readonly width?: number;
  /** Where other texts stand, from the upper left corner of the domain. */
  readonly taken?: readonly Box[];
}

/** Dotted lines at the levels within a domain, with labels apart from other texts; levels that lie close together share one. */
export function levelMarks(
  levels: readonly Level[] | undefined,
  domain: readonly number[],
  { height, labelled, width = Infinity, taken }: LevelOptions,
): Plot.Markish[] {
  const yOf = (value: number) => (domain[1] - value) / (domain[1] - domain[0]) * height;
  const area = { left: 0, right: width, height, yOf };
  return [
    ...levelLines(levels, domain),
    ...(labelled ? levelLabelMarks(placeLevelLabels(levels, domain, area, { taken })) : []),
  ];
}

/** The lines of {@linkcode levelMarks} alone. */
export function levelLines(levels: readonly Level[] | undefined, domain: readonly number[]): Plot.Markish[] {
  const shown = (levels ?? []).filter(isWithin(domain));
  if (!shown.length) return [];
  return [Plot.ruleY(shown, { y: "value", stroke: COLOUR.muted, strokeWidth: 1.2, strokeDasharray: DOTS })];
}

/** The labels that were placed, which may stand over other marks: they have a halo. */
export function levelLabelMarks(placed: readonly LevelLabel[]): Plot.Markish[] {
  return WAYS.flatMap(([end, isAbove]) => {
    const own = placed.filter((label) => label.end === end && label.isAbove === isAbove);
    return own.length
      ? [Plot.text(own, {
        y: "value",
        text: "text",
        frameAnchor: end,
        textAnchor: end === "left" ? "start" : "end",
        dx: end === "left" ? LABEL_GAP : -LABEL_GAP,
        dy: isAbove ? -RAISED : LOWERED,
        fontSize: LABEL_SIZE,
        fill: COLOUR.muted,
        stroke: COLOUR.background,
        strokeWidth: 3,
      })]
      : [];
  });
}

/**
 * The same where losses lie along x: vertical dotted lines, with labels to the right of their lower ends.
 *
 * @param width of the domain, in pixels
 */
export function levelMarksX(levels: readonly Level[], domain: readonly number[], width: number): Plot.Markish[] {
  const shown = levels.filter(isWithin(domain)), [low, high] = domain;
  const fromEnd = ({ value }: { value: number }) => (high - value) / (high - low) * width;
  // To the right of the border there may be a table: there a label stands to the left, or with its neighbour.
  const isAtEnd = (one: { value: number }) => fromEnd(one) < LINE;
  const [last, next, ...others] = grouped(shown, domain, width);
  const isCrowded = last && next && isAtEnd(last) && fromEnd(next) - fromEnd(last) < 2 * LINE;
  const groups = isCrowded
    ? [{ value: next.value, labels: [...last.labels, ...next.labels] }, ...others]
    : [last, next, ...others].filter((group) => group);
  const labels = (some: typeof groups, dx: number) =>
    Plot.text(some, {
      x: "value",
      text: ({ labels }: { labels: string[] }) => inShort(labels),
      frameAnchor: "bottom",
      textAnchor: "start",
      rotate: -90,
      dx,
      dy: -4,
      fontSize: LABEL_SIZE,
      fill: COLOUR.muted,
      stroke: COLOUR.background,
      strokeWidth: 3,
    });
  return [
    Plot.ruleX(shown, { x: "value", stroke: COLOUR.muted, strokeWidth: 1.2, strokeDasharray: DOTS }),
    labels(groups.filter((one) => !isAtEnd(one)), 8),
    labels(groups.filter(isAtEnd), -8),
  ];
}

/** Labels that share a line: three or more orders in a row as `order 1–5`, which a narrow panel has room for. */
export function inShort(labels: readonly string[]): string {
  const orderOf = (label: string | undefined) => Number(/^order (\d+)$/.exec(label ?? "")?.[1] ?? NaN);
  const parts: string[] = [];
  for (let from = 0; from < labels.length;) {
    let to = from;
    while (orderOf(labels[to + 1]) === orderOf(labels[to]) + 1) to++;
    if (to - from >= 2) parts.push(`${labels[from]}–${orderOf(labels[to])}`);
    else for (const label of labels.slice(from, to + 1)) parts.push(label);
    from = to + 1;
  }
  return parts.join(", ");
}

/**
 * What the lines are, for a subtitle, and which levels lie beyond the axis; nothing where there are none.
 *
 * @param domains of the picture's panels
 */
export function levelNote(levels: readonly Level[] | undefined, ...domains: readonly (readonly number[])[]): string[] {
  if (!levels?.length) return [];
  const outside = levels.filter((level) => !domains.some((domain) => isWithin(domain)(level)));
  const isOfNgrams = levels.some(({ order }) => order !== undefined);
  const what = isOfNgrams
    ? "Dotted: n-gram baselines of the test split; order n: loss of a model that sees the last n bytes."
    : "Dotted: the entropy rate of the corpus, the lower bound of the loss on new text.";
  const between = isOfNgrams ? ": " : " ";
  const values = outside.map(({ label, value }) => `${label}${between}${formatOnAxis(value, value)}`).join(", ");
  // Short, or it would be set smaller than the other lines.
  if (outside.length < levels.length) return [what, ...(outside.length ? [`Beyond the axis: ${values}.`] : [])];
  return [
    isOfNgrams
      ? `N-gram baselines of the test split, all beyond the axis: ${values}.`
      : `Beyond the axis: the corpus's ${values}.`,
  ];
}
