/** What a configuration's cell is, for people: its equations, and a compact picture. Both are derived from its graph. */
import { GATED_SPACE } from "./catalog/catalog.ts";
import type { Space } from "./space.ts";
import type { Unit } from "./unit.ts";
import { type CellConfig, describeCell } from "./config.ts";
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
      "(the embedding, or the previous layer's y)";
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
