/**
 * What one configuration is: a value for each factor; its validation, its id, and what it is called.
 * A default is never written: docs/structure.md, "What a change touches".
 */
import { UserError } from "./errors.ts";
import * as z from "zod";
import {
  cellFactors,
  type ConfigOf,
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  fieldsOf,
  isSize,
  isSwitch,
  phraseOf,
  valueOf,
} from "./factor.ts";
import { oncePer } from "./once_per.ts";
import { checkTable } from "./check_table.ts";
import { type FACTORS, GATED } from "./factors.ts";
import { sha256Hex } from "./sha256.ts";

/**
 * One configuration of the gated cells, or of a named one: the seven switches, `n_layers` (layers, each on top of the one before) and
 * `state_size` (numbers in each state, and in what a layer hands to the next), and optional keys, which stand for their default where they
 * are absent.
 */
export type CellConfig = ConfigOf<typeof FACTORS>;

/** What says how many steps back a gradient goes. */
export type StepsBack = Pick<CellConfig, "bptt">;

/** How many steps back the gradient of a configuration's runs goes. */
export function stepsBackOf({ bptt = 1 }: StepsBack): number {
  return bptt;
}

/** A schema for each key of a configuration; of another table than the built-in one there are more keys than the type says. */
export type ConfigFields = {
  readonly [K in keyof CellConfig]-?: undefined extends CellConfig[K]
    ? z.ZodOptional<z.ZodType<NonNullable<CellConfig[K]>>>
    : z.ZodType<CellConfig[K]>;
};

/**
 * The fields of a configuration, for schemas that hold one among other keys.
 *
 * @throws {UserError} if the table breaks a rule
 */
export function configFieldsOf(table: FactorTable): ConfigFields {
  checkTable(table);
  return fieldsOf(table.factors) as unknown as ConfigFields;
}

/** What a configuration must be as a whole, for schemas that hold one among other keys: arguments of their `refine`. */
export function validAsAWhole({ valid }: FactorTable): ValidAsAWhole {
  return [(config) => valid.holds(config as Configuration), { message: valid.must, abort: true }];
}

type ValidAsAWhole = readonly [holds: (config: Record<string, unknown>) => boolean, { message: string; abort: true }];

/** Schema of a configuration without its id. @throws {UserError} if the table breaks a rule */
export function configSchemaOf(table: FactorTable): z.ZodType<CellConfig> {
  return z.strictObject(configFieldsOf(table)).refine(...validAsAWhole(table));
}

const schemaOf = oncePer(configSchemaOf);

/** The same of the built-in factors. */
export const configSchema: z.ZodType<CellConfig> = schemaOf(GATED);

/** Issues that one line names; a list of hundreds of entries may have as many. */
const MOST_ISSUES = 3;

/** One line that says what is wrong with a value, from a schema's error. */
export function describeSchemaError(error: z.ZodError): string {
  const lines = error.issues.map((issue) => {
    const where = issue.path.length ? `'${issue.path.join(".")}': ` : "";
    return where + issue.message.replace(/^Invalid input: /, "");
  });
  const more = lines.length - MOST_ISSUES;
  return lines.slice(0, MOST_ISSUES).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/**
 * Checks a value from outside.
 *
 * @throws {UserError} with one line naming each wrong key, what was found and what is needed
 */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, from: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UserError(`Cannot read ${from}: ${describeSchemaError(parsed.error)}`);
  return parsed.data;
}

/** Checks a configuration from outside; see {@linkcode parseWith}. */
export function parseConfig(value: unknown, from = "a configuration"): CellConfig {
  return parseWith(configSchema, value, from);
}

/** Checks a configuration of another table from outside. */
export function parseConfigIn(table: FactorTable, value: unknown, from = "a configuration"): CellConfig {
  return parseWith(schemaOf(table), value, from);
}

/** The configuration alone, from an object that holds other keys too (a list entry, a result) and has been checked. */
export function configIn(value: Record<string, unknown>, { factors }: FactorTable = GATED): CellConfig {
  const own = factors.filter(({ key }) => value[key] !== undefined).map(({ key }) => [key, value[key]]);
  return Object.fromEntries(own);
}

/** The same from an object that has not been checked. */
export function pickConfig(value: Record<string, unknown>, from?: string): CellConfig {
  return parseConfig(configIn(value), from);
}

/** The keys that count, sorted: those without a default, and the others where they differ from it. */
function significantEntries({ factors }: FactorTable, config: Configuration): [string, FactorValue][] {
  const defaults = new Map(factors.map((factor) => [factor.key, factor.default]));
  return Object.entries(config)
    .filter((entry): entry is [string, FactorValue] => entry[1] !== undefined && defaults.get(entry[0]) !== entry[1])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * A value as Python's `json.dumps` prints it: numbers below 1e-4 with an exponent of at least two digits, where JavaScript begins at 1e-6
 * with one; what is not ASCII escaped.
 */
function pythonJson(value: FactorValue): string {
  if (typeof value === "number" && value !== 0 && Math.abs(value) < 1e-4) {
    return value.toExponential().replace(/e-(\d)$/, "e-0$1");
  }
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The configuration as Python's `json.dumps(config, sort_keys=True)` prints it; what has the value of its default is absent. */
export function canonicalJsonIn(table: FactorTable, config: Configuration): string {
  const entries = significantEntries(table, config);
  return `{${entries.map(([key, value]) => `${pythonJson(key)}: ${pythonJson(value)}`).join(", ")}}`;
}

/** SHA-256, in hexadecimal, of {@linkcode canonicalJsonIn}: a configuration's name in every file. */
export function configIdIn(table: FactorTable, config: Configuration): string {
  return sha256Hex(canonicalJsonIn(table, config));
}

/** A short line for a person: `2 layers × 256, state gate + new state + residual`. */
export function describeConfigIn(table: FactorTable, config: Configuration): string {
  return joined([describeSizesIn(table, config), describeCellIn(table, config)]);
}

/** The sizes alone: `2 layers × 256`. */
export function describeSizesIn({ factors }: FactorTable, config: Configuration): string {
  return phrases(factors.filter(isSize), config).join(" × ");
}

/** The cell alone, without its sizes; of another cell than the table's its name, and what is varied beside cells. */
export function describeCellIn(table: FactorTable, config: Configuration): string {
  const others = phrases(cellFactors(table, config), config);
  if (!table.isOwnCell(config)) return joined(others);
  return joined([phrases(table.factors.filter(isSwitch), config).join(" + "), ...others]) || table.name;
}

/** A table may have no switch, or a configuration none that is on. */
function joined(parts: readonly string[]): string {
  return parts.filter(Boolean).join(", ");
}

function phrases(factors: readonly Factor[], config: Configuration): string[] {
  return factors.flatMap((factor) => phraseOf(factor, valueOf(factor, config)) ?? []);
}

/** The configuration as Python's `json.dumps(config, sort_keys=True)` prints it; what has the value of its default is absent. */
export function canonicalJson(config: CellConfig): string {
  return canonicalJsonIn(GATED, config);
}

/** SHA-256, in hexadecimal, of {@linkcode canonicalJson}: a configuration's name in every file. */
export function configId(config: CellConfig): string {
  return configIdIn(GATED, config);
}

/** A short line for a person: `2 layers × 256, state gate + new state + residual`. */
export function describeConfig(config: CellConfig): string {
  return describeConfigIn(GATED, config);
}

/** The cell alone, without layers and state size. */
export function describeCell(config: CellConfig): string {
  return describeCellIn(GATED, config);
}
