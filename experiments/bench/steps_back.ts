/** What a byte costs where the gradient goes back through several steps. */
import type { CellConfig } from "../../cells/config.ts";
import { BEST_CONFIG } from "../../cells/known_configs.ts";
import { buildTrainingStep } from "../../cells/language_model.ts";
import { maxOf } from "../../cells/extremes.ts";
import type { Engine, EngineRun } from "../../train/engines/engine.ts";
import { CONTEST, type ContestTiming, type Outcome } from "./contest.ts";
import { copies, groupContender, takeTurns } from "./measure.ts";

/** Steps back that are measured, the first as what the others are compared with. */
const MEASURED = [1, 4, 16] as const;

/** Training with some steps back. */
export interface StepsBackRow {
  readonly what: string;
  readonly steps_back: number;
  /** Milliseconds of a run for each byte of a row: those of a step, divided by the bytes that it reads. */
  readonly ms_per_byte: number;
  /** That time divided by the one with one step back, in turns with it. */
  readonly ratio: number;
}

/** A run of the best configuration. @param best tests have a smaller one */
export function stepsBackRun(bptt: number, best: CellConfig = BEST_CONFIG): EngineRun {
  const [run] = copies(best, 1), { cell, sizes } = run.step;
  return { ...run, step: buildTrainingStep(cell!, sizes, { bptt }) };
}

/**
 * Measures the best configuration, alone, with each number of steps back.
 *
 * @param threads for engines on the CPU
 */
export async function benchStepsBack(
  engine: Engine,
  threads?: number,
  timing: ContestTiming = CONTEST,
  best: CellConfig = BEST_CONFIG,
): Promise<StepsBackRow[]> {
  const outcomes = await takeTurns(
    MEASURED.map((bptt) => () => groupContender(engine, [stepsBackRun(bptt, best)], threads)),
    timing,
  );
  const on = threads === undefined ? "" : `, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  return stepsBackRows(`${engine.name}: best configuration${on}`, outcomes);
}

/** @param outcomes of each number of steps back that is measured, per step */
export function stepsBackRows(what: string, outcomes: readonly Outcome[]): StepsBackRow[] {
  return outcomes.map(({ ms_per_step, ratio }, i) => {
    const steps_back = MEASURED[i];
    return { what, steps_back, ms_per_byte: ms_per_step / steps_back, ratio: ratio / steps_back };
  });
}

/** The rows as a table, its head first. */
export function stepsBackLines(rows: readonly StepsBackRow[]): string[] {
  const width = maxOf(rows.map(({ what }) => what.length));
  return [
    `${"".padEnd(width)}  steps back  ms/byte`,
    ...rows.map(({ what, steps_back, ms_per_byte, ratio }) => {
      const numbers = [String(steps_back).padStart(10), ms_per_byte.toFixed(2).padStart(7)];
      const note = steps_back === MEASURED[0] ? "" : `${ratio.toFixed(2)} × that with one step back`;
      return `${what.padEnd(width)}  ${numbers.join("  ")}  ${note}`.trimEnd();
    }),
  ];
}
