/** A graph as a picture: Graphviz, through WebAssembly, to SVG. */
import { instance } from "@viz-js/viz";
import { ELEMENTWISE } from "./elementwise.ts";
import type { Graph } from "./graph.ts";
import { isElementwise, isOp, type Tensor } from "./tensor.ts";

/** Fill colours by what a node is; dark text reads on all of them, also for colour-blind readers. */
const FILL = { input: "#cfe3f5", product: "#fbd9c6", elementwise: "#ffffff", other: "#e4e4e4" };

/** The sign of an operation that the equations write as a single character; undefined where its name is as good. */
export function signOf(node: Tensor): string | undefined {
  if (!isElementwise(node)) return undefined;
  const { notation } = ELEMENTWISE[node.op];
  const sign = "call" in notation ? notation.call : notation.infix;
  return [...sign].length === 1 ? sign : undefined;
}

/** Whether pictures leave a node out: the product that reads it carries its name. */
export function isWeight(node: Tensor): boolean {
  return isOp(node, "input") && /\.(weight|bias)$/.test(node.attributes.name);
}

function fillOf(node: Tensor): string {
  if (isOp(node, "input")) return FILL.input;
  if (isElementwise(node)) return FILL.elementwise;
  return node.op.startsWith("linear") ? FILL.product : FILL.other;
}

function describe(node: Tensor): string {
  if (isOp(node, "input")) return node.label ? `${node.label}\n${node.attributes.name}` : node.attributes.name;
  if (isOp(node, "constant")) return String(node.attributes.value);
  const weight = node.inputs.find(isWeight);
  const title = weight && isOp(weight, "input") ? weight.attributes.name.replace(/\.(weight|bias)$/, "") : node.op;
  const text = signOf(node) ?? title;
  return node.label ? `${node.label} = ${text}` : text;
}

/** The graph in Graphviz' language. Weights are not drawn as nodes: a product carries their name. */
export function toDot(graph: Graph): string {
  const quote = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
  const drawn = graph.nodes.filter((node) => !isWeight(node));
  const ids = new Map(drawn.map((node, i) => [node, `n${i}`]));
  const lines = drawn.flatMap((node) => [
    `${ids.get(node)} [label=${quote(describe(node))}, fillcolor="${fillOf(node)}"];`,
    ...node.inputs.filter((source) => ids.has(source)).map((source) => `${ids.get(source)} -> ${ids.get(node)};`),
  ]);
  const outputs = [...graph.outputs].flatMap(([name, node], i) => [
    `out${i} [label=${quote(name)}, shape=box, style="filled", fillcolor="${FILL.input}"];`,
    `${ids.get(node)} -> out${i};`,
  ]);
  return [
    "digraph {",
    `rankdir=TB; nodesep=0.25; ranksep=0.3; bgcolor="white"; fontname="DejaVu Sans";`,
    `node [shape=box, style="rounded,filled", fontname="DejaVu Sans", fontsize=11, margin="0.12,0.06", height=0.3];`,
    `edge [arrowsize=0.6, color="#555555"];`,
    ...lines,
    ...outputs,
    "}",
  ].join("\n");
}

/** The graph as SVG, drawn by Graphviz' `dot`. */
export async function toSvg(graph: Graph): Promise<string> {
  const viz = await instance();
  return viz.renderString(toDot(graph), { format: "svg" });
}
