/** Whether what a switch adds to a cell is trained at all: the first-order gradient reaches nothing that lies behind what the output never reads. */
import type { Cell } from "./cell.ts";
import { buildTrainingStep } from "./language_model.ts";
import { oncePer } from "./once_per.ts";

/** The weights of one layer of a cell and its embeddings: the shape of each, and whether it gets a gradient. */
type Weights = ReadonlyMap<string, { readonly shape: string; readonly isTrained: boolean }>;

/** By state size. */
const known = oncePer((_: Cell) => new Map<number, Weights>());

/** All layers of a stack are alike in this, so one stands for all. */
function weightsOf(cell: Cell, state_size: number): Weights {
  const ofCell = known(cell), found = ofCell.get(state_size);
  if (found) return found;
  const { parameters, trained } = buildTrainingStep(cell, { n_layers: 1, state_size, vocabulary: 2, batch: 1 });
  const isTrained = new Set(trained);
  const weights = new Map(
    parameters.map(({ name, shape }) => [name, { shape: shape.join(), isTrained: isTrained.has(name) }]),
  );
  ofCell.set(state_size, weights);
  return weights;
}

/**
 * Whether every weight that the second cell has and the first has not, or has in another shape, gets a gradient. One that gets none stays as it was
 * drawn: the two cells then differ by a random part, and what is compared is that draw. Source: the design's section 10.
 *
 * @param state_size of both
 */
export function isAddedTrained(without: Cell, withIt: Cell, state_size: number): boolean {
  if (without === withIt) return true;
  const before = weightsOf(without, state_size);
  return [...weightsOf(withIt, state_size)].every(([name, { shape, isTrained }]) =>
    isTrained || before.get(name)?.shape === shape
  );
}
