/** Experiment 01: every combination of the factors' levels that is worth a run. */
import * as z from "zod";
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
  checkLevels(asked, table);
  const listed = table.factors.map((factor) => ({ factor, levels: levelsOf(factor, asked[factor.key]) }));
  return combinationsOf(table, listed).filter((config) => isListed(table, config));
}

/** @throws {UserError} if the table breaks a rule, or has no factor of one of these keys */
export function checkLevels(asked: TableLevels, table: FactorTable): void {
  checkTable(table);
  const unknown = Object.keys(asked).find((key) => !table.factors.some((factor) => factor.key === key));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot list levels of '${unknown}': must be one of ${keysOf(table.factors).join(", ")}`,
    );
  }
}

/** A factor and the values that it is to take. */
export interface FactorLevels {
  readonly factor: Factor;
  readonly levels: readonly FactorValue[];
}

/**
 * Every combination of levels, in each of the configurations that it starts from; valid or not. The last factor's levels change fastest.
 *
 * @param from configurations that have the factors without levels
 * @throws {UserError} if they are too many
 */
export function combinationsOf(
  table: FactorTable,
  listed: readonly FactorLevels[],
  from: readonly Configuration[] = [{}],
): Configuration[] {
  const count = listed.reduce((product, { levels }) => product * levels.length, from.length);
  if (count > MOST_COMBINATIONS) {
    throw new UserError(
      `Cannot list ${count} combinations of levels: must be at most ${MOST_COMBINATIONS} in one call`,
    );
  }
  return listed.reduce<readonly Configuration[]>(
    (before, { factor, levels }) =>
      before.flatMap((config) => levels.map((level) => changed(table, config, { [factor.key]: level }))),
    from,
  ).slice();
}

/** A configuration with other values of some factors: its keys in the table's order, and no default written (see `Factor.default`). */
export function changed({ factors }: FactorTable, config: Configuration, values: Configuration): Configuration {
  return Object.fromEntries(factors.flatMap((factor): [string, FactorValue][] => {
    const value = values[factor.key] ?? config[factor.key];
    return value === undefined || value === factor.default ? [] : [[factor.key, value]];
  }));
}

/** Whether a configuration of the table's own cell keeps its rules for lists. */
export function isListed({ valid, listed }: FactorTable, config: Configuration): boolean {
  return valid.holds(config) && listed.holds(config);
}

/** The levels that a factor is to take, each once. @throws {UserError} if one is out of bounds, or they are too many */
export function levelsOf(factor: Factor, asked: readonly FactorValue[] = factor.levels): FactorValue[] {
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
