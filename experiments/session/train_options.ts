/** What `train` is asked to do. */
import { stepsBackOf } from "../../cells/config.ts";
import { type Budget, totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import type { ScoreChoice } from "../../train/scoring/score_on.ts";
import type { EngineChoice } from "../../train/engines/registry.ts";
import { hasEnded, type RunResult } from "../study/result.ts";
import type { ConfigFilter } from "../study/selection.ts";
import type { Shard } from "../study/shard.ts";
import type { Experiment } from "../study/experiment.ts";
import type { QueueChoice, Timing } from "../queue/study_queue.ts";
import type { TrainingListener } from "./listener.ts";

export interface TrainStudyOptions extends TrainingListener, Omit<QueueChoice, "share"> {
  readonly dir: string;
  readonly experiment: Experiment;
  readonly engine: EngineChoice;
  readonly parallel?: number;
  readonly steps?: number;
  readonly budget?: Budget;
  readonly limit?: number;
  /** The share of the list that is trained, without a queue; absent: all. */
  readonly shard?: Shard;
  readonly only?: ConfigFilter;
  /** Where finished runs are scored; absent: as `auto`. */
  readonly scoreOn?: ScoreChoice;
  /** Bytes of the test split that are scored, at most; absent: all. */
  readonly testBytes?: number;
  /** Tries runs again that have failed. */
  readonly retryFailed?: boolean;
  /** Stops at a good place: what is done is saved. */
  readonly signal?: AbortSignal;
  readonly timing?: Timing;
}

/** Whether a run needs nothing of `train`. */
export function isDone(
  result: RunResult | undefined,
  settings: TrainingSettings,
  { retryFailed }: Pick<TrainStudyOptions, "retryFailed">,
): boolean {
  if (retryFailed && result?.failed !== undefined) return false;
  return result !== undefined && hasEnded(result, totalSteps(settings, stepsBackOf(result)));
}
