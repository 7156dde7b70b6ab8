/** The metrics of a score, each computed from what was found of the model on the test split and on the validation split. */
import type { Score } from "../../train/scoring/evaluate.ts";
import type { ScoreMetrics } from "../study/metrics.ts";
import type { NgramBaselines } from "../study/ngram_baselines.ts";
import { baselineMetrics } from "./baseline_metrics.ts";

/**
 * A score as results have it.
 *
 * @param validation of the validation split; undefined where that is too short to score
 * @param baselines the study's n-gram baselines; undefined where it has none
 */
export function scoreMetrics(
  { nats, bits_per_byte, bytes, tokens, streams, warm_up }: Score,
  validation: Pick<Score, "bits_per_byte" | "bytes"> | undefined,
  baselines: NgramBaselines | undefined,
): ScoreMetrics {
  return {
    test_loss: nats,
    test_bits_per_byte: bits_per_byte,
    test_bytes: bytes,
    test_tokens: tokens === bytes ? undefined : tokens,
    test_streams: streams,
    test_warm_up: warm_up,
    validation_bits_per_byte: validation?.bits_per_byte,
    validation_bytes: validation?.bytes,
    ...baselineMetrics(bits_per_byte, baselines),
  };
}
