/** Levels that losses are held against: the n-gram baselines of the test split, and the corpus's entropy rate where that is known. */
import type { NgramBaselines } from "../../experiments/study/ngram_baselines.ts";

/** A level: of a study in nats per what its models read, on an axis in the axis's unit. */
export interface Level {
  /** `order 2`, or what else it is. */
  readonly label: string;
  readonly value: number;
  /**
   * Of an n-gram baseline, its bytes of context. A baseline belongs to the test split, for which it was counted. What has no order, the
   * entropy rate, belongs to any text of the corpus.
   */
  readonly order?: number;
}

/** What an axis shows: a training loss in nats per what the models read, or a score on a split in bits per byte. */
export type LossAxis = "training" | "validation" | "test";

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
    ...(baselines ?? []).map(({ order, nats }) => ({ label: `order ${order}`, value: nats * bytesPerToken, order })),
    ...(entropyRate === undefined ? [] : [{ label: "entropy rate", value: entropyRate * bytesPerToken }]),
  ];
}

/**
 * The levels that belong on an axis, in its unit: n-gram baselines on that of the test score alone. A model without memory reaches a lowest
 * training loss below the test split's order 1, so that beside a training loss a baseline would say what is not so.
 *
 * @param levels of a study
 */
export function levelsOn(
  axis: LossAxis,
  levels: readonly Level[] | undefined,
  { bytes_per_token }: { readonly bytes_per_token: number },
): Level[] {
  const own = (levels ?? []).filter(({ order }) => order === undefined || axis === "test");
  return axis === "training"
    ? own
    : own.map((level) => ({ ...level, value: bitsPerByte(level.value, bytes_per_token) }));
}

/** Nats per what models read as bits per byte. */
export function bitsPerByte(nats: number, bytes_per_token: number): number {
  return nats / Math.LN2 / bytes_per_token;
}
