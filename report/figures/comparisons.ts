/** What pictures of differences say alike: the measure, what colours mean, and why there is no interval. */
import type { Measure } from "../statistics/matched.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import type { LegendLine } from "./svg.ts";
import { DIFFERENCE_COLOUR } from "./theme.ts";

/** The measure as a heading. */
export function measureTitle(measure: Measure): string {
  return measure === "min_loss" ? "Lowest training loss" : "Score on the test split";
}

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

/** Why none of these means has an interval, for a subtitle; nothing where one has, or nothing is compared. */
export function whyNoInterval(means: readonly PairMean[], block: "pair" | "matched set" = "pair"): string[] {
  const known = means.filter(({ pairs }) => pairs > 0);
  if (!known.length || known.some(({ interval }) => interval)) return [];
  return known.some(({ seeds }) => seeds.length > 1)
    ? [`No interval and no p: that takes two seeds, and two ${block}s that have both.`]
    : [
      "One seed has no interval and no p: what its runs have in common is unknown. Another seed may give another sign.",
    ];
}
