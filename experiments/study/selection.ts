/** Which runs a command means: the expression behind `--only`. */
import { type Configuration, type FactorTable, isSwitch, keysOf, markedBy, valueOf } from "../../cells/factor.ts";
import type { CellConfig } from "../../cells/config.ts";
import { messageOf } from "../../cells/errors.ts";
import { GATED } from "../../cells/factors.ts";
import { parseLevel } from "./levels.ts";

/** Whether a configuration is meant. */
export type Selection<C extends Configuration = CellConfig> = (config: C) => boolean;

/**
 * Parses an expression: `key=value` joined by commas, all of which must hold. A comma without a `=` behind it is part of a
 * value (`gate_inputs=x,h`).
 *
 * @throws {Error} naming the part that is wrong
 */
export function parseSelection(text: string, { factors }: FactorTable = GATED): Selection<Configuration> {
  const tests = text.split(/,(?=[^,=]*=)/).map((part) => {
    const [key, value, ...rest] = part.split("=").map((side) => side.trim());
    const fail = (why: string): never => {
      throw new Error(`'${part.trim()}' ${why}`);
    };
    if (!key || !value || rest.length) fail("must read key=value");
    const factor = factors.find((one) => one.key === key) ??
      fail(`names no key; keys are ${keysOf(factors).join(", ")}`);
    try {
      return { factor, value: parseLevel(factor, value) };
    } catch (error) {
      throw new Error(`${key} is ${value}, ${messageOf(error)}`);
    }
  });
  const keys = tests.map(({ factor: { key } }) => key), repeated = keys.find((key, i) => keys.indexOf(key) < i);
  if (repeated !== undefined) {
    throw new Error(`names ${repeated} twice; all parts must hold, so each key must be there once`);
  }
  return (config) => tests.every(({ factor, value }) => valueOf(factor, config) === value);
}

/** An expression for the help to show: a size at its second level, and the last switch on. */
export function exampleSelection(table: FactorTable = GATED): string {
  const size = markedBy(table, "shape"), last = table.factors.findLast(isSwitch);
  return [`${size.key}=${size.levels.at(1) ?? size.levels[0]}`, ...last ? [`${last.key}=true`] : []].join(",");
}
