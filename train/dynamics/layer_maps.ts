/** One layer of a model as a map of its own states, while each row of a batch reads one token for ever. */
import { buildGraph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { sideBySide } from "../../cells/graph/products.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { Float64Graph } from "./float64.ts";
import { jacobianStep, numbersOf, tangentName } from "./jacobian.ts";
import type { PointMap } from "./newton.ts";
import { tokenFeeds } from "./streams.ts";
import { type CheckedModel, modelOfRows } from "./weighted_model.ts";

/** Rows of a product that keep the processor busy. */
const ROWS = 512;

/** States of all layers, by name `[rows, size]`. */
export type StackStates = ReadonlyMap<string, Values>;

/** What stays the same while a {@linkcode LayerMap} is applied. */
export interface HeldStack {
  readonly model: CheckedModel;
  /** The token that each row reads. */
  readonly tokens: Tokens;
  /** States of the layers below; others may be in it. */
  readonly states: StackStates;
  readonly signal?: AbortSignal;
}

/** A layer of a stack as a map of its states, `[row]` by row; its points have the numbers of its states side by side. */
export class LayerMap implements PointMap, AsyncDisposable {
  private constructor(
    private readonly stack: HeldStack,
    /** Of the layer's states. */
    readonly names: readonly string[],
    private readonly image: Float64Graph,
    private readonly derivative: Float64Graph,
    private readonly rowsAtOnce: number,
    private readonly opened: AsyncDisposableStack,
  ) {}

  /** @returns undefined where the layer has no state */
  static async open(stack: HeldStack, layer: number): Promise<LayerMap | undefined> {
    const { model, tokens: { length } } = stack, { layers, graph } = jacobianStep(modelOfRows(model, length));
    const names = layers[layer].map(({ name }) => name), count = numbersOf(layers[layer]);
    if (!count) return undefined;
    const rows = Math.max(1, Math.min(length, Math.floor(ROWS / count))), changes = names.map(tangentName);
    await using graphs = new AsyncDisposableStack();
    const open = async ({ outputs }: typeof graph, wanted: readonly string[], stacked?: readonly string[]) => {
      const part = buildGraph(Object.fromEntries(wanted.map((name) => [name, outputs.get(name)!])));
      const options = { weights: model.weights, stacked: stacked && { names: new Set(stacked), count } };
      return graphs.use(await Float64Graph.open(part, options));
    };
    const image = await open(graph, names);
    const derivative = await open(jacobianStep(modelOfRows(model, rows)).graph, changes, changes);
    return new LayerMap(stack, names, image, derivative, rows, graphs.move());
  }

  async apply(points: readonly Float64Array[]): Promise<Float64Array[]> {
    const { states, tokens } = this.stack, rows = points.map((_, row) => row);
    const own = statesOf(this.names, points);
    const after = await this.image.run(new Map([...states, ...own, ...tokenFeeds(tokens, rows, 0)]));
    return pointsOf(this.names, after, this.stack.model.sizes.state_size);
  }

  async jacobians(
    points: readonly Float64Array[],
    which: readonly number[],
    use: (place: number, jacobian: Float64Array[]) => void,
  ): Promise<void> {
    const { model, states, tokens, signal } = this.stack, rows = this.rowsAtOnce, numbers = points[0].length;
    const changes = this.names.map(tangentName), axes = statesOf(changes, axesOf(numbers, rows));
    for (let begin = 0; begin < which.length; begin += rows) {
      // The last ones may be fewer; a graph has a fixed number of rows.
      const places = Array.from({ length: rows }, (_, i) => which[Math.min(begin + i, which.length - 1)]);
      const below = [...states].map(([name, values]) => [name, chosenRows(values, places, points.length)] as const);
      const own = statesOf(this.names, places.map((place) => points[place]));
      const feeds = new Map([...below, ...own, ...axes, ...tokenFeeds(tokens, places, 0)]);
      const columns = pointsOf(changes, await this.derivative.run(feeds), model.sizes.state_size);
      for (let row = 0; row < rows && begin + row < which.length; row++) {
        const entry = (i: number, axis: number) => columns[axis * rows + row][i];
        const derivatives = (_: unknown, i: number) =>
          Float64Array.from({ length: numbers }, (_, axis) => entry(i, axis));
        use(places[row], Array.from({ length: numbers }, derivatives));
      }
      signal?.throwIfAborted();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}

/** A change along each axis, for all rows: those of the first axis first. */
function axesOf(numbers: number, rows: number): Float64Array[] {
  const axes = Array.from({ length: numbers }, (_, axis) => new Float64Array(numbers).fill(1, axis, axis + 1));
  return axes.flatMap((axis) => Array.from({ length: rows }, () => axis));
}

/** Rows of states, each `[rows, size]`, as points with the numbers of all states side by side. */
export function pointsOf(names: readonly string[], states: StackStates, size: number): Float64Array[] {
  const all = sideBySide(names.map((name) => states.get(name)!), names.map(() => size)), numbers = names.length * size;
  return Array.from({ length: all.length / numbers }, (_, row) => all.subarray(row * numbers, (row + 1) * numbers));
}

/** Points as rows of states: the inverse of {@linkcode pointsOf}. */
export function statesOf(names: readonly string[], points: readonly Float64Array[]): Map<string, Values> {
  const size = points[0].length / names.length;
  return new Map(names.map((name, state) => {
    const values = new Float64Array(points.length * size);
    points.forEach((point, row) => values.set(point.subarray(state * size, (state + 1) * size), row * size));
    return [name, values];
  }));
}

/** Some rows of a matrix. */
function chosenRows(values: Values, places: readonly number[], rows: number): Values {
  const size = values.length / rows, chosen = new Float64Array(places.length * size);
  places.forEach((place, i) => chosen.set(values.subarray(place * size, (place + 1) * size), i * size));
  return chosen;
}
