/** A finished graph: nodes in an order in which each comes after its inputs, without duplicates. */
import { constant } from "./builder.ts";
import { formatShape, isOp, type OpName, sameShape, type Tensor } from "./tensor.ts";

/** Made by {@linkcode buildGraph}; what engines, pictures, equations and exports read. */
export interface Graph {
  /** Every node once, inputs first: a topological order that depends on nothing but the graph. */
  readonly nodes: readonly Tensor[];
  /** Tensors from outside, by name. */
  readonly inputs: ReadonlyMap<string, Tensor<"input">>;
  /** What the graph is run for, by name. A name that is an input too is *carried*: the output replaces it for the next run. */
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/**
 * Collects everything that the outputs need. Equal subexpressions become one node; arithmetic with 0 and 1 that cannot change a
 * value (`1·x`, `x+0`) goes, and so do rows that are taken apart and put together again.
 *
 * @throws {TypeError} if two inputs share a name but not a shape, or a carried output has another shape than its input
 */
export function buildGraph(outputs: Readonly<Record<string, Tensor>>): Graph {
  const collector = new Collector();
  const results = new Map(Object.entries(outputs).map(([name, tensor]) => [name, collector.collect(tensor)]));
  for (const [name, result] of results) {
    const source = collector.inputs.get(name);
    if (source && !sameShape(source.shape, result.shape)) {
      throw new TypeError(
        `Cannot carry '${name}': its input is ${formatShape(source.shape)}, its output ${
          formatShape(result.shape)
        }; they must be equal`,
      );
    }
  }
  return { nodes: [...collector.unique.values()], inputs: collector.inputs, outputs: results };
}

/** Names that are both input and output, in the order of the outputs. */
export function carriedNames(graph: Graph): string[] {
  return [...graph.outputs.keys()].filter((name) => graph.inputs.has(name));
}

/** For each node, the nodes that read it. */
export function usersOf(graph: Graph): Map<Tensor, Tensor[]> {
  const users = new Map<Tensor, Tensor[]>(graph.nodes.map((node) => [node, []]));
  for (const node of graph.nodes) for (const source of new Set(node.inputs)) users.get(source)!.push(node);
  return users;
}

class Collector {
  readonly unique = new Map<string, Tensor>();
  readonly inputs = new Map<string, Tensor<"input">>();
  readonly #done = new Map<Tensor, Tensor>();
  readonly #numbers = new Map<Tensor, number>();

  /** Depth first, with an own stack: a graph of many layers must not exhaust the call stack. */
  collect(root: Tensor): Tensor {
    const stack = [root];
    while (stack.length) {
      const node = stack.at(-1)!;
      const waiting = this.#done.has(node) ? [] : node.inputs.filter((source) => !this.#done.has(source));
      if (waiting.length) {
        for (const source of waiting.reverse()) stack.push(source);
        continue;
      }
      stack.pop();
      if (!this.#done.has(node)) this.#done.set(node, this.#intern(node));
    }
    return this.#done.get(root)!;
  }

  #intern(node: Tensor): Tensor {
    const sources = node.inputs.map((source) => this.#done.get(source)!);
    const simple = simplify(node.op, sources) ?? simplifyRows(node, sources);
    if (simple) {
      if (node.label) simple.label ??= node.label;
      return isOp(simple, "constant") ? this.#keep(simple, []) : simple;
    }
    return this.#keep(node, sources);
  }

  #keep(node: Tensor, sources: Tensor[]): Tensor {
    const numbers = sources.map((source) => this.#numbers.get(source));
    // Not JSON, in which all of NaN, Infinity and -Infinity are null.
    const key = `${node.op}(${numbers})${Object.entries(node.attributes)}`;
    const known = this.unique.get(key);
    if (known) {
      if (isOp(node, "input") && (!sameShape(known.shape, node.shape) || known.dtype !== node.dtype)) {
        const [first, second] = [known, node].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`);
        throw new TypeError(
          `Cannot build a graph: input '${node.attributes.name}' is declared as ${first} and as ${second}`,
        );
      }
      if (node.label) known.label ??= node.label;
      return known;
    }
    const unchanged = sources.every((source, i) => source === node.inputs[i]);
    const kept = unchanged ? node : { ...node, inputs: sources };
    this.#numbers.set(kept, this.#numbers.size);
    this.unique.set(key, kept);
    if (isOp(kept, "input")) this.inputs.set(kept.attributes.name, kept);
    return kept;
  }
}

/** The tensor that an operation amounts to where a constant makes it trivial, else undefined. */
function simplify(op: OpName, [a, b]: readonly Tensor[]): Tensor | undefined {
  const is = (tensor: Tensor | undefined, value: number) =>
    tensor !== undefined && isOp(tensor, "constant") && tensor.attributes.value === value;
  if (op === "mul" && is(a, 1)) return b;
  if ((op === "mul" || op === "div") && is(b, 1)) return a;
  if (op === "add" && is(a, 0)) return b;
  if ((op === "add" || op === "sub") && is(b, 0)) return a;
  if ((op === "mul" || op === "add" || op === "sub") && a && b && isOp(a, "constant") && isOp(b, "constant")) {
    const [x, y] = [a.attributes.value, b.attributes.value];
    return constant(op === "mul" ? x * y : op === "add" ? x + y : x - y);
  }
  return undefined;
}

/** What rows amount to that are taken from a tensor and put together again, or put together and taken apart; else undefined. */
function simplifyRows(node: Tensor, sources: readonly Tensor[]): Tensor | undefined {
  if (isOp(node, "slice")) {
    const { first, count } = node.attributes, [x] = sources;
    if (!isOp(x, "concat")) return undefined;
    let row = 0;
    for (const part of x.inputs) {
      if (row === first && part.shape[0] === count) return part;
      row += part.shape[0];
    }
    return undefined;
  }
  if (!isOp(node, "concat")) return undefined;
  const [whole] = sources[0].inputs;
  let row = 0;
  for (const part of sources) {
    if (!isOp(part, "slice") || part.inputs[0] !== whole || part.attributes.first !== row) return undefined;
    row += part.attributes.count;
  }
  return row === whole.shape[0] ? whole : undefined;
}
