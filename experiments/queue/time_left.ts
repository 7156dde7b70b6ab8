/** How long the runs of an experiment still take: the one answer that `status`, `watch` and the bar of `train` give. */
import { type StepsBack, stepsBackOf } from "../../cells/config.ts";
import { type Sizes, stepCost } from "../../cells/sizes.ts";
import { busySeconds } from "../study/busy_seconds.ts";
import type { FinishedResult } from "../study/result.ts";
import type { Run } from "../study/runs.ts";
import type { RunState, Standing } from "./standing.ts";

/** What a call of `train` is to train beside what everybody would. */
export interface AskedAgain {
  /** Also the runs that had failed by then, Unix seconds. */
  readonly failedBefore?: number;
  /** Also the runs that other folders have trained. */
  readonly retrainLost?: boolean;
}

/**
 * Seconds until the runs are trained, no matter which process trains them, at the speed of those among them that have finished. What is left are runs
 * that wait, that somebody trains (from the step that was last told), whose process has fallen silent, and done ones that are asked for
 * more steps.
 *
 * @returns 0 where nothing is left; undefined where something is, and none has finished
 */
export function timeLeft(
  { of, finished, short, stepsOf, resultOf, claimOf }: Standing,
  { failedBefore, retrainLost = false }: AskedAgain = {},
): number | undefined {
  const workOf = (run: Run, done: number): Work => ({ ...run.entry.config, steps: Math.max(0, stepsOf(run) - done) });
  const states: readonly RunState[] = ["waiting", "stale", "running", ...retrainLost ? ["elsewhere" as const] : []];
  const hadFailed = (run: Run) => failedBefore !== undefined && (resultOf(run)!.failed_time ?? 0) <= failedBefore;
  const left = [
    ...states.flatMap(of).map((run) => workOf(run, claimOf(run)?.step ?? 0)),
    ...of("failed").filter(hadFailed).map((run) => workOf(run, 0)),
    ...short.map((run) => workOf(run, resultOf(run)!.steps_done!)),
  ];
  return secondsLeft(left, finished.map(({ result }) => result));
}

/** Some steps of a configuration. */
export interface Work extends Sizes, StepsBack {
  /** Updates; one that goes several steps back takes so many times as long. */
  readonly steps: number;
}

/**
 * Time for the work that is left: the work so far per second in which anything trained, applied to it. So runs side by side count rightly,
 * and nights do not. Work is steps × steps back × the cost of a step by the model's size.
 *
 * @returns seconds; undefined where work is left and the finished runs tell no speed
 */
export function secondsLeft(left: readonly Work[], finished: readonly FinishedResult[]): number | undefined {
  if (!left.length) return 0;
  const total = (works: readonly Work[]) =>
    works.reduce((sum, work) => sum + work.steps * stepsBackOf(work) * stepCost(work), 0);
  const done = total(finished.map((result) => ({ ...result, steps: result.steps_done }))), busy = busySeconds(finished);
  // A result of no steps, or of no time, would make it endless or nothing.
  return done > 0 && busy > 0 ? total(left) * busy / done : undefined;
}
