/** Small systems whose dynamics are known, as models. */
import { type Cell, defineCell, type Layer } from "../../../cells/cell.ts";
import { add, mul, tanh } from "../../../cells/graph/builder.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";
import type { WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { drawnWeights } from "../../cells/models.ts";

/** A cell of one state whose next state is its output. */
export const mapCell = (name: string, next: (layer: Layer, x: Tensor, h: Tensor) => Tensor): Cell =>
  defineCell({
    name,
    states: ["h"],
    forward(layer, x, { h }) {
      const after = next(layer, x, h);
      return { output: after, states: { h: after } };
    },
  });

/** `h′ = tanh(2h)`, without input. */
export const tanhCell = mapCell("tanh_2h", (_, _x, h) => tanh(mul(2, h)));
/** `h′ = h/2`, without input. */
export const halvingCell = mapCell("halving", (_, _x, h) => mul(0.5, h));
/** `h′ = W h + b`, without input. */
export const linearCell = mapCell("linear", (layer, _, h) => layer.linear("state_nn", [h]));
/** `h′ = h/2 + x`. */
export const leakyCell = mapCell("leaky", (_, x, h) => add(mul(0.5, h), x));

/** Sizes of a toy model with few tokens. */
export const toySizes = (state_size: number, n_layers = 1) => ({ n_layers, state_size, vocabulary: 3 });

/** A model with the weights that are given; all others are zero. */
export function toyModel(
  cell: Cell,
  sizes: WeightedModel["sizes"],
  given: Readonly<Record<string, readonly number[]>> = {},
): WeightedModel {
  const { parameters } = evaluationModel(cell, sizes);
  const weights = parameters.map(({ name, shape }) =>
    [name, given[name] ? Float64Array.from(given[name]) : new Float64Array(sizeOf(shape))] as const
  );
  return { cell, sizes, weights: new Map(weights) };
}

/** A model with weights a few times as large as fresh ones, so that its states reach far enough to tell. */
export function drawnModel(cell: Cell, sizes: WeightedModel["sizes"], scale = 3): WeightedModel {
  const { parameters } = evaluationModel(cell, sizes);
  const weights = [...drawnWeights(parameters)].map(([name, values]) => [name, values.map((x) => scale * x)] as const);
  return { cell, sizes, weights: new Map(weights) };
}

/** Tokens 0, 1 and 2 without a pattern. */
export const TOY_TEXT = Uint8Array.from({ length: 2000 }, (_, i) => (i * i + 3 * i + (i >> 3)) % 3);
