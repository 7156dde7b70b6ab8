/** An evaluation model that reads a block of tokens at once: its step, written as often as the block is long. */
import { NEXT } from "./export.ts";
import { NLL, type NllForm } from "./nll.ts";
import {
  axis,
  DATA_TYPE,
  int64s,
  type ModelProto,
  node,
  type NodeProto,
  type TensorProto,
  valueInfo,
  type ValueInfoProto,
} from "./proto.ts";

/** Input of a block: the tokens that each step reads, and those that the last is to predict. */
export const TEXT = "text";
/** Input of a block that may forget: what each row's states are multiplied by before they are read. */
export const KEEP = "keep";

/** Tensors that one node joins: a shader binds few buffers, by default eight with its output's. */
const MOST_JOINED = 7;

/** How a block is written. */
export interface BlockOptions {
  /** What the model calls its tokens and its logits. */
  readonly input: string;
  readonly logits: string;
  /** Tokens that each row reads, at least 1. */
  readonly steps: number;
  readonly nll: NllForm;
  /** Whether the block has the input {@linkcode KEEP}. */
  readonly forgets?: boolean;
}

/**
 * A model of one step as a model of `steps`. States go from step to step inside it, and come out after the last.
 *
 * Inputs: `text` int32 `[steps + 1, batch]`, of which step `t` reads row `t` and predicts row `t + 1`; `keep` float32 `[batch, 1]`, where asked
 * for; and the states float32 `[batch, size]`. Outputs: `nll` float32 `[steps · batch, 1]`, step after step, and the states. What depends on
 * weights alone is there once. So is the last product: it takes the rows of all steps, enough of them to fill a processor.
 *
 * @param model inputs: tokens int64 `[batch]` and states; outputs: logits float32 `[batch, vocabulary]`, and each state with the ending of
 * {@linkcode NEXT}
 */
export function unrolled(model: ModelProto, { input, logits, steps, nll, forgets = false }: BlockOptions): ModelProto {
  const { graph } = model, states = graph.input.filter(({ name }) => name !== input);
  const carried = new Set(states.map(({ name }) => name + NEXT));
  const changing = dependents(graph.node, graph.input.map(({ name }) => name));
  const isStep = ({ output }: NodeProto) => changing.has(output[0]);
  const head = graph.node.find((node) => isHead(node, logits, changing));
  const body = graph.node.filter((node) => isStep(node) && node !== head);
  const scopes = scopesOf(states, { input, steps, forgets }, changing);
  const joined = join(scopes.map((nameIn) => nameIn(head?.input[0] ?? logits)));
  const text = textNodes(scopes.map((nameIn) => nameIn(input)));
  return {
    ...model,
    graph: {
      ...graph,
      initializer: [...graph.initializer, ...text.initializers, ...nll.initializers],
      node: [
        ...graph.node.filter((node) => !isStep(node)),
        ...text.nodes,
        ...(forgets ? states.map(({ name }) => node("Mul", [name, KEEP], kept(name))) : []),
        ...scopes.flatMap((nameIn, step) => body.map((node) => renamed(node, step, nameIn))),
        ...joined.nodes,
        ...(head ? [{ ...head, input: [joined.output, ...head.input.slice(1)] }] : []),
        ...nll.nodes(head ? logits : joined.output, TARGETS),
      ],
      input: [
        valueInfo(TEXT, DATA_TYPE.INT32, [steps + 1, "batch"]),
        ...(forgets ? [valueInfo(KEEP, DATA_TYPE.FLOAT, ["batch", 1])] : []),
        ...states,
      ],
      // A model may make a state that none of its steps reads.
      output: [...graph.output.filter(({ name }) => carried.has(name)), valueInfo(NLL, DATA_TYPE.FLOAT, ["rows", 1])],
    },
  };
}

/** Names of what depends on any of `roots`, these included; nodes stand in an order in which they can be computed. */
function dependents(nodes: readonly NodeProto[], roots: readonly string[]): ReadonlySet<string> {
  const names = new Set(roots);
  for (const { input, output } of nodes) {
    if (input.some((name) => names.has(name))) output.forEach((name) => names.add(name));
  }
  return names;
}

/** Whether a node makes the logits as a product of a step's values with weights: then it can wait for the values of all steps. */
function isHead({ op_type, input, output }: NodeProto, logits: string, changing: ReadonlySet<string>): boolean {
  const [x, ...weights] = input;
  return op_type === "Gemm" && output[0] === logits && changing.has(x) && !weights.some((name) => changing.has(name));
}

/** What a block calls a tensor of one step. */
type NameIn = (name: string) => string;

const kept = (state: string) => `${state}@kept`;

/** The names in each step: the states that one reads are those that the one before has made. */
function scopesOf(
  states: readonly ValueInfoProto[],
  { input, steps, forgets }: Pick<BlockOptions, "input" | "steps" | "forgets">,
  changing: ReadonlySet<string>,
): NameIn[] {
  const own = new Set(states.map(({ name }) => name)), next = new Set(states.map(({ name }) => name + NEXT));
  // What the last step makes of the states is the block's own output.
  const made = (name: string, step: number) => next.has(name) && step === steps - 1 ? name : `${name}@${step}`;
  return Array.from({ length: steps }, (_, step) => (name: string) => {
    if (own.has(name)) return step ? made(name + NEXT, step - 1) : forgets ? kept(name) : name;
    return name === input || changing.has(name) ? made(name, step) : name;
  });
}

function renamed(node: NodeProto, step: number, nameIn: NameIn): NodeProto {
  return { ...node, name: `${node.name}@${step}`, input: node.input.map(nameIn), output: node.output.map(nameIn) };
}

const TARGETS = "nll.targets";

/** Takes the text apart: each step's tokens `[batch]`, and the targets of all `[steps · batch, 1]`. One input is uploaded at once, many are not. */
function textNodes(tokens: readonly string[]): { nodes: NodeProto[]; initializers: TensorProto[] } {
  const all = "text.targets", shape = "text.column", rows = "text.following";
  const row = (step: number) => `text.row${step}`;
  return {
    nodes: [
      ...tokens.map((name, step) => node("Gather", [TEXT, row(step)], name, axis(0))),
      node("Gather", [TEXT, rows], all, axis(0)),
      node("Reshape", [all, shape], TARGETS),
    ],
    initializers: [
      ...tokens.map((_, step) => int64s(row(step), [], [step])),
      int64s(rows, [tokens.length], tokens.map((_, step) => step + 1)),
      int64s(shape, [2], [-1, 1]),
    ],
  };
}

/** Puts matrices below each other, a few at a time. */
function join(names: readonly string[]): { nodes: NodeProto[]; output: string } {
  const nodes: NodeProto[] = [];
  let left = [...names];
  while (left.length > 1) {
    left = Array.from({ length: Math.ceil(left.length / MOST_JOINED) }, (_, i) => {
      const part = left.slice(i * MOST_JOINED, (i + 1) * MOST_JOINED);
      if (part.length === 1) return part[0];
      const output = `rows.${nodes.length}`;
      nodes.push(node("Concat", part, output, axis(0)));
      return output;
    });
  }
  return { nodes, output: left[0] };
}
