/** How a space is made: from a person's factors, rules and cell, and the factors that every study has. */
import { type Cell, defineCell } from "./cell.ts";
import { CELL_NAMES, GATED_SPACE } from "./catalog/catalog.ts";
import { checkTable } from "./check_table.ts";
import { canonicalJsonIn, configIn } from "./config.ts";
import { UserError } from "./errors.ts";
import {
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  isSize,
  keysOf,
  type Rule,
  valueOf,
} from "./factor.ts";
import * as z from "zod";
import { FACTORS, GATED } from "./factors.ts";
import { completed, describeFactorError, type SpaceFactor, spaceFactorSchema, textSchema } from "./space_factor.ts";
import { enlarged } from "./gated_rules.ts";
import type { Space } from "./space.ts";

/** What a configuration sets the factors of a space to, defaults filled in. */
export type ChoicesOf<Factors extends readonly SpaceFactor[]> = {
  readonly [F in Factors[number] as F["key"]]: F extends { kind: "switch" } ? boolean
    : F extends { choices: readonly { value: infer Value extends string }[] } ? Value
    : F extends { kind: "choice" } ? string
    : number;
};

/** A rule on the combinations of a space, with its reason in words. */
export interface SpaceRule<Factors extends readonly SpaceFactor[]> {
  /** Whether a combination keeps it. Sizes and what training varies are there too, under their keys. */
  holds(choices: ChoicesOf<Factors> & Readonly<Record<string, FactorValue>>): boolean;
  /** What a configuration must be, as the end of a sentence: `needs use_slow where use_mix is on: …`. */
  readonly must: string;
}

/** What {@linkcode defineSpace} takes. */
export interface SpaceDefinition<Factors extends readonly SpaceFactor[] = readonly SpaceFactor[]> {
  /** Small letters, digits and `_`: what files and tables call the space and its own cell. */
  readonly name: string;
  /** What varies about the cell. Layers, state size, cell, learning rate, optimizer and steps back are factors of every space and come by themselves. */
  readonly factors?: Factors;
  /** The space's own cell for these choices; absent: the space is the built-in one, with more named cells. */
  cell?(choices: ChoicesOf<Factors>): Cell;
  /** Which combinations make sense at all; absent: all. */
  readonly valid?: SpaceRule<Factors>;
  /** Which of them a grid lists: others may be asked for one by one; absent: all. */
  readonly listed?: SpaceRule<Factors>;
  /** Further cells, to be compared with it by their names. */
  readonly cells?: readonly Cell[];
}

/** A space that {@linkcode defineSpace} made. */
export interface DefinedSpace extends Space {
  /** What it was made of. */
  readonly definition: SpaceDefinition;
}

const NAME = /^[a-z][a-z0-9_]*$/;

/** Factors that every space has: sizes, the cell's name, and what training varies. */
const COMMON: readonly Factor[] = FACTORS.filter((factor) => factor.kind !== "switch" && !("ofCell" in factor));

/**
 * Makes a space. A module that exports one by default is what `init --space` takes.
 *
 * @throws {UserError} if a name is taken or no name, or the factors break a rule of tables
 */
export function defineSpace<const Factors extends readonly SpaceFactor[]>(
  definition: SpaceDefinition<Factors>,
): DefinedSpace {
  const given = definition as unknown as SpaceDefinition;
  checkDefinition(given);
  const { name, cell, cells = [] } = given;
  const named = new Map(cells.map((one) => [one.name, defineCell(one)]));
  const table = cell ? ownTable(given) : { ...GATED, name };
  const own = cell ? name : GATED_SPACE.cellNames[0];
  const cellNames = [own, ...CELL_NAMES.slice(1), ...named.keys()];
  checkTable(table);
  const ownCell = cell ? cellsOf(table, given) : GATED_SPACE.cellOf;
  return {
    ...table,
    definition: given,
    cellNames,
    cellOf(config) {
      if (table.isOwnCell(config)) return ownCell(config);
      const found = named.get(String(config.cell));
      if (found) return found;
      if (!cellNames.includes(String(config.cell))) {
        throw new UserError(`Cannot make cell '${config.cell}': must be one of ${cellNames.join(", ")}`);
      }
      return GATED_SPACE.cellOf(config);
    },
    definesCell: (config) => table.isOwnCell(config) ? cell !== undefined : named.has(String(config.cell)),
  };
}

/** What a definition may have. A key that is none of these is a typing error, which would drop a rule silently. */
const KEYS: readonly string[] = [
  "name",
  "factors",
  "cell",
  "valid",
  "listed",
  "cells",
] satisfies (keyof SpaceDefinition)[];

/** The module of a space may be untyped, so any value may come. */
function checkDefinition(definition: SpaceDefinition): void {
  if (!isObject(definition)) throw new UserError(`Cannot define a space: it is ${definition}, must be an object`);
  const { name, factors, cell, valid, listed, cells = [] } = definition;
  const refuse = (why: string): never => {
    throw new UserError(`Cannot define ${typeof name === "string" ? `space '${name}'` : "a space"}: ${why}`);
  };
  if (typeof name !== "string" || !NAME.test(name)) refuse("its name must be small letters, digits and _");
  const unknown = Object.keys(definition).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) refuse(`it has '${unknown}', must have nothing but ${KEYS.join(", ")}`);
  if (cell !== undefined && typeof cell !== "function") refuse("its cell must be a function");
  const wrong = z.array(spaceFactorSchema).safeParse(factors ?? []).error;
  if (wrong) refuse(describeFactorError(wrong, factors!));
  for (const factor of factors ?? []) {
    const problem = commonProblem(factor);
    if (problem) refuse(`factor '${factor.key}' ${problem}`);
  }
  for (const [key, rule] of Object.entries({ valid, listed })) {
    if (rule === undefined || isRule(rule)) continue;
    refuse(`its '${key}' must have a function 'holds' and 'must', a line of text`);
  }
  if (!cell && factors?.length) refuse("it has factors and no cell, must have a cell that reads them");
  if (!Array.isArray(cells)) refuse("its cells must be a list");
  if (!cell && !cells.length) refuse("it has neither a cell nor more cells, must have one of them");
  for (const [i, one] of cells.entries()) {
    if (!isObject(one) || !Array.isArray(one.states) || typeof one.forward !== "function") {
      refuse(`cell ${i + 1} of its cells must be what defineCell() returns`);
    }
    const { name: own } = one;
    if (!NAME.test(own)) refuse(`its cell '${own}' must have a name of small letters, digits and _`);
    const isTaken = CELL_NAMES.includes(own) || own === name && cell || cells.findIndex((one) => one.name === own) < i;
    if (isTaken) refuse(`its cell '${own}' must have another name: that name is taken`);
  }
  if (cell && CELL_NAMES.includes(name)) refuse("its name is that of a cell of the catalog, must be another");
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isRule(rule: SpaceRule<readonly SpaceFactor[]>): boolean {
  return isObject(rule) && typeof rule.holds === "function" && textSchema.safeParse(rule.must).success;
}

/**
 * What is wrong with a factor that has the key of one that every space has; undefined where nothing is. Sizes may have other levels. What
 * says how a model is trained is read with the built-in default, and the cell's name by every rule of lists.
 */
function commonProblem(factor: SpaceFactor): string | undefined {
  const common = COMMON.find(({ key }) => key === factor.key);
  if (!common) return undefined;
  if (common.kind !== "integer" || !isSize(common)) {
    return "must have another key: every space has that factor already";
  }
  const { least, most, mark } = common;
  const isKept = factor.kind === "integer" && factor.mark === mark && factor.least >= least && factor.most <= most;
  return isKept ? undefined : `is a size: must be an integer from ${least} to at most ${most} with the mark '${mark}'`;
}

/** The table of a space with its own cell. */
function ownTable({ name, factors = [], valid, listed }: SpaceDefinition): FactorTable {
  const own = factors.map(completed), keys = keysOf(own);
  const common = COMMON.filter(({ key }) => !keys.includes(key)).map((factor): Factor =>
    factor.kind === "choice" && factor.namesCell ? { ...factor, levels: [name], default: name } : factor
  );
  const all = [...own, ...common], isOwnCell = ({ cell = name }: Configuration) => cell === name;
  const ruleOf = (rule: SpaceRule<readonly SpaceFactor[]> | undefined): Rule => ({
    holds(config) {
      if (!rule || !isOwnCell(config)) return true;
      const holds: unknown = rule.holds(filled(all, config));
      if (typeof holds === "boolean") return holds;
      // A promise, for one, would count as true.
      throw new UserError(`Cannot use a rule of space '${name}': it returned no boolean, must return true or false`);
    },
    must: rule?.must ?? "",
  });
  return { name, factors: all, valid: ruleOf(valid), listed: ruleOf(listed), enlarged, isOwnCell };
}

function filled(factors: readonly Factor[], config: Configuration): Readonly<Record<string, FactorValue>> {
  return Object.fromEntries(factors.map((factor) => [factor.key, valueOf(factor, config)]));
}

/** One cell for all configurations that set the space's own factors alike. */
function cellsOf(table: FactorTable, { name, cell, factors = [] }: SpaceDefinition): (config: Configuration) => Cell {
  const keys = keysOf(factors as readonly Factor[]), own = table.factors.filter(({ key }) => keys.includes(key));
  const made = new Map<string, Cell>();
  return (config) => {
    if (!table.valid.holds(config)) {
      throw new UserError(`Cannot make cell '${name}': a configuration ${table.valid.must}`);
    }
    const key = canonicalJsonIn(table, configIn(config, { ...table, factors: own }));
    const known = made.get(key) ?? defineCell(cell!(filled(own, config)));
    made.set(key, known);
    return known;
  };
}
