/** `deno task cells`: the catalog with equations, states and parameters at a size. */
import { CATALOG, catalogConfig, namedCell } from "../cells/catalog/catalog.ts";
import { gradientNote, type NamedCell } from "../cells/catalog/named_cell.ts";
import type { Parameter } from "../cells/cell.ts";
import { formatCount } from "../cells/counts.ts";
import { describeDraw } from "../cells/draw.ts";
import { MAX_LAYERS, MAX_STATE_SIZE } from "../cells/factors.ts";
import { formatShape } from "../cells/graph/tensor.ts";
import { countParameters, evaluationModel } from "../cells/language_model.ts";
import { equationsOf } from "../cells/portrait.ts";
import { maxOf } from "../cells/extremes.ts";
import { runCommand } from "./terminal/command_line.ts";
import { flag } from "./terminal/flag.ts";
import { print } from "./terminal/output.ts";

/** What the command line takes. */
export const flags = {
  cell: flag.text("--cell <name>", "show only this cell, with its weights and their initialization", undefined),
  stateSize: flag.whole("--state-size <n>", "state size at which parameters are counted", 256, {
    most: MAX_STATE_SIZE,
  }),
  layers: flag.whole("--layers <n>", "number of layers at which parameters are counted", 1, { most: MAX_LAYERS }),
  json: flag.on("--json", "the same as JSON, with every cell's weights"),
};

interface Size {
  readonly n_layers: number;
  readonly state_size: number;
}

/** A cell as it is listed. */
interface Listed {
  readonly name: string;
  readonly label: string;
  readonly about: string;
  readonly source?: string;
  readonly states: readonly string[];
  /** Of one layer. */
  readonly equations: readonly string[];
  /** Trainable numbers of the whole model of bytes, embeddings included. */
  readonly parameters: number;
  /** Of the first layer. */
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[]; readonly draw: string }[];
  readonly gradient_note?: string;
}

/** Symbols of a draw that is none: each weight has its own fan-in. */
const USUAL_DRAW = "U(−1/√fan_in, 1/√fan_in)";

const FIRST_LAYER = "layers.0.";

function weightOf({ name, shape, draw }: Parameter): Listed["weights"][number] {
  return { name: name.slice(FIRST_LAYER.length), shape, draw: draw ? describeDraw(draw) : USUAL_DRAW };
}

function list(entry: NamedCell, { n_layers, state_size }: Size): Listed {
  const { cell, label, about, source } = entry, { name, states } = cell;
  const [, layer] = equationsOf(catalogConfig(name, n_layers, state_size));
  const { parameters } = evaluationModel(cell, { n_layers, state_size });
  const weights = parameters.filter(({ name }) => name.startsWith(FIRST_LAYER)).map(weightOf);
  const note = gradientNote(entry);
  return {
    name,
    label,
    about,
    source,
    states,
    equations: layer.lines,
    parameters: countParameters(parameters),
    weights,
    ...(note === undefined ? {} : { gradient_note: note }),
  };
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** What the list and a single cell both show. */
function lines({ name, label, about, source, states, equations, parameters, gradient_note }: Listed): string[] {
  return [
    `${name}  (${label})`,
    `  ${about}`,
    `  states ${states.join(", ")}; ${formatCount(parameters)} parameters`,
    ...equations.map((line) => `    ${line}`),
    ...(source === undefined ? [] : [`  Source: ${source}`]),
    ...(gradient_note === undefined ? [] : [`  ${gradient_note}`]),
  ];
}

function weightLines(weights: Listed["weights"]): string[] {
  const names = maxOf(weights.map(({ name }) => name.length));
  const shapes = maxOf(weights.map(({ shape }) => formatShape(shape).length));
  return [
    "  Weights of a layer, and how they are drawn:",
    ...weights.map(({ name, shape, draw }) =>
      `    ${name.padEnd(names)}  ${formatShape(shape).padEnd(shapes)}  ${draw}`
    ),
  ];
}

function text(cells: readonly Listed[], { n_layers, state_size }: Size, isOne: boolean): string {
  const size =
    `Parameters are counted for a byte-level model with ${plural(n_layers, "layer")} of ${state_size} states, ` +
    "including embeddings.";
  const blocks = cells.map((cell) => [...lines(cell), ...(isOne ? weightLines(cell.weights) : [])].join("\n"));
  return [...blocks, size].join("\n\n");
}

if (import.meta.main) {
  const description = "Lists the named cells (the gated cells are built from switches instead): " +
    "equations, states, and the number of parameters at a given size.";
  await runCommand({ name: "cells", description, flags, printsData: true }, (values) => {
    const size = { n_layers: values.layers, state_size: values.stateSize };
    const entries = values.cell === undefined ? CATALOG : [namedCell(values.cell)];
    const cells = entries.map((entry) => list(entry, size));
    print(values.json ? JSON.stringify(cells, null, 2) : text(cells, size, values.cell !== undefined));
    return Promise.resolve();
  });
}
