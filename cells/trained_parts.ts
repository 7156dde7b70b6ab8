/**
 * Whether what a switch adds to a cell is trained at all: the gradient reaches nothing that lies behind what the output never reads. With one
 * step back that is the output of the same step; with more, what a state hands to a later step of the chunk is read there.
 */
import type { Cell } from "./cell.ts";
import { buildTrainingStep, type ModelSizes } from "./language_model.ts";
import { oncePer } from "./once_per.ts";

/** The sizes that a model's weights follow from. */
type Sizes = Pick<ModelSizes, "n_layers" | "state_size">;

/** The weights of a model: the shape of each, and whether it gets a gradient. */
type Weights = ReadonlyMap<string, { readonly shape: string; readonly isTrained: boolean }>;

/** By sizes and steps back. */
const known = oncePer((_: Cell) => new Map<string, Weights>());

/**
 * A way from a loss back to a weight goes through each state of each layer once at most: what it does between two visits to one it can do without.
 * So it takes no more steps than there are states in all layers, and one, and a graph of so many stands for one of more. Layers are not alike
 * in this: where no layer reads its input in the same step, each one costs a step on the way back.
 */
function weightsOf(cell: Cell, { n_layers, state_size }: Sizes, bptt: number): Weights {
  const steps = Math.min(bptt, n_layers * cell.states.length + 1), key = `${n_layers} ${state_size} ${steps}`;
  const ofCell = known(cell), found = ofCell.get(key);
  if (found) return found;
  const sizes = { n_layers, state_size, vocabulary: 2, batch: 1 };
  const { parameters, trained } = buildTrainingStep(cell, sizes, { bptt: steps });
  const isTrained = new Set(trained);
  const weights = new Map(
    parameters.map(({ name, shape }) => [name, { shape: shape.join(), isTrained: isTrained.has(name) }]),
  );
  ofCell.set(key, weights);
  return weights;
}

/**
 * Whether every weight that the second cell has and the first has not, or has in another shape, gets a gradient. One that gets none stays as it was
 * drawn: the two cells then differ by a random part, and what is compared is that draw. See docs/statistics.md, "Active pairs".
 *
 * @param sizes of both
 * @param bptt steps that the gradient goes back, in both
 */
export function isAddedTrained(without: Cell, withIt: Cell, sizes: Sizes, bptt = 1): boolean {
  if (without === withIt) return true;
  const before = weightsOf(without, sizes, bptt);
  return [...weightsOf(withIt, sizes, bptt)].every(([name, { shape, isTrained }]) =>
    isTrained || before.get(name)?.shape === shape
  );
}
