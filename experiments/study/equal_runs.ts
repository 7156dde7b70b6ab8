/** When runs that go different numbers of steps back are equal in what they have read, or in their updates; and what `init` says of it. */
import { maxOf, minOf } from "../../cells/extremes.ts";
import { unitOf } from "../../cells/unit.ts";
import { plural } from "../../train/terminal/progress.ts";
import { type Budget, DEFAULT_BUDGET, passUpdates, totalSteps } from "../../train/training/settings.ts";
import type { Experiment, StudySettings } from "./schema.ts";
import { trainingSettings } from "./training_settings.ts";

/**
 * Amounts of which the smallest is at least this share of the largest count as equal. No k divides each pass, so what is left at the end of a
 * pass is not read; and runs end with a pass, which has another number of updates with each k.
 */
export const EQUAL_SHARE = 0.9;
/** Of so many, one may be missing. */
const ONE_IN = Math.round(1 / (1 - EQUAL_SHARE));

/** Whether amounts count as equal: see {@linkcode EQUAL_SHARE}. */
export function areEqual(amounts: readonly number[]): boolean {
  return minOf(amounts) >= EQUAL_SHARE * maxOf(amounts);
}

/** What `init` says of the lengths of runs. */
export interface BudgetLines {
  /** Updates of runs that go so many steps back, and whether they are equal in what the budget says. */
  readonly updates: string;
  /** Where they are not: what follows, and what would mend it. */
  readonly warning?: string;
}

/**
 * Says how many updates runs get that go so many steps back.
 *
 * @param stepsBack the fewest first, at least one
 * @param before the study's settings before this call
 */
export function budgetLines(
  study: Pick<StudySettings, "training" | "tokens">,
  experiment: Experiment,
  stepsBack: readonly number[],
  before?: Pick<StudySettings, "training">,
): BudgetLines {
  const settings = trainingSettings(study, experiment), { budget = DEFAULT_BUDGET } = settings;
  const unit = unitOf(study), wordsFor = (budget: Budget) => budget === "updates" ? budget : `${unit}s read`;
  const words = wordsFor(budget), was = before ? wordsFor(before.training.budget ?? DEFAULT_BUDGET) : words;
  const runs = stepsBack.map((back) => {
    const updates = totalSteps(settings, back), read = updates * back;
    return { back, updates, read, amount: budget === "updates" ? updates : read };
  });
  const isEqual = areEqual(runs.map(({ amount }) => amount));
  const told = runs.map(({ back, updates, read }) => {
    const reads = isEqual || budget === "updates" ? "" : ` (${plural(read, unit)} of each sequence)`;
    return `${plural(updates, "update")} with ${plural(back, "step")} back${reads}`;
  });
  const updates = `${isEqual ? "At" : "Not at"} equal ${words}${was === words ? "" : ` (was: ${was})`}: ${
    told.join(", ")
  }`;
  if (isEqual) return { updates };
  // With k steps back less than k tokens of a pass are left over, and fewer updates than a pass has are made beyond those that are asked for.
  const mend = budget === "updates"
    ? `--steps ${(ONE_IN - 1) * passUpdates(settings, stepsBack[0])}`
    : `--history ${ONE_IN * (maxOf(stepsBack) - 1) + 1}`;
  return {
    updates,
    warning: `Runs differ in their ${words} by more than a tenth, so they are neither ranked nor compared as equal; ` +
      `${mend} would make them equal`,
  };
}
