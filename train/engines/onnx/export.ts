/** A graph as an ONNX model: opset 17, IR version 8, standard operators only. */
import { ELEMENTWISE, type ElementwiseOperation, elementwiseTable } from "../../../cells/graph/elementwise.ts";
import type { Graph } from "../../../cells/graph/graph.ts";
import { isZeros } from "../../../cells/graph/tangents.ts";
import { type DType, isElementwise, isOp, type OpName, sameShape, type Tensor } from "../../../cells/graph/tensor.ts";
import { type Part, partsOf, viewsOf } from "./layout.ts";
import { type ExportOptions, ModelWriter } from "./model_writer.ts";
import { DATA_TYPE, encodeModel, valueInfo } from "./proto.ts";

export const OPSET = 17;
const IR_VERSION = 8;

/** Ending of the name under which an output goes that is an input too: ONNX wants each name once. */
export const NEXT = ".next";

/** Writes nodes for one operation; returns the name of the result. */
type Emitter<K extends OpName> = (model: ModelWriter, node: Tensor<K>, inputs: readonly string[]) => string;

const elementwise = ({ onnx }: ElementwiseOperation) => (model: ModelWriter, _: Tensor, inputs: readonly string[]) =>
  typeof onnx === "string" ? model.node(onnx, inputs) : onnx(model, inputs);

function joined(model: ModelWriter, xs: readonly string[]): string {
  return xs.length === 1 ? xs[0] : model.node("Concat", xs, { axis: 1 });
}

/** ONNX Runtime has no `OneHot` of doubles: theirs is made of whole numbers. */
function oneHot(model: ModelWriter, indices: string, depth: number): string {
  if (model.precision === "float32") {
    return model.node("OneHot", [indices, model.int64([depth]), model.floats([2], [0, 1])]);
  }
  const code = model.node("OneHot", [indices, model.int64([depth]), model.int64([0, 1])]);
  return model.node("Cast", [code], { to: model.floatType });
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

/**
 * A product of stacked inputs, as one over the rows of all. Inputs that are zeros, and a bias of zeros, are left out.
 *
 * @throws {TypeError} if another input comes once for all
 */
function stackedProduct(model: ModelWriter, xs: readonly Tensor[], weight: Tensor, bias: Tensor): string {
  let sum = isZeros(bias) ? undefined : model.nameOf(bias), first = 0;
  for (const x of xs) {
    const [, width] = x.shape;
    if (model.isStacked(x)) {
      const rows = model.node("Reshape", [model.nameOf(x), model.int64([-1, width])]);
      const inputs = [rows, model.weightPart(weight, { first, width }), ...(sum === undefined ? [] : [sum])];
      sum = model.node("Gemm", inputs, { transB: 1 });
    } else if (!isZeros(x)) {
      throw new TypeError("Cannot export a product of stacked inputs: one of them is not stacked, must be zeros");
    }
    first += width;
  }
  return model.node("Reshape", [sum!, model.int64([-1, xs[0].shape[0], weight.shape[0]])]);
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
    if (xs.some((x) => model.isStacked(x))) return stackedProduct(model, xs, table, tensors.at(-1)!);
    if (!model.comesInParts(table)) {
      return model.node("Gemm", [joined(model, inputs.slice(0, -2)), weight, bias], { transB: 1 });
    }
    const staysApart = (x: Tensor) => model.canFold(x, table);
    const parts = partsOf(xs, (a, b) => !staysApart(a) && !staysApart(b) && model.areAdjacent(a, b));
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

/**
 * Writes a tensor's nodes; returns the name of the result.
 *
 * @throws {TypeError} if an operation that is given its rows gets stacked inputs
 */
function emit<K extends OpName>(model: ModelWriter, node: Tensor<K>): string {
  if (!isElementwise(node) && !isOp(node, "linear") && node.inputs.some((source) => model.isStacked(source))) {
    throw new TypeError(`Cannot export '${node.op}' of stacked inputs`);
  }
  return EMITTERS[node.op](model, node, node.inputs.map((source) => model.nameOf(source)));
}

/** Name of a graph's output in the model. */
export function outputName(graph: Graph, name: string): string {
  return graph.inputs.has(name) ? name + NEXT : name;
}

/**
 * The bytes of an `.onnx` file for a graph. Inputs and outputs keep the graph's names; an output that is an input too is
 * called `<name>.next`. Index inputs are int64, all else is of the model's precision.
 *
 * @throws {TypeError} if what is computed of stacked inputs is not an elementwise operation or product
 */
export function exportOnnx(graph: Graph, options: ExportOptions = {}): Uint8Array<ArrayBuffer> {
  const { weights = new Map(), openBatch = false, transposed = new Set(), metadata = {} } = options;
  const { joined = new Map<string, readonly string[]>(), stacked } = options;
  const model = new ModelWriter(graph, options);
  for (const node of graph.nodes) model.name(node, emit(model, node));
  for (const [name, tensor] of graph.outputs) model.publish(model.nameOf(tensor), outputName(graph, name));
  model.prune([...graph.outputs.keys()].map((name) => outputName(graph, name)));
  for (const [name, parts] of joined) model.join(parts, name);
  const inOthers = new Set([...joined.values()].flat());
  const alone = [...graph.outputs].filter(([name]) => !inOthers.has(outputName(graph, name)));

  // Indices and states have a batch as first axis; what is read but not carried in a forward graph are weights.
  const isBatched = (name: string, { dtype }: Tensor) => openBatch && (dtype === "index" || graph.outputs.has(name));
  const infoOf = (name: string, tensor: Tensor) => {
    const sizes = model.lying(tensor).map((size, axis) => axis === 0 && isBatched(name, tensor) ? "batch" : size);
    const isStacked = model.isStacked(tensor);
    return { dtype: tensor.dtype, sizes: isStacked ? [stacked!.count, ...sizes] : sizes };
  };
  const tensorInfo = (
    name: string,
    { sizes, dtype = "float" }: { sizes: readonly (number | string)[]; dtype?: DType },
  ) => valueInfo(name, dtype === "index" ? DATA_TYPE.INT64 : model.floatType, sizes);
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
          model.tensor(name, [...graph.inputs.get(name)!.shape], values)
        ),
      ],
      input: [
        ...[...graph.inputs].filter(([name]) => !weights.has(name)).map(([name, t]) =>
          tensorInfo(name, infoOf(name, t))
        ),
        ...viewsOf(graph, transposed).map(({ name, shape }) => tensorInfo(name, { sizes: shape })),
      ],
      output: [
        ...alone.map(([name, t]) => tensorInfo(outputName(graph, name), infoOf(name, t))),
        ...[...joined].map(([name, parts]) => {
          const shapes = parts.map((part) => model.lying(graph.outputs.get(part)!)), [, ...columns] = shapes[0];
          return tensorInfo(name, { sizes: [shapes.reduce((rows, [more]) => rows + more, 0), ...columns] });
        }),
      ],
    },
    opset_import: [{ domain: "", version: OPSET }],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
}
