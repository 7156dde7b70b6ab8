/** By which number the runs of a report are ranked: `experiments/study/criterion.ts`, asked of rows. */
import { type Chosen, compareBy, type Criterion, criterionOf, meanChosen } from "../../experiments/study/criterion.ts";

/** The metrics that a criterion looks at, of one run or as means over seeds. */
export interface Ranked {
  readonly min_loss: number;
  readonly validation_bits_per_byte: number | undefined;
  readonly test_bits_per_byte: number | undefined;
}

/** What it is called among the metrics of a row. */
export function metricOfCriterion(criterion: Criterion): "min_loss" | "validation_bits_per_byte" {
  return criterion === "min loss" ? "min_loss" : criterion;
}

function chosen({ min_loss, validation_bits_per_byte, test_bits_per_byte }: Ranked): Chosen {
  return { min_loss, validation_bits_per_byte, isScored: test_bits_per_byte !== undefined };
}

/** By what these runs are ranked: see {@linkcode criterionOf}. */
export function criterionOfRuns(runs: readonly Ranked[]): Criterion {
  return criterionOf(runs.map(chosen));
}

/** What runs of one configuration are chosen by together: see {@linkcode meanChosen}. @param runs at least one */
export function meanOfRuns(runs: readonly Ranked[]): Chosen {
  return meanChosen(runs.map(chosen));
}

/** Less than zero where the first is better: see {@linkcode compareBy}. */
export function compareRanked(criterion: Criterion, one: Ranked, two: Ranked): number {
  return compareBy(criterion, chosen(one), chosen(two));
}
