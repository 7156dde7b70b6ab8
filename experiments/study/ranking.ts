/** Configurations by how well they predict: what experiment 02 is chosen by, and what its report compares. */
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { type CellConfig, stepsBackOf } from "../../cells/config.ts";
import { maxOf } from "../../cells/extremes.ts";
import { type Budget, DEFAULT_BUDGET, passUpdates } from "../../train/training/settings.ts";
import {
  type Chosen,
  chosenBy,
  compareBy,
  type Criterion,
  criterionOf,
  meanChosen,
  unvalidatedOf,
} from "./criterion.ts";
import { areEqual } from "./equal_runs.ts";
import { configOf, type FinishedResult, isFinished, type RunResult } from "./result.ts";

/** One configuration and what its runs came to. */
export interface RankedConfig extends Chosen {
  readonly id: string;
  readonly config: CellConfig;
  /** Mean over the seeds of `min loss`, nats per what the models read. */
  readonly min_loss: number;
  /** Mean over the seeds that have it of the score on the validation split; undefined where none has. */
  readonly validation_bits_per_byte: number | undefined;
  /** Whether some run of it has been scored. */
  readonly isScored: boolean;
  /** Its finished runs, ascending by seed. */
  readonly runs: readonly FinishedResult[];
}

/** Configurations that can be ranked together. */
export interface Ranking {
  /** Best first: by the criterion, then by id. */
  readonly ranked: readonly RankedConfig[];
  /** What they are ranked by: see {@linkcode criterionOf}. */
  readonly criterion: Criterion;
  /** Runs that have a score and none on the validation split. */
  readonly unvalidated: number;
  /** Configurations without a score, which come last where scores decide. */
  readonly unscored: number;
  /** Steps of each run, or of those that go the fewest steps back; 0 where there is none. */
  readonly steps_done: number;
  readonly runs: number;
  /** Configurations that were trained too, but for fewer steps. */
  readonly shorter: number;
}

/**
 * Ranks the configurations with finished runs by the mean of their seeds. What was trained for different numbers of steps cannot be
 * ranked together, so only runs of the most steps that any has count. The order of `results` does not matter.
 *
 * @param budget what runs must have in common that go different numbers of steps back
 */
export function rankConfigs(
  results: readonly RunResult[],
  table: FactorTable = GATED,
  budget: Budget = DEFAULT_BUDGET,
): Ranking {
  const finished = results.filter(isFinished);
  const comparable = longestRuns(finished, budget);
  // Fewer steps back are more updates of the same text.
  const steps_done = maxOf(comparable.map((result) => result.steps_done), 0);
  const criterion = criterionOf(comparable.map(chosenBy));
  const ranked = [...Map.groupBy(comparable, ({ id }) => id)].map(([id, group]): RankedConfig => {
    const runs = group.toSorted((a, b) => a.seed - b.seed);
    return { id, config: configOf(runs[0], table), ...meanChosen(runs.map(chosenBy)), runs };
  });
  ranked.sort((a, b) => compareBy(criterion, a, b) || (a.id < b.id ? -1 : 1));
  const all = new Set(finished.map(({ id }) => id)).size;
  return {
    ranked,
    criterion,
    unvalidated: unvalidatedOf(comparable).length,
    unscored: ranked.filter(({ isScored }) => !isScored).length,
    steps_done,
    runs: comparable.length,
    shorter: all - ranked.length,
  };
}

/**
 * The runs that were trained as long as any: of those that go as many steps back, the ones of the most steps; of these, the ones that the
 * same settings lead to; and of these, the ones that are equal to the longest in what they have read, or in their updates.
 */
function longestRuns(finished: readonly FinishedResult[], budget: Budget): FinishedResult[] {
  const longest = [...Map.groupBy(finished, stepsBackOf).values()].flatMap((group) => {
    const most = maxOf(group.map(({ steps_done }) => steps_done));
    return group.filter(({ steps_done }) => steps_done === most);
  });
  // Where all go one step back, as in the original study, the steps alone decide.
  if (new Set(longest.map(stepsBackOf)).size <= 1) return longest;
  const amountOf = (result: FinishedResult) => result.steps_done * (budget === "tokens" ? stepsBackOf(result) : 1);
  const asked = askedAlike(longest, budget), most = maxOf(asked.map(amountOf));
  return asked.filter((result) => areEqual([amountOf(result), most]));
}

/** Those of runs with different numbers of steps back that the same settings lead to, of the longest that there are. */
function askedAlike(longest: readonly FinishedResult[], budget: Budget): FinishedResult[] {
  const ofPass = (result: FinishedResult) => passUpdates({ history: result["history size"] }, stepsBackOf(result));
  if (budget === "tokens") {
    const passes = (result: FinishedResult) => result.steps_done / ofPass(result);
    const most = maxOf(longest.map(passes));
    return longest.filter((result) => passes(result) === most);
  }
  // Whole passes are done: so a run was asked for more than what it had done before its last one.
  const asked = maxOf(longest.map((result) => result.steps_done - ofPass(result)));
  return longest.filter(({ steps_done }) => steps_done > asked);
}
