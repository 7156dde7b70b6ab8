/** A graph as text that a person can read: one line per node, and the equations of its named parts. */
import { elementwiseTable, type Notation } from "./elementwise.ts";
import type { Graph } from "./graph.ts";
import { formatShape, isOp, type OpName, type Tensor } from "./tensor.ts";

/** Prints a node from the text of its inputs. `precedence` of the text: 0 sum, 1 product, 2 atom. */
type Formula<K extends OpName> = (node: Tensor<K>, inputs: readonly Text[]) => Text;

interface Text {
  readonly text: string;
  readonly precedence: number;
}

const atom = (text: string): Text => ({ text, precedence: 2 });
const call = (name: string) => (_: Tensor, inputs: readonly Text[]): Text =>
  atom(`${name}(${inputs.map((i) => i.text).join(", ")})`);

/** An infix operation; brackets stand where an operand binds less, and on the right of `−` and `/` also where it binds as much. */
const infix =
  ({ infix, precedence, associative }: Extract<Notation, { infix: string }>) =>
  (_: Tensor, [a, b]: readonly Text[]): Text => {
    const wrap = (t: Text, least: number) => (t.precedence < least ? `(${t.text})` : t.text);
    const text = `${wrap(a, precedence)} ${infix} ${wrap(b, associative ? precedence : precedence + 1)}`;
    return { text, precedence };
  };

/** What a product reads: several as a list, one with brackets where it is a sum or a product itself. */
const joined = (texts: readonly Text[]) => {
  if (texts.length > 1) return `[${texts.map((t) => t.text).join(", ")}]`;
  return texts[0].precedence < 2 ? `(${texts[0].text})` : texts[0].text;
};

/** `layers.0.state_gate_nn.weight` → `state_gate_nn`, as the equations name a product. */
export const shortName = (text: string) => text.replace(/^layers\.\d+\./, "").replace(/\.(weight|bias)$/, "");

const FORMULAS: { readonly [K in OpName]: Formula<K> } = {
  ...elementwiseTable(({ notation }) => "call" in notation ? call(notation.call) : infix(notation)),
  input: ({ attributes: { name } }) => atom(name),
  constant: ({ attributes: { value } }) => atom(`${value}`),
  linear: (_, inputs) => {
    const [weight, bias] = inputs.slice(-2);
    const x = joined(inputs.slice(0, -2));
    const name = shortName(weight.text);
    const plain = weight.text.endsWith(".weight") && shortName(bias.text) === name;
    return { text: plain ? `W_${name} ${x} + b_${name}` : `${weight.text} ${x} + ${bias.text}`, precedence: 0 };
  },
  linear_input_gradient: ({ attributes: { offset, width } }, [dy, weight]) => ({
    text: `${dy.text} ${weight.text}[:, ${offset}:${offset + width}]`,
    precedence: 1,
  }),
  linear_weight_gradient: (_, [dy, ...xs]) => ({ text: `${dy.text}ᵀ ${joined(xs)}`, precedence: 1 }),
  embedding: (_, [indices, weight]) => (
    { text: `W_${shortName(weight.text)}[:, ${indices.text}] + b_${shortName(weight.text)}`, precedence: 0 }
  ),
  embedding_weight_gradient: (_, [dy, indices]) => ({ text: `${dy.text}ᵀ onehot(${indices.text})`, precedence: 1 }),
  sum: call("sum"),
  slice: ({ attributes: { first, count } }, [x]) => {
    const whole = x.precedence < 2 ? `(${x.text})` : x.text;
    return atom(`${whole}[${first}:${first + count}]`);
  },
  concat: call("concat"),
  softmax_cross_entropy: call("softmax_cross_entropy"),
  softmax_cross_entropy_gradient: call("softmax_cross_entropy_gradient"),
};

function formula<K extends OpName>(node: Tensor<K>, inputs: readonly Text[]): Text {
  return FORMULAS[node.op](node, inputs);
}

/** One line per node: `%7 = tanh(%6)  [256, 32]  # n`, then the outputs. */
export function printGraph(graph: Graph): string {
  const numbers = new Map(graph.nodes.map((node, i) => [node, i]));
  const lines = graph.nodes.map((node, i) => {
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}=${value}`);
    const operands = [...node.inputs.map((source) => `%${numbers.get(source)}`), ...attributes].join(", ");
    const label = node.label ? `  # ${node.label}` : "";
    return `%${i} = ${node.op}(${operands})  ${node.dtype === "index" ? "index " : ""}${
      formatShape(node.shape)
    }${label}`;
  });
  const outputs = [...graph.outputs].map(([name, node]) => `return ${name} = %${numbers.get(node)}`);
  return [...lines, ...outputs].join("\n");
}

/**
 * The forward function as equations, one for each named tensor in the order of the computation:
 * `z = σ(W_state_gate_nn [x̃, h̃, n] + b_state_gate_nn)`. A name used twice (n before and after a gate) is told apart by primes.
 */
export function equations(graph: Graph): string[] {
  return writeOut(graph).lines;
}

/** What each output is, in the symbols of {@linkcode equations}: `n′`, or a formula where it has no name. */
export function outputFormulas(graph: Graph): Map<string, string> {
  const { texts } = writeOut(graph);
  return new Map([...graph.outputs].map(([name, node]) => [name, texts.get(node)!.text]));
}

/** The equations, and each node as later ones refer to it. */
function writeOut(graph: Graph): { lines: string[]; texts: Map<Tensor, Text> } {
  const taken = new Map<string, number>();
  const lines: string[] = [];
  const texts = new Map<Tensor, Text>();
  for (const node of graph.nodes) {
    const body = formula(node, node.inputs.map((source) => texts.get(source)!));
    if (!node.label) {
      texts.set(node, body);
      continue;
    }
    const count = taken.get(node.label) ?? 0;
    taken.set(node.label, count + 1);
    const symbol = node.label + "′".repeat(count);
    texts.set(node, atom(symbol));
    if (!isOp(node, "input")) lines.push(`${symbol} = ${body.text}`);
  }
  return { lines, texts };
}
