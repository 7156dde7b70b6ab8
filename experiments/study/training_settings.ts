/** How the runs of a study are trained. */
import { type StepsBack, stepsBackOf } from "../../cells/config.ts";
import type { Unit } from "../../cells/unit.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import type { Experiment } from "./experiment.ts";
import type { StudySettings } from "./schema.ts";

/**
 * The settings of an experiment's runs.
 *
 * @param asked takes the place of what the study has
 */
export function trainingSettings(
  { training, tokens }: Pick<StudySettings, "training" | "tokens">,
  experiment: Experiment,
  { steps = training.steps[experiment], budget = training.budget }: Partial<
    Pick<TrainingSettings, "steps" | "budget">
  > = {},
): TrainingSettings {
  return {
    steps,
    ...(budget ? { budget } : {}),
    log_every: training.log_every[experiment],
    batch: training.batch,
    history: training.history,
    vocabulary: tokens?.vocabulary,
  };
}

/** How many steps back the gradients of some configurations go: each number once, the fewest first. */
export function stepsBackAmong(configs: readonly StepsBack[]): number[] {
  return [...new Set(configs.map(stepsBackOf))].sort((a, b) => a - b);
}

/**
 * Tokens of each row that a configuration's run reads in all. They are the measure of its work: an update that goes several steps back reads
 * so many, and takes about as much longer.
 */
export function tokensRead(settings: TrainingSettings, config: StepsBack): number {
  const back = stepsBackOf(config);
  return totalSteps(settings, back) * back;
}

/**
 * What {@linkcode tokensRead} is called, summed over runs: `bytes`, which are those of one sequence of each batch. A bar has no room for more
 * words. Undefined where all go one step back: there it is their steps.
 */
export function readUnit(configs: readonly StepsBack[], unit: Unit): string | undefined {
  return configs.some((config) => stepsBackOf(config) > 1) ? `${unit}s` : undefined;
}
