/** Bounds of numbers that library users give. */

/** The most parallel sequences. The logits alone take 64 MiB at 256 values a row; a GPU starts at most 65,535 workgroups in a row. */
export const MAX_BATCH = 65_536;

/** The largest vocabulary: a token is kept in 16 bits. */
export const MAX_VOCABULARY = 2 ** 16;

/**
 * Checks a number that must be whole.
 *
 * @param action what the error says was being done
 * @param what what the error calls the number
 * @throws {RangeError} if it is not a whole number from `least` to `most`
 */
export function checkWhole(
  action: string,
  what: string,
  value: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const bounds = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of at least ${least}, and below 2^53`;
  throw new RangeError(`Cannot ${action}: ${what} is ${value}, must be a whole number ${bounds}`);
}
