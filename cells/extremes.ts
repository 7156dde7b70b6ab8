/**
 * The ends of a list of numbers. `Math.min` takes its numbers as arguments, which lie on the stack: about a hundred thousand have room there, and
 * a study has more. So these walk.
 */

/** The smallest of some numbers and `start`, as `Math.min` says it: NaN where one is; without any, `start`. */
export function minOf(values: Iterable<number>, start = Infinity): number {
  let reached = start;
  for (const value of values) reached = Math.min(reached, value);
  return reached;
}

/** The largest of some numbers and `start`, as `Math.max` says it: NaN where one is; without any, `start`. */
export function maxOf(values: Iterable<number>, start = -Infinity): number {
  let reached = start;
  for (const value of values) reached = Math.max(reached, value);
  return reached;
}

/** Both at once: `[least, most]`. */
export function extentOf(values: Iterable<number>): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}
