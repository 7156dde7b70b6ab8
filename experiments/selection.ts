/** Which runs a command means: `--only n_layers=2,use_residual=true`. */
import { type CellConfig, configFields, OPTIONAL_DEFAULTS } from "../cells/config.ts";

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
    if (!parsed.success) fail(`has a value of the wrong kind for ${key}`);
    return { key: key as keyof CellConfig, value: parsed.data };
  });
  const keys = tests.map(({ key }) => key), repeated = keys.find((key, i) => keys.indexOf(key) < i);
  if (repeated !== undefined) {
    throw new Error(`names ${repeated} twice; all parts must hold, so each key must be there once`);
  }
  return (config) => tests.every(({ key, value }) => (config[key] ?? OPTIONAL_DEFAULTS[key]) === value);
}

/** `true`, `12` and text, as they stand on a command line. */
function parseValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}
