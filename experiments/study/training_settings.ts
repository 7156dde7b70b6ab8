/** How the runs of a study are trained. */
import { bpttOf, type CellConfig } from "../../cells/config.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import type { Experiment, StudySettings } from "./schema.ts";

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
export function bpttsAmong(configs: readonly Pick<CellConfig, "bptt">[]): number[] {
  return [...new Set(configs.map(bpttOf))].sort((a, b) => a - b);
}

/**
 * Tokens of each row that a configuration's run reads in all. They are the measure of its work: an update that goes several steps back reads
 * so many, and takes about as much longer.
 */
export function tokensRead(settings: TrainingSettings, config: Pick<CellConfig, "bptt">): number {
  const bptt = bpttOf(config);
  return totalSteps(settings, bptt) * bptt;
}
