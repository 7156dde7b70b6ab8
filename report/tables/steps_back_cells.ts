/** The table of what more steps back change. */
import { formatCount } from "../../cells/counts.ts";
import { formatLevel, valueOf } from "../../cells/factor.ts";
import type { MergedRow } from "../data/merged.ts";
import { type Basis, stepsBack } from "../data/reading.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import type { StepsBackChange, StepsBackComparison } from "../statistics/steps_back.ts";
import { type Cells, formatInterval, pairsBySeeds } from "./effect_tables.ts";
import { formatDifference, formatLoss, NONE } from "./format.ts";

/** A line for each change: of all configurations together, then of those shown by themselves. @param measure what is compared, with its unit */
export function stepsBackCells(
  compared: StepsBackComparison,
  basis: Basis,
  measure: string,
): Cells {
  const { at, chosen, of, tuned_factors } = compared;
  const { changes } = at[basis], isSeveral = of > 1;
  // The score on the validation split is what settings were chosen by: of chosen ones it says too much.
  const isValidated = !tuned_factors.length && changes.some(({ validation }) => validation);
  const settings = (rows: readonly MergedRow[], { from, to }: StepsBackChange) => {
    const [one, two] = [from, to].map((k) => rows.find((row) => stepsBack(row) === k)?.config);
    return tuned_factors.map((factor) =>
      one && two ? [one, two].map((config) => formatLevel(factor, valueOf(factor, config))).join(" → ") : NONE
    );
  };
  const line = (
    name: string,
    values: (k: number) => number | undefined,
    one: StepsBackChange,
    rows: readonly MergedRow[] = [],
  ): string[] => {
    const { from, to, change, validation } = one, interval = change.interval ?? singleInterval(change);
    const [before, after] = [values(from), values(to)];
    return [
      name,
      `${from} → ${to}`,
      ...settings(rows, one),
      before === undefined || after === undefined ? NONE : `${formatLoss(before)} → ${formatLoss(after)}`,
      change.difference === undefined ? NONE : formatDifference(change.difference),
      interval ? formatInterval(interval) : NONE,
      change.pairs ? pairsBySeeds(change) : NONE,
      ...(isValidated ? [validationCell(validation)] : []),
    ];
  };
  return {
    headings: [
      measure,
      "steps back",
      ...tuned_factors.map(({ label }) => label),
      "from → to",
      "difference",
      "95 % interval",
      "pairs × seeds",
      ...(isValidated ? ["validation, difference"] : []),
    ],
    // A configuration's label is long, and its numbers are many.
    wraps: true,
    lines: [
      ...(isSeveral ? changes.map((one) => line(`all ${formatCount(of)}`, () => undefined, one)) : []),
      ...chosen.flatMap(({ label, at, rows }) =>
        at[basis].changes.map((one) =>
          line(label, (k) => at[basis].points.find((point) => point.k === k)?.mean, one, rows)
        )
      ),
    ],
  };
}

function validationCell(validation: PairMean | undefined): string {
  if (validation?.difference === undefined) return NONE;
  const interval = validation.interval ?? singleInterval(validation), text = formatDifference(validation.difference);
  return interval ? `${text} (${formatInterval(interval)})` : text;
}

/** Of one configuration the interval over its seeds. */
function singleInterval({ pairs, seed_interval }: PairMean): PairMean["seed_interval"] {
  return pairs === 1 ? seed_interval : undefined;
}
