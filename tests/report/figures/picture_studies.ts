/** What the pictures of some made-up studies are drawn from. */
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import { GATED } from "../../../cells/factors.ts";
import { configOf, type RunResult } from "../../../experiments/study/result.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { type RunRow, tableOf } from "../../../report/data/rows.ts";
import type { PictureData } from "../../../report/figures/pictures.ts";
import { dynamicsAnswers } from "../../../report/statistics/dynamics_effects.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { auditPromotion } from "../../../report/statistics/promotion_audit.ts";
import { compareStudies } from "../../../report/statistics/study_comparison.ts";
import { comparisonsOf } from "../../../report/tables/questions.ts";
import { comparedResults } from "../compared_results.ts";
import { measuredResults, measuredTable } from "../measured_results.ts";
import { madeResults, type MadeStudy, madeStudy } from "../other_studies.ts";
import { stepsBackResults } from "../steps_back_results.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";

/** What pictures of some runs are drawn from. */
function dataOf(runs: RunRow[], more: Partial<PictureData> = {}): PictureData {
  const rows = mergeSeeds(runs), uncontrolled = runs.filter(({ control }) => !control);
  return {
    experiment: "01",
    rows,
    effects: effectsOf(uncontrolled),
    filter: belowLoss(Infinity, "byte"),
    comparisons: comparisonsOf(rows, GATED_SPACE),
    dynamics: dynamicsAnswers(uncontrolled, GATED_SPACE),
    table: GATED_SPACE,
    ...more,
  };
}

/** The same of results. */
export const ofResults = (results: readonly RunResult[], more?: Partial<PictureData>) =>
  dataOf(tableOf(results).rows, more);

const score: MadeStudy["score"] = ({ use_state_gate }, seed, index) =>
  2 + (use_state_gate ? -0.1 : 0) + 0.003 * seed + 0.001 * (index % 7);
const other: MadeStudy["score"] = (config, ...rest) => score(config, ...rest) + (config.use_state_gate ? 0.25 : 0.01);

/** An experiment 02 of ten promoted configurations and eight controls, of which one ends lower than it should. */
function promoted(): PictureData {
  const short = syntheticResults({ layers: [1], state_sizes: [256], steps: 100 })
    .toSorted((a, b) => a["min loss"]! - b["min loss"]!);
  const chosen = short.filter((_, place) => place < 10 || place % 10 === 0 && place < 90);
  const long = chosen.map((result, place): RunResult => ({
    ...result,
    loss: result.loss!.map((loss) => loss - 0.5),
    "min loss": result["min loss"]! - (place === 12 ? 0.9 : 0.5),
    steps_done: 500,
    ...(place < 10 ? {} : { control: true }),
  }));
  const entries = long.map(({ id, control, ...result }) => {
    const config = configOf({ id, ...result } as RunResult, GATED);
    return { id, config, oldId: id, ...(control ? { control: true as const } : {}) };
  });
  const runs = tableOf(long).rows;
  return dataOf(runs, {
    experiment: "02",
    promotion: auditPromotion({ short, long, entries }, mergeSeeds(runs)),
  });
}

/** The lowest losses lie below it, others do not. */
const BELOW = belowLoss(1.5, "byte");

/** Studies that have every kind of picture between them. */
export const STUDIES: Readonly<Record<string, PictureData>> = {
  "gated configurations, other cells and learning rates": ofResults(validated(comparedResults()), { filter: BELOW }),
  "one seed without a validation score": ofResults(
    syntheticResults({ layers: [1, 2], state_sizes: [256], steps: 1000 }),
  ),
  "one run": ofResults(syntheticResults({ layers: [1], state_sizes: [256], steps: 1000 }).slice(0, 1)),
  "runs whose dynamics were measured": dataOf(measuredTable(measuredResults()).rows),
  "several numbers of steps back": ofResults(stepsBackResults()),
  "two studies": ofResults(madeResults({ score }), {
    studies: compareStudies(madeStudy({ score }), [madeStudy({ score: other, name: "b" })], "01"),
  }),
  "experiment 02": promoted(),
};
