/** Float64 meaning of every operation: plain, the oracle that the engines are compared with. */
import { maxOf } from "../extremes.ts";
import { type BinaryOperation, elementwiseTable, type UnaryOperation } from "./elementwise.ts";
import type { Graph } from "./graph.ts";
import { addCombinations, addProducts, sideBySide, transposed } from "./products.ts";
import { formatShape, isOp, type OpName, sizeOf, type Tensor } from "./tensor.ts";

/** Numbers of one tensor, row-major. */
export type Values = Float64Array;

type Meaning<K extends OpName> = (node: Tensor<K>, inputs: readonly Values[]) => Values;

/** With broadcasting: a shorter operand repeats over the leading axes. */
const binary = ({ value }: BinaryOperation) => ({ shape }: Tensor, [a, b]: readonly Values[]): Values => {
  const y = new Float64Array(sizeOf(shape));
  for (let i = 0, left = 0, right = 0; i < y.length; i++) {
    y[i] = value(a[left], b[right]);
    if (++left === a.length) left = 0;
    if (++right === b.length) right = 0;
  }
  return y;
};

const unary = ({ value }: UnaryOperation) => (_: Tensor, [x]: readonly Values[]): Values => {
  const y = new Float64Array(x.length);
  for (let i = 0; i < y.length; i++) y[i] = value(x[i]);
  return y;
};

/** The inputs of a product, side by side. */
const joined = (xs: readonly Tensor[], values: readonly Values[]): Values =>
  sideBySide(values, xs.map(({ shape }) => shape[1]));

/** `softmax(logits)` row by row, with the row's maximum taken off first. */
function softmax(logits: Values, vocabulary: number): Values {
  const out = new Float64Array(logits.length);
  for (let first = 0; first < logits.length; first += vocabulary) {
    const end = first + vocabulary, peak = maxOf(logits.subarray(first, end));
    let total = 0;
    for (let i = first; i < end; i++) total += out[i] = Math.exp(logits[i] - peak);
    for (let i = first; i < end; i++) out[i] /= total;
  }
  return out;
}

/** An index beyond its row would read another's number. */
function checkIndices(indices: Values, vocabulary: number): void {
  const wrong = indices.find((index) => !(Number.isInteger(index) && index >= 0 && index < vocabulary));
  if (wrong === undefined) return;
  throw new RangeError(`Cannot run the graph: an index is ${wrong}, must be a whole number below ${vocabulary}`);
}

/** What each operation makes of its inputs' values. */
export const INTERPRETER: { readonly [K in OpName]: Meaning<K> } = {
  ...elementwiseTable((record) => record.arity === 1 ? unary(record) : binary(record)),
  input: (node) => {
    throw new TypeError(`Cannot run the graph: input '${node.attributes.name}' has no value`);
  },
  constant: (node) => Float64Array.of(node.attributes.value),
  linear({ inputs, shape: [batch, outs] }, values) {
    const xs = inputs.slice(0, -2), [weight, bias] = values.slice(-2);
    const y = new Float64Array(batch * outs);
    for (let b = 0; b < batch; b++) y.set(bias, b * outs);
    addProducts(y, joined(xs, values.slice(0, -2)), weight, inputs[xs.length].shape[1]);
    return y;
  },
  linear_input_gradient({ inputs, shape, attributes: { offset, width } }, [dy, weight]) {
    const [, features] = inputs[1].shape, dx = new Float64Array(sizeOf(shape));
    addCombinations(dx, dy, { values: weight, columns: features, first: offset, count: width });
    return dx;
  },
  linear_weight_gradient({ inputs: [{ shape: [batch] }, ...xs], shape: [outs, features] }, [dy, ...values]) {
    const dw = new Float64Array(outs * features);
    addProducts(dw, transposed(dy, outs), transposed(joined(xs, values), features), batch);
    return dw;
  },
  embedding({ inputs: [, weightNode], shape: [batch, outs] }, [indices, weight, bias]) {
    const vocabulary = weightNode.shape[1], y = new Float64Array(batch * outs);
    checkIndices(indices, vocabulary);
    for (let b = 0; b < batch; b++) {
      for (let o = 0; o < outs; o++) y[b * outs + o] = weight[o * vocabulary + indices[b]] + bias[o];
    }
    return y;
  },
  embedding_weight_gradient({ shape: [outs, vocabulary] }, [dy, indices]) {
    const dw = new Float64Array(outs * vocabulary);
    for (let b = 0; b < indices.length; b++) {
      for (let o = 0; o < outs; o++) dw[o * vocabulary + indices[b]] += dy[b * outs + o];
    }
    return dw;
  },
  sum({ shape }, [x]) {
    const inner = sizeOf(shape);
    const total = new Float64Array(inner);
    for (let first = 0; first < x.length; first += inner) {
      for (let i = 0; i < inner; i++) total[i] += x[first + i];
    }
    return total;
  },
  slice({ shape: [, ...rest], attributes: { first, count } }, [x]) {
    const row = sizeOf(rest);
    return x.slice(first * row, (first + count) * row);
  },
  concat({ shape }, inputs) {
    const all = new Float64Array(sizeOf(shape));
    inputs.reduce((at, x) => {
      all.set(x, at);
      return at + x.length;
    }, 0);
    return all;
  },
  softmax_cross_entropy({ inputs: [logitsNode] }, [logits, targets]) {
    const [batch, vocabulary] = logitsNode.shape;
    checkIndices(targets, vocabulary);
    let total = 0;
    for (let b = 0; b < batch; b++) {
      const row = logits.subarray(b * vocabulary, (b + 1) * vocabulary);
      const peak = row.reduce((x, y) => Math.max(x, y), -Infinity);
      total += peak + Math.log(row.reduce((x, y) => x + Math.exp(y - peak), 0)) - row[targets[b]];
    }
    return Float64Array.of(total / batch);
  },
  softmax_cross_entropy_gradient({ shape: [batch, vocabulary] }, [logits, targets]) {
    const gradient = softmax(logits, vocabulary);
    targets.forEach((target, b) => gradient[b * vocabulary + target] -= 1);
    return gradient.map((x) => x / batch);
  },
};

/** The table's entry for a node; generic, so that key and value stay joined. */
function evaluateNode<K extends OpName>(node: Tensor<K>, inputs: readonly Values[]): Values {
  return INTERPRETER[node.op](node, inputs);
}

/** Without a copy where they are float64: no operation writes into what it reads, and millions of weights take longer to copy than to use. */
const asValues = (fed: ArrayLike<number>): Values => fed instanceof Float64Array ? fed : Float64Array.from(fed);

/**
 * Runs a graph.
 *
 * @param feeds a value for each input, by name, row-major
 * @returns a value for each output, by name
 * @throws {TypeError} if an input is missing; {@linkcode RangeError} if one has another number of elements than its shape, or an index
 * that is none of the vocabulary
 */
export function interpret(graph: Graph, feeds: ReadonlyMap<string, ArrayLike<number>>): Map<string, Values> {
  const values = new Map<Tensor, Values>();
  for (const node of graph.nodes) {
    const fed = isOp(node, "input") ? feeds.get(node.attributes.name) : undefined;
    if (isOp(node, "input") && fed && fed.length !== sizeOf(node.shape)) {
      const { name } = node.attributes;
      throw new RangeError(
        `Cannot run the graph: input '${name}' has ${fed.length} elements, its shape ${formatShape(node.shape)} needs ${
          sizeOf(node.shape)
        }`,
      );
    }
    values.set(
      node,
      fed ? asValues(fed) : evaluateNode(node, node.inputs.map((source) => values.get(source)!)),
    );
  }
  // What was fed is the caller's: an output that is an input is a copy.
  const copied = (tensor: Tensor, found: Values) => isOp(tensor, "input") ? found.slice() : found;
  return new Map([...graph.outputs].map(([name, tensor]) => [name, copied(tensor, values.get(tensor)!)]));
}
