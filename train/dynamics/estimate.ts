/** A number with its uncertainty. */

/** A mean over streams of a text, and how sure it is. */
export interface Estimate {
  /** Null where there is none; each measure says when. */
  readonly value: number | null;
  /** Standard error of the value over the streams; null where there is one stream, or no value. */
  readonly standard_error: number | null;
}

/**
 * The mean of one number for each stream, and its standard error `s/√S`. One that is not finite leaves no value.
 */
export function estimateOf(perStream: readonly number[]): Estimate {
  const { length } = perStream, mean = perStream.reduce((sum, x) => sum + x, 0) / length;
  if (!Number.isFinite(mean)) return { value: null, standard_error: null };
  const squares = perStream.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { value: mean, standard_error: length < 2 ? null : Math.sqrt(squares / (length * (length - 1))) };
}
