/** A graph as an ONNX model: opset 17, IR version 8, standard operators only. */
import type { Graph } from "../../../cells/graph/graph.ts";
import type { OpName, Tensor } from "../../../cells/graph/tensor.ts";
import type { TensorMap } from "../engine.ts";
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  DATA_TYPE,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto.ts";

export const OPSET = 17;
const IR_VERSION = 8;

/** Ending of the name under which an output goes that is an input too: ONNX wants each name once. */
export const NEXT = ".next";

export interface ExportOptions {
  /** Inputs that become initializers: their values stand in the model. */
  readonly weights?: TensorMap;
  /** Leaves the size of the batch open (`batch`), so that any number of rows can be run. */
  readonly openBatch?: boolean;
  readonly name?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly producerVersion?: string;
}

/** Writes nodes for one operation; returns the name of the result. */
type Emitter<K extends OpName> = (model: ModelWriter, node: Tensor<K>, inputs: readonly string[]) => string;

const plain = (op_type: string) => (model: ModelWriter, _: Tensor, inputs: readonly string[]) =>
  model.node(op_type, inputs);

function joined(model: ModelWriter, xs: readonly string[], axis = 1): string {
  return xs.length === 1 ? xs[0] : model.node("Concat", xs, { axis });
}

function oneHot(model: ModelWriter, indices: string, depth: number): string {
  return model.node("OneHot", [indices, model.int64([depth]), model.floats([2], [0, 1])]);
}

const EMITTERS: { readonly [K in OpName]: Emitter<K> } = {
  input: (_, { attributes: { name } }) => name,
  constant: (model, { attributes: { value } }) => model.floats([], [value]),
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  sigmoid: plain("Sigmoid"),
  tanh: plain("Tanh"),
  relu: plain("Relu"),
  step: (model, _, [x]) =>
    model.node("Cast", [model.node("Greater", [x, model.floats([], [0])])], { to: DATA_TYPE.FLOAT }),
  linear: (model, _, inputs) =>
    model.node("Gemm", [joined(model, inputs.slice(0, -2)), ...inputs.slice(-2)], { transB: 1 }),
  linear_input_gradient: (model, { inputs: [, weight], attributes: { offset, width } }, [dy, w]) => {
    const part = width === weight.shape[1] ? w : model.node("Slice", [
      w,
      model.int64([offset]),
      model.int64([offset + width]),
      model.int64([1]),
    ]);
    return model.node("Gemm", [dy, part]);
  },
  linear_weight_gradient: (model, _, [dy, ...xs]) => model.node("Gemm", [dy, joined(model, xs)], { transA: 1 }),
  embedding: (model, _, [indices, weight, bias]) => {
    const columns = model.node("Gather", [weight, indices], { axis: 1 });
    return model.node("Add", [model.node("Transpose", [columns], { perm: [1, 0] }), bias]);
  },
  // As a product with the one-hot code: deterministic, and a small part of a step's work.
  embedding_weight_gradient: (model, { attributes: { vocabulary } }, [dy, indices]) =>
    model.node("Gemm", [dy, oneHot(model, indices, vocabulary)], { transA: 1 }),
  sum: (model, _, [x]) => model.node("ReduceSum", [x, model.int64([0])], { keepdims: 0 }),
  softmax_cross_entropy: (model, _, [logits, targets]) => {
    const column = model.node("Unsqueeze", [targets, model.int64([1])]);
    const chosen = model.node("GatherElements", [model.node("LogSoftmax", [logits], { axis: 1 }), column], { axis: 1 });
    return model.node("Neg", [model.node("ReduceMean", [chosen], { keepdims: 0 })]);
  },
  softmax_cross_entropy_gradient: (model, { shape: [batch, vocabulary] }, [logits, targets]) => {
    const softmax = model.node("Softmax", [logits], { axis: 1 });
    const difference = model.node("Sub", [softmax, oneHot(model, targets, vocabulary)]);
    return model.node("Mul", [difference, model.floats([], [1 / batch])]);
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
  const { weights = new Map(), openBatch = false, metadata = {} } = options;
  const model = new ModelWriter();
  const names = new Map<Tensor, string>();
  for (const node of graph.nodes) names.set(node, emit(model, node, node.inputs.map((source) => names.get(source)!)));
  for (const [name, tensor] of graph.outputs) model.publish(names.get(tensor)!, outputName(graph, name));

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
      input: [...graph.inputs].filter(([name]) => !weights.has(name)).map(([name, t]) =>
        valueInfo(name, t, isBatched(name, t))
      ),
      output: [...graph.outputs].map(([name, t]) => valueInfo(outputName(graph, name), t, isBatched(name, t))),
    },
    opset_import: [{ domain: "", version: OPSET }],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
}

function valueInfo(name: string, tensor: Tensor, isBatched: boolean): ValueInfoProto {
  const dim = tensor.shape.map((size, axis) => isBatched && axis === 0 ? { dim_param: "batch" } : { dim_value: size });
  const elem_type = tensor.dtype === "index" ? DATA_TYPE.INT64 : DATA_TYPE.FLOAT;
  return { name, type: { tensor_type: { elem_type, shape: { dim } } } };
}

function floatTensor(name: string, dims: number[], values: ArrayLike<number>): TensorProto {
  return { name, dims, data_type: DATA_TYPE.FLOAT, raw_data: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Collects nodes and constants. Equal calls give one node, so that what several operations share is computed once. */
class ModelWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers = new Map<string, TensorProto>();
  readonly #known = new Map<string, string>();
  readonly #published = new Map<string, string>();

  node(
    op_type: string,
    inputs: readonly string[],
    attributes: Record<string, number | number[]> = {},
    output?: string,
  ) {
    const key = JSON.stringify([op_type, inputs, attributes]);
    const known = this.#known.get(key);
    if (known && output === undefined) return known;
    const name = output ?? `${op_type}_${this.nodes.length}`;
    const attribute = Object.entries(attributes).map(([attributeName, value]): AttributeProto =>
      Array.isArray(value)
        ? { name: attributeName, type: ATTRIBUTE_TYPE.INTS, ints: value }
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

  floats(dims: number[], values: number[]): string {
    const name = `floats_${dims.join("x")}_${values.join("_")}`;
    this.initializers.set(name, floatTensor(name, dims, values));
    return name;
  }

  int64(values: number[]): string {
    const name = `int64_${values.join("_")}`;
    const raw_data = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
    this.initializers.set(name, { name, dims: [values.length], data_type: DATA_TYPE.INT64, raw_data });
    return name;
  }
}
