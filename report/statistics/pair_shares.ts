/** How the pairs of effects are spread over the values of training factors: a mean over pairs is mostly of the value that has the most. */
import { type Factor, type FactorTable, type FactorValue, valueOf } from "../../cells/factor.ts";
import { levelsIn, ownCellRows, type RunRow } from "../data/rows.ts";
import { variedTraining } from "../data/training_factors.ts";
import { contrastsIn, matchedBlocks } from "./matched.ts";

/** The pairs of all effects by one training factor. */
export interface PairShares {
  readonly factor: Factor;
  /** How many pairs both of whose configurations have the value, over all contrasts but the factor's own; in the order of the values. */
  readonly pairs: readonly { readonly value: FactorValue; readonly count: number }[];
}

/** Where the table's own cell was trained at several values of a training factor: the pairs at each. */
export function pairShares(rows: readonly RunRow[], table: FactorTable): PairShares[] {
  const own = ownCellRows(table, rows), varied = variedTraining(table, own);
  if (!varied.length) return [];
  const compared = contrastsIn(table, own).map((contrast) => ({
    contrast,
    blocks: matchedBlocks(own, [contrast], table),
  }));
  return varied.map((factor) => {
    const values = compared.filter(({ contrast }) => contrast.factor !== factor)
      .flatMap(({ blocks }) => blocks.map(({ seeds: [{ runs: [run] }] }) => valueOf(factor, run.config)));
    const count = (value: FactorValue) => values.filter((one) => one === value).length;
    return { factor, pairs: levelsIn(factor, own).map((value) => ({ value, count: count(value) })) };
  });
}
