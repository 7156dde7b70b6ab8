/** Writes the order of context into results that were scored before their study had baselines, or with other ones. */
import { messageOf } from "../../cells/errors.ts";
import { contextOrderOf, type NgramBaselines } from "../study/ngram_baselines.ts";
import type { Queue } from "../queue/queue.ts";
import type { RunResult } from "../study/result.ts";
import { runKey } from "../study/paths.ts";
import type { Experiment } from "../study/schema.ts";
import type { Study } from "../study/store.ts";
import { claimKey, ClaimLost, commitWhileHeld } from "../queue/study_queue.ts";

/**
 * Whether a result lacks its order, or has one that other baselines gave it.
 *
 * @param baselines the study's; where there are none, any result with a score and no order lacks one
 */
export function isMisplaced({ test_bits_per_byte, context_order }: RunResult, baselines?: NgramBaselines): boolean {
  if (test_bits_per_byte === undefined) return false;
  return baselines ? context_order !== contextOrderOf(test_bits_per_byte, baselines) : context_order === undefined;
}

/** What {@linkcode placeScores} works with. */
export interface Placing {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly baselines: NgramBaselines;
  readonly queue: Queue;
  readonly signal?: AbortSignal;
  /** Called when a result cannot be written; the others go on. */
  readonly onProblem?: (problem: string) => void;
}

/** Writes the order into each result that needs it, and returns how many those were. Runs that somebody works on get theirs with their score. */
export async function placeScores(
  { study, experiment, baselines, queue, signal, onProblem }: Placing,
): Promise<number> {
  const { results } = await study.readResults(experiment);
  let placed = 0;
  for (const { id, seed } of results.filter((result) => isMisplaced(result, baselines))) {
    if (signal?.aborted) break;
    const key = runKey(id, seed), claim = claimKey(experiment, key);
    if (!await queue.claim(claim)) continue;
    try {
      const result = await study.readResult(experiment, key);
      if (!result || !isMisplaced(result, baselines)) continue;
      const context_order = contextOrderOf(result.test_bits_per_byte!, baselines);
      await study.writeResult(experiment, key, { ...result, context_order }, commitWhileHeld(queue, claim));
      placed++;
    } catch (error) {
      if (!(error instanceof ClaimLost)) onProblem?.(messageOf(error));
    } finally {
      await queue.release(claim);
    }
  }
  return placed;
}
