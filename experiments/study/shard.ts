/** A fixed share of a study's runs, for whoever trains without a queue: a task of a Slurm array, of an indexed job, or a machine of one's own. */
import { minOf } from "../../cells/extremes.ts";

/** More shares than any array of jobs has tasks. */
export const MOST_SHARDS = 10_000;

/** The share `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * A share as a flag takes it: `2/3`.
 *
 * @throws {Error} whose message says what it must be
 */
export function parseShard(text: string): Shard {
  const [, index, count] = /^\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text)?.map(Number) ?? [];
  if (!(index >= 1 && index <= count && count <= MOST_SHARDS)) {
    throw new Error(`must be i/K, the share i of K: whole numbers from 1, i at most K, K at most ${MOST_SHARDS}`);
  }
  return { index, count };
}

/** `2/3`. */
export function shardInWords({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * Splits a list into shares of about the same cost: the costliest run first, each to the share that has the least so far (LPT; Graham, 1969, "Bounds on
 * Multiprocessing Timing Anomalies": the largest share costs at most 4/3 of what the best split has). The shares follow from the list and the
 * costs alone, whoever asks and whatever is done already; within a share runs stay in the list's order.
 *
 * @param costOf relative, of no unit
 * @returns `count` shares; some are empty where there are fewer runs
 */
export function sharesOf<R extends { readonly key: string }>(
  runs: readonly R[],
  count: number,
  costOf: (run: R) => number,
): R[][] {
  const costs = new Map(runs.map((run) => [run, costOf(run)]));
  const costliest = [...runs].sort((a, b) => costs.get(b)! - costs.get(a)! || (a.key < b.key ? -1 : 1));
  const loads = new Array<number>(count).fill(0), shares = Array.from({ length: count }, () => new Set<R>());
  for (const run of costliest) {
    const least = loads.indexOf(minOf(loads));
    loads[least] += costs.get(run)!;
    shares[least].add(run);
  }
  return shares.map((share) => runs.filter((run) => share.has(run)));
}
