/** Finds the gates of a model in its graph, whatever the cell. */
import { minOf } from "../../cells/extremes.ts";
import { input } from "../../cells/graph/builder.ts";
import { buildGraph, type Graph, usersOf } from "../../cells/graph/graph.ts";
import { outputFormulas, shortName } from "../../cells/graph/printer.ts";
import { isOp, type Tensor } from "../../cells/graph/tensor.ts";
import { layerOf } from "./layers.ts";

/** A logistic function whose result multiplies. */
export interface Gate {
  /** From 0: the layer in which it multiplies. */
  readonly layer: number;
  /** See {@linkcode findGates}; within its layer no other gate has it. */
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * The gates of a graph: each `σ(…)` that multiplies something, by itself, as `1 − σ(…)`, or scaled by a constant. What multiplies constants alone
 * is none.
 *
 * A gate's name is its symbol (`z`); where it has none, that of the product that it reads (`input_gate_nn`); and where that has a symbol of its
 * own, or there is no product, its formula (`σ(o)`, `σ(s − 1)`). Of two alike in one layer the second is `z (2)`.
 *
 * @returns layer by layer, each in the order of the graph
 */
export function findGates(graph: Graph): Gate[] {
  const users = usersOf(graph), layers = layersIn(graph), gates: Gate[] = [], taken = new Map<string, number>();
  for (const tensor of graph.nodes) {
    const products = isOp(tensor, "sigmoid") ? multipliedIn(tensor, users) : [];
    if (!products.length) continue;
    // A layer's output may be a gate that the next layer reads: the first of its products is in its own layer.
    const layer = Math.max(0, minOf(products.map((product) => layers.get(product)!)));
    const name = nameOf(tensor), key = `${layer} ${name}`, before = taken.get(key) ?? 0;
    taken.set(key, before + 1);
    gates.push({ layer, name: before ? `${name} (${before + 1})` : name, tensor });
  }
  return gates.sort((a, b) => a.layer - b.layer);
}

const isConstant = (tensor: Tensor): boolean => isOp(tensor, "constant");

/** The products of a tensor, or of one minus it or a multiple of it, with something else. */
function multipliedIn(tensor: Tensor, users: ReadonlyMap<Tensor, readonly Tensor[]>): Tensor[] {
  return users.get(tensor)!.flatMap((user) => {
    if (isOp(user, "mul")) return user.inputs.some(isConstant) ? multipliedIn(user, users) : [user];
    const isComplement = isOp(user, "sub") && user.inputs[1] === tensor && isOne(user.inputs[0]);
    return isComplement ? multipliedIn(user, users) : [];
  });
}

const isOne = (tensor: Tensor): boolean => isOp(tensor, "constant") && tensor.attributes.value === 1;

/** Of each node the highest layer whose weights or states it depends on: the layer that it is part of, since none reads those above it. */
function layersIn(graph: Graph): Map<Tensor, number> {
  const layers = new Map<Tensor, number>();
  for (const node of graph.nodes) {
    const own = isOp(node, "input") ? layerOf(node.attributes.name) : -1;
    layers.set(node, node.inputs.reduce((highest, source) => Math.max(highest, layers.get(source)!), own));
  }
  return layers;
}

function nameOf(gate: Tensor): string {
  const [source] = gate.inputs;
  if (gate.label) return gate.label;
  return isOp(source, "linear") && !source.label ? productName(source) : formulaOf(gate);
}

/** `layers.0.input_gate_nn.weight` → `input_gate_nn`; of a weight that is computed, what it is. */
function productName({ inputs }: Tensor): string {
  const weight = inputs[inputs.length - 2];
  return isOp(weight, "input") ? shortName(weight.attributes.name) : weight.label ?? "linear";
}

/** Letters of a formula, at most: what is longer says no more to a reader. */
const LONGEST = 40;

/** The formula of a gate, in the symbols of what it reads and the names of products. */
function formulaOf(gate: Tensor): string {
  const symbols = new Map<string, Tensor>(), known = new Map<Tensor, Tensor>();
  const symbol = (text: string, { shape }: Tensor): Tensor => {
    // Two tensors may have one symbol: those before and after a step, say.
    const name = symbols.has(text) ? symbol(`${text}′`, { shape } as Tensor).label! : text;
    const made = { ...input(name, shape), label: name };
    symbols.set(name, made);
    return made;
  };
  const copyOf = (node: Tensor): Tensor => {
    const done = known.get(node) ?? copied(node);
    known.set(node, done);
    return done;
  };
  const copied = (node: Tensor): Tensor => {
    if (node !== gate && node.label) return symbol(node.label, node);
    if (isOp(node, "input")) return symbol(shortName(node.attributes.name), node);
    if (isOp(node, "linear")) return symbol(productName(node), node);
    return { ...node, inputs: node.inputs.map(copyOf) };
  };
  const text = outputFormulas(buildGraph({ gate: copyOf(gate) })).get("gate")!;
  return [...text].length > LONGEST ? `${[...text].slice(0, LONGEST - 1).join("")}…` : text;
}
