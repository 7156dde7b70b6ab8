/**
 * What a worker needs to run a training step: an ONNX model for the products and gates, a WebAssembly module for the updates,
 * and which tensors of both lie in the memory that they share.
 */
import { makeNode } from "../../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../../cells/graph/graph.ts";
import { isOp, type Shape, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";
import { exportOnnx, outputName } from "./export.ts";
import { neighbours, type Part, partsOf, transposedTensors, viewsOf } from "./layout.ts";
import { compileUpdates, LINE_FLOATS, SCATTER, SIMD_WIDTH, type Update } from "./loops.ts";
import { findUpdates } from "./updates.ts";
import { workingBytes } from "./working_bytes.ts";

/** A float tensor in the shared memory. */
export interface Location {
  readonly name: string;
  /** As it lies there. */
  readonly shape: Shape;
  readonly transposed: boolean;
  /** Whether there are two copies: the model reads one and writes the other, and after each step they change places. */
  readonly swapped: boolean;
}

/** Some rows of a location, or all of it, as an input or output of the model. */
export interface LocationView {
  /** The name that the model gives it. */
  readonly name: string;
  readonly location: string;
  readonly first: number;
  readonly shape: Shape;
}

/** A call of the WebAssembly module, after the model has run. */
export interface Call {
  readonly name: string;
  /** The locations, or int64 inputs, whose addresses it takes. */
  readonly addresses: readonly string[];
  /** The scalar inputs whose values it takes. */
  readonly scalars: readonly string[];
  readonly numbers: readonly number[];
}

export interface StepPlan {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly loops: Uint8Array<ArrayBuffer>;
  readonly locations: readonly Location[];
  readonly inputs: readonly LocationView[];
  readonly outputs: readonly LocationView[];
  readonly calls: readonly Call[];
  /** What the model needs for tensors of its own: those that are alive at once, at most. */
  readonly workingBytes: number;
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
  const names = new Naming(step);
  const gradients = updates.flatMap(({ computed }) => computed && transposed.has(computed) ? [computed] : []);
  const scattered = gradients.filter((x) => isOp(x, "embedding_weight_gradient"));
  const parted = partsOfGradients(gradients.filter((x) => isOp(x, "linear_weight_gradient")), step, transposed);
  const rest = restOf(step, { updates, gradients, scattered, parted }, names);
  // Equal parts of two gradients are one node there, under two names.
  for (const part of parted) transposed.add(rest.outputs.get(partName(part, names))!);

  const updated = new Set(updates.flatMap(({ results }) => [...results.keys()]));
  const lying = (x: Tensor) => transposed.has(x) ? x.shape.toReversed() : x.shape;
  const locations = new Map<string, Location>();
  const reserve = (name: string, x: Tensor, swapped = false) =>
    locations.set(name, { name, shape: lying(x), transposed: transposed.has(x), swapped });
  for (const [name, x] of step.inputs) {
    if (x.dtype === "float") reserve(name, x, step.outputs.has(name) && !updated.has(x));
  }
  for (const gradient of gradients) reserve(names.of(gradient), gradient);

  const parts = new Map(
    parted.map((part) => [partName(part, names), { location: names.of(part.whole), first: part.first }]),
  );
  const outputs = [...rest.outputs].map(([name, x]): LocationView => {
    const part = parts.get(name) ?? { location: name, first: 0 };
    if (!locations.has(part.location)) reserve(part.location, x);
    return { name: outputName(rest, name), ...part, shape: lying(x) };
  });
  const joined = joinable(outputs, locations), inOthers = new Set(joined.flat());
  for (const { location } of inOthers) {
    // Side by side, at the end.
    const moved = locations.get(location)!;
    locations.delete(location);
    locations.set(location, moved);
  }
  const joinedViews = joined.map((views, i): LocationView => {
    const [{ location, shape: [, ...columns] }] = views;
    return {
      name: `joined.${i}`,
      location,
      first: 0,
      shape: [views.reduce((rows, { shape }) => rows + shape[0], 0), ...columns],
    };
  });
  const namesIn = (views: readonly LocationView[]) => views.map(({ name }) => name);
  return {
    model: exportOnnx(rest, {
      transposed,
      joined: new Map(joined.map((views, i) => [joinedViews[i].name, namesIn(views)])),
    }),
    ...compile(updates, scattered, names),
    locations: [...locations.values()],
    inputs: [
      ...[...locations.values()].map(({ name, shape }) => ({ name, location: name, first: 0, shape })),
      ...viewsOf(rest, transposed).map(({ name, weight, first, shape }) => ({
        name,
        location: names.of(weight),
        first,
        shape,
      })),
    ],
    outputs: [...outputs.filter((view) => !inOthers.has(view)), ...joinedViews],
    workingBytes: workingBytes(rest),
  };
}

/** The largest location, in floats, whose outputs are joined with others: to copy it takes less time than to hand it over. */
const MOST_JOINED = 4096;

/**
 * Outputs that the model can hand over as one: small ones with as many columns, that fill the whole lines of memory of their locations. Each tensor that
 * goes into JavaScript takes as long as a small operation.
 *
 * @returns of each that is to be made its parts, in the order in which their locations are to lie
 */
function joinable(outputs: readonly LocationView[], locations: ReadonlyMap<string, Location>): LocationView[][] {
  const groups = new Map<string, LocationView[]>();
  for (const view of outputs) {
    const { shape, swapped } = locations.get(view.location)!, size = sizeOf(shape);
    if (swapped || !shape.length || size > MOST_JOINED || size % LINE_FLOATS !== 0) continue;
    const columns = shape.slice(1).join();
    groups.set(columns, [...groups.get(columns) ?? [], view]);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

/** A weight's gradient for some of its inputs: a tensor of its own, whose rows come to lie in the whole's. */
interface GradientPart {
  readonly whole: Tensor;
  readonly tensor: Tensor;
  readonly first: number;
}

/** The name under which the model hands over a part. */
const partName = ({ whole, first }: GradientPart, names: Naming) => `${names.of(whole)}[${first}:]`;

/** The gradients cut as the products of their weights are. */
function partsOfGradients(
  gradients: readonly Tensor<"linear_weight_gradient">[],
  step: Graph,
  transposed: ReadonlySet<Tensor>,
): GradientPart[] {
  const areAdjacent = neighbours(step);
  const others = step.nodes.filter((node) => isOp(node, "linear_weight_gradient") && !transposed.has(node));
  return gradients.flatMap((whole): GradientPart[] => {
    const [dy, ...xs] = whole.inputs, parts = partsOf(xs, areAdjacent);
    // A gradient that stays as it is elsewhere in the step would be one node with a part that equals it.
    const isTaken = ({ inputs }: Part) =>
      others.some((node) =>
        node.inputs.length === inputs.length + 1 && [dy, ...inputs].every((source, i) => source === node.inputs[i])
      );
    if (parts.length === 1 || parts.some(isTaken)) return [{ whole, tensor: whole, first: 0 }];
    return parts.map(({ inputs, first }) => ({
      whole,
      tensor: makeNode("linear_weight_gradient", [dy, ...inputs], {}),
      first,
    }));
  });
}

/** What becomes of a step. */
interface Division {
  readonly updates: readonly Update[];
  /** Gradients that lie transposed, of which some come in parts and others are scattered. */
  readonly gradients: readonly Tensor[];
  readonly scattered: readonly Tensor[];
  readonly parted: readonly GradientPart[];
}

/** What is left of a step without its updates; what they read is an output of it. */
function restOf(step: Graph, { updates, gradients, scattered, parted }: Division, names: Naming): Graph {
  const apart = new Set<Tensor>([...updates.flatMap(({ nodes }) => nodes), ...gradients]);
  const kept = [...step.outputs].filter(([, x]) => !apart.has(x));
  const handed = [
    ...updates.flatMap(({ computed }) => computed && !apart.has(computed) ? [computed] : []),
    ...scattered.map(({ inputs: [dy] }) => dy),
  ];
  return buildGraph(Object.fromEntries([
    ...kept,
    ...handed.map((x): [string, Tensor] => [names.of(x), x]),
    ...parted.map((part): [string, Tensor] => [partName(part, names), part.tensor]),
  ]));
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
    numbers: [Math.ceil(sizeOf(arrays[0].shape) / SIMD_WIDTH)],
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
