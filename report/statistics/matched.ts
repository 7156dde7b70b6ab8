/**
 * Matched comparisons: pairs of configurations that differ in one factor alone, matched sets of four that differ in two. A group
 * mean mixes a factor with whatever else differs between the groups (in experiment 01 only runs with a residual have 32
 * states); what is matched does not.
 */
import { mean } from "simple-statistics";
import { canonicalJsonIn } from "../../cells/config.ts";
import { contrastOf, type Factor, type FactorTable, type FactorValue, isSwitch, valueOf } from "../../cells/factor.ts";
import { GATED, STEPS_BACK } from "../../cells/factors.ts";
import { isAddedTrained } from "../../cells/trained_parts.ts";
import type { Space } from "../../cells/space.ts";
import { stepsBack } from "../data/reading.ts";
import {
  type Configured,
  levelsIn,
  ownCellRows,
  type RunRow,
  settingsBesideSteps,
  settingsName,
  variedIn,
} from "../data/rows.ts";

/** What runs are compared by; of each, less is better. `min_loss`: nats per what the models read. */
export type Measure = "min_loss" | "test_bits_per_byte";

/** A number that runs may have: a measure by its name, or any other, as of their dynamics. */
export type RunNumber = Measure | ((run: RunRow) => number | undefined);

/** A factor with the two values of it that are compared: a switch off and on, of other factors what their table says. */
export interface FactorContrast {
  readonly factor: Factor;
  readonly from: FactorValue;
  readonly to: FactorValue;
}

/** Configurations that differ in the same `k` factors alone, one for each of the `2^k` combinations of these factors' two values. */
export interface MatchedBlock {
  /** The configuration that they share. */
  name: string;
  /**
   * For each seed that all of them have, trained with the same settings, ascending: their runs. Bit `k` of a run's index says whether factor `k`
   * has the second value of its contrast.
   */
  seeds: { seed: number; runs: RunRow[] }[];
}

/** What one matched block says, in the measure's unit: the unit of all statistics on factors. */
export interface Contrast {
  name: string;
  /** Of each seed by itself, ascending by seed. */
  by_seed: { seed: number; difference: number }[];
  /** The mean over the seeds. */
  difference: number;
}

/** The contrasts of the factors that rows vary, in the table's order: see {@linkcode contrastIn}. */
export function contrastsIn(table: FactorTable, rows: readonly Configured[]): FactorContrast[] {
  return variedIn(table, rows).flatMap((factor) => contrastIn(table, factor, rows) ?? []);
}

/**
 * A factor's contrast, where rows have something to compare. A factor with a default counts where both values of its contrast occur in
 * the table's own cell, of which alone there are {@linkcode matchedBlocks}: else nobody asked.
 */
export function contrastIn(
  table: FactorTable,
  factor: Factor,
  rows: readonly Configured[],
): FactorContrast | undefined {
  const contrast = contrastOf(factor);
  if (!contrast) return undefined;
  const [from, to] = contrast, levels = levelsIn(factor, ownCellRows(table, rows));
  const isCompared = factor.default === undefined || (levels.includes(from) && levels.includes(to));
  return isCompared ? { factor, from, to } : undefined;
}

function blockName({ config }: RunRow, compared: readonly FactorContrast[], table: FactorTable): string {
  const shared = Object.fromEntries(compared.map(({ factor, from }) => [factor.key, from]));
  return canonicalJsonIn(table, { ...config, ...shared });
}

/** A run's index in its block; undefined where a factor has a third value. */
function indexInBlock({ config }: RunRow, compared: readonly FactorContrast[]): number | undefined {
  let bits = 0;
  for (const [k, { factor, from, to }] of compared.entries()) {
    const value = valueOf(factor, config);
    if (value !== from && value !== to) return undefined;
    if (value === to) bits += 2 ** k;
  }
  return bits;
}

/**
 * The complete blocks over these contrasts, by name: the order of `rows` does not matter. Seeds that were trained in different
 * ways are still one block: it counts once. Runs with a third value of a compared factor are in none; nor are cells of the
 * catalog, which have no switches.
 */
export function matchedBlocks(
  rows: readonly RunRow[],
  compared: readonly FactorContrast[],
  table: FactorTable = GATED,
): MatchedBlock[] {
  const corners = 2 ** compared.length, areAcross = compared.some(({ factor }) => factor.key === STEPS_BACK.key);
  const found = new Map<string, Map<string, { seed: number; runs: RunRow[] }>>();
  // Seeds of one configuration have one name.
  const names = new Map<string, string>();
  for (const row of ownCellRows(table, rows)) {
    const index = indexInBlock(row, compared);
    if (index === undefined) continue;
    const written = JSON.stringify(row.config), name = names.get(written) ?? blockName(row, compared, table);
    names.set(written, name);
    const training = `${row.seed} ${areAcross ? JSON.stringify(settingsBesideSteps(row)) : settingsName(row)}`;
    const block = found.get(name) ?? new Map<string, { seed: number; runs: RunRow[] }>();
    const one = block.get(training) ?? { seed: row.seed, runs: [] };
    one.runs[index] = row;
    found.set(name, block.set(training, one));
  }
  return byName(found).flatMap(([name, block]) => {
    const complete = byName(block).map(([, one]) => one).filter(({ runs }) =>
      runs.filter(Boolean).length === corners && areTrainedAlike(runs)
    );
    return complete.length ? [{ name, seeds: complete.sort((a, b) => a.seed - b.seed) }] : [];
  });
}

/**
 * Whether runs that go back by as many steps have made as many updates. Over several numbers of steps back these always differ, at equal bytes read
 * and at equal updates alike, so what a switch changes is compared between them, and never a run with one of another length.
 */
function areTrainedAlike(runs: readonly RunRow[]): boolean {
  return [...Map.groupBy(runs, stepsBack).values()].every((same) =>
    same.every(({ steps_done }) => steps_done === same[0].steps_done)
  );
}

/**
 * Whether what a block compares is trained in it: for each switch among the factors, and each two of its runs that differ in that alone, every
 * weight that the switch adds (docs/statistics.md, "Active pairs"), which more steps back reach more of. Other factors add no part that is never trained.
 */
export function isActive(
  { seeds: [{ runs }] }: MatchedBlock,
  compared: readonly FactorContrast[],
  space: Space,
): boolean {
  return compared.every(({ factor }, k) =>
    !isSwitch(factor) || runs.every((off, bits) =>
      (bits & (1 << k)) !== 0 ||
      isAddedTrained(
        space.cellOf(off.config),
        space.cellOf(runs[bits | (1 << k)].config),
        off.config,
        stepsBack(off),
      )
    )
  );
}

function byName<Value>(found: ReadonlyMap<string, Value>): [string, Value][] {
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The contrast of each block: `Σ ± value` over its runs, with a minus for each factor that has its first value. So for one factor
 * it is `to − from`, and for two `both − only the first − only the second + neither`. Seeds without the measure are left out, and
 * so are blocks that have no other.
 */
export function contrasts(blocks: readonly MatchedBlock[], measure: RunNumber): Contrast[] {
  const of = typeof measure === "function" ? measure : (run: RunRow) => run[measure];
  return blocks.flatMap(({ name, seeds }) => {
    const by_seed = seeds.flatMap(({ seed, runs }) => {
      const values = runs.map(of);
      return values.some((value) => value === undefined) ? [] : [{ seed, difference: signedSum(values as number[]) }];
    });
    return by_seed.length ? [{ name, by_seed, difference: mean(by_seed.map(({ difference }) => difference)) }] : [];
  });
}

/**
 * Differences of less than this, in the measure's unit, are rounding. Losses come from 32-bit floats, so nothing that was measured is as
 * small; but a test by signs would take it for an effect in every pair.
 */
export const ROUNDING = 1e-10;

function signedSum(values: readonly number[]): number {
  const last = values.length - 1;
  const sum = values.reduce((sum, value, bits) => sum + (bitCount(last ^ bits) % 2 ? -value : value), 0);
  return withoutRounding(sum);
}

/** A difference; nothing where it is no more than {@linkcode ROUNDING}. */
export function withoutRounding(difference: number): number {
  return Math.abs(difference) < ROUNDING ? 0 : difference;
}

function bitCount(bits: number): number {
  let count = 0;
  for (; bits; bits &= bits - 1) count++;
  return count;
}

/** Matched blocks in which everything that is compared is trained, and those in which some of it is never trained. */
export interface SplitBlocks {
  readonly active: readonly MatchedBlock[];
  readonly inactive: readonly MatchedBlock[];
}

/** The blocks of some rows, each kind of them found once: all statistics are of the same ones. */
export class Matching {
  readonly #found = new Map<string, SplitBlocks>();

  constructor(readonly rows: readonly RunRow[], readonly space: Space) {}

  /** The blocks over these contrasts. */
  blocks(compared: readonly FactorContrast[]): SplitBlocks {
    const name = JSON.stringify(compared.map(({ factor, from, to }) => [factor.key, from, to]));
    const known = this.#found.get(name);
    if (known) return known;
    const { active = [], inactive = [] } = Object.groupBy(
      matchedBlocks(this.rows, compared, this.space),
      (block) => isActive(block, compared, this.space) ? "active" : "inactive",
    );
    const split = { active, inactive };
    this.#found.set(name, split);
    return split;
  }
}
