/** What a configuration's cell is, for people: its equations, and a compact picture. Both are derived from its graph. */
import { GATED_SPACE } from "./catalog/catalog.ts";
import type { Space } from "./space.ts";
import type { Unit } from "./unit.ts";
import { canonicalJsonIn, type CellConfig, configIn, describeCell } from "./config.ts";
import { cellFactors, type Configuration, type Factor, type FactorTable, isSwitch, slugOf, valueOf } from "./factor.ts";
import { GATED } from "./factors.ts";
import type { Graph } from "./graph/graph.ts";
import { equations, outputFormulas, shortName } from "./graph/printer.ts";
import { sketch, SKETCH_STYLE } from "./graph/sketch.ts";
import { modelParts } from "./language_model.ts";
import { escapeHtml } from "./markup.ts";

/** Some of a model's equations under a heading. */
export interface EquationPart {
  readonly title: string;
  readonly lines: string[];
}

/**
 * The forward equations of a configuration's model, written out for its switches: input embedding, layer, output embedding. All
 * layers are alike and stand there once. `W_…` and `b_…` are the weight and the bias of that name; `⟵` sets what is carried.
 *
 * @param n_layers `"any"` for words that hold whatever their number
 * @param reads what the model reads one by one
 * @param space what the configuration is of
 */
export function equationsOf(
  config: CellConfig,
  n_layers: number | "any" = config.n_layers,
  reads: Unit = "byte",
  space: Space = GATED_SPACE,
): EquationPart[] {
  const parts = modelParts(space.cellOf(config), config.state_size, `${reads}s`);
  const states = carried(parts.layer).map(({ name }) => name);
  const layer = n_layers === 1
    ? "The layer, from its input x"
    : `${n_layers === "any" ? "Each layer" : `Each of the ${n_layers} layers`}, from its input x ` +
      "(the embedding, or the y of the layer before)";
  const carries = states.length > 1 ? `its carried states ${states.join(" and ")}` : `its carried state ${states[0]}`;
  return [
    { title: `Input embedding, from a ${reads}`, lines: equations(parts.input_embedding) },
    { title: states.length ? `${layer} and ${carries}` : layer, lines: layerEquations(parts.layer) },
    {
      title: `Output embedding, from the ${n_layers === 1 ? "" : "last "}layer's y to the logits of the next ${reads}`,
      lines: equations(parts.output_embedding),
    },
  ];
}

function layerEquations(layer: Graph): string[] {
  const y = outputFormulas(layer).get("y")!;
  return [
    ...learned(layer),
    ...equations(layer),
    ...(y === "y" ? [] : [`y = ${y}`]),
    ...carried(layer).map(({ name, next }) => `${name} ⟵ ${next}`),
  ];
}

/** What the symbols of weights are that stand in no product: `u = recurrent (learned)`. */
function learned(layer: Graph): string[] {
  return [...layer.inputs].flatMap(([name, { label }]) =>
    label === undefined || name === label || layer.outputs.has(name) ? [] : `${label} = ${shortName(name)} (learned)`
  );
}

/** The states that a layer reads and so carries: each one's symbol, and what takes its place. */
function carried(layer: Graph): { output: string; name: string; next: string }[] {
  return [...outputFormulas(layer)].flatMap(([output, next]) => {
    const state = layer.inputs.get(output);
    return state ? [{ output, name: state.label!, next }] : [];
  });
}

/** Names a configuration's cell, whatever its layers and state size: `gated-247`, by the numbers of the switches that are on. */
export function cellKey(config: Configuration, table: FactorTable = GATED): string {
  const on = ownSwitches(config, table).map((factor, i) => valueOf(factor, config) ? (i + 1).toString(36) : "").join(
    "",
  );
  const own = table.isOwnCell(config) ? [plainName(table)] : [];
  return [...own, on, ...slugsOf(cellFactors(table, config), config)].filter(Boolean).join("-");
}

/** The same in words, by the switches that are on: `forget-state-new-residual`; the table's name where nothing else is to be said. */
export function cellName(config: Configuration, table: FactorTable = GATED): string {
  const parts = [...ownSwitches(config, table), ...cellFactors(table, config)];
  return slugsOf(parts, config).join("-") || plainName(table);
}

/**
 * All that makes a configuration's cell, as JSON: equal for equal cells alone. Names of files leave out characters, so two cells may share
 * a {@linkcode cellKey}.
 */
export function cellJson(config: Configuration, table: FactorTable = GATED): string {
  const factors = [...ownSwitches(config, table), ...cellFactors(table, config)];
  return canonicalJsonIn(table, configIn(config, { ...table, factors }));
}

/** The switches that say something of a configuration. */
function ownSwitches(config: Configuration, table: FactorTable): Factor[] {
  return table.isOwnCell(config) ? table.factors.filter(isSwitch) : [];
}

function slugsOf(factors: readonly Factor[], config: Configuration): string[] {
  return factors.flatMap((factor) => slugOf(factor, valueOf(factor, config)) ?? []);
}

function plainName({ name }: FactorTable): string {
  return name.replace(/[^\w.]/g, "");
}

/** CSS of the pictures, for the page that holds them. */
export const CELL_PICTURE_STYLE: string = SKETCH_STYLE;

/** A cell's picture. */
export interface CellPicture {
  /** A whole SVG with its style. */
  readonly svg: string;
  /** The same for a page that has {@linkcode CELL_PICTURE_STYLE}. */
  readonly inline: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * Draws one layer's cell from its graph: inputs and carried states on the left, what becomes of them on the right.
 *
 * @param title what the picture is called for those who do not see it
 */
export function cellPicture(
  config: CellConfig,
  title: string = `Cell: ${describeCell(config)}`,
  space: Space = GATED_SPACE,
): CellPicture {
  const { layer } = modelParts(space.cellOf(config), config.state_size);
  const captions = new Map(carried(layer).map(({ output, name, next }) => [output, `${name} ⟵ ${next}`]));
  const { body, width, height } = sketch(layer, captions);
  const open = (more: string) =>
    `<svg ${more} viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" ` +
    `aria-label="${escapeHtml(title)}">`;
  const xmlns = 'xmlns="http://www.w3.org/2000/svg"';
  return {
    svg: `${open(xmlns)}<style>${CELL_PICTURE_STYLE}</style>${body}</svg>`,
    inline: `${open('class="cell-picture"')}${body}</svg>`,
    width,
    height,
  };
}
