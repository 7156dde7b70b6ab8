/** A graph as an ONNX model: opset 17, IR version 8, standard operators only. */
import {
  ELEMENTWISE,
  type ElementwiseOperation,
  elementwiseTable,
  type OnnxWriter,
} from "../../../cells/graph/elementwise.ts";
import { type Graph, usersOf } from "../../../cells/graph/graph.ts";
import { type DType, isOp, type OpName, sameShape, type Shape, type Tensor } from "../../../cells/graph/tensor.ts";
import type { TensorMap } from "../engine.ts";
import { neighbours, type Part, partsOf, type StandTogether, viewName, viewsOf } from "./layout.ts";
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  axis,
  DATA_TYPE,
  encodeModel,
  int64s,
  node,
  type NodeProto,
  type TensorProto,
  valueInfo,
  type ValueInfoProto,
} from "./proto.ts";

export const OPSET = 17;
const IR_VERSION = 8;

/** Ending of the name under which an output goes that is an input too: ONNX wants each name once. */
export const NEXT = ".next";

/** How the names of numbers begin that stand in a model beside its weights: those of the equations. */
export const CONSTANT_PREFIX = "floats_";

/** The largest table, in floats, that a product of an embedding becomes: beyond, computing it costs more than it saves. */
const MAX_FOLDED = 2 ** 20;

export interface ExportOptions {
  /** Inputs that become initializers: their values stand in the model. */
  readonly weights?: TensorMap;
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

/** Writes nodes for one operation; returns the name of the result. */
type Emitter<K extends OpName> = (model: ModelWriter, node: Tensor<K>, inputs: readonly string[]) => string;

const elementwise = ({ onnx }: ElementwiseOperation) => (model: ModelWriter, _: Tensor, inputs: readonly string[]) =>
  typeof onnx === "string" ? model.node(onnx, inputs) : onnx(model, inputs);

function joined(model: ModelWriter, xs: readonly string[]): string {
  return xs.length === 1 ? xs[0] : model.node("Concat", xs, { axis: 1 });
}

function oneHot(model: ModelWriter, indices: string, depth: number): string {
  return model.node("OneHot", [indices, model.int64([depth]), model.floats([2], [0, 1])]);
}

/**
 * What a product makes of an embedding, in one table with the bias: `[vocabulary, out]`. All that it is made of is constant,
 * so ONNX Runtime computes it once, when it loads the model.
 */
function foldedEmbedding(model: ModelWriter, part: Part, weight: Tensor, bias: string): string {
  const [indices, embedded, embeddedBias] = part.inputs[0].inputs;
  const rows = model.node("Add", [model.rows(embedded), model.nameOf(embeddedBias)]);
  const table = model.node("Gemm", [rows, model.weightPart(weight, part), bias], { transB: 1 });
  return model.node("Gather", [table, model.nameOf(indices)], { axis: 0 });
}

/** An input's gradient, with what is to be added to it: then {@linkcode ModelWriter.prune} leaves out the one without. */
function inputGradient(
  model: ModelWriter,
  { inputs: [dy, weight], attributes: { offset, width } }: Tensor<"linear_input_gradient">,
  added: readonly string[] = [],
): string {
  const part = model.weightPart(weight, { first: offset, width });
  return model.node("Gemm", [model.nameOf(dy), part, ...added], { transB: model.isTransposed(weight) ? 1 : 0 });
}

const EMITTERS: { readonly [K in OpName]: Emitter<K> } = {
  ...elementwiseTable(elementwise),
  input: (_, { attributes: { name } }) => name,
  constant: (model, { attributes: { value } }) => model.scalar(value),
  // A product takes what is added to it along; ONNX Runtime would make another pass over memory.
  add: (model, sum, inputs) => {
    const { inputs: terms, shape } = sum;
    for (const [i, term] of terms.entries()) {
      const isItsOwn = isOp(term, "linear_input_gradient") && model.isReadOnce(term);
      if (isItsOwn && sameShape(terms[1 - i].shape, shape)) return inputGradient(model, term, [inputs[1 - i]]);
    }
    return elementwise(ELEMENTWISE.add)(model, sum, inputs);
  },
  linear: (model, { inputs: tensors }, inputs) => {
    const [weight, bias] = inputs.slice(-2), xs = tensors.slice(0, -2), table = tensors.at(-2)!;
    if (!model.comesInParts(table)) {
      return model.node("Gemm", [joined(model, inputs.slice(0, -2)), weight, bias], { transB: 1 });
    }
    const staysApart = (x: Tensor) => model.canFold(x, table);
    const parts = partsOf(xs, (a, b) => !staysApart(a) && !staysApart(b) && model.standTogether(a, b));
    const folded = parts.find(({ inputs: [x] }) => staysApart(x));
    let sum = folded ? foldedEmbedding(model, folded, table, bias) : bias;
    for (const part of parts) {
      if (part === folded) continue;
      const x = joined(model, part.inputs.map((input) => model.nameOf(input)));
      sum = model.node("Gemm", [x, model.weightPart(table, part), sum], { transB: model.isTransposed(table) ? 0 : 1 });
    }
    return sum;
  },
  linear_input_gradient: (model, node) => inputGradient(model, node),
  linear_weight_gradient: (model, node, [dy, ...xs]) => {
    const x = joined(model, xs);
    return model.node("Gemm", model.isTransposed(node) ? [x, dy] : [dy, x], { transA: 1 });
  },
  embedding: (model, { inputs: [, weight] }, [indices, , bias]) =>
    model.isConstant(weight)
      ? model.node("Gather", [model.node("Add", [model.rows(weight), bias]), indices], { axis: 0 })
      : model.node("Add", [model.node("Gather", [model.rows(weight), indices], { axis: 0 }), bias]),
  // As a product with the one-hot code: deterministic, where ONNX Runtime's `ScatterND` adds up in any order.
  embedding_weight_gradient: (model, node, [dy, indices]) => {
    const code = oneHot(model, indices, node.attributes.vocabulary);
    return model.node("Gemm", model.isTransposed(node) ? [code, dy] : [dy, code], { transA: 1 });
  },
  // Of a matrix as a product with ones, which takes a sixth of `ReduceSum`'s time over the first axis.
  sum: (model, { inputs: [{ shape }] }, [x]) =>
    shape.length === 2 && !model.openBatch
      ? model.node("MatMul", [model.floats([shape[0]], Array(shape[0]).fill(1)), x])
      : model.node("ReduceSum", [x, model.int64([0])], { keepdims: 0 }),
  slice: (model, { attributes: { first, count } }, [x]) =>
    model.node("Slice", [x, model.int64([first]), model.int64([first + count]), model.int64([0])]),
  concat: (model, _, xs) => model.node("Concat", xs, { axis: 0 }),
  softmax_cross_entropy: (model, _, [logits, targets]) => {
    const column = model.node("Unsqueeze", [targets, model.int64([1])]);
    const chosen = model.node("GatherElements", [model.node("LogSoftmax", [logits], { axis: 1 }), column], { axis: 1 });
    return model.node("Neg", [model.node("ReduceMean", [chosen], { keepdims: 0 })]);
  },
  // Each row has one target of its own, so nothing is added twice to one location.
  softmax_cross_entropy_gradient: (model, { shape: [batch] }, [logits, targets]) => {
    const softmax = model.node("Softmax", [logits], { axis: 1 });
    const column = model.node("Unsqueeze", [targets, model.int64([1])]);
    const minusOnes = model.floats([batch, 1], Array(batch).fill(-1));
    const difference = model.node("ScatterElements", [softmax, column, minusOnes], { axis: 1, reduction: "add" });
    return model.node("Mul", [difference, model.scalar(1 / batch)]);
  },
};

function emit<K extends OpName>(model: ModelWriter, node: Tensor<K>, inputs: readonly string[]): string {
  return EMITTERS[node.op](model, node, inputs);
}

/** Name of a graph's output in the model. */
export function outputName(graph: Graph, name: string): string {
  return graph.inputs.has(name) ? name + NEXT : name;
}

/**
 * The bytes of an `.onnx` file for a graph. Inputs and outputs keep the graph's names; an output that is an input too is
 * called `<name>.next`. Index inputs are int64, all else is float32.
 */
export function exportOnnx(graph: Graph, options: ExportOptions = {}): Uint8Array<ArrayBuffer> {
  const { weights = new Map(), openBatch = false, transposed = new Set(), metadata = {} } = options;
  const { joined = new Map<string, readonly string[]>() } = options;
  const model = new ModelWriter(graph, options);
  for (const node of graph.nodes) model.write(node);
  for (const [name, tensor] of graph.outputs) model.publish(model.nameOf(tensor), outputName(graph, name));
  model.prune([...graph.outputs.keys()].map((name) => outputName(graph, name)));
  for (const [name, parts] of joined) model.join(parts, name);
  const inOthers = new Set([...joined.values()].flat());
  const alone = [...graph.outputs].filter(([name]) => !inOthers.has(outputName(graph, name)));

  // Indices and states have a batch as first axis; what is read but not carried in a forward graph are weights.
  const isBatched = (name: string, { dtype }: Tensor) => openBatch && (dtype === "index" || graph.outputs.has(name));
  return encodeModel({
    ir_version: IR_VERSION,
    producer_name: "cellspace",
    producer_version: options.producerVersion ?? "",
    doc_string: options.description ?? "",
    graph: {
      name: options.name ?? "cellspace",
      node: model.nodes,
      initializer: [
        ...model.initializers.values(),
        ...[...weights].filter(([name]) => graph.inputs.has(name)).map(([name, values]) =>
          floatTensor(name, [...graph.inputs.get(name)!.shape], values)
        ),
      ],
      input: [
        ...[...graph.inputs].filter(([name]) => !weights.has(name)).map(([name, t]) =>
          tensorInfo(name, model.lying(t), t.dtype, isBatched(name, t))
        ),
        ...viewsOf(graph, transposed).map(({ name, shape }) => tensorInfo(name, shape)),
      ],
      output: [
        ...alone.map(([name, t]) => tensorInfo(outputName(graph, name), model.lying(t), t.dtype, isBatched(name, t))),
        ...[...joined].map(([name, parts]) => {
          const shapes = parts.map((part) => model.lying(graph.outputs.get(part)!)), [, ...columns] = shapes[0];
          return tensorInfo(name, [shapes.reduce((rows, [more]) => rows + more, 0), ...columns]);
        }),
      ],
    },
    opset_import: [{ domain: "", version: OPSET }],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
}

function tensorInfo(name: string, shape: Shape, dtype: DType = "float", isBatched = false): ValueInfoProto {
  const sizes = shape.map((size, axis) => isBatched && axis === 0 ? "batch" : size);
  return valueInfo(name, dtype === "index" ? DATA_TYPE.INT64 : DATA_TYPE.FLOAT, sizes);
}

function floatTensor(name: string, dims: number[], values: ArrayLike<number>): TensorProto {
  return { name, dims, data_type: DATA_TYPE.FLOAT, raw_data: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Collects nodes and constants. Equal calls give one node, so that what several operations share is computed once. */
class ModelWriter implements OnnxWriter {
  nodes: NodeProto[] = [];
  readonly initializers = new Map<string, TensorProto>();
  readonly #known = new Map<string, string>();
  readonly #published = new Map<string, string>();

  readonly standTogether: StandTogether;
  /** Whether the number of rows is open: then nothing may be made for the graph's own. */
  readonly openBatch: boolean;
  readonly #names = new Map<Tensor, string>();
  readonly #transposed: ReadonlySet<Tensor>;
  readonly #weights: ReadonlyMap<string, unknown>;
  readonly #users: ReadonlyMap<Tensor, readonly Tensor[]>;
  readonly #returned: ReadonlySet<Tensor>;

  constructor(graph: Graph, { transposed = new Set(), weights = new Map(), openBatch = false }: ExportOptions) {
    this.openBatch = openBatch;
    this.standTogether = neighbours(graph);
    this.#transposed = transposed;
    this.#weights = weights;
    this.#users = usersOf(graph);
    this.#returned = new Set(graph.outputs.values());
  }

  write(tensor: Tensor): void {
    this.#names.set(tensor, emit(this, tensor, tensor.inputs.map((source) => this.nameOf(source))));
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
    this.initializers.set(name, floatTensor(name, dims, values));
    return name;
  }

  int64(values: number[]): string {
    const name = `int64_${values.join("_")}`;
    this.initializers.set(name, int64s(name, [values.length], values));
    return name;
  }
}
