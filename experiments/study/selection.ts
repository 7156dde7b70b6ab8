/** Which runs a command means: `--only n_layers=2,use_residual=true`. */
import { z } from "zod";
import { type CellConfig, configFields, OPTIONAL_DEFAULTS } from "../../cells/config.ts";

/** Whether a configuration is meant. */
export type Selection = (config: CellConfig) => boolean;

/**
 * Parses an expression: `key=value` joined by commas, all of which must hold. A comma without a `=` behind it is part of a
 * value (`gate_inputs=x,h`).
 *
 * @throws {Error} naming the part that is wrong
 */
export function parseSelection(text: string): Selection {
  const tests = text.split(/,(?=[^,=]*=)/).map((part) => {
    const [key, value, ...rest] = part.split("=").map((side) => side.trim());
    const fail = (why: string): never => {
      throw new Error(`'${part.trim()}' ${why}`);
    };
    if (!key || !value || rest.length) fail("must read key=value");
    if (!Object.hasOwn(configFields, key)) fail(`names no key; keys are ${Object.keys(configFields).join(", ")}`);
    const parsed = configFields[key as keyof typeof configFields].safeParse(parseValue(value));
    if (!parsed.success) throw new Error(`${key} is ${value}, ${mustBe(key as keyof typeof configFields)}`);
    return { key: key as keyof CellConfig, value: parsed.data };
  });
  const keys = tests.map(({ key }) => key), repeated = keys.find((key, i) => keys.indexOf(key) < i);
  if (repeated !== undefined) {
    throw new Error(`names ${repeated} twice; all parts must hold, so each key must be there once`);
  }
  return (config) => tests.every(({ key, value }) => (config[key] ?? OPTIONAL_DEFAULTS[key]) === value);
}

/** What a key's value must be, from its schema. */
function mustBe(key: keyof typeof configFields): string {
  const field = configFields[key], schema = field instanceof z.ZodOptional ? field.unwrap() : field;
  if (schema instanceof z.ZodBoolean) return "must be true or false";
  if (schema instanceof z.ZodNumber) {
    return `must be a whole number of at least ${schema.minValue} and at most ${schema.maxValue}`;
  }
  if (schema instanceof z.ZodEnum) return `must be ${schema.options.join(" or ")}`;
  return "must be a name";
}

/** `true`, `12` and text, as they stand on a command line. */
function parseValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}
