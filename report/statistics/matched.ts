/**
 * Matched comparisons: pairs of configurations that differ in one switch alone, quadruples that differ in two. A group
 * mean mixes a switch with whatever else differs between the groups (in experiment 01 only runs with a residual have 32
 * states); what is matched does not.
 */
import { mean } from "simple-statistics";
import { canonicalJson } from "../../cells/config.ts";
import { GATED, type SwitchKey } from "../../cells/factors.ts";
import type { RunRow } from "../data/rows.ts";

/** What runs are compared by; of each, less is better. `min_loss`: nats per what the models read. */
export type Measure = "min_loss" | "test_bits_per_byte";

/** Configurations that differ in the same `k` switches alone, one for each of the `2^k` settings of these. */
export interface MatchedBlock {
  /** The configuration that they share. */
  name: string;
  /**
   * For each seed that all of them have, trained alike, ascending: their runs. Bit `k` of a run's place says whether switch `k`
   * is on.
   */
  seeds: { seed: number; runs: RunRow[] }[];
}

/** What one matched block says, in the measure's unit: the unit of all statistics on switches. */
export interface Contrast {
  name: string;
  /** Of each seed by itself, ascending by seed. */
  by_seed: { seed: number; difference: number }[];
  /** The mean over the seeds. */
  difference: number;
}

/** Runs with other training settings or another text are no partners: more steps alone would make a smaller loss. */
export function settingsName(row: RunRow): string {
  return JSON.stringify([row.steps_done, row.batch_size, row.history_size, row.dataset, row.corpus_sha1]);
}

function blockName({ config }: RunRow, keys: readonly SwitchKey[]): string {
  return canonicalJson({ ...config, ...Object.fromEntries(keys.map((key) => [key, false])) });
}

/**
 * The complete blocks over these switches, by name: the order of `rows` does not matter. Seeds that were trained in different
 * ways are still one block: it counts once. Cells of the catalog have no switches, so they are in none.
 */
export function matchedBlocks(rows: readonly RunRow[], keys: readonly SwitchKey[]): MatchedBlock[] {
  const corners = 2 ** keys.length;
  const found = new Map<string, Map<string, { seed: number; runs: RunRow[] }>>();
  for (const row of rows.filter(({ config }) => GATED.isOwnCell(config))) {
    const name = blockName(row, keys), alike = `${row.seed} ${settingsName(row)}`;
    const block = found.get(name) ?? new Map<string, { seed: number; runs: RunRow[] }>();
    const one = block.get(alike) ?? { seed: row.seed, runs: [] };
    one.runs[keys.reduce((bits, key, k) => bits + (row.config[key] ? 2 ** k : 0), 0)] = row;
    found.set(name, block.set(alike, one));
  }
  return byName(found).flatMap(([name, block]) => {
    const complete = byName(block).map(([, one]) => one).filter(({ runs }) => runs.filter(Boolean).length === corners);
    return complete.length ? [{ name, seeds: complete.sort((a, b) => a.seed - b.seed) }] : [];
  });
}

function byName<Value>(found: ReadonlyMap<string, Value>): [string, Value][] {
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The contrast of each block: `Σ ± value` over its runs, with a minus for each switch that is off. So for one switch it is
 * `on − off`, and for two `both − only the first − only the second + neither`. Seeds without the measure are left out, and
 * so are blocks that have no other.
 */
export function contrasts(blocks: readonly MatchedBlock[], measure: Measure): Contrast[] {
  return blocks.flatMap(({ name, seeds }) => {
    const by_seed = seeds.flatMap(({ seed, runs }) => {
      const values = runs.map((run) => run[measure]);
      return values.some((value) => value === undefined) ? [] : [{ seed, difference: signedSum(values as number[]) }];
    });
    return by_seed.length ? [{ name, by_seed, difference: mean(by_seed.map(({ difference }) => difference)) }] : [];
  });
}

function signedSum(values: readonly number[]): number {
  const last = values.length - 1;
  return values.reduce((sum, value, bits) => sum + (bitCount(last ^ bits) % 2 ? -value : value), 0);
}

function bitCount(bits: number): number {
  let count = 0;
  for (; bits; bits &= bits - 1) count++;
  return count;
}
