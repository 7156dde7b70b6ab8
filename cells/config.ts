/**
 * What one configuration is: seven switches, layers, state size; its validation and its id.
 * Source: the design's section 1 (switches) and section 3 (id).
 */
import { UserError } from "./errors.ts";
import { createHash } from "node:crypto";
import { z } from "zod";

/**
 * The seven switches of the gated cell, in the order in which they are listed and swept.
 * `label` is for axes and tables; `on` and `off` say in words what the forward function does.
 */
export const SWITCHES = [
  {
    key: "use_input_gate",
    label: "input gate",
    on: "the input and the old state are each scaled by a gate of their own before anything reads them",
    off: "the input and the old state are read as they are",
  },
  {
    key: "use_forget_gate",
    label: "forget gate",
    on: "a forget gate scales the new state",
    off: "nothing scales the new state",
  },
  {
    key: "use_output_gate",
    label: "output gate",
    on: "a learned gate scales the output",
    off: "the output is scaled by its own logistic value",
  },
  {
    key: "use_state_gate",
    label: "state gate",
    on: "a state gate mixes the candidate with the old state",
    off: "the candidate replaces the old state whole",
  },
  {
    key: "use_new_state",
    label: "new state",
    on: "the output reads the new state",
    off: "the output does not read the new state, so what lies behind it stays as drawn",
  },
  {
    key: "use_old_state",
    label: "old state",
    on: "the output reads the old state",
    off: "the output does not read the old state",
  },
  {
    key: "use_residual",
    label: "residual",
    on: "the output reads the layer's raw input",
    off: "the output does not read the layer's raw input",
  },
] as const;

/** The name of one switch, as it stands in files. */
export type SwitchKey = typeof SWITCHES[number]["key"];

/** What `z` and `f` read beside the gated input and state: the candidate too (`x,h,n`), or not. */
export const GATE_INPUTS = ["x,h,n", "x,h"] as const;
/** One of {@linkcode GATE_INPUTS}. */
export type GateInputs = typeof GATE_INPUTS[number];

/** Optional keys with their defaults. One of them counts towards an id only where it differs from its default. */
export const OPTIONAL_DEFAULTS: Readonly<Record<string, string>> = { gate_inputs: "x,h,n", cell: "gated" } as const;

/** Largest layer count and state size that a configuration may ask for: a typing error must not ask for terabytes. */
export const MAX_LAYERS = 64;
export const MAX_STATE_SIZE = 16_384;

/** One configuration: the seven switches, layers and state size, and two optional keys. */
export interface CellConfig extends Readonly<Record<SwitchKey, boolean>> {
  /** Layers, each on top of the one before: from 1 to {@linkcode MAX_LAYERS}. */
  readonly n_layers: number;
  /** Numbers in each state, and in what a layer hands to the next: from 1 to {@linkcode MAX_STATE_SIZE}. */
  readonly state_size: number;
  /** What the state gate and the forget gate read; `x,h,n` where absent. */
  readonly gate_inputs?: GateInputs;
  /** Name of a cell of the catalog; the gated cell where absent. The switches are the gated cell's. */
  readonly cell?: string;
}

/** A schema for each key of a configuration. */
export interface ConfigFields extends Readonly<Record<SwitchKey, z.ZodBoolean>> {
  readonly n_layers: z.ZodNumber;
  readonly state_size: z.ZodNumber;
  readonly gate_inputs: z.ZodOptional<z.ZodType<GateInputs>>;
  readonly cell: z.ZodOptional<z.ZodString>;
}

/** Where one is out of bounds, nothing is asked about the whole. */
function sizeUpTo(most: number): z.ZodNumber {
  return z.number().int().min(1, { abort: true }).max(most, { abort: true });
}

/** The fields of a configuration, for schemas that hold one among other keys. */
export const configFields: ConfigFields = {
  use_input_gate: z.boolean(),
  use_forget_gate: z.boolean(),
  use_output_gate: z.boolean(),
  use_state_gate: z.boolean(),
  use_new_state: z.boolean(),
  use_old_state: z.boolean(),
  use_residual: z.boolean(),
  n_layers: sizeUpTo(MAX_LAYERS),
  state_size: sizeUpTo(MAX_STATE_SIZE),
  gate_inputs: z.enum(GATE_INPUTS).optional(),
  cell: z.string().min(1).optional(),
};

/** What the switches must be, as the end of a sentence. */
export const READS_A_STATE =
  "needs use_new_state or use_old_state: without either the output does not depend on the past";

/** What a configuration must be as a whole, for schemas that hold one among other keys: arguments of their `refine`. */
export const DEPENDS_ON_PAST = [isValidSwitchSetting, { message: READS_A_STATE, abort: true }] as const;

/** Schema of a configuration without its id. */
export const configSchema: z.ZodType<CellConfig> = z.strictObject(configFields).refine(...DEPENDS_ON_PAST);

/** Whether a gated cell with these switches depends on the past at all. */
export function isValidSwitchSetting(switches: Record<SwitchKey, boolean>): boolean {
  return switches.use_new_state || switches.use_old_state;
}

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

/** The configuration alone, from an object that holds other keys too (a list entry, a result) and has been checked. */
export function configIn(value: Record<string, unknown>): CellConfig {
  const own = Object.keys(configFields).filter((key) => value[key] !== undefined).map((key) => [key, value[key]]);
  return Object.fromEntries(own);
}

/** The same from an object that has not been checked. */
export function pickConfig(value: Record<string, unknown>, from?: string): CellConfig {
  return parseConfig(configIn(value), from);
}

/** The keys that count, sorted: all required ones, and optional ones that differ from their default. */
function significantEntries(config: CellConfig): [string, unknown][] {
  return Object.entries(config)
    .filter(([key, value]) => value !== undefined && OPTIONAL_DEFAULTS[key] !== value)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The configuration as Python's `json.dumps(config, sort_keys=True)` prints it. */
export function canonicalJson(config: CellConfig): string {
  const parts = significantEntries(config).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{${parts.join(", ")}}`;
}

/** SHA-256, in hexadecimal, of {@linkcode canonicalJson}: a configuration's name in every file. */
export function configId(config: CellConfig): string {
  return createHash("sha256").update(canonicalJson(config)).digest("hex");
}

/** Whether the switches say anything: only the gated cell has them. */
export function isGated(config: CellConfig): boolean {
  return (config.cell ?? OPTIONAL_DEFAULTS.cell) === OPTIONAL_DEFAULTS.cell;
}

/** A short line for a person: `2 layers × 256, state gate + new state + residual`. */
export function describeConfig(config: CellConfig): string {
  return `${config.n_layers} layer${config.n_layers > 1 ? "s" : ""} × ${config.state_size}, ${describeCell(config)}`;
}

/** The cell alone, without layers and state size. */
export function describeCell(config: CellConfig): string {
  if (!isGated(config)) return config.cell!;
  const on = SWITCHES.filter(({ key }) => config[key]).map(({ label }) => label).join(" + ");
  return `${on}${config.gate_inputs === "x,h" ? ", gates read x,h" : ""}`;
}
