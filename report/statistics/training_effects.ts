/**
 * The effects at each way of training that a study varies: at each learning rate, say, and with each configuration at its own best one. A part of a
 * cell that needs another rate looks harmful at the usual one; so a sign that turns between rates is named.
 */
import { canonicalJsonIn } from "../../cells/config.ts";
import { type Factor, type FactorTable, type FactorValue, isTuned, valueOf } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { compareBy, type Criterion } from "../../experiments/study/criterion.ts";
import { criterionOfRuns, meanOfRuns } from "../data/criterion.ts";
import { levelsIn, ownCellRows, type RunRow, settingsName } from "../data/rows.ts";
import { variedTraining, withDefaults } from "../data/training_factors.ts";
import { bestOverCommonSeeds } from "./common_seeds.ts";
import { contrasts, contrastsIn, type FactorContrast, Matching, type Measure } from "./matched.ts";
import { type PairMean, pairMean, significantSide } from "./pair_means.ts";

/** One effect at each way of training. */
export interface TrainingEffect extends FactorContrast {
  /** At each value, in the order of {@linkcode TrainingEffects.levels}. */
  readonly at: readonly PairMean[];
  /** With each configuration at the value that is best for it; without a pair where none is chosen (see {@linkcode isTuned}). */
  readonly atBest: PairMean;
  /** Whether it is clearly below zero at one value, or at the best ones, and clearly above at another; with one seed: whether the means are. */
  readonly turns: boolean;
}

/** What is known of effects by one training factor. */
export interface TrainingEffects {
  readonly factor: Factor;
  readonly levels: readonly FactorValue[];
  /** What each configuration's best value was chosen by. */
  readonly criterion: Criterion;
  /** Configurations that were trained at several values, the same for all; only these have a best one. None where none is chosen. */
  readonly tuned: number;
  /** In the order of the table. */
  readonly effects: readonly TrainingEffect[];
}

/** The effects by each training factor that the table's own cell was trained at several values of. */
export function trainingEffects(rows: readonly RunRow[], measure: Measure, space: Space): TrainingEffects[] {
  const own = ownCellRows(space, rows);
  return variedTraining(space, own).map((factor) => {
    const levels = levelsIn(factor, own), { best, criterion, tuned } = atOwnBest(own, factor, space);
    const compared = contrastsIn(space, own).filter((contrast) => contrast.factor !== factor);
    const rowsAt = levels.map((value) => own.filter(({ config }) => valueOf(factor, config) === value));
    const matchings = [...rowsAt, best].map((some) => new Matching(some, space));
    const effects = compared.map((contrast): TrainingEffect => {
      const means = matchings.map((some) => pairMean(contrasts(some.blocks([contrast]).active, measure)));
      const at = means.slice(0, -1), atBest = means[means.length - 1];
      return { ...contrast, at, atBest, turns: isTurning(means) };
    });
    return { factor, levels, criterion, tuned, effects };
  });
}

/** The effects of which there are pairs at two values at least: at one there is nothing to compare. */
export function comparedAtSeveral({ effects }: TrainingEffects): TrainingEffect[] {
  return effects.filter(({ at }) => at.filter(({ pairs }) => pairs > 0).length > 1);
}

function isTurning(effects: readonly PairMean[]): boolean {
  // Of one pair it is known how seeds move it. Where all have one seed, all that is known are the means themselves.
  const isOneSeed = effects.every(({ seeds }) => seeds.length < 2);
  const sides = effects.map(({ interval, seed_interval, difference }) => {
    const known = interval ?? seed_interval;
    return known ? significantSide(known) : isOneSeed ? Math.sign(difference ?? 0) : 0;
  });
  return sides.includes(-1) && sides.includes(1);
}

/**
 * The runs of each configuration at the value that is best for it, by the mean over the seeds that it has at all of its values. A configuration
 * that was tried at more values than another has an advantage that is none of its own, so all of them have the values that most have.
 */
function atOwnBest(
  rows: readonly RunRow[],
  factor: Factor,
  table: FactorTable,
): { best: RunRow[]; criterion: Criterion; tuned: number } {
  const groups = Map.groupBy(
    rows,
    (row) => `${canonicalJsonIn(table, withDefaults(row.config, [factor]))} ${settingsName(row)}`,
  );
  const tried = [...groups.values()].map((group) => ({ group, levels: levelsIn(factor, group) }))
    .filter(({ levels }) => levels.length > 1);
  const [usual] = [...Map.groupBy(tried, ({ levels }) => levels.join())]
    .sort(([a, one], [b, two]) => two.length - one.length || (a < b ? -1 : 1));
  const tuned = isTuned(factor) && usual?.[1] || [], criterion = criterionOfRuns(tuned.flatMap(({ group }) => group));
  const best = tuned.flatMap(({ group, levels }) => {
    const ways = levels.map((value) => ({ runs: group.filter(({ config }) => valueOf(factor, config) === value) }))
      .sort((a, b) => compareBy(criterion, meanOfRuns(a.runs), meanOfRuns(b.runs)));
    const { runs } = bestOverCommonSeeds(ways, criterion);
    return runs.map((row) => ({ ...row, config: withDefaults(row.config, [factor]) }));
  });
  return { best, criterion, tuned: tuned.length };
}
