/** Counts in words and tables. */

/** Made once, and only for what is no whole number: the first of a process takes 10 ms and more. */
let others: Intl.NumberFormat | undefined;

/** A whole number with thousands separated: `10,989`. */
export function formatCount(count: number): string {
  if (Number.isSafeInteger(count) && !Object.is(count, -0)) return `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
  others ??= new Intl.NumberFormat("en-US");
  return others.format(count);
}

/** `1 run`, `1,290 runs`. */
export function counted(count: number, noun: string, several = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : several}`;
}
