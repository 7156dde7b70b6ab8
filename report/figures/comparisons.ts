/** What pictures of differences say alike: what colours mean, and why there is no interval. */
import type { PairMean } from "../statistics/pair_means.ts";
import { isSignificant } from "../tables/significant_effects.ts";
import type { LegendLine } from "./svg.ts";
import { DIFFERENCE_COLOUR } from "./theme.ts";

/**
 * The colours of differences.
 *
 * @param where a difference below zero means a lower measure: `with the switch on`
 * @param unclear what the third colour means
 */
export function differenceLegend(where: string, unclear: string): LegendLine {
  return {
    heading: `${where}:`,
    entries: [
      { mark: "dot", colour: DIFFERENCE_COLOUR.lower, text: "lower" },
      { mark: "dot", colour: DIFFERENCE_COLOUR.higher, text: "higher" },
      { mark: "dot", colour: DIFFERENCE_COLOUR.unclear, text: unclear },
    ],
  };
}

/** The colour of a difference by its corrected p: see {@linkcode differenceLegend}. */
export function differenceColour(mean: Pick<PairMean, "difference"> & { readonly p_holm: number | undefined }): string {
  if (!isSignificant(mean)) return DIFFERENCE_COLOUR.unclear;
  return mean.difference! < 0 ? DIFFERENCE_COLOUR.lower : DIFFERENCE_COLOUR.higher;
}

/** Why none of these means has an interval, for a subtitle; nothing where one has, or nothing is compared. */
export function whyNoInterval(means: readonly PairMean[], block: "pair" | "matched set" = "pair"): string[] {
  const known = means.filter(({ pairs }) => pairs > 0);
  if (!known.length || known.some(({ interval }) => interval)) return [];
  return known.some(({ seeds }) => seeds.length > 1)
    ? [`No interval and no p: they need two seeds, and two ${block}s that have both.`]
    : [
      "One seed gives no interval and no p: seed noise is unknown, and another seed may change the sign.",
    ];
}
