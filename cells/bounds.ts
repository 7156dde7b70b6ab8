/** Bounds of numbers that library users give. */

/**
 * Checks a number that must be whole.
 *
 * @param action what the error says was being done
 * @param what what the error calls the number
 * @throws {RangeError} if it is no whole number from `least` to `most`
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
