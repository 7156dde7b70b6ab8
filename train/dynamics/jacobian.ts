/**
 * The Jacobian of a model's step, times vectors. `D_t = ∂s_t/∂s_{t−1}` is block-triangular over the layers, since no layer sees those above it: what
 * matters for its spectrum are the blocks `D_l = ∂s_l,t/∂s_l,t−1` of single layers, where the layer's input is a constant.
 */
import { input, mul } from "../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../cells/graph/graph.ts";
import { tangents } from "../../cells/graph/tangents.ts";
import { sizeOf, type Tensor } from "../../cells/graph/tensor.ts";
import type { EvaluationModel, State } from "../../cells/language_model.ts";
import { layerOf } from "./layers.ts";

/** Name of the input that is a change of a state before the step, and of the output that is the one after it. */
export const tangentName = (state: string): string => `tangent.${state}`;

/** A step of a model that carries changes of its states along. */
export interface JacobianStep {
  /**
   * Inputs: `bytes` (or `tokens`), states, weights, and of each state a change of its shape. Outputs: the states after the step, and of each
   * the change `D_l · (changes of its layer's states)`, under the inputs' names.
   */
  readonly graph: Graph;
  /** The states of each layer that are read, from the first layer to the last; a layer may have none. */
  readonly layers: readonly (readonly State[])[];
}

/**
 * The step of a model.
 *
 * @param seen tensors of its graph that are to come out too
 */
export function jacobianStep(
  { graph, states, sizes }: EvaluationModel,
  seen: ReadonlyMap<string, Tensor> = new Map(),
): JacobianStep {
  const layers = Array.from(
    { length: sizes.n_layers },
    (_, layer) => states.filter(({ name }) => layerOf(name) === layer),
  );
  const outputs: Record<string, Tensor> = Object.fromEntries(seen);
  for (const own of layers) {
    const changes = own.map(({ name, shape }) => input(tangentName(name), shape));
    const seeds = new Map(own.map(({ name }, i): [Tensor, Tensor] => [graph.inputs.get(name)!, changes[i]]));
    const after = own.map(({ name }) => graph.outputs.get(name)!);
    tangents(after, seeds).forEach((change, i) => {
      outputs[own[i].name] = after[i];
      outputs[tangentName(own[i].name)] = change ?? mul(changes[i], 0);
    });
  }
  return { graph: buildGraph(outputs), layers };
}

/** Carried numbers of a layer: so many exponents and eigenvalues it has. */
export function numbersOf(layer: readonly State[]): number {
  return layer.reduce((sum, { shape: [, ...size] }) => sum + sizeOf(size), 0);
}
