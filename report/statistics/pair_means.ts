/** The mean of matched differences over pairs and seeds, with what is known of how sure it is. */
import { mean } from "simple-statistics";
import type { Interval } from "./bootstrap.ts";
import { completeTable, crossedMean } from "./crossed.ts";
import type { Contrast } from "./matched.ts";

/**
 * A mean over matched blocks (pairs, or matched sets of four), in the measure's unit. It is of the blocks and seeds of which every one has every
 * other: see {@linkcode completeTable}. **With one seed there is no interval and no p**: what runs of one seed have in common is then
 * unknown (docs/statistics.md, "The interval").
 */
export interface PairMean {
  readonly pairs: number;
  /** What the pairs are called, those that are in the numbers. */
  readonly names: readonly string[];
  /** Blocks that lack one of the seeds, and are in none of the numbers. */
  readonly incomplete: number;
  /** Seeds that all of the pairs have, ascending. */
  readonly seeds: readonly number[];
  /** Undefined without a pair. */
  readonly difference: number | undefined;
  /** 95 %: of other pairs like these with other seeds; undefined with one seed or one pair. See {@linkcode crossedMean}. */
  readonly interval: Interval | undefined;
  /** Two-sided p of no difference, under the same conditions. */
  readonly p: number | undefined;
  /** 95 %: of these very pairs with other seeds, t over the seeds' means; undefined with one seed. */
  readonly seed_interval: Interval | undefined;
  /** p of `F = MSs / MSe`: small where seeds differ by more than independent pairs would. */
  readonly p_seeds: number | undefined;
  /** Pairs whose mean over the seeds is below zero. */
  readonly lower: number;
  /** The mean over the pairs by each seed alone. */
  readonly by_seed: readonly { readonly seed: number; readonly difference: number }[];
}

/** What nothing is known of. */
const NO_PAIR: PairMean = {
  pairs: 0,
  names: [],
  incomplete: 0,
  seeds: [],
  difference: undefined,
  interval: undefined,
  p: undefined,
  seed_interval: undefined,
  p_seeds: undefined,
  lower: 0,
  by_seed: [],
};

/** The mean of these contrasts. A seed that a block has several times, trained in different ways, counts once, with the mean of these. */
export function pairMean(blocks: readonly Contrast[]): PairMean {
  const table = completeTable(blocks.map(({ by_seed }) =>
    new Map(
      [...Map.groupBy(by_seed, ({ seed }) => seed)].map(([seed, same]) => [
        seed,
        mean(same.map(({ difference }) => difference)),
      ]),
    )
  ));
  if (!table) return NO_PAIR;
  const { rows, columns, values } = table, found = crossedMean(values);
  return {
    pairs: rows.length,
    names: rows.map((i) => blocks[i].name),
    incomplete: blocks.length - rows.length,
    seeds: columns,
    difference: found.mean,
    interval: found.known?.interval,
    p: found.known?.p,
    seed_interval: found.columnInterval,
    p_seeds: found.known?.pColumns,
    lower: values.filter((row) => mean([...row]) < 0).length,
    by_seed: columns.map((seed, s) => ({ seed, difference: found.byColumn[s] })),
  };
}

/** Whether zero lies outside of an interval that is known: on which side. */
export function significantSide(interval: Interval | undefined): -1 | 0 | 1 {
  if (!interval) return 0;
  return interval.high < 0 ? -1 : interval.low > 0 ? 1 : 0;
}
