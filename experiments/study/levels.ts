/** Levels of factors as a command line gives them. */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../cells/config.ts";
import {
  appliesTo,
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  isSize,
  mustBe,
  namesCell,
  valueOf,
  valueSchema,
} from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { parseDecimal } from "../../train/terminal/words.ts";

/** Levels of the built-in factors, by key. */
export type Levels = { readonly [K in keyof CellConfig]?: readonly NonNullable<CellConfig[K]>[] };

/** Levels of the factors of any table, by key. */
export type TableLevels = Readonly<Record<string, readonly FactorValue[] | undefined>>;

/** A factor that `init` has a flag for. */
export type FlaggedFactor = Factor & { readonly flag: NonNullable<Factor["flag"]> };

/** The factors that `init` has a flag for, in the table's order. */
export function flaggedFactors({ factors }: FactorTable = GATED): FlaggedFactor[] {
  return factors.filter((factor): factor is FlaggedFactor => factor.flag !== undefined);
}

/**
 * The flags of {@linkcode flaggedFactors} in words.
 *
 * @param order as a help lists them, the factor that changes fastest in a grid first; or as the table does
 */
export function flagsInWords(
  type: "conjunction" | "disjunction",
  order: "help" | "table" = "help",
  table: FactorTable = GATED,
): string {
  const names = flaggedFactors(table).map(({ flag: { name } }) => name);
  return new Intl.ListFormat("en-GB", { type }).format(order === "help" ? names.reverse() : names);
}

/** Each size at its first level: the smallest study of a table. */
export function smallestSizes(): Levels;
export function smallestSizes(table: FactorTable): TableLevels;
export function smallestSizes({ factors }: FactorTable = GATED): TableLevels {
  return Object.fromEntries(factors.filter(isSize).map(({ key, levels }) => [key, levels.slice(0, 1)]));
}

/** Keys of the factors that levels are given for. */
export function keysWithLevels(levels: TableLevels): string[] {
  return Object.keys(levels).filter((key) => levels[key] !== undefined);
}

/** The values that a factor has in these configurations, in their order; of another cell than the table's only where they say something. */
export function levelsAmong(table: FactorTable, factor: Factor, configs: readonly Configuration[]): FactorValue[] {
  const own = configs.filter((config) => appliesTo(table, factor, config));
  return [...new Set(own.map((config) => valueOf(factor, config)))];
}

/**
 * A value as it stands on a command line: `true`, `12`, `0.001`, text.
 *
 * @param cellNames what the name of a cell must be one of
 * @throws {Error} whose message says what the value must be
 */
export function parseLevel(
  factor: Factor,
  text: string,
  cellNames: readonly string[] = GATED_SPACE.cellNames,
): FactorValue {
  const parsed = valueSchema(factor).safeParse(valueIn(factor, text.trim()));
  if (namesCell(factor) && !(parsed.success && cellNames.some((name) => name === parsed.data))) {
    throw new Error(`must be one of ${cellNames.join(", ")}`);
  }
  if (!parsed.success) throw new Error(mustBe(factor));
  return parsed.data;
}

/** The value that a text reads as. A number or a switch is no name, unless the factor lists it as one. */
function valueIn(factor: Factor, text: string): FactorValue {
  if (factor.kind === "choice" && factor.choices) return text;
  if (factor.kind === "number") return parseDecimal(text);
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}
