/**
 * Whether what a switch adds to a cell is trained at all: the gradient reaches nothing that lies behind what the output never reads. With one
 * step back that is the output of the same step; with more, what a state hands to a later step of the chunk is read there.
 */
import type { Cell } from "./cell.ts";
import { buildTrainingStep } from "./language_model.ts";
import { oncePer } from "./once_per.ts";

/** The weights of one layer of a cell and its embeddings: the shape of each, and whether it gets a gradient. */
type Weights = ReadonlyMap<string, { readonly shape: string; readonly isTrained: boolean }>;

/** By state size and steps back. */
const known = oncePer((_: Cell) => new Map<string, Weights>());

/**
 * All layers of a stack are alike in this, so one stands for all. The way from a weight to the output goes through each state once at most, so
 * steps beyond the number of states reach nothing new, and a graph of few stands for one of many.
 */
function weightsOf(cell: Cell, state_size: number, bptt: number): Weights {
  const steps = Math.min(bptt, cell.states.length + 1), key = `${state_size} ${steps}`;
  const ofCell = known(cell), found = ofCell.get(key);
  if (found) return found;
  const sizes = { n_layers: 1, state_size, vocabulary: 2, batch: 1 };
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
 * drawn: the two cells then differ by a random part, and what is compared is that draw. Source: the design's section 10.
 *
 * @param state_size of both
 * @param bptt steps that the gradient goes back, in both
 */
export function isAddedTrained(without: Cell, withIt: Cell, state_size: number, bptt = 1): boolean {
  if (without === withIt) return true;
  const before = weightsOf(without, state_size, bptt);
  return [...weightsOf(withIt, state_size, bptt)].every(([name, { shape, isTrained }]) =>
    isTrained || before.get(name)?.shape === shape
  );
}
