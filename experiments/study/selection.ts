/** Which configurations a command means: the expression behind `--only`. */
import {
  appliesTo,
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  isQuantity,
  isSwitch,
  keysOf,
  markedBy,
  valueOf,
} from "../../cells/factor.ts";
import type { CellConfig } from "../../cells/config.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { GATED } from "../../cells/factors.ts";
import { parseDecimal, plural } from "../../train/terminal/words.ts";
import { parseLevel } from "./levels.ts";
import { selectionParts } from "./selection_text.ts";

/** Whether a configuration is meant. */
export type ConfigFilter = (config: CellConfig) => boolean;

/** The same from an expression. */
export interface Selection {
  (config: Configuration): boolean;
  /** The expression, as it was given. */
  readonly text: string;
  /** Keys of the factors that it names. */
  readonly keys: ReadonlySet<string>;
}

/** What one part of an expression asks of one factor. */
interface Condition {
  readonly factor: Factor;
  readonly operator: string;
  readonly holds: (value: FactorValue) => boolean;
}

/** Operators on quantities, which take one number. */
const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

const PART = /^([^=<>!]*)(!=|<=|>=|=|<|>)([^=<>!]*)$/;

/** What an expression may look like, for help texts. */
export const SELECTION_GRAMMAR =
  "parts separated by commas, which must all hold: key=value, key=a|b (any of), !=, and " +
  "<, <=, >, >= for quantities; quote it, since the shell interprets > and |";

/**
 * Parses an expression: parts joined by commas, all of which must hold. A part is `key=value`, `key=a|b` (any of these), `key!=value`, or
 * of a quantity also `<`, `<=`, `>`, `>=`. A part on what a cell does not have, as a switch of a GRU, holds for no value of it.
 *
 * @throws {Error} naming the part that is wrong
 */
export function parseSelection(text: string, table: Space = GATED_SPACE): Selection {
  const conditions = (text.trim() ? selectionParts(text) : [text]).map((part) => parsePart(part, table));
  const equal = conditions.filter(({ operator }) => operator === "=").map(({ factor: { key } }) => key);
  const repeated = equal.find((key, i) => equal.indexOf(key) < i);
  if (repeated !== undefined) {
    throw new Error(
      `names ${repeated} twice; all parts must hold, so for any of several values write ${repeated}=a|b`,
    );
  }
  const holds = (config: Configuration) =>
    conditions.every(({ factor, holds }) => appliesTo(table, factor, config) && holds(valueOf(factor, config)));
  return Object.assign(holds, { text: text.trim(), keys: new Set(conditions.map(({ factor: { key } }) => key)) });
}

function parsePart(part: string, { factors, cellNames }: Space): Condition {
  const [, key = "", operator = "", given = ""] = (PART.exec(part) ?? []).map((side) => side.trim());
  const fail = (why: string): never => {
    throw new Error(`'${part.trim()}' ${why}`);
  };
  if (!key || !given) fail("must be key=value, or have !=, <, <=, > or >= instead of =");
  const factor = factors.find((one) => one.key === key) ??
    fail(`names no key; keys are ${keysOf(factors).join(", ")}`);
  const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  if (!compare) {
    const values = parseValues(factor, given, cellNames), isNot = operator === "!=";
    return { factor, operator, holds: (value) => values.includes(value) !== isNot };
  }
  if (!isQuantity(factor)) fail(`compares ${key} with ${operator}, which only quantities have; must be = or !=`);
  const bound = parseDecimal(given);
  if (Number.isNaN(bound)) fail(`compares ${key} with ${given}; must be a number`);
  return { factor, operator, holds: (value) => compare(Number(value), bound) };
}

function parseValues(factor: Factor, given: string, cellNames: readonly string[]): FactorValue[] {
  const values: FactorValue[] = [];
  for (const text of given.split("|").map((value) => value.trim())) {
    let value: FactorValue;
    try {
      value = parseLevel(factor, text, cellNames);
    } catch (error) {
      throw new Error(`${factor.key} is ${text || "empty"}, ${messageOf(error)}`);
    }
    if (values.includes(value)) throw new Error(`must name ${factor.key}=${text} once`);
    values.push(value);
  }
  return values;
}

/**
 * What is selected of a list.
 *
 * @param doing what for, as in `Cannot <doing>: …`
 * @param noun what the list has, for the message
 * @throws {UserError} if the list has something and nothing of it is selected
 */
export function selectFrom<T>(
  items: readonly T[],
  only: ConfigFilter | Selection | undefined,
  configOf: (item: T) => Configuration,
  doing: string,
  noun = "configuration",
): readonly T[] {
  if (!only) return items;
  const selected = items.filter((item) => only(configOf(item) as CellConfig));
  if (items.length && !selected.length) {
    const text = "text" in only ? ` ${only.text}` : "";
    throw new UserError(`Cannot ${doing}: none of ${plural(items.length, noun)} matches --only${text}`);
  }
  return selected;
}

/** That a command is about some configurations alone, for the terminal. */
export function selectionLine({ text }: Selection): string {
  return `Selection: only configurations of ${text}`;
}

/** An expression for the help to show: a size at its second level, and the last switch on. */
export function exampleSelection(table: FactorTable = GATED): string {
  const size = markedBy(table, "shape"), last = table.factors.findLast(isSwitch);
  return [`${size.key}=${size.levels.at(1) ?? size.levels[0]}`, ...last ? [`${last.key}=true`] : []].join(",");
}
