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

/**
 * How a map shows differences: a tint over a ground. Two layers, so that a dark page can have a dark ground and tints of its own; so much of the
 * strongest one is seen that text on it stays readable, in the light and in the dark.
 */
export const TINT = { ground: "#f7f7f7", empty: "#e9e9e9", strongest: 0.75 } as const;

/** Label of the layer of tints, by which a page finds it. */
export const TINT_LABEL = "difference";

/** A tint for a difference: at −1 or below all that there is of blue, at 0 none, at 1 of vermilion. */
export function tintOf(share: number): { readonly colour: string; readonly opacity: number } {
  return {
    colour: share < 0 ? DIFFERENCE_COLOUR.lower : DIFFERENCE_COLOUR.higher,
    opacity: Number((TINT.strongest * Math.min(1, Math.abs(share))).toFixed(3)),
  };
}
