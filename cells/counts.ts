/** Counts in words and tables. */

/** Made once: each costs as much as to format hundreds of numbers. */
const COUNTS = new Intl.NumberFormat("en-US");

/** A whole number with thousands separated: `10,989`. */
export function formatCount(count: number): string {
  return COUNTS.format(count);
}

/** `1 run`, `1,290 runs`. */
export function counted(count: number, noun: string, several = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : several}`;
}
