/** The effects of the factors as lines of printed cells, for the terminal and the page. */
import type { Interval } from "../statistics/bootstrap.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import type { Measure } from "../statistics/matched.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import type { LogLossRegression } from "../statistics/regression.ts";
import { areSwitches, contrastWords, differenceName } from "./factor_words.ts";
import { layOut } from "./tables.ts";
import { formatCount } from "../../cells/counts.ts";
import { formatDifference, formatP, NONE } from "./format.ts";
import { measureWithUnit } from "./measure_words.ts";

/** Headings, then lines whose first cell names them. */
export interface Cells {
  readonly headings: string[];
  readonly lines: string[][];
  /** Whether the names in the first column may break into lines on a page. */
  readonly wraps?: boolean;
}

/** How much room a table has: a page's also has the interval for the same pairs with other seeds. */
export type TableRoom = "terminal" | "page";

/** A column of the table of effects; `p` is corrected, and undefined of random parts, which are in no family of tests. */
interface EffectColumn {
  readonly heading: string;
  /** What stands there without a pair; absent: a dash. */
  readonly none?: string;
  readonly cell: (mean: PairMean, p: number | undefined) => string;
}

/**
 * The factors' effects, ready to print: headings, then a line per factor, and below it one of pairs whose added weights are never trained. A dash: there
 * is no such number. Where not all are switches, a column says which values are compared. With one seed there is no column of intervals and p.
 */
export function effectCells(effects: readonly FactorEffect[], room: TableRoom = "page"): Cells {
  const onlySwitches = areSwitches(effects), { noun: [noun] } = contrastWords(effects);
  const columns = columnsOf(effects, onlySwitches, room);
  const line = (effect: FactorEffect, label: string, mean: PairMean, p: number | undefined) => [
    label,
    ...(onlySwitches ? [] : [differenceName(effect)]),
    ...columns.map(({ cell, none = NONE }) => mean.pairs ? cell(mean, p) : none),
  ];
  return {
    headings: [noun, ...(onlySwitches ? [] : ["compared"]), ...columns.map(({ heading }) => heading)],
    lines: effects.flatMap((effect) => [
      ...(effect.pairs || !effect.inactive ? [line(effect, effect.factor.label, effect, effect.p_holm)] : []),
      ...(effect.inactive ? [line(effect, randomLabel(effect), effect.inactive, undefined)] : []),
    ]),
  };
}

function columnsOf(effects: readonly FactorEffect[], onlySwitches: boolean, room: TableRoom): EffectColumn[] {
  const means = effects.flatMap(({ inactive, ...effect }): PairMean[] => inactive ? [effect, inactive] : [effect]);
  const seeds = new Set(means.flatMap(({ seeds }) => seeds)), isSeveral = means.some(({ seeds }) => seeds.length > 1);
  const { difference } = contrastWords(effects);
  const sure: EffectColumn[] = [
    { heading: "95 % interval", cell: ({ interval }) => interval ? formatInterval(interval) : NONE },
    { heading: "corrected p", cell: (_, p) => p === undefined ? NONE : formatP(p) },
  ];
  const ofSeeds: EffectColumn[] = [
    { heading: "single seeds", cell: formatSeeds },
    ...(room === "page"
      ? [{
        heading: "these pairs, other seeds",
        cell: ({ seed_interval }: PairMean) => seed_interval ? formatInterval(seed_interval) : NONE,
      }]
      : []),
  ];
  return [
    {
      heading: seeds.size === 1 ? `${difference}, seed ${[...seeds]}` : difference,
      cell: ({ difference }) => formatDifference(difference!),
    },
    ...(isSeveral ? sure : []),
    { heading: "pairs × seeds", none: "no pair", cell: pairsBySeeds },
    {
      heading: onlySwitches ? "pairs lower with on" : "pairs lower",
      cell: ({ lower, pairs }) => `${formatCount(lower)} of ${formatCount(pairs)}`,
    },
    ...(isSeveral ? ofSeeds : []),
  ];
}

/** What pairs are called whose added weights stay as they were drawn. */
export function randomLabel({ factor }: Pick<FactorEffect, "factor">): string {
  return `${factor.label}, random`;
}

/** `48 × 3`. */
export function pairsBySeeds({ pairs, seeds }: PairMean): string {
  return `${formatCount(pairs)} × ${formatCount(seeds.length)}`;
}

/** So many seeds are listed one by one. */
const MOST_LISTED = 3;

/** The mean differences of single seeds: of few each, in the order of the seeds; of many the lowest and the highest. */
export function formatSeeds({ by_seed }: Pick<PairMean, "by_seed">): string {
  const differences = by_seed.map(({ difference }) => difference);
  if (differences.length <= MOST_LISTED) return differences.map(formatDifference).join(", ");
  const sorted = differences.toSorted((a, b) => a - b);
  return formatInterval({ low: sorted[0], high: sorted[sorted.length - 1] });
}

/** The measures that have a pair to compare, the one that sentences are about first; the training loss wherever a factor has a contrast. */
export function measuresOf({ min_loss, primary }: Effects): Measure[] {
  if (!min_loss.length) return [];
  return primary === "min_loss" ? ["min_loss"] : [primary, "min_loss"];
}

/** `−0.042 to +0.013`. */
export function formatInterval({ low, high }: Interval): string {
  return `${formatDifference(low)} to ${formatDifference(high)}`;
}

/** What each factor changes, as a text table for each measure; empty where nothing is compared. */
export function effectTables(effects: Effects): string {
  return measuresOf(effects).map((measure) =>
    `${measureWithUnit(measure, effects.reads)}:\n${cellsText(effectCells(effects[measure], "terminal"))}`
  ).join("\n\n");
}

/** Cells as a text table: names to the left, what follows to the right. */
export function cellsText({ headings, lines }: Cells): string {
  return layOut([headings, ...lines], headings.map((_, i) => i > 0));
}

/** The regression's terms, ready to print. */
export function regressionCells({ terms }: LogLossRegression): Cells {
  return {
    headings: ["hyperparameter", "standardised coefficient"],
    lines: terms.map(({ factor, coefficient }) => [
      factor.label,
      coefficient === undefined ? NONE : formatDifference(coefficient),
    ]),
  };
}
