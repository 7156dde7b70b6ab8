/** The effects of the factors as lines of printed cells, for the terminal and the page. */
import { extentOf } from "../../cells/extremes.ts";
import type { Interval } from "../statistics/bootstrap.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import type { Measure } from "../statistics/matched.ts";
import type { LogLossRegression } from "../statistics/regression.ts";
import { areSwitches, contrastWords, differenceName } from "./factor_words.ts";
import { layOut } from "./tables.ts";
import { formatCount } from "../../cells/counts.ts";
import { formatDifference, formatP, NONE } from "./format.ts";

/** What a measure is called, with its unit. */
export function measureName(measure: Measure, { reads }: Pick<Effects, "reads">): string {
  return measure === "min_loss" ? `lowest training loss, nats per ${reads}` : "test, bits per byte";
}

/**
 * The factors' effects, ready to print: headings, then one line per factor. A dash: too few pairs to tell. Where not all are switches, a
 * column says which values are compared.
 */
export function effectCells(effects: readonly FactorEffect[]): { headings: string[]; lines: string[][] } {
  const several = effects.some(({ seeds }) => seeds.most > 1), onlySwitches = areSwitches(effects);
  const { noun: [noun], difference } = contrastWords(effects);
  return {
    headings: [
      noun,
      ...(onlySwitches ? [] : ["compared"]),
      difference,
      "95 % interval",
      "corrected p",
      onlySwitches ? "pairs lower with on" : "pairs lower",
      "seeds",
      ...(several ? ["single seeds"] : []),
    ],
    lines: effects.map((effect) => {
      const [label, ...cells] = lineOf(effect, several);
      return [label, ...(onlySwitches ? [] : [differenceName(effect)]), ...cells];
    }),
  };
}

function lineOf(effect: FactorEffect, several: boolean): string[] {
  const { factor, pairs, difference, interval, p_holm, lower, seeds } = effect;
  return [
    factor.label,
    difference === undefined ? NONE : formatDifference(difference),
    interval ? formatInterval(interval) : NONE,
    p_holm === undefined ? NONE : formatP(p_holm),
    pairs ? `${formatCount(lower)} of ${formatCount(pairs)}` : "no pair",
    !pairs ? NONE : seeds.least === seeds.most ? `${seeds.most}` : `${seeds.least} to ${seeds.most}`,
    ...(several ? [formatSeeds(effect)] : []),
  ];
}

/** The mean differences of single seeds, from the lowest to the highest. */
export function formatSeeds({ by_seed }: FactorEffect): string {
  const differences = by_seed.map(({ difference }) => difference);
  if (!differences.length) return NONE;
  const [low, high] = extentOf(differences);
  return formatInterval({ low, high });
}

/** The measures that have a pair to compare; the training loss wherever a factor has a contrast. */
export function measuresOf(effects: Effects): Measure[] {
  if (!effects.min_loss.length) return [];
  const scored = effects.test_bits_per_byte.some(({ pairs }) => pairs);
  return scored ? ["min_loss", "test_bits_per_byte"] : ["min_loss"];
}

/** `−0.042 to +0.013`. */
export function formatInterval({ low, high }: Interval): string {
  return `${formatDifference(low)} to ${formatDifference(high)}`;
}

/** What each factor changes, as a text table for each measure; empty where nothing is compared. */
export function effectTables(effects: Effects): string {
  return measuresOf(effects).map((measure) => {
    const { headings, lines } = effectCells(effects[measure]);
    return `${measureName(measure, effects)}:\n${layOut([headings, ...lines], headings.map((_, i) => i > 0))}`;
  }).join("\n\n");
}

/** The regression's terms, ready to print. */
export function regressionCells({ terms }: LogLossRegression): { headings: string[]; lines: string[][] } {
  return {
    headings: ["hyperparameter", "standardised coefficient"],
    lines: terms.map(({ factor, coefficient }) => [
      factor.label,
      coefficient === undefined ? NONE : formatDifference(coefficient),
    ]),
  };
}
