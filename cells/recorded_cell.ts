/**
 * A cell's forward function as plain data: recorded where its code runs, replayed where its model is built. So the code of a user's space
 * can run in a worker that may do nothing, and what comes from there passes all rules of the graph builder again.
 */
import * as z from "zod";
import { type Cell, type CellOutput, Layer, type Parameter, Parameters } from "./cell.ts";
import { parseWith } from "./config.ts";
import { UserError } from "./errors.ts";
import { renamedDraw } from "./draw.ts";
import { constant, input, makeNode, named } from "./graph/builder.ts";
import { ELEMENTWISE, type ElementwiseOp } from "./graph/elementwise.ts";
import { formatShape, isOp, sameShape, type Tensor } from "./graph/tensor.ts";

/** Sizes that shapes follow from. */
export interface StepSizes {
  readonly batch: number;
  readonly state_size: number;
}

/** The layer in which a cell is recorded. */
const PREFIX = "layer";
/** Nodes that one step of one layer may have: the largest cell of the catalog has fewer than a hundred. */
const MOST_NODES = 10_000;

/** Operations that a cell is made of beside elementwise ones. */
const PLAIN_OPS = ["linear", "sum"] as const;
const OPS = [...Object.keys(ELEMENTWISE) as ElementwiseOp[], ...PLAIN_OPS] as const;

const number = z.number().int().nonnegative();
const label = z.string().min(1).max(100).optional();
const nodeSchema = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal("x"), label }),
  z.strictObject({ op: z.literal("state"), name: z.string(), label }),
  z.strictObject({ op: z.literal("parameter"), name: z.string(), label }),
  z.strictObject({ op: z.literal("constant"), value: z.number(), label }),
  z.strictObject({ op: z.enum(OPS), inputs: z.array(number).max(MOST_NODES), label }),
]);

/** Schema of {@linkcode RecordedStep}. */
export const recordedStepSchema = z.object({
  /** Each behind those that it reads. */
  nodes: z.array(nodeSchema).max(MOST_NODES),
  /** The weights by their names in the layer: all that a {@linkcode Parameter} has beside its name. */
  parameters: z.record(z.string(), z.looseObject({ shape: z.array(z.number()), fan_in: z.number() })),
  /** Numbers of the nodes that are the output and the new states. */
  output: number,
  states: z.record(z.string(), number),
});

/** One step of one layer. */
export type RecordedStep = z.infer<typeof recordedStepSchema>;
type RecordedNode = RecordedStep["nodes"][number];

/**
 * Records one step of a cell.
 *
 * @throws {TypeError} if the cell returns no tensor for its output or for a state
 * @throws {UserError} if it reads something that nobody feeds
 */
export function recordCell(cell: Cell, { batch, state_size }: StepSizes): RecordedStep {
  const parameters = new Parameters(), layer = new Layer(PREFIX, batch, state_size, parameters);
  const x = named("x", input("x", [batch, state_size]));
  const states = Object.fromEntries(cell.states.map((name) => [name, layer.state(name)]));
  const made = cell.forward(layer, x, states);
  const own = (name: string) => name.slice(PREFIX.length + 1);
  const entries = parameters.entries();
  const sources = new Map<Tensor, RecordedNode>([
    [x, { op: "x" }],
    ...cell.states.map((name): [Tensor, RecordedNode] => [states[name], { op: "state", name }]),
    ...entries.map(({ parameter: { name }, tensor }): [Tensor, RecordedNode] => [
      tensor,
      { op: "parameter", name: own(name) },
    ]),
  ]);
  const recorder = new Recorder(cell.name, sources);
  return {
    output: recorder.numberOf(made?.output, "output"),
    states: Object.fromEntries(
      cell.states.map((name) => [name, recorder.numberOf(made.states?.[name], `state '${name}'`)]),
    ),
    nodes: recorder.nodes,
    parameters: Object.fromEntries(
      entries.map(({ parameter: { name, draw, ...facts } }) => [
        own(name),
        { ...facts, ...draw ? { draw: renamedDraw(draw, own) } : {} },
      ]),
    ) as RecordedStep["parameters"],
  };
}

/** Numbers the tensors that are reached, each behind those that it reads. */
class Recorder {
  readonly nodes: RecordedNode[] = [];
  readonly #numbers = new Map<Tensor, number>();

  constructor(private readonly cell: string, private readonly sources: ReadonlyMap<Tensor, RecordedNode>) {}

  /** The number of a tensor that the cell returned. */
  numberOf(root: Tensor | undefined, what: string): number {
    if (!root) throw new TypeError(`Cannot build cell '${this.cell}': forward() returned no ${what}`);
    // With an own stack: a cell that loops may be deep.
    const stack = [root];
    while (stack.length) {
      const node = stack.at(-1)!, waiting = node.inputs.filter((source) => !this.#numbers.has(source));
      if (waiting.length && !this.#numbers.has(node)) {
        for (const source of waiting) stack.push(source);
        continue;
      }
      stack.pop();
      if (!this.#numbers.has(node)) this.#add(node);
    }
    return this.#numbers.get(root)!;
  }

  #add(node: Tensor): void {
    this.#numbers.set(node, this.nodes.length);
    const recorded = this.sources.get(node) ?? this.#operation(node);
    this.nodes.push(node.label === undefined ? recorded : { ...recorded, label: node.label });
  }

  #operation(node: Tensor): RecordedNode {
    const refuse = (why: string) => new UserError(`Cannot build cell '${this.cell}': ${why}`);
    if (isOp(node, "constant")) {
      const { value } = node.attributes;
      if (!Number.isFinite(value)) throw refuse(`it has the constant ${value}, must be finite`);
      return { op: "constant", value };
    }
    if (isOp(node, "input")) {
      throw refuse(`it reads '${node.attributes.name}', must read x, its states and weights of its layer`);
    }
    const op = OPS.find((one) => one === node.op);
    if (!op) throw refuse(`it uses '${node.op}', must use ${OPS.join(", ")}`);
    return { op, inputs: node.inputs.map((source) => this.#numbers.get(source)!) };
  }
}

/**
 * A cell that replays what was recorded elsewhere.
 *
 * @param record asked for a step at its sizes, whenever a model is built
 */
export function replayedCell(
  { name, states }: Pick<Cell, "name" | "states">,
  record: (sizes: StepSizes) => RecordedStep,
): Cell {
  return {
    name,
    states,
    forward(layer, x, carried) {
      const { batch, state_size } = layer;
      const step = parseWith(recordedStepSchema, record({ batch, state_size }), `what cell '${name}' is made of`);
      try {
        return replay(name, step, layer, x, carried);
      } catch (error) {
        // Shapes and draws that do not fit are mistakes of the cell's author.
        if (!(error instanceof TypeError)) throw error;
        throw new UserError(`Cannot build cell '${name}': ${error.message}`);
      }
    },
  };
}

function replay(
  cell: string,
  { nodes, parameters, output, states }: RecordedStep,
  layer: Layer,
  x: Tensor,
  carried: Readonly<Record<string, Tensor>>,
): CellOutput {
  const made: Tensor[] = [];
  const refuse = (why: string): never => {
    throw new UserError(`Cannot build cell '${cell}': ${why}`);
  };
  const oddName = Object.keys(parameters).find((name) => !/^[\w.]+$/.test(name));
  if (oddName !== undefined) refuse(`weight '${oddName}' must have a name of letters, digits, _ and points`);
  const at = (number: number): Tensor => made[number] ?? refuse(`node ${number} is read before it is there`);
  /** A tensor that leaves the step. */
  const carriedOn = (number: number, what: string): Tensor => {
    const tensor = at(number);
    if (sameShape(tensor.shape, x.shape)) return tensor;
    return refuse(`its ${what} is ${formatShape(tensor.shape)}, must be ${formatShape(x.shape)}`);
  };
  const source = (node: RecordedNode): Tensor => {
    switch (node.op) {
      case "x":
        return x;
      case "state":
        return Object.hasOwn(carried, node.name) ? carried[node.name] : refuse(`it has no state '${node.name}'`);
      case "parameter":
        return Object.hasOwn(parameters, node.name)
          ? layer.declare({ ...parameters[node.name] as Omit<Parameter, "name">, name: node.name })
          : refuse(`it has no weight '${node.name}'`);
      case "constant":
        return constant(node.value);
      default:
        return makeNode(node.op, node.inputs.map(at), {});
    }
  };
  for (const node of nodes) {
    const tensor = source(node);
    made.push(node.label === undefined ? tensor : named(node.label, tensor));
  }
  const next = Object.keys(carried).map((name): [string, Tensor] =>
    Object.hasOwn(states, name)
      ? [name, carriedOn(states[name], `new state '${name}'`)]
      : refuse(`it returned no state '${name}'`)
  );
  return { output: carriedOn(output, "output"), states: Object.fromEntries(next) };
}
