/** What an ONNX model is written with: nodes, constants and names. */
import type { OnnxWriter } from "../../../cells/graph/elementwise.ts";
import { type Graph, usersOf } from "../../../cells/graph/graph.ts";
import { isOp, type Shape, type Tensor } from "../../../cells/graph/tensor.ts";
import { type AreAdjacent, neighbours, type Part, viewName } from "./layout.ts";
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  axis,
  DATA_TYPE,
  int64s,
  node,
  type NodeProto,
  type TensorProto,
} from "./proto.ts";

/** How the names of numbers begin that stand in a model beside its weights: those of the equations. */
export const CONSTANT_PREFIX = "floats_";

/** The largest table, in floats, that a product of an embedding becomes: beyond, computing it costs more than it saves. */
const MAX_FOLDED = 2 ** 20;

/** How floats are stored and computed. */
export type Precision = "float32" | "float64";

/** How a graph is exported; all of it may be absent. */
export interface ExportOptions {
  /** Absent: float32. */
  readonly precision?: Precision;
  /**
   * Inputs that come several at a time: with one more axis in front, of `count`. What is computed of them has it too, what is not is computed once.
   * Their graph may have elementwise operations and products on the way; {@linkcode tangents} makes such ones.
   */
  readonly stacked?: { readonly names: ReadonlySet<string>; readonly count: number };
  /** Inputs that become initializers: their values stand in the model. */
  readonly weights?: ReadonlyMap<string, ArrayLike<number>>;
  /** Leaves the size of the batch open (`batch`), so that any number of rows can be run. */
  readonly openBatch?: boolean;
  /** Matrices that lie as `[in, out]` outside: inputs and outputs of this form. */
  readonly transposed?: ReadonlySet<Tensor>;
  /** Outputs that come as one, row below row, instead of each on its own: the names of these by that of the one. */
  readonly joined?: ReadonlyMap<string, readonly string[]>;
  readonly name?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly producerVersion?: string;
}

/** ONNX's type of each precision, and the array that holds its numbers. */
const FLOATS = {
  float32: { type: DATA_TYPE.FLOAT, array: Float32Array },
  float64: { type: DATA_TYPE.DOUBLE, array: Float64Array },
} as const;

/** Collects nodes and constants. Equal calls give one node, so that what several operations share is computed once. */
export class ModelWriter implements OnnxWriter {
  nodes: NodeProto[] = [];
  readonly initializers = new Map<string, TensorProto>();
  readonly #known = new Map<string, string>();
  readonly #published = new Map<string, string>();

  readonly areAdjacent: AreAdjacent;
  /** Whether the number of rows is open: then nothing may be made for the graph's own. */
  readonly openBatch: boolean;
  readonly precision: Precision;
  readonly floatType: number;
  readonly #names = new Map<Tensor, string>();
  readonly #transposed: ReadonlySet<Tensor>;
  readonly #weights: ReadonlyMap<string, unknown>;
  readonly #users: ReadonlyMap<Tensor, readonly Tensor[]>;
  readonly #returned: ReadonlySet<Tensor>;
  readonly #stackedNames: ReadonlySet<string>;
  readonly #stacked = new Set<Tensor>();

  constructor(graph: Graph, options: ExportOptions) {
    const { transposed = new Set(), weights = new Map(), openBatch = false, precision = "float32", stacked } = options;
    this.openBatch = openBatch;
    this.precision = precision;
    this.floatType = FLOATS[precision].type;
    this.#stackedNames = stacked?.names ?? new Set();
    this.areAdjacent = neighbours(graph);
    this.#transposed = transposed;
    this.#weights = weights;
    this.#users = usersOf(graph);
    this.#returned = new Set(graph.outputs.values());
  }

  /** Notes the name under which a tensor's values go, and whether they come several at a time. */
  name(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
    const isInput = isOp(tensor, "input") && this.#stackedNames.has(tensor.attributes.name);
    if (isInput || tensor.inputs.some((source) => this.isStacked(source))) this.#stacked.add(tensor);
  }

  /** Whether a tensor's values come several at a time, with one more axis in front. */
  isStacked(tensor: Tensor): boolean {
    return this.#stacked.has(tensor);
  }

  nameOf(tensor: Tensor): string {
    return this.#names.get(tensor)!;
  }

  isTransposed(tensor: Tensor): boolean {
    return this.#transposed.has(tensor);
  }

  /** Whether a tensor's values stand in the model. */
  isConstant(tensor: Tensor): boolean {
    return isOp(tensor, "input") && this.#weights.has(tensor.attributes.name);
  }

  /** Whether the parts of a weight cost nothing: where it lies transposed, or is cut once, when the model is loaded. */
  comesInParts(weight: Tensor): boolean {
    return this.isTransposed(weight) || this.isConstant(weight);
  }

  /** Whether a product of this input can be looked up by the token. */
  canFold(x: Tensor, weight: Tensor): boolean {
    if (!isOp(x, "embedding") || !this.isConstant(weight)) return false;
    const [, { shape: [, vocabulary] }] = x.inputs;
    return x.inputs.slice(1).every((source) => this.isConstant(source)) && vocabulary * weight.shape[0] <= MAX_FOLDED;
  }

  /** The part of a weight for some of its inputs, as it lies. */
  weightPart(weight: Tensor, { first, width }: Pick<Part, "first" | "width">): string {
    const whole = this.nameOf(weight);
    if (width === weight.shape[1]) return whole;
    // One of the views, which are inputs of the model.
    if (this.isTransposed(weight)) return viewName(weight, first, width);
    return this.node("Slice", [whole, this.int64([first]), this.int64([first + width]), this.int64([1])]);
  }

  /** Whether a tensor goes to one other, and nowhere else. */
  isReadOnce(tensor: Tensor): boolean {
    return this.#users.get(tensor)!.length === 1 && !this.#returned.has(tensor);
  }

  /** An embedding's weight with a row for each token. */
  rows(weight: Tensor): string {
    const name = this.nameOf(weight);
    return this.isTransposed(weight) ? name : this.node("Transpose", [name], { perm: [1, 0] });
  }

  /** Leaves out what no output needs. */
  prune(outputs: readonly string[]): void {
    const needed = new Set(outputs);
    const kept = this.nodes.toReversed().filter(({ output, input }) => {
      const isNeeded = output.some((name) => needed.has(name));
      if (isNeeded) { for (const name of input) needed.add(name); }
      return isNeeded;
    });
    this.nodes = kept.reverse();
    for (const name of this.initializers.keys()) if (!needed.has(name)) this.initializers.delete(name);
  }

  /** The shape in which a tensor comes and goes. */
  lying(tensor: Tensor): Shape {
    return this.isTransposed(tensor) ? tensor.shape.toReversed() : tensor.shape;
  }

  node(
    op_type: string,
    inputs: readonly string[],
    attributes: Record<string, number | number[] | string> = {},
  ): string {
    const key = JSON.stringify([op_type, inputs, attributes]);
    const known = this.#known.get(key);
    if (known) return known;
    const name = `${op_type}_${this.nodes.length}`;
    const attribute = Object.entries(attributes).map(([attributeName, value]): AttributeProto =>
      Array.isArray(value)
        ? { name: attributeName, type: ATTRIBUTE_TYPE.INTS, ints: value }
        : typeof value === "string"
        ? { name: attributeName, type: ATTRIBUTE_TYPE.STRING, s: new TextEncoder().encode(value) }
        : { name: attributeName, type: ATTRIBUTE_TYPE.INT, i: value }
    );
    this.nodes.push({ op_type, name: `node_${this.nodes.length}`, input: [...inputs], output: [name], attribute });
    this.#known.set(key, name);
    return name;
  }

  /** Gives a value its public name: by renaming it, or by a copy where it is an input or has a public name already. */
  publish(value: string, name: string): void {
    const makes = this.nodes.find((node) => node.output[0] === value);
    if (!makes || this.#published.has(value)) {
      const source = this.#published.get(value) ?? value;
      this.nodes.push({ op_type: "Identity", name: `copy_${name}`, input: [source], output: [name], attribute: [] });
      return;
    }
    this.#published.set(value, name);
    for (const node of this.nodes) {
      node.input = node.input.map((x) => (x === value ? name : x));
      node.output = node.output.map((x) => (x === value ? name : x));
    }
  }

  /** Puts published values into one, row below row. */
  join(parts: readonly string[], name: string): void {
    this.nodes.push(node("Concat", [...parts], name, axis(0)));
  }

  scalar(value: number): string {
    return this.floats([], [value]);
  }

  floats(dims: number[], values: number[]): string {
    const name = `${CONSTANT_PREFIX}${dims.join("x")}_${
      [...new Set(values)].length === 1 ? values[0] : values.join("_")
    }`;
    this.initializers.set(name, this.tensor(name, dims, values));
    return name;
  }

  /** Numbers in the model's precision. */
  tensor(name: string, dims: number[], values: ArrayLike<number>): TensorProto {
    const { type, array } = FLOATS[this.precision];
    return { name, dims, data_type: type, raw_data: new Uint8Array(array.from(values).buffer) };
  }

  int64(values: number[]): string {
    const name = `int64_${values.join("_")}`;
    this.initializers.set(name, int64s(name, [values.length], values));
    return name;
  }
}
