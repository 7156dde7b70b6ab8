/** Participation ratio: how many dimensions of its state a model uses. */
import { UserError } from "../../cells/errors.ts";
import { input, makeNode } from "../../cells/graph/builder.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { sideBySide } from "../../cells/graph/products.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { layerOf } from "./layers.ts";
import type { Watched } from "./progress.ts";
import { Float64Graph } from "./float64.ts";
import type { StreamOptions } from "./stream_options.ts";
import { cutStreams, type Trajectory, type VisitedStates } from "./streams.ts";
import { visitedStates } from "./walk.ts";
import { checkModel, type WeightedModel } from "./weighted_model.ts";

/** The participation ratio of some carried numbers. */
export interface Participation extends Estimate {
  /** Carried numbers: the most that it can be. */
  readonly numbers: number;
}

/** What {@linkcode participationRatio} finds. */
export interface ParticipationRatio extends Required<StreamOptions> {
  /** Of all carried state. */
  readonly whole: Participation;
  /** Of each layer's. */
  readonly layers: readonly Participation[];
}

/** What {@linkcode participationRatio} takes; all of it may be absent. Progress is in tokens of each stream. */
export interface ParticipationRatioOptions extends StreamOptions, Watched {}

const ACTION = "measure the participation ratio";

/**
 * How many dimensions the visited states fill: `(tr C)² / tr C²` of their covariance `C`, which is n where all n directions vary alike,
 * and 1 where all states lie on one line. Sources: Rajan, Abbott and Sompolinsky, "Inferring stimulus selectivity from the spatial structure of
 * neural network dynamics", 2010; Gao et al., "A theory of multineuronal dimensionality, dynamics and measurement", 2017.
 *
 * The value is of the states of all streams together, those before each measured token; its standard error is by the jackknife over the streams.
 * T states bound it: of n directions that vary alike and independently they find `n / (1 + n/T)` on average. States of a text are no independent
 * ones, and a ratio of few tokens is too low. It depends on the scale of each state: a layer, or the memory beside a state, that varies more
 * counts more. Value null: nothing varies.
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; absent options: 8 streams of 4,096 tokens, warm-up 512
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing or not finite, a state does not stay finite, or the model carries no state
 */
export async function participationRatio(
  model: WeightedModel,
  text: Tokens,
  { onProgress, signal, ...cut }: ParticipationRatioOptions = {},
): Promise<ParticipationRatio> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION);
  const visited = await visitedStates(checked, streams, ACTION, { onProgress, signal });
  return participationOf({ streams, states: visited }, signal);
}

/**
 * {@linkcode participationRatio} along streams that have been walked through already.
 *
 * @throws {UserError} if there is no state
 */
export async function participationOf(
  { streams: { streams, tokens, warm_up }, states: visited }: MeasuredStates,
  signal?: AbortSignal,
): Promise<ParticipationRatio> {
  if (!visited.size) throw new UserError(`Cannot ${ACTION}: the model carries no state`);
  const columns = columnsOf(visited, tokens), { numbers } = columns;
  const moments = await momentsOf(visited, columns, { streams, tokens }, signal);
  const participation = ({ first, count }: Columns): Participation => {
    const ratio = (left?: number) => ratioWithout(moments, { first, count, numbers, tokens }, left);
    const errors = moments.length < 2 ? [] : moments.map((_, left) => ratio(left)), value = ratio();
    return { value, standard_error: value === null ? null : jackknife(errors), numbers: count };
  };
  return {
    streams,
    tokens,
    warm_up,
    whole: participation({ first: 0, count: numbers }),
    layers: columns.layers.map(participation),
  };
}

/** What is read of a {@linkcode Trajectory}. */
interface MeasuredStates extends Pick<Trajectory, "states"> {
  readonly streams: Required<StreamOptions>;
}

/** Columns of the covariance: `count` of them from `first` on. */
interface Columns {
  readonly first: number;
  readonly count: number;
}

/** Where the numbers of each layer stand in a row that has all states side by side. */
function columnsOf(visited: VisitedStates, tokens: number) {
  const layers = new Map<number, Columns>(), widths: number[] = [];
  let numbers = 0;
  for (const [name, [{ length }]] of visited) {
    const width = length / tokens, known = layers.get(layerOf(name)) ?? { first: numbers, count: 0 };
    layers.set(layerOf(name), { ...known, count: known.count + width });
    widths.push(width);
    numbers += width;
  }
  return { numbers, widths, layers: [...layers.values()] };
}

/** Of the states of one stream, as differences from the mean over all streams. */
interface Moments {
  /** `[numbers]` */
  readonly sum: Float64Array;
  /** `Σ x xᵀ  [numbers, numbers]` */
  readonly products: Float64Array;
}

async function momentsOf(
  visited: VisitedStates,
  { numbers, widths }: { readonly numbers: number; readonly widths: readonly number[] },
  { streams, tokens }: Pick<Required<StreamOptions>, "streams" | "tokens">,
  signal?: AbortSignal,
): Promise<Moments[]> {
  const rows = Array.from({ length: streams }, (_, s) => {
    const states = [...visited.values()].map((each) => each[s]);
    return states.length > 1 ? sideBySide(states, widths) : states[0].slice();
  });
  centre(rows, numbers);
  const x = input("x", [tokens, numbers]),
    graph = buildGraph({ products: makeNode("linear_weight_gradient", [x, x], {}) });
  await using product = await Float64Graph.open(graph, { weights: new Map() });
  const moments: Moments[] = [];
  for (const values of rows) {
    const { [0]: products } = [...(await product.run(new Map([["x", values]]))).values()];
    moments.push({ sum: columnSums(values, numbers), products });
    signal?.throwIfAborted();
  }
  return moments;
}

/** Takes the mean over all rows off, in two steps, so that exactly nothing is left of what does not vary. */
function centre(rows: readonly Values[], numbers: number): void {
  const count = rows.reduce((total, { length }) => total + length / numbers, 0),
    shift = (by: Values) => {
      for (const values of rows) {
        for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === numbers ? 0 : c + 1) {
          values[i] -= by[c];
        }
      }
    };
  shift(rows[0].slice(0, numbers));
  const mean = new Float64Array(numbers);
  for (const values of rows) columnSums(values, numbers).forEach((sum, c) => mean[c] += sum / count);
  shift(mean);
}

function columnSums(values: Values, numbers: number): Float64Array {
  const sums = new Float64Array(numbers);
  for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === numbers ? 0 : c + 1) sums[c] += values[i];
  return sums;
}

/**
 * Variances below this share of the mean squared distance from the mean over all streams are rounding. Seen where a stream that alone varies is
 * left out, and the others rest at one state.
 */
const ROUNDING = 1e-13;

/**
 * The ratio of some columns, of all streams but one.
 *
 * @returns null where nothing varies
 */
function ratioWithout(
  moments: readonly Moments[],
  { first, count, numbers, tokens }: Columns & { readonly numbers: number; readonly tokens: number },
  left?: number,
): number | null {
  const used = moments.filter((_, s) => s !== left), states = used.length * tokens, end = first + count;
  const mean = new Float64Array(numbers), row = new Float64Array(numbers);
  for (const { sum } of used) for (let c = first; c < end; c++) mean[c] += sum[c] / states;
  let trace = 0, squares = 0, distance = 0;
  for (let r = first; r < end; r++) {
    row.fill(0);
    for (const { products } of used) for (let c = first; c < end; c++) row[c] += products[r * numbers + c];
    for (let c = first; c < end; c++) squares += (row[c] / states - mean[r] * mean[c]) ** 2;
    trace += row[r] / states - mean[r] ** 2;
    distance += row[r] / states;
  }
  return trace > ROUNDING * distance ? trace ** 2 / squares : null;
}
