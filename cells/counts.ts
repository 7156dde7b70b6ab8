/** Counts in words and tables. */

/** A whole number with thousands separated: `10,989`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 run`, `1,290 runs`. */
export function counted(count: number, noun: string, several = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : several}`;
}
