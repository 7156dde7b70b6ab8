/** What all pictures share: colours, fonts, sizes. */

/** First the font that PNGs are drawn with; a browser without it takes a similar one. */
export const FONT_FAMILY = "'DejaVu Sans', Verdana, 'Segoe UI', sans-serif";

/** Pixels of the SVG. At half of this size the smallest text is still about 7 pixels high. */
export const SIZE = {
  width: 1000,
  /** Space to the left and right of everything. */
  margin: 24,
  title: 23,
  text: 14.5,
  tick: 14,
} as const;

export const COLOUR = {
  background: "#ffffff",
  text: "#1b1b1b",
  /** Second-rank text; 7:1 on white. */
  muted: "#555555",
  grid: "#e3e3e3",
  axis: "#888888",
  /** The best run, and group means. */
  highlight: "#000000",
} as const;

/** Okabe and Ito's palette, without yellow (too pale on white) and black (taken by the best run). */
const CATEGORIES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"] as const;

/**
 * A colour for each of some values, in order: told apart by people with any common colour blindness up to six values;
 * beyond that colours repeat.
 */
export function colourScale<Value>(values: readonly Value[]): Map<Value, string> {
  return new Map(values.map((value, i) => [value, CATEGORIES[i % CATEGORIES.length]]));
}

/** What controls are drawn in where colour does not tell something else: vermilion of the same palette. */
export const CONTROL_COLOUR = CATEGORIES[5];

/** What baselines are drawn in: of no category. They are named beside it, and their lines are broken in a way of their own. */
export const BASELINE_COLOUR = "#6a3d9a";

/** What a difference is drawn in: the measure is lower, higher, or neither for sure. Blue and vermilion of the same palette. */
export const DIFFERENCE_COLOUR = { lower: "#0072B2", higher: "#D55E00", unclear: "#8a8a8a" } as const;

/** What this study and another are drawn in where both stand side by side. */
export const SIDE_COLOUR = { here: COLOUR.muted, there: CATEGORIES[2] } as const;

const MIDDLE = "#f7f7f7";
/** So much of the end colours is taken that dark text on them keeps a contrast of 6:1. */
const STRONGEST = 0.75;

/** A colour for a difference: −1 is lower (blue), 0 almost white, 1 higher (vermilion). */
export function divergingColour(share: number): string {
  const end = channels(share < 0 ? DIFFERENCE_COLOUR.lower : DIFFERENCE_COLOUR.higher);
  const part = STRONGEST * Math.min(1, Math.abs(share));
  const mixed = channels(MIDDLE).map((from, i) => Math.round(from + part * (end[i] - from)));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}
