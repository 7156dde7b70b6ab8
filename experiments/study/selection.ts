/** Which runs a command means: `--only n_layers=2,use_residual=true`. */
import { type Factor, type FactorTable, keysOf, mustBe, valueOf, valueSchema } from "../../cells/factor.ts";
import type { CellConfig } from "../../cells/config.ts";
import { GATED } from "../../cells/factors.ts";

/** Whether a configuration is meant. */
export type Selection = (config: CellConfig) => boolean;

/**
 * Parses an expression: `key=value` joined by commas, all of which must hold. A comma without a `=` behind it is part of a
 * value (`gate_inputs=x,h`).
 *
 * @throws {Error} naming the part that is wrong
 */
export function parseSelection(text: string, { factors }: FactorTable = GATED): Selection {
  const tests = text.split(/,(?=[^,=]*=)/).map((part) => {
    const [key, value, ...rest] = part.split("=").map((side) => side.trim());
    const fail = (why: string): never => {
      throw new Error(`'${part.trim()}' ${why}`);
    };
    if (!key || !value || rest.length) fail("must read key=value");
    const factor = factors.find((one) => one.key === key) ??
      fail(`names no key; keys are ${keysOf(factors).join(", ")}`);
    const parsed = valueSchema(factor).safeParse(parseValue(factor, value));
    if (!parsed.success) throw new Error(`${key} is ${value}, ${mustBe(factor)}`);
    return { factor, value: parsed.data };
  });
  const keys = tests.map(({ factor: { key } }) => key), repeated = keys.find((key, i) => keys.indexOf(key) < i);
  if (repeated !== undefined) {
    throw new Error(`names ${repeated} twice; all parts must hold, so each key must be there once`);
  }
  return (config) => tests.every(({ factor, value }) => valueOf(factor, config) === value);
}

/** `true`, `12`, `0.001` and text, as they stand on a command line. */
function parseValue({ kind }: Factor, text: string): unknown {
  if (kind === "switch" && (text === "true" || text === "false")) return text === "true";
  if (kind === "integer") return /^\d+$/.test(text) ? Number(text) : text;
  return kind === "number" ? Number(text) : text;
}
