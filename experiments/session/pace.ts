/** How fast a machine trains, as plain numbers: from finished results, and to a time for what is left. Nothing here measures or reads. */
import { stepsBackOf } from "../../cells/config.ts";
import { stepCost } from "../../cells/sizes.ts";
import { busySeconds } from "../study/busy_seconds.ts";
import type { FinishedResult } from "../study/result.ts";

/** Work that takes less than so many seconds is told as that, and needs no closer number. */
export const SHORT_SECONDS = 1;

/** Some runs of one size. A step here is one through the text: an update that goes several steps back makes so many, and takes as many times as long. */
export interface Work {
  /** Of a step, by {@linkcode stepCost}: it has no unit. */
  readonly cost: number;
  /** Steps that they have left, together. */
  readonly steps: number;
}

/** Time of a step. */
export interface StepTime {
  readonly cost: number;
  /**
   * Seconds that the whole machine spends on one step of one run: the wall time of a step of all runs that train at once, divided by
   * their number.
   */
  readonly seconds: number;
}

/** How fast a machine trains. */
export interface Pace {
  /** Each cost once, the lowest first; at least one. */
  readonly times: readonly StepTime[];
  /** Runs that trained at once where the times were taken. */
  readonly atATime: number;
}

/**
 * The pace of results that one machine has trained. A run's `train_seconds` are wall time that it shares with the runs beside it: so they
 * are divided by the mean number of runs at a time, which is the sum of all training times over the time in which any run trained.
 *
 * @returns undefined if no result took any time
 */
export function paceOf(results: readonly FinishedResult[]): Pace | undefined {
  const timed = results.filter(({ train_seconds, steps_done }) => train_seconds > 0 && steps_done > 0);
  if (!timed.length) return undefined;
  const spent = timed.reduce((sum, { train_seconds }) => sum + train_seconds, 0);
  // Clocks that were wrong must not make more runs at a time than there are, nor fewer than one.
  const atATime = Math.min(timed.length, Math.max(1, spent / busySeconds(timed)));
  const byCost = Map.groupBy(timed, (result) => stepCost(result));
  const times = [...byCost].map(([cost, ofCost]): StepTime => {
    const seconds = ofCost.reduce((sum, { train_seconds }) => sum + train_seconds, 0);
    const steps = ofCost.reduce((sum, result) => sum + result.steps_done * stepsBackOf(result), 0);
    return { cost, seconds: seconds / steps / atATime };
  });
  return { times: times.sort((a, b) => a.cost - b.cost), atATime };
}

/**
 * Seconds of one step of a run at this cost. Between two known costs on the line through them; below the lowest as long as that one's, for a
 * small step is mostly overhead; above the highest in proportion to the cost.
 */
export function stepSeconds({ times }: Pace, cost: number): number {
  const above = times.findIndex((time) => time.cost >= cost), last = times[times.length - 1];
  if (above < 0) return last.seconds * cost / last.cost;
  if (above === 0) return times[0].seconds;
  const low = times[above - 1], high = times[above];
  return low.seconds + (high.seconds - low.seconds) * (cost - low.cost) / (high.cost - low.cost);
}

/**
 * Seconds that a machine of this pace takes for some work. Fewer runs than the pace had at a time are taken to go on as they went there:
 * alone they would not be slower, so it is rather too long than too short.
 *
 * @param runs that the work is of
 */
export function secondsOf(pace: Pace, work: readonly Work[], runs: number): number {
  const busy = work.reduce((sum, { cost, steps }) => sum + steps * stepSeconds(pace, cost), 0);
  return busy * Math.max(1, pace.atATime / Math.max(1, runs));
}
