/** Bounds of a study that are checked where they count: `init` can then mend what an earlier version let grow too large. */
import { UserError } from "../cells/errors.ts";
import { LIMITS } from "../train/settings.ts";
import { MOST_RUNS } from "./grid.ts";
import { commandOn } from "./study_commands.ts";

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
