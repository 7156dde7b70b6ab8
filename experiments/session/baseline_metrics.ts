/**
 * Metrics that say where a score stands among the study's n-gram baselines. They follow from the two alone: so results get them also that were
 * scored before their study had baselines, with other ones, or by a version that did not know the metric.
 */
import { messageOf } from "../../cells/errors.ts";
import type { ScoreMetrics } from "../study/metrics.ts";
import { contextOrderOf, gainOverOrder1, type NgramBaselines } from "../study/ngram_baselines.ts";
import type { Queue } from "../queue/queue.ts";
import type { RunResult } from "../study/result.ts";
import { runKey } from "../study/run_key.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";
import { claimKey, ClaimLost, commitWhileHeld } from "../queue/study_queue.ts";

/** Metrics of a score beside n-gram baselines. */
type BaselineMetrics = Pick<ScoreMetrics, "context_order" | "gain_over_order_1">;

/**
 * Those metrics of a score.
 *
 * @param bits_per_byte on the test split, for which the baselines were counted
 * @param baselines the study's; undefined where it has none: then it has none of these metrics
 */
export function baselineMetrics(bits_per_byte: number, baselines: NgramBaselines | undefined): BaselineMetrics {
  return {
    context_order: baselines && contextOrderOf(bits_per_byte, baselines),
    gain_over_order_1: baselines && gainOverOrder1(bits_per_byte, baselines),
  };
}

/**
 * Whether a result lacks one of those metrics, or has one that other baselines gave it.
 *
 * @param baselines the study's; where there are none, any result with a score and without such a metric lacks it
 */
export function isMisplaced(result: RunResult, baselines?: NgramBaselines): boolean {
  const { test_bits_per_byte, test_bytes_asked } = result;
  // Baselines are counted for the whole split, and say nothing of a part.
  if (test_bits_per_byte === undefined || test_bytes_asked !== undefined) return false;
  return Object.entries(baselineMetrics(test_bits_per_byte, baselines)).some(([key, must]) =>
    baselines ? result[key] !== must : result[key] === undefined
  );
}

/** What {@linkcode placeScores} works with. */
export interface Placing {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly baselines: NgramBaselines;
  readonly queue: Queue;
  /** Runs to leave out: those in the shares of others may be training on, and no table of claims says so. */
  readonly skip?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
  /** Called when a result cannot be written; the others go on. */
  readonly onProblem?: (problem: string) => void;
}

/** Writes the metrics into each result that needs them, and returns how many those were. Runs that somebody works on get theirs with their score. */
export async function placeScores(
  { study, experiment, baselines, queue, skip, signal, onProblem }: Placing,
): Promise<number> {
  const { results } = await study.readResults(experiment);
  let placed = 0;
  for (const { id, seed } of results.filter((result) => isMisplaced(result, baselines))) {
    if (signal?.aborted) break;
    const key = runKey(id, seed), claim = claimKey(experiment, key);
    if (skip?.has(key) || !await queue.claim(claim)) continue;
    try {
      const result = await study.readResult(experiment, key);
      if (!result || !isMisplaced(result, baselines)) continue;
      const placing = baselineMetrics(result.test_bits_per_byte!, baselines);
      await study.writeResult(experiment, key, { ...result, ...placing }, commitWhileHeld(queue, claim));
      placed++;
    } catch (error) {
      if (!(error instanceof ClaimLost)) onProblem?.(messageOf(error));
    } finally {
      await queue.release(claim);
    }
  }
  return placed;
}
