/** A small graph as a compact picture: a product and its nonlinearity are one box, elementwise operations small circles. */
import { instance } from "@viz-js/viz";
import { maxOf } from "../extremes.ts";
import { escapeHtml } from "../markup.ts";
import { ELEMENTWISE, type ElementwiseOperation, type UnaryOperation } from "./elementwise.ts";
import { type Graph, usersOf } from "./graph.ts";
import { isWeight, signOf } from "./picture.ts";
import { shortName } from "./printer.ts";
import { isElementwise, isOp, type Tensor } from "./tensor.ts";

/** A drawn graph: SVG elements without their `<svg>`, to be shown with {@linkcode SKETCH_STYLE}. Sizes in pixels. */
export interface Sketch {
  readonly body: string;
  readonly width: number;
  readonly height: number;
}

/**
 * How sketches look: in the colour of the text around them, so that they read on light, on dark and on paper. The two tints are
 * of Okabe and Ito's palette, and say no more than the shapes: gates are round at the corners, other products square.
 */
export const SKETCH_STYLE = `
.sketch-edge { fill: none; stroke: currentColor; stroke-opacity: .7; }
.sketch-tip { fill: currentColor; }
.sketch-gate, .sketch-product, .sketch-end, .sketch-op { fill: none; stroke: currentColor; }
.sketch-gate { fill: #0072b2; fill-opacity: .25; }
.sketch-product { fill: #e69f00; fill-opacity: .25; }
.sketch-end { stroke-dasharray: 3 2; }
.sketch-text { fill: currentColor; font: 12px "DejaVu Sans", Verdana, "Segoe UI", sans-serif; text-anchor: middle; }
`;

/** What a shape stands for. */
type Kind = "end" | "gate" | "product" | "op";

interface Box {
  readonly kind: Kind;
  readonly lines: readonly string[];
  readonly width: number;
  readonly height: number;
}

interface Drawing {
  readonly boxes: Box[];
  /** From box to box, by their places. */
  readonly edges: [from: number, to: number][];
  readonly inputs: number[];
  readonly outputs: number[];
}

/** Pixels; letters are taken to be as wide as those of a wide font. */
const LETTER = 7.6, LINE = 14, SMALLEST = 20;

/** Graphviz says where things are, not how they look. One instance serves all pictures. */
const viz = await instance();

/**
 * Draws a graph from left to right. Weights are not drawn: a product carries their name.
 *
 * @param captions what stands at each output, by its name
 */
export function sketch(graph: Graph, captions: ReadonlyMap<string, string>): Sketch {
  return layOut(contract(graph, captions));
}

/** Whether an operation is a nonlinearity behind products, and of which kind. */
function activationOf(node: Tensor): UnaryOperation["activation"] {
  if (!isElementwise(node)) return undefined;
  const record: ElementwiseOperation = ELEMENTWISE[node.op];
  return record.arity === 1 ? record.activation : undefined;
}

/** The graph with a product and the nonlinearity that alone reads it as one box, and constants within what reads them. */
function contract(graph: Graph, captions: ReadonlyMap<string, string>): Drawing {
  const users = usersOf(graph), results = new Set(graph.outputs.values());
  const absorbed = (node: Tensor): boolean => {
    const [user, ...others] = users.get(node)!;
    return isOp(node, "linear") && !node.label && !results.has(node) && !others.length &&
      activationOf(user) !== undefined;
  };
  const drawing: Drawing = { boxes: [], edges: [], inputs: [], outputs: [] };
  const places = new Map<Tensor, number>();
  for (const node of graph.nodes) {
    if (isWeight(node) || isOp(node, "constant") || absorbed(node)) continue;
    const [first] = node.inputs;
    const product = first && absorbed(first) ? first : node;
    const place = drawing.boxes.push(boxOf(node, product)) - 1;
    places.set(node, place);
    if (isOp(node, "input")) drawing.inputs.push(place);
    const sources = new Set(product.inputs.map((source) => places.get(source)).filter((from) => from !== undefined));
    for (const from of sources) drawing.edges.push([from, place]);
  }
  for (const [name, node] of graph.outputs) {
    const place = drawing.boxes.push(box("end", [captions.get(name) ?? name])) - 1;
    drawing.outputs.push(place);
    drawing.edges.push([places.get(node)!, place]);
  }
  return drawing;
}

function box(kind: Kind, lines: readonly string[]): Box {
  const [beside, above] = kind === "op" ? [4, 6] : [12, 8];
  const letters = maxOf(lines.map((line) => [...line].length));
  // Even, so that a box around a whole pixel has whole corners.
  const width = Math.max(SMALLEST, 2 * Math.ceil((letters * LETTER + beside) / 2));
  return { kind, lines, width, height: lines.length * LINE + above };
}

/** @param product the node that has the weights, where `node` is the nonlinearity behind it */
function boxOf(node: Tensor, product: Tensor): Box {
  if (isOp(node, "input")) return box("end", [node.label ?? node.attributes.name]);
  if (isElementwise(product)) return box("op", [operation(product)]);
  const weight = product.inputs.find(isWeight);
  const name = weight && isOp(weight, "input") ? shortName(weight.attributes.name).replace(/_nn$/, "") : product.op;
  const nonlinearity = node === product ? [] : [signOf(node) ?? node.op];
  const symbol = [...(node.label ? [node.label] : []), ...nonlinearity].join(" = ");
  return box(activationOf(node) === "gate" ? "gate" : "product", [
    name.replaceAll("_", " "),
    ...(symbol ? [symbol] : []),
  ]);
}

/** `+`, or `1 −` where a constant is an operand. A ring is drawn around each: in it `⊙` would have two. */
function operation(node: Tensor): string {
  const sign = isOp(node, "mul") ? "×" : signOf(node) ?? node.op;
  const [a, b] = node.inputs.map((source) => isOp(source, "constant") ? [`${source.attributes.value}`] : []);
  return [...a, sign, ...(b ?? [])].join(" ");
}

/** What is read of Graphviz' answer; pixels, y upwards. */
interface Layout {
  readonly bb: string;
  /** Boxes by their numbers; subgraphs stand among them. */
  readonly objects: readonly { readonly name: string; readonly pos: string }[];
  readonly edges: readonly { readonly pos: string }[];
}

type Point = readonly [x: number, y: number];

function layOut({ boxes, edges, inputs, outputs }: Drawing): Sketch {
  const inches = (pixels: number) => (pixels / 72).toFixed(4);
  const dot = [
    "digraph {",
    "rankdir=LR; nodesep=0.14; ranksep=0.22; pad=0;",
    'node [shape=box, fixedsize=true, label=""]; edge [arrowsize=0.5];',
    ...boxes.map(({ kind, width, height }, i) =>
      `${i} [width=${inches(width)}, height=${inches(height)}${kind === "op" ? ", shape=ellipse" : ""}];`
    ),
    ...edges.map(([from, to]) => `${from} -> ${to};`),
    `{ rank=source; ${inputs.join("; ")} } { rank=sink; ${outputs.join("; ")} }`,
    "}",
  ].join("\n");
  const layout: Layout = JSON.parse(viz.renderString(dot, { format: "json0" }));
  const [, , right, top] = layout.bb.split(",").map(Number);
  const point = (text: string): Point => {
    const [x, y] = text.split(",").map(Number);
    // The outermost lines are as thick to either side.
    return [Math.round(x) + 1, Math.round(top - y) + 1];
  };
  return { width: Math.ceil(right) + 2, height: Math.ceil(top) + 2, body: draw(boxes, layout, point) };
}

function draw(boxes: readonly Box[], layout: Layout, point: (text: string) => Point): string {
  const splines = layout.edges.map(({ pos }) => {
    const [end, ...points] = pos.split(" ");
    return { tip: point(end.slice("e,".length)), points: points.map(point) };
  });
  const positions = new Map(layout.objects.map(({ name, pos }) => [name, pos]));
  const placed = boxes.map((box, i) => ({ ...box, at: point(positions.get(`${i}`)!) }));
  const shapes = (["end", "gate", "product", "op"] as const).flatMap((kind) => {
    const own = placed.filter((box) => box.kind === kind).map(shape);
    return own.length ? [`<g class="sketch-${kind}">${own.join("")}</g>`] : [];
  });
  return [
    `<path class="sketch-edge" d="${splines.map(({ points }) => curve(points)).join("")}"/>`,
    `<path class="sketch-tip" d="${splines.map(({ tip, points }) => arrow(points.at(-1)!, tip)).join("")}"/>`,
    ...shapes,
    `<g class="sketch-text">${placed.map(text).join("")}</g>`,
  ].join("");
}

function shape({ kind, width, height, at: [x, y] }: Box & { at: Point }): string {
  const radius = { end: height / 2, op: height / 2, gate: 8, product: 0 }[kind];
  const corners = radius ? ` rx="${radius}"` : "";
  return `<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}"${corners}/>`;
}

function text({ lines, at: [x, y] }: Box & { at: Point }): string {
  // A line's baseline is so far below its middle.
  const first = y - (lines.length - 1) * LINE / 2 + 4;
  return lines.map((line, i) => `<text x="${x}" y="${first + i * LINE}">${escapeHtml(line)}</text>`).join("");
}

/** A spline through Bézier points, the first and then three for each piece; in offsets from each piece's start, which are short. */
function curve(points: readonly Point[]): string {
  const offsets = points.slice(1).map(([x, y], i) => {
    const [fromX, fromY] = points[i - i % 3];
    return `${x - fromX},${y - fromY}`;
  });
  return `M${points[0]}c${offsets.join(" ")}`;
}

/** A triangle from the end of an edge to its tip. */
function arrow([fromX, fromY]: Point, [x, y]: Point): string {
  const length = Math.hypot(x - fromX, y - fromY) || 1;
  const [sideX, sideY] = [y - fromY, fromX - x].map((part) => Math.round(25 * part / length) / 10);
  return `M${x},${y}L${fromX + sideX},${fromY + sideY}l${-2 * sideX},${-2 * sideY}z`;
}
