/** Configurations compared over the seeds that all of them have: a mean over other seeds differs by these alone. */
import { mean } from "simple-statistics";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { metricOfCriterion } from "../data/criterion.ts";
import type { RunRow } from "../data/rows.ts";

/** Runs of one configuration. */
interface WithRuns {
  readonly runs: readonly RunRow[];
}

/**
 * What rows are ranked by, as a mean of each over the seeds that have it in all of them.
 *
 * @returns one for each row, in their order; undefined without such a seed
 */
export function meansOverCommonSeeds(rows: readonly WithRuns[], criterion: Criterion): number[] | undefined {
  const metric = metricOfCriterion(criterion);
  const bySeed = rows.map(({ runs }) => new Map(runs.map((run) => [run.seed, run[metric]])));
  const common = [...bySeed[0].keys()].filter((seed) => bySeed.every((values) => values.get(seed) !== undefined));
  return common.length ? bySeed.map((values) => mean(common.map((seed) => values.get(seed)!))) : undefined;
}

/** The best of some rows over the seeds that they have in common; without one, by the seeds of each. @param rows at least one, best first */
export function bestOverCommonSeeds<Row extends WithRuns>(rows: readonly Row[], criterion: Criterion): Row {
  const means = meansOverCommonSeeds(rows, criterion);
  return means ? rows.reduce((best, row, i) => means[i] < means[rows.indexOf(best)] ? row : best) : rows[0];
}
