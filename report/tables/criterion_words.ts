/** In plain words and on axes: what the best configurations are chosen by. */
import type { Unit } from "../../cells/unit.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import type { LossAxis } from "../data/levels.ts";
import { type MergedRow, rankedBy } from "../data/merged.ts";
import { formatSpread } from "./format.ts";

/** How axes show the number that is chosen by. */
export interface CriterionAxis {
  /** Which levels belong on it. */
  readonly axis: LossAxis;
  /** What it shows, without its unit. */
  readonly label: string;
  /** The same in a few words. */
  readonly short: string;
  readonly unit: string;
}

/** @param reads what the models read */
export function criterionAxis(criterion: Criterion, reads: Unit): CriterionAxis {
  return criterion === "min loss"
    ? {
      axis: "training",
      label: "lowest smoothed training loss",
      short: "lowest loss",
      unit: `nats per ${reads}`,
    }
    : {
      axis: "validation",
      label: "score on the validation split",
      short: "validation",
      unit: "bits per byte",
    };
}

/** The number that a configuration is ranked by, with its unit: `validation 2.345 ± 0.004 bits per byte`. */
export function rankedByText(row: MergedRow, criterion: Criterion): string {
  const spread = rankedBy(row, criterion), { short, unit } = criterionAxis(criterion, row.reads);
  return spread ? `${short} ${formatSpread(spread)} ${unit}` : "no validation score yet";
}
