/**
 * What a worker needs to run a training step: an ONNX model for the products and gates, a WebAssembly module for the updates,
 * and which tensors of both lie in the memory that they share.
 */
import { buildGraph, type Graph } from "../../../cells/graph/graph.ts";
import { isOp, type Shape, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";
import { exportOnnx, outputName } from "./export.ts";
import { transposedTensors, viewOf } from "./layout.ts";
import { compileUpdates, LANES, SCATTER } from "./loops.ts";
import { findUpdates, type Update } from "./updates.ts";

/** A float tensor in the shared memory. */
export interface Slot {
  readonly name: string;
  /** As it lies there. */
  readonly shape: Shape;
  readonly transposed: boolean;
  /** Whether there are two copies: the model reads one and writes the other, and after each step they change places. */
  readonly swapped: boolean;
}

/** Some rows of a slot, as an input of the model. */
export interface SlotView {
  readonly name: string;
  readonly slot: string;
  readonly first: number;
  readonly shape: Shape;
}

/** A call of the WebAssembly module, after the model has run. */
export interface Call {
  readonly name: string;
  /** The slots, or int64 inputs, whose addresses it takes. */
  readonly addresses: readonly string[];
  /** The scalar inputs whose values it takes. */
  readonly scalars: readonly string[];
  readonly numbers: readonly number[];
}

export interface StepPlan {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly loops: Uint8Array<ArrayBuffer>;
  readonly slots: readonly Slot[];
  readonly views: readonly SlotView[];
  /** Slots that the model writes, by the name of its output. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly calls: readonly Call[];
}

const plans = new WeakMap<Graph, StepPlan>();

/** The plan of a training step; seeds share a step, and so its plan. */
export function planStep(step: Graph): StepPlan {
  const plan = plans.get(step) ?? makePlan(step);
  plans.set(step, plan);
  return plan;
}

function makePlan(step: Graph): StepPlan {
  const updates = findUpdates(step);
  const transposed = transposedTensors(step, updates);
  const scattered = updates.flatMap(({ computed }) =>
    computed && isOp(computed, "embedding_weight_gradient") && transposed.has(computed) ? [computed] : []
  );
  const names = new Naming(step);
  const rest = restOf(step, updates, scattered, names);

  const updated = new Set(updates.flatMap(({ results }) => [...results.keys()]));
  const isSwapped = (name: string, x: Tensor) => step.outputs.has(name) && !updated.has(x as Tensor<"input">);
  const slot = (name: string, x: Tensor, swapped: boolean): Slot => ({
    name,
    shape: transposed.has(x) ? x.shape.toReversed() : x.shape,
    transposed: transposed.has(x),
    swapped,
  });
  const made = new Map([...rest.outputs].filter(([name]) => !step.inputs.has(name)));
  for (const gradient of scattered) made.set(names.of(gradient), gradient);
  const views = rest.nodes.flatMap((node) => {
    const view = isOp(node, "linear_input_gradient") && transposed.has(node.inputs[1]) ? viewOf(node) : undefined;
    return view ? [{ ...view, slot: names.of(view.weight) }] : [];
  });
  return {
    model: exportOnnx(rest, { transposed }),
    ...compile(updates, scattered, names),
    slots: [
      ...[...step.inputs].filter(([, { dtype }]) => dtype === "float").map(([n, x]) => slot(n, x, isSwapped(n, x))),
      ...[...made].map(([name, x]) => slot(name, x, false)),
    ],
    views: views.map(({ name, slot, first, shape }) => ({ name, slot, first, shape })),
    outputs: new Map([...rest.outputs.keys()].map((name) => [outputName(rest, name), name])),
  };
}

/** What is left of a step without its updates; what they read is an output of it. */
function restOf(step: Graph, updates: readonly Update[], scattered: readonly Tensor[], names: Naming): Graph {
  const moved = new Set(updates.flatMap(({ nodes }) => nodes));
  const apart = new Set<Tensor>([...moved, ...scattered]);
  const kept = [...step.outputs].filter(([, x]) => !apart.has(x));
  const handed = [
    ...updates.flatMap(({ computed }) => computed && !apart.has(computed) ? [computed] : []),
    ...scattered.map(({ inputs: [dy] }) => dy),
  ];
  return buildGraph(Object.fromEntries([...kept, ...handed.map((x): [string, Tensor] => [names.of(x), x])]));
}

/** The loops, and the calls of them that complete a step. */
function compile(
  updates: readonly Update[],
  scattered: readonly Tensor[],
  names: Naming,
): Pick<StepPlan, "loops" | "calls"> {
  const compiled = compileUpdates(updates);
  const scatters = scattered.map((gradient): Call => {
    const { inputs: [dy, indices], shape: [, vocabulary] } = gradient;
    const addresses = [gradient, dy, indices].map((x) => names.of(x));
    return { name: SCATTER, addresses, scalars: [], numbers: [...dy.shape, vocabulary] };
  });
  const loops = updates.map(({ arrays, scalars }, i): Call => ({
    name: compiled.names[i],
    addresses: arrays.map((x) => names.of(x)),
    scalars: scalars.map((x) => names.of(x)),
    numbers: [Math.ceil(sizeOf(arrays[0].shape) / LANES)],
  }));
  return { loops: compiled.module, calls: [...scatters, ...loops] };
}

/** Names under which the model and the loops know tensors: public ones where there are such. */
class Naming {
  readonly #names = new Map<Tensor, string>();

  constructor(graph: Graph) {
    for (const [name, x] of graph.outputs) if (!graph.inputs.has(name)) this.#names.set(x, name);
    for (const [name, x] of graph.inputs) this.#names.set(x, name);
  }

  of(tensor: Tensor): string {
    const name = this.#names.get(tensor) ?? `handed.${this.#names.size}`;
    this.#names.set(tensor, name);
    return name;
  }
}
