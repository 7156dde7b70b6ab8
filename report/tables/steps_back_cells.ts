/** The table of what more steps back change. */
import { formatCount } from "../../cells/counts.ts";
import { formatLevel, valueOf } from "../../cells/factor.ts";
import type { Basis } from "../data/reading.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import type { StepsBackChange, StepsBackComparison, TunedStepsBack } from "../statistics/steps_back.ts";
import type { TrainedWith } from "../statistics/steps_back_groups.ts";
import { type Cells, formatInterval, pairsBySeeds } from "./effect_tables.ts";
import { formatDifference, formatLoss, NONE } from "./format.ts";

/** A line for each change: of all configurations together, then of those shown by themselves. @param measure what is compared, with its unit */
export function stepsBackCells(
  compared: StepsBackComparison | TunedStepsBack,
  basis: Basis,
  measure: string,
): Cells {
  const { at, chosen, of } = compared, factors = "factors" in compared ? compared.factors : [];
  const { changes } = at[basis], isSeveral = of > 1;
  const isValidated = changes.some(({ validation }) => validation);
  const settings = (trained: readonly TrainedWith[], { from, to }: StepsBackChange) => {
    const [one, two] = [from, to].map((k) => trained.find((one) => one.k === k)?.row.config);
    return factors.map((factor) =>
      one && two ? [one, two].map((config) => formatLevel(factor, valueOf(factor, config))).join(" → ") : NONE
    );
  };
  const line = (
    name: string,
    values: (k: number) => number | undefined,
    one: StepsBackChange,
    trained: readonly TrainedWith[] = [],
  ): string[] => {
    const { from, to, change, validation } = one, interval = change.interval ?? singleInterval(change);
    const [before, after] = [values(from), values(to)];
    return [
      name,
      `${from} → ${to}`,
      ...settings(trained, one),
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
      ...factors.map(({ label }) => label),
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
      ...chosen.flatMap(({ label, at, trained }) =>
        at[basis].changes.map((one) =>
          line(label, (k) => at[basis].points.find((point) => point.k === k)?.mean, one, trained)
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
