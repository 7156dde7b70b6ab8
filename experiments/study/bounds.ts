/** Bounds of a study that are checked where they count: `init` can then fix what an earlier version let grow too large. */
import { UserError } from "../../cells/errors.ts";
import { checkLogged, LIMITS, stepsToLog, totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import { MOST_RUNS } from "./grid.ts";
import { commandOn } from "./commands.ts";
import type { Experiment } from "./experiment.ts";
import type { StudySettings } from "./schema.ts";

/** @throws {UserError} if a study of an earlier version has too many seeds, or so many of so many configurations are too many runs */
export function checkRuns(dir: string, seeds: number, configs: number): void {
  const mend = `take seeds away with ${commandOn("init", { dir }, "01", { seeds: 1 })}`;
  if (seeds > LIMITS.seeds) {
    throw new UserError(`Cannot use study ${dir}: it has ${seeds} seeds, must be at most ${LIMITS.seeds}; ${mend}`);
  }
  const runs = seeds * configs;
  if (runs <= MOST_RUNS) return;
  throw new UserError(
    `Cannot list the runs of study ${dir}: ${seeds} seeds of ${configs} configurations are ${runs}, must be at most ` +
      `${MOST_RUNS}; ${mend}`,
  );
}

/**
 * Checks how a study's runs are trained.
 *
 * @param asked settings that are about to take the place of those that there are
 * @throws {UserError} if an earlier version gave a study more than may be
 */
export function checkTraining(
  dir: string,
  experiment: Experiment,
  { steps, batch, history }: StudySettings["training"],
  asked: { readonly [K in "steps" | "batch" | "history"]?: number } = {},
): void {
  for (const [key, value] of Object.entries({ steps: steps[experiment], batch, history })) {
    const flag = key as keyof typeof asked, most = LIMITS[flag];
    if (asked[flag] !== undefined || value <= most) continue;
    throw new UserError(
      `Cannot use study ${dir}: it has ${flag} ${value}, must be at most ${most}; set it with ${
        commandOn("init", { dir }, experiment, { [flag]: "N" })
      }`,
    );
  }
}

/**
 * Checks that runs which a person has asked for have losses to log: see `checkLogged()`.
 *
 * @throws {UserError} naming flags that would fix it
 */
export function checkAskedLogged(settings: TrainingSettings, stepsBack: number): void {
  checkLogged(settings, stepsBack, UserError, () => {
    const isEnough = totalSteps({ ...settings, budget: "updates" }, stepsBack) >= settings.log_every;
    return `; --steps ${stepsToLog(settings, stepsBack)}${isEnough ? " or --budget updates" : ""} would do`;
  });
}
