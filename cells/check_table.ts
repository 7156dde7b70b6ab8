/** Checks of a table of factors, before anything follows from it. */
import { UserError } from "./errors.ts";
import {
  type Factor,
  type FactorTable,
  type FactorValue,
  isSize,
  isSwitch,
  keysOf,
  mustBe,
  slugOf,
  valueSchema,
} from "./factor.ts";
import { ORIGINAL_KEYS } from "./factors.ts";

/** Keys stand in files, in `--only` and in names of columns. */
const KEY = /^[a-z][a-z0-9_]*$/;

/**
 * Checks that a table of factors keeps the rules that files and pictures rely on.
 *
 * @throws {UserError} naming the table, the factor and what it must be
 */
export function checkTable(table: FactorTable): void {
  const { name, factors } = table;
  const refuse = (why: string): never => {
    throw new UserError(`Cannot use table '${name}': ${why}`);
  };
  const key = repeated(keysOf(factors));
  if (key !== undefined) refuse(`factor '${key}' is listed twice, must be listed once`);
  const flag = repeated(factors.flatMap((factor) => factor.flag?.name ?? []));
  if (flag !== undefined) refuse(`flag '${flag}' is there twice, must be of one factor`);
  for (const factor of factors) {
    const problem = problemOf(factor);
    if (problem) refuse(`factor '${factor.key}' ${problem}`);
  }
  const clash = slugClash(factors);
  if (clash) refuse(clash);
  for (const mark of ["colour", "shape"] as const) {
    const marked = keysOf(factors.filter((factor) => factor.kind === "integer" && factor.mark === mark));
    if (marked.length === 1) continue;
    refuse(`${marked.length ? `${marked.join(" and ")} have` : "no factor has"} the mark '${mark}', one factor must`);
  }
}

/** What is wrong with a factor by itself; undefined where nothing is. */
function problemOf(factor: Factor): string | undefined {
  if (!KEY.test(factor.key)) return "must have a key of small letters, digits and _";
  if (factor.default === undefined && !ORIGINAL_KEYS.includes(factor.key)) {
    return "has no default: without one no earlier configuration could be read, so all but the original nine must have one";
  }
  if (factor.default !== undefined && ORIGINAL_KEYS.includes(factor.key)) {
    return `has default ${factor.default}: the original nine always stand in a configuration and its id, so they must have none`;
  }
  const level = repeated<FactorValue>(factor.levels);
  if (level !== undefined) return `has level ${level} twice, must have it once`;
  if (!factor.levels.length) return "has no level, must have at least one";
  const named: readonly (readonly [what: string, values: readonly FactorValue[]])[] = [
    ["level", factor.levels],
    ["default", factor.default === undefined ? [] : [factor.default]],
    ["contrast", factor.kind === "switch" ? [] : factor.contrast ?? []],
  ];
  for (const [what, values] of named) {
    const wrong = values.find((value) => !valueSchema(factor).safeParse(value).success);
    if (wrong !== undefined) return `has ${what} ${wrong}, ${mustBe(factor)}`;
  }
  return flagProblem(factor);
}

/** A named value: what names of files and anchors say of it. */
interface Slug {
  readonly key: string;
  readonly value: FactorValue;
  readonly slug: string;
}

/** Two values that names of files and anchors would not tell apart; undefined where there are none. */
function slugClash(factors: readonly Factor[]): string | undefined {
  const slugs = factors.filter((factor) => !isSize(factor)).flatMap(slugsOf);
  const empty = slugs.find(({ slug }) => !slug);
  if (empty) {
    return `factor '${empty.key}' has value '${empty.value}', must have a letter, a digit, _ or a point in each`;
  }
  for (const [i, second] of slugs.entries()) {
    const first = slugs.slice(0, i).find(({ slug }) => slug === second.slug);
    if (!first) continue;
    return `value '${first.value}' of '${first.key}' and value '${second.value}' of '${second.key}' are both '${second.slug}' ` +
      "in names of files, must differ in letters, digits, _ or points";
  }
  return undefined;
}

/** The values of a factor that the table knows. Of a default, and of a switch that is off, names say nothing. */
function slugsOf(factor: Factor): Slug[] {
  const { key } = factor;
  const named = factor.kind === "choice" ? factor.choices?.map(({ value }) => value) ?? [] : [];
  return [...new Set<FactorValue>([...named, ...(isSwitch(factor) ? [true] : factor.levels)])].flatMap((value) => {
    const slug = slugOf(factor, value);
    return slug === undefined ? [] : { key, value, slug };
  });
}

/** A flag takes levels separated by commas. */
function flagProblem(factor: Factor): string | undefined {
  if (!factor.flag) return undefined;
  if (!/^--[a-z][a-z-]*$/.test(factor.flag.name)) return `has flag '${factor.flag.name}', must be like --state-size`;
  const values = factor.kind === "choice" ? factor.choices?.map(({ value }) => value) ?? [] : [];
  const torn = values.find((value) => value.includes(","));
  return torn === undefined
    ? undefined
    : `has flag ${factor.flag.name} and choice '${torn}', must have none with a comma`;
}

function repeated<T>(values: readonly T[]): T | undefined {
  return values.find((value, i) => values.indexOf(value) < i);
}
