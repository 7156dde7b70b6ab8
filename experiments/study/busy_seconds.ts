/** In how much time results were trained, whatever was trained side by side. */
import type { FinishedResult } from "./result.ts";

/** Seconds in which at least one of the runs trained: each from its end back by its training time. Nights between count for nothing. */
export function busySeconds(results: readonly FinishedResult[]): number {
  const spans = results.map(({ "end time": end, train_seconds }) => ({ begin: end - train_seconds, end }));
  let busy = 0, until = -Infinity;
  for (const { begin, end } of spans.sort((a, b) => a.begin - b.begin)) {
    busy += Math.max(0, end - Math.max(begin, until));
    until = Math.max(until, end);
  }
  return busy;
}
