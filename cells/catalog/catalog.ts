/** Named cells: the gated one, and known ones to compare with. Each is one short function. */
import { UserError } from "../errors.ts";
import type { Cell } from "../cell.ts";
import { defineCell } from "../cell.ts";
import { z } from "zod";
import { type CellConfig, type ConfigFields, configFieldsOf, parseConfig } from "../config.ts";
import { GATED, ORIGINAL_KEYS, SWITCHES } from "../factors.ts";
import type { Space } from "../space.ts";
import { gatedCell } from "./gated_cell.ts";
import { add, mul, named, sigmoid, sub, tanh } from "../graph/builder.ts";

/** `h = tanh(W [x,h] + b)`. Source: Elman, "Finding structure in time", 1990. */
export const vanillaCell: Cell = defineCell({
  name: "vanilla",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = named("n", tanh(layer.linear("state_nn", [x, h])));
    return { output: n, states: { h: n } };
  },
});

/**
 * Gated recurrent unit, with the reset gate before the product.
 * Source: Cho et al., "Learning phrase representations using RNN encoder–decoder", 2014, equations 5 to 8.
 */
export const gruCell: Cell = defineCell({
  name: "gru",
  states: ["h"],
  forward(layer, x, { h }) {
    const r = named("r", sigmoid(layer.linear("reset_gate_nn", [x, h])));
    const z = named("z", sigmoid(layer.linear("update_gate_nn", [x, h])));
    const n = named("n", tanh(layer.linear("state_nn", [x, mul(r, h)])));
    const next = named("h", add(mul(z, h), mul(sub(1, z), n)));
    return { output: next, states: { h: next } };
  },
});

/**
 * Long short-term memory with a forget gate: two carried states, `h` and `c`.
 * Source: Gers et al., "Learning to forget", 2000.
 */
export const lstmCell: Cell = defineCell({
  name: "lstm",
  states: ["h", "c"],
  forward(layer, x, { h, c }) {
    const i = named("i", sigmoid(layer.linear("input_gate_nn", [x, h])));
    const f = named("f", sigmoid(layer.linear("forget_gate_nn", [x, h])));
    const g = named("g", tanh(layer.linear("state_nn", [x, h])));
    const o = named("o", sigmoid(layer.linear("output_gate_nn", [x, h])));
    const memory = named("c", add(mul(f, c), mul(i, g)));
    const next = named("h", mul(o, tanh(memory)));
    return { output: next, states: { h: next, c: memory } };
  },
});

/** minGRU: gates read the input alone. Source: Feng et al., "Were RNNs all we needed?", 2024, section 3.1. */
export const minGruCell: Cell = defineCell({
  name: "min_gru",
  states: ["h"],
  forward(layer, x, { h }) {
    const z = named("z", sigmoid(layer.linear("update_gate_nn", [x])));
    const n = named("n", layer.linear("state_nn", [x]));
    const next = named("h", add(mul(sub(1, z), h), mul(z, n)));
    return { output: next, states: { h: next } };
  },
});

/** Cells by the name that a configuration's `cell` gives; `gated`, the default, is made from the switches. */
const CELLS: ReadonlyMap<string, Cell> = new Map(
  [vanillaCell, gruCell, lstmCell, minGruCell].map((cell) => [cell.name, cell]),
);

/** Names that `cell` may have in a configuration. */
export const CELL_NAMES: readonly string[] = ["gated", ...CELLS.keys()];

/**
 * The cell of a configuration.
 *
 * @throws {UserError} if `config.cell` is not in the catalog
 */
export function cellOf(config: CellConfig): Cell {
  if (config.cell === undefined || config.cell === "gated") return sharedGatedCell(config);
  const cell = CELLS.get(config.cell);
  if (!cell) throw new UserError(`Cannot make cell '${config.cell}': must be one of ${CELL_NAMES.join(", ")}`);
  return cell;
}

/** The built-in space: the gated cells, with the catalog's cells as baselines. */
export const GATED_SPACE: Space = { ...GATED, cellNames: CELL_NAMES, cellOf: (config) => cellOf(config as CellConfig) };

/**
 * The fields of a configuration whose cell can be made: those of the table, where `cell`, if there is one, must be one that the space knows.
 *
 * @throws {UserError} if the table breaks a rule
 */
export function knownFieldsOf(space: Space): ConfigFields {
  const fields = configFieldsOf(space);
  return "cell" in fields ? { ...fields, cell: z.enum(space.cellNames).optional() } : fields;
}

const gatedCells = new Map<string, Cell>();

/** One cell for all configurations that have its switches, whatever their sizes: what is worked out for a cell is kept with it. */
function sharedGatedCell(config: CellConfig): Cell {
  const key = [...SWITCHES.map(({ key }) => config[key]), config.gate_inputs].join();
  const known = gatedCells.get(key) ?? gatedCell(config);
  gatedCells.set(key, known);
  return known;
}

/**
 * A configuration of a catalog cell. The switches say nothing there, so they have one fixed setting: one cell, one id.
 *
 * @throws {UserError} if there is no such cell, or a size is out of bounds
 */
export function catalogConfig(cell: string, n_layers: number, state_size: number): CellConfig {
  const original = SWITCHES.filter(({ key }) => ORIGINAL_KEYS.includes(key));
  const switches = Object.fromEntries(original.map(({ key }) => [key, key === "use_new_state"]));
  const config = parseConfig({ ...switches, n_layers, state_size, cell }, `a configuration of cell '${cell}'`);
  cellOf(config);
  return config;
}
