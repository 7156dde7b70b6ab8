/**
 * The effects at each way of training that a study varies: at each learning rate, say, and with each configuration at its own best one. A part of a
 * cell that needs another rate looks harmful at the usual one; so a sign that turns between rates is named.
 */
import { mean } from "simple-statistics";
import { canonicalJsonIn } from "../../cells/config.ts";
import { type Factor, type FactorTable, type FactorValue, valueOf } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { compareBy, type Criterion, criterionOf } from "../../experiments/study/criterion.ts";
import { metricOfCriterion } from "../data/criterion.ts";
import { levelsIn, ownCellRows, type RunRow, settingsName } from "../data/rows.ts";
import { variedTraining, withDefaults } from "../data/training_factors.ts";
import { contrasts, contrastsIn, type FactorContrast, Matching, type Measure } from "./matched.ts";
import { clearSide, type PairMean, pairMean } from "./pair_means.ts";

/** One effect at each way of training. */
export interface TrainingEffect extends FactorContrast {
  /** At each value, in the order of {@linkcode TrainingEffects.levels}. */
  readonly at: readonly PairMean[];
  /** With each configuration at the value that is best for it. */
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
  /** Configurations that were trained at several values, the same for all; only these have a best one. */
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
    const effectOf = (some: readonly RunRow[], contrast: FactorContrast) =>
      pairMean(contrasts(new Matching(some, space).blocks([contrast]).active, measure));
    const rowsAt = levels.map((value) => own.filter(({ config }) => valueOf(factor, config) === value));
    const effects = compared.map((contrast): TrainingEffect => {
      const at = rowsAt.map((some) => effectOf(some, contrast)), atBest = effectOf(best, contrast);
      return { ...contrast, at, atBest, turns: isTurning([...at, atBest]) };
    });
    return { factor, levels, criterion, tuned, effects };
  });
}

/** The effects of which there are pairs at two values at least: at one there is nothing to compare. */
export function comparedAtSeveral({ effects }: TrainingEffects): TrainingEffect[] {
  return effects.filter(({ at }) => at.filter(({ pairs }) => pairs > 0).length > 1);
}

function isTurning(effects: readonly PairMean[]): boolean {
  const sides = effects.map(({ seeds, interval, difference }) =>
    seeds.length > 1 ? clearSide(interval) : Math.sign(difference ?? 0)
  );
  return sides.includes(-1) && sides.includes(1);
}

/**
 * The runs of each configuration at the value that is best for it, by the mean over the seeds that it has at all of its values. A configuration that was tried at more values than
 * another has an advantage that is none of its own, so all of them have the values that most have.
 */
function atOwnBest(
  rows: readonly RunRow[],
  factor: Factor,
  table: FactorTable,
): { best: RunRow[]; criterion: Criterion; tuned: number } {
  const named = rows.map((row) => ({ row, config: withDefaults(row.config, [factor]) }));
  const groups = Map.groupBy(named, ({ row, config }) => `${canonicalJsonIn(table, config)} ${settingsName(row)}`);
  const tried = [...groups.values()].map((group) => ({ group, levels: levelsIn(factor, group.map(({ row }) => row)) }))
    .filter(({ levels }) => levels.length > 1);
  const [usual] = [...Map.groupBy(tried, ({ levels }) => levels.join())]
    .sort(([a, one], [b, two]) => two.length - one.length || (a < b ? -1 : 1));
  const tuned = usual?.[1] ?? [], scores = tuned.flatMap(({ group }) => group.map(({ row }) => chosenBy([row])));
  const criterion = criterionOf(scores);
  const best = tuned.flatMap(({ group, levels }) => {
    const ways = levels.map((value) => group.filter(({ row }) => valueOf(factor, row.config) === value));
    const metric = metricOfCriterion(criterion);
    const seeds = ways.map((way) => new Set(way.flatMap(({ row }) => row[metric] === undefined ? [] : row.seed)));
    const common = seeds.reduce((all, own) => all.intersection(own));
    const compared = (way: typeof group) => common.size ? way.filter(({ row }) => common.has(row.seed)) : way;
    const [first] = ways.map((way) => ({ way, score: chosenBy(compared(way).map(({ row }) => row)) }))
      .sort((a, b) => compareBy(criterion, a.score, b.score));
    return first.way.map(({ row, config }) => ({ ...row, config }));
  });
  return { best, criterion, tuned: tuned.length };
}

/** What runs of one configuration are chosen by: their means. */
function chosenBy(runs: readonly RunRow[]) {
  const scores = runs.flatMap(({ validation_bits_per_byte }) => validation_bits_per_byte ?? []);
  return {
    min_loss: mean(runs.map(({ min_loss }) => min_loss)),
    validation_bits_per_byte: scores.length ? mean(scores) : undefined,
    isScored: runs.some(({ test_loss }) => test_loss !== undefined),
  };
}
