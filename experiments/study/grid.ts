/** Experiment 01: every combination of the factors' levels that is worth a run. */
import { z } from "zod";
import { type CellConfig, parseWith } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { type Factor, type FactorTable, type FactorValue, valueSchema } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";

/** Levels of one factor that one call lists: with as many layers and state sizes, the 96 settings of the switches are 98,304 configurations. */
export const MOST_LEVELS = 32;

/** Configurations of a list, which grows from call to call: every command reads all of it, 30 MB at this length. */
export const MOST_CONFIGS = 100_000;

/** Runs of an experiment, seeds counted: they are sorted in memory whenever a study is looked at. */
export const MOST_RUNS = 1_000_000;

/** Levels by the key of their factor. */
export type Levels = Readonly<Record<string, readonly FactorValue[] | undefined>>;

/**
 * All configurations over these levels, the last factor's changing fastest: 432 by default.
 *
 * @param asked instead of the levels that a factor has; each is taken once
 * @throws {UserError} if a level is out of bounds, a factor has more than {@linkcode MOST_LEVELS}, or there is no such factor
 */
export function grid(asked: Levels = {}, table: FactorTable = GATED): CellConfig[] {
  const unknown = Object.keys(asked).find((key) => !table.factors.some((factor) => factor.key === key));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot list levels of '${unknown}': must be one of ${table.factors.map(({ key }) => key).join(", ")}`,
    );
  }
  const configs = table.factors.reduce<Record<string, FactorValue>[]>((before, factor) => {
    const levels = levelsOf(factor, asked[factor.key]);
    // A default is not written: see `Factor.default`.
    return before.flatMap((config) =>
      levels.map((level) => level === factor.default ? config : { ...config, [factor.key]: level })
    );
  }, [{}]);
  return configs.filter((config) => table.valid.holds(config) && table.listed.holds(config)) as CellConfig[];
}

function levelsOf(factor: Factor, asked: readonly FactorValue[] = factor.levels): FactorValue[] {
  if (asked.length > MOST_LEVELS) {
    throw new UserError(
      `Cannot list ${asked.length} levels of ${factor.key}: must be at most ${MOST_LEVELS} in one call`,
    );
  }
  return [...new Set(parseWith(z.array(valueSchema(factor)), [...asked], `the levels of ${factor.key}`))];
}

/** @throws {UserError} if so many configurations are too many for a list */
export function checkListLength(doing: string, count: number): void {
  if (count <= MOST_CONFIGS) return;
  throw new UserError(`Cannot ${doing}: these are ${count} configurations, must be at most ${MOST_CONFIGS}`);
}
