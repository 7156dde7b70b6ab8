/** How pictures show levels: lines with labels, and a note on those that lie outside. */
import * as Plot from "@observablehq/plot";
import type { Level } from "../data/levels.ts";
import { formatOnAxis } from "../tables/format.ts";
import { widest } from "./text.ts";
import { COLOUR } from "./theme.ts";

/** An end of level lines, at which their labels stand. */
export type LevelEnd = "left" | "right";

/** Pixels between the base lines of labels that do not touch. */
const LINE = 13;
/** Of labels: their size, how far they stand from the end of a line, and how far their middles above it. */
const LABEL_SIZE = 11, LABEL_GAP = 3, RAISED = 6;
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

/**
 * Dotted lines at the levels within a domain, with labels at the left end; levels that lie close together share one.
 *
 * @param height of the domain, in pixels
 */
export function levelMarks(
  levels: readonly Level[] | undefined,
  domain: readonly number[],
  { height, labelled }: { height: number; labelled: boolean },
): Plot.Markish[] {
  return [...levelLines(levels, domain), ...(labelled ? levelLabels(levels, domain, { height, end: "left" }) : [])];
}

/** The lines of {@linkcode levelMarks} alone. */
export function levelLines(levels: readonly Level[] | undefined, domain: readonly number[]): Plot.Markish[] {
  const shown = (levels ?? []).filter(isWithin(domain));
  if (!shown.length) return [];
  return [Plot.ruleY(shown, { y: "value", stroke: COLOUR.muted, strokeWidth: 1.2, strokeDasharray: DOTS })];
}

/** The labels of {@linkcode levelMarks} alone, which may stand over other marks: they have a halo. */
export function levelLabels(
  levels: readonly Level[] | undefined,
  domain: readonly number[],
  { height, end }: { height: number; end: LevelEnd },
): Plot.Markish[] {
  const shown = (levels ?? []).filter(isWithin(domain));
  if (!shown.length) return [];
  return [
    Plot.text(grouped(shown, domain, height), {
      y: "value",
      text: ({ labels }: { labels: string[] }) => inShort(labels),
      frameAnchor: end,
      textAnchor: end === "left" ? "start" : "end",
      dx: end === "left" ? LABEL_GAP : -LABEL_GAP,
      dy: -RAISED,
      fontSize: LABEL_SIZE,
      fill: COLOUR.muted,
      stroke: COLOUR.background,
      strokeWidth: 3,
    }),
  ];
}

/**
 * The end at which labels of levels cover fewer dots; the left one where they are alike.
 *
 * @param spots of the dots, in the panel's pixels
 * @param place of a level along y, the panel's sides, and the length of the domain, in the same pixels
 */
export function emptierEnd(
  levels: readonly Level[] | undefined,
  domain: readonly number[],
  spots: readonly { readonly x: number; readonly y: number }[],
  { yOf, left, right, height }: { yOf: (value: number) => number; left: number; right: number; height: number },
): LevelEnd {
  const labels = grouped((levels ?? []).filter(isWithin(domain)), domain, height).map(({ value, labels }) => ({
    y: yOf(value),
    width: LABEL_GAP + widest([inShort(labels)], LABEL_SIZE),
  }));
  const covered = (distance: (x: number) => number) =>
    spots.filter(({ x, y }) =>
      labels.some((label) => Math.abs(y - label.y + RAISED) < LINE && distance(x) < label.width)
    )
      .length;
  return covered((x) => right - x) < covered((x) => x - left) ? "right" : "left";
}

/**
 * The same where losses lie along x: upright dotted lines, with labels to the right of their lower ends.
 *
 * @param width of the domain, in pixels
 */
export function levelMarksX(levels: readonly Level[], domain: readonly number[], width: number): Plot.Markish[] {
  const shown = levels.filter(isWithin(domain));
  return [
    Plot.ruleX(shown, { x: "value", stroke: COLOUR.muted, strokeWidth: 1.2, strokeDasharray: DOTS }),
    Plot.text(grouped(shown, domain, width), {
      x: "value",
      text: ({ labels }: { labels: string[] }) => inShort(labels),
      frameAnchor: "bottom",
      textAnchor: "start",
      rotate: -90,
      dx: 8,
      dy: -4,
      fontSize: 11,
      fill: COLOUR.muted,
      stroke: COLOUR.background,
      strokeWidth: 3,
    }),
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
 * What the lines are, for a subtitle, and which levels lie outside of the picture; nothing where there are none.
 *
 * @param domains of the picture's panels
 */
export function levelNote(levels: readonly Level[] | undefined, ...domains: readonly (readonly number[])[]): string[] {
  if (!levels?.length) return [];
  const outside = levels.filter((level) => !domains.some((domain) => isWithin(domain)(level)));
  const isOfNgrams = levels.some(({ order }) => order !== undefined);
  const what = isOfNgrams
    ? "Dotted: n-gram baselines of the test split; order n: what a model reaches that sees the last n bytes."
    : "Dotted: the entropy rate of the corpus, below which no model of it comes on new text.";
  const between = isOfNgrams ? ": " : " ";
  const values = outside.map(({ label, value }) => `${label}${between}${formatOnAxis(value, value)}`).join(", ");
  // Short, or it would be set smaller than the other lines.
  if (outside.length < levels.length) return [what, ...(outside.length ? [`Outside of the picture: ${values}.`] : [])];
  return [
    isOfNgrams
      ? `N-gram baselines of the test split, all outside: ${values}.`
      : `Outside of the picture: the corpus's ${values}.`,
  ];
}
