/** Float64 meaning of every operation: slow and plain, the oracle that the engines are compared with. */
import { maxOf } from "../extremes.ts";
import { type BinaryOperation, elementwiseTable, type UnaryOperation } from "./elementwise.ts";
import type { Graph } from "./graph.ts";
import { formatShape, isOp, type OpName, sizeOf, type Tensor } from "./tensor.ts";

/** Numbers of one tensor, row-major. */
export type Values = Float64Array;

type Meaning<K extends OpName> = (node: Tensor<K>, inputs: readonly Values[]) => Values;

/** With broadcasting: a shorter operand repeats over the leading axes, so its index is taken modulo its size. */
const binary = ({ value }: BinaryOperation) => (node: Tensor, [a, b]: readonly Values[]): Values =>
  new Float64Array(sizeOf(node.shape)).map((_, i) => value(a[i % a.length], b[i % b.length]));

const unary = ({ value }: UnaryOperation) => (_: Tensor, [x]: readonly Values[]): Values =>
  x.map((each) => value(each));

/** Reads column `i` of tensors that stand side by side without joining them. */
function joinedReader(xs: readonly Tensor[], values: readonly Values[]): (row: number, column: number) => number {
  const source: [Values, number, number][] = xs.flatMap((x, j) =>
    Array.from({ length: x.shape[1] }, (_, c): [Values, number, number] => [values[j], x.shape[1], c])
  );
  return (row, column) => {
    const [data, width, c] = source[column];
    return data[row * width + c];
  };
}

/** `softmax(logits)` row by row, with the row's maximum taken off first. */
function softmax(logits: Values, vocabulary: number): Values {
  const out = new Float64Array(logits.length);
  for (let first = 0; first < logits.length; first += vocabulary) {
    const row = logits.subarray(first, first + vocabulary);
    const peak = maxOf(row);
    const powers = row.map((x) => Math.exp(x - peak));
    const total = powers.reduce((a, b) => a + b, 0);
    out.set(powers.map((x) => x / total), first);
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
  linear(node, values) {
    const [batch, outs] = node.shape;
    const weight = values[values.length - 2], bias = values[values.length - 1];
    const read = joinedReader(node.inputs.slice(0, -2), values);
    const features = node.inputs[node.inputs.length - 2].shape[1];
    const y = new Float64Array(batch * outs);
    for (let b = 0; b < batch; b++) {
      for (let o = 0; o < outs; o++) {
        let total = bias[o];
        for (let i = 0; i < features; i++) total += read(b, i) * weight[o * features + i];
        y[b * outs + o] = total;
      }
    }
    return y;
  },
  linear_input_gradient({ inputs, shape: [batch, width], attributes: { offset } }, [dy, weight]) {
    const [outs, features] = inputs[1].shape;
    const dx = new Float64Array(batch * width);
    for (let b = 0; b < batch; b++) {
      for (let i = 0; i < width; i++) {
        let total = 0;
        for (let o = 0; o < outs; o++) total += dy[b * outs + o] * weight[o * features + offset + i];
        dx[b * width + i] = total;
      }
    }
    return dx;
  },
  linear_weight_gradient({ inputs: [dyNode, ...xs], shape: [outs, features] }, [dy, ...values]) {
    const read = joinedReader(xs, values);
    const dw = new Float64Array(outs * features);
    for (let b = 0; b < dyNode.shape[0]; b++) {
      for (let o = 0; o < outs; o++) {
        for (let i = 0; i < features; i++) dw[o * features + i] += dy[b * outs + o] * read(b, i);
      }
    }
    return dw;
  },
  embedding({ inputs: [, weightNode], shape: [batch, outs] }, [indices, weight, bias]) {
    const vocabulary = weightNode.shape[1];
    checkIndices(indices, vocabulary);
    return new Float64Array(batch * outs).map((_, at) => {
      const b = Math.floor(at / outs), o = at % outs;
      return weight[o * vocabulary + indices[b]] + bias[o];
    });
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
    x.forEach((value, i) => total[i % inner] += value);
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
      fed ? Float64Array.from(fed) : evaluateNode(node, node.inputs.map((source) => values.get(source)!)),
    );
  }
  return new Map([...graph.outputs].map(([name, tensor]) => [name, values.get(tensor)!]));
}
