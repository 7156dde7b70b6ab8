/** Levels that losses are held against: the n-gram baselines of the corpus, and its entropy rate where that is known. */
import type { NgramBaselines } from "../../experiments/study/ngram_baselines.ts";

/** A level in the unit of a picture's axis. */
export interface Level {
  /** `order 2`, or what else it is. */
  readonly label: string;
  readonly value: number;
}

/**
 * The levels of a study, nats per what its models read.
 *
 * @param baselines of bytes; none where the study has none
 * @param entropyRate of the corpus, nats per byte, where it is known from its construction
 * @param bytesPerToken mean bytes that what the models read stands for
 */
export function levelsOf(
  baselines: NgramBaselines | undefined,
  entropyRate: number | undefined,
  bytesPerToken: number,
): Level[] {
  return [
    ...(baselines ?? []).map(({ order, nats }) => ({ label: `order ${order}`, value: nats * bytesPerToken })),
    ...(entropyRate === undefined ? [] : [{ label: "entropy rate", value: entropyRate * bytesPerToken }]),
  ];
}
