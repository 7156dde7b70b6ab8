/** Levels of factors as a command line gives them. */
import { type Factor, type FactorTable, type FactorValue, isSize, mustBe, valueSchema } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { parseDecimal } from "../../train/terminal/command_line.ts";

/** Levels by the key of their factor. */
export type Levels = Readonly<Record<string, readonly FactorValue[] | undefined>>;

/** A factor that `init` has a flag for. */
export type FlaggedFactor = Factor & { readonly flag: NonNullable<Factor["flag"]> };

/** The factors that `init` has a flag for, in the table's order. */
export function flaggedFactors({ factors }: FactorTable = GATED): FlaggedFactor[] {
  return factors.filter((factor): factor is FlaggedFactor => factor.flag !== undefined);
}

/** The flags of {@linkcode flaggedFactors} in words, as a help lists them: the factor that changes fastest in a grid first. */
export function flagsInWords(type: "conjunction" | "disjunction", table: FactorTable = GATED): string {
  const names = flaggedFactors(table).map(({ flag: { name } }) => name).reverse();
  return new Intl.ListFormat("en-GB", { type }).format(names);
}

/** Each size at its first level: the smallest study of a table. */
export function smallestSizes({ factors }: FactorTable = GATED): Levels {
  return Object.fromEntries(factors.filter(isSize).map(({ key, levels }) => [key, levels.slice(0, 1)]));
}

/**
 * A value as it stands on a command line: `true`, `12`, `0.001`, text.
 *
 * @throws {Error} whose message says what the value must be
 */
export function parseLevel(factor: Factor, text: string): FactorValue {
  const parsed = valueSchema(factor).safeParse(valueIn(factor, text.trim()));
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
