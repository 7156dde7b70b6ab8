/**
 * When runs that go different numbers of steps back are equal in what they have read, or in their updates; what `init` says of it, and which
 * settings would make them equal.
 */
import { maxOf, minOf } from "../../cells/extremes.ts";
import { unitOf } from "../../cells/unit.ts";
import { plural } from "../../train/terminal/words.ts";
import {
  type Budget,
  DEFAULT_BUDGET,
  LIMITS,
  passUpdates,
  totalSteps,
  type TrainingSettings,
} from "../../train/training/settings.ts";
import type { Experiment } from "./experiment.ts";
import type { StudySettings } from "./schema.ts";
import { trainingSettings } from "./training_settings.ts";

/**
 * Amounts of which the smallest is at least this share of the largest count as equal. No k divides each pass, so what is left at the end of a
 * pass is not read; and runs end with a pass, which has another number of updates with each k.
 */
export const EQUAL_SHARE = 0.9;
/** A history that is offered in the place of another is at most this share of it longer or shorter, and at most so many tokens. */
const NEARBY = { share: 0.5, tokens: 1000 };

/** Whether amounts count as equal: see {@linkcode EQUAL_SHARE}. */
export function areEqual(amounts: readonly number[]): boolean {
  return minOf(amounts) >= EQUAL_SHARE * maxOf(amounts);
}

/** What `init` says of the lengths of runs. */
export interface BudgetLines {
  /** Updates of runs that go so many steps back, and whether they are equal in what the budget says. */
  readonly updates: string;
  /** Where they are not: what follows, and what would fix it. */
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
  }).join(", ");
  // One alone is equal to nothing.
  if (runs.length === 1) return { updates: `${told}${was === words ? "" : `; budget: ${words} (was: ${was})`}` };
  const updates = `${isEqual ? "At" : "Not at"} equal ${words}${was === words ? "" : ` (was: ${was})`}: ${told}`;
  if (isEqual) return { updates };
  const warning =
    `Runs differ in their ${words} by more than 10 %: --best and experiment 02 leave out the shorter ones, and ` +
    "the report lists but does not compare them";
  return { updates, warning: [warning, ...mendingFlags(settings, stepsBack)].join("; ") };
}

/**
 * Says how many steps were asked of each run, in a list with so many steps back.
 *
 * @param before the study's settings before this call
 */
export function stepsAskedInWords(
  study: Pick<StudySettings, "training" | "tokens">,
  experiment: Experiment,
  stepsBack: readonly number[],
  before?: Pick<StudySettings, "training">,
): string {
  const settings = trainingSettings(study, experiment), { steps, history, budget = DEFAULT_BUDGET } = settings;
  const old = before?.training.steps[experiment] ?? steps, was = old === steps ? "" : ` (was ${old})`;
  const goFurther = stepsBack.some((back) => back > 1);
  // Of each run; another line says what each number of steps back comes to.
  if (goFurther && budget === "updates") return `${plural(steps, "step")}${was}`;
  const done = totalSteps(settings, 1), whose = goFurther ? " of a run with 1 step back" : "";
  const whole = done === steps ? "" : ` (${done} are done: rounded up to whole sequences of ${history - 1})`;
  return `${plural(steps, "step")}${whose}${was}${whole}`;
}

/** What would make runs equal that are not, for the end of a sentence; nothing where nothing near would. */
function mendingFlags(settings: TrainingSettings, stepsBack: readonly number[]): string[] {
  const isUpdates = settings.budget === "updates";
  const steps = isUpdates ? equalSteps(settings, stepsBack) : undefined;
  const history = isUpdates ? nearestHistory(settings, stepsBack) : longerHistory(settings, stepsBack);
  const flags = [
    ...(steps === undefined ? [] : [`--steps ${steps}`]),
    // A study that has trained something keeps its history.
    ...(history === undefined
      ? []
      : [`${steps === undefined ? "" : "or, "}while nothing is trained, --history ${history}`]),
  ];
  return flags.length ? [`${flags.join(" ")} would make them equal`] : [];
}

/** The fewest steps, from those of the settings, with which runs make as many updates. */
function equalSteps(settings: TrainingSettings, stepsBack: readonly number[]): number | undefined {
  for (let { steps } = settings; steps <= LIMITS.steps;) {
    const updates = stepsBack.map((back) => totalSteps({ ...settings, steps }, back));
    if (areEqual(updates)) return steps;
    // Up to there the shortest stays as short, and no other becomes shorter.
    steps = minOf(updates) + 1;
  }
}

/** The shortest history above that of the settings with which runs read as much. */
function longerHistory(settings: TrainingSettings, stepsBack: readonly number[]): number | undefined {
  // Less than k tokens of a pass are left over with k steps back: where they are a tenth of it at most, runs are equal.
  const enough = Math.ceil((maxOf(stepsBack) - 1) / (1 - EQUAL_SHARE)) + 2;
  for (let history = settings.history + 1; history <= enough; history++) {
    if (wouldBeEqual({ ...settings, history }, stepsBack)) return history;
  }
}

/** The history next to that of the settings with which runs are equal: see {@linkcode NEARBY}. */
function nearestHistory(settings: TrainingSettings, stepsBack: readonly number[]): number | undefined {
  const most = Math.min(Math.floor(settings.history * NEARBY.share), NEARBY.tokens);
  for (let distance = 1; distance <= most; distance++) {
    for (const history of [settings.history + distance, settings.history - distance]) {
      if (history <= LIMITS.history && wouldBeEqual({ ...settings, history }, stepsBack)) return history;
    }
  }
}

/** Whether runs with these settings are equal, and `init` takes them: each has an update in a pass, and a loss to log. */
function wouldBeEqual(settings: TrainingSettings, stepsBack: readonly number[]): boolean {
  if (passUpdates(settings, maxOf(stepsBack)) < 1) return false;
  const updates = stepsBack.map((back) => totalSteps(settings, back));
  const amounts = settings.budget === "updates" ? updates : updates.map((count, i) => count * stepsBack[i]);
  return minOf(updates) >= settings.log_every && areEqual(amounts);
}
