/** Byte recall: how far back a state says which byte was read. */
import type { Estimate } from "./estimate.ts";
import type { StreamOptions } from "./streams.ts";

/** Recall of the byte (or token) that was read so many steps ago. */
export interface RecallAtLag {
  /** Steps back: 0 is the byte that was read last. */
  readonly lag: number;
  /** Bits of it that a linear softmax readout of the state tells, less those that it seems to tell where pairs are shuffled. */
  readonly bits: Estimate;
  /** What was subtracted: the same for shuffled pairs, bits. */
  readonly shuffled: number;
}

/** What {@linkcode byteRecall} finds. */
export interface ByteRecall extends Required<StreamOptions> {
  /** Pairs of state and byte that each readout was fitted to, and pairs that it was scored on. */
  readonly fitted: number;
  readonly scored: number;
  /** H(x): entropy of single bytes, bits, of those that were scored. */
  readonly entropy: number;
  /** From lag 0 on, each lag up to where two in a row are no more than two standard errors above zero, or to the most that was asked for. */
  readonly lags: readonly RecallAtLag[];
  /** Sum of the bits over all these lags. */
  readonly total: Estimate;
  /** The last lag whose bits are more than two standard errors above zero; null where there is none. */
  readonly horizon: number | null;
}
