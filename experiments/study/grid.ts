/** Experiment 01: every combination of the factors' levels that is worth a run. */
import { z } from "zod";
import { checkTable } from "../../cells/check_table.ts";
import { type CellConfig, parseWith } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import {
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  keysOf,
  pluralOf,
  valueSchema,
} from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import type { Levels, TableLevels } from "./levels.ts";

/** Levels of one factor that one call lists: with as many levels of two factors, the 96 settings of the switches are 98,304 configurations. */
export const MOST_LEVELS = 32;

/** Combinations of levels that one call forms, before the table's rules leave some out: the most that two factors of 32 levels make, eightfold. */
const MOST_COMBINATIONS = 2 ** 20;

/** Configurations of a list, which grows from call to call: every command reads all of it, 30 MB at this length. */
export const MOST_CONFIGS = 100_000;

/** Runs of an experiment, seeds counted: they are sorted in memory whenever a study is looked at. */
export const MOST_RUNS = 1_000_000;

/**
 * All configurations over these levels of the built-in factors, the last factor's changing fastest: 432 by default.
 *
 * @param asked instead of the levels that a factor has; each is taken once
 * @throws {UserError} if a level is out of bounds, a factor has more than {@linkcode MOST_LEVELS}, there is no such factor, or the
 *   levels have too many combinations
 */
export function grid(asked?: Levels): CellConfig[];
/**
 * All configurations over these levels of a table's factors, the last factor's changing fastest.
 *
 * @param asked instead of the levels that a factor has; each is taken once
 * @throws {UserError} if the table breaks a rule; and as for the built-in factors
 */
export function grid(asked: TableLevels, table: FactorTable): Configuration[];
export function grid(asked: TableLevels = {}, table: FactorTable = GATED): Configuration[] {
  checkTable(table);
  const unknown = Object.keys(asked).find((key) => !table.factors.some((factor) => factor.key === key));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot list levels of '${unknown}': must be one of ${keysOf(table.factors).join(", ")}`,
    );
  }
  const listed = table.factors.map((factor) => ({ factor, levels: levelsOf(factor, asked[factor.key]) }));
  const combinations = listed.reduce((product, { levels }) => product * levels.length, 1);
  if (combinations > MOST_COMBINATIONS) {
    throw new UserError(
      `Cannot list ${combinations} combinations of levels: must be at most ${MOST_COMBINATIONS} in one call`,
    );
  }
  // A default is not written: see `Factor.default`.
  const configs = listed.reduce<Record<string, FactorValue>[]>(
    (before, { factor, levels }) =>
      before.flatMap((config) =>
        levels.map((level) => level === factor.default ? config : { ...config, [factor.key]: level })
      ),
    [{}],
  );
  return configs.filter((config) => table.valid.holds(config) && table.listed.holds(config));
}

function levelsOf(factor: Factor, asked: readonly FactorValue[] = factor.levels): FactorValue[] {
  if (asked.length > MOST_LEVELS) {
    throw new UserError(
      `Cannot list ${asked.length} ${pluralOf(factor)}: must be at most ${MOST_LEVELS} in one call`,
    );
  }
  return [...new Set(parseWith(z.array(valueSchema(factor)), [...asked], `the ${pluralOf(factor)} of a grid`))];
}

/** @throws {UserError} if so many configurations are too many for a list */
export function checkListLength(doing: string, count: number): void {
  if (count <= MOST_CONFIGS) return;
  throw new UserError(`Cannot ${doing}: these are ${count} configurations, must be at most ${MOST_CONFIGS}`);
}
