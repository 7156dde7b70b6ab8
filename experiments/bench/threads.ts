/** Numbers of threads that are tried, so that each is measured with the one that suits it. */
import { minOf } from "../../cells/extremes.ts";
import type { Outcome } from "./contest.ts";

/** 1, 2, 4, … and as many as there are cores. */
export function threadCounts(cores: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < cores; count *= 2) counts.push(count);
  return [...counts, cores];
}

/** Which contender was the fastest. */
export function fastestOf(outcomes: readonly Outcome[]): number {
  const ratios = outcomes.map(({ ratio }) => ratio);
  return ratios.indexOf(minOf(ratios));
}

/** `1 thread, the fastest of 1, 2 and 4`. @param counts that were tried */
export function threadsInWords(count: number, counts: readonly number[]): string {
  const threads = `${count} ${count === 1 ? "thread" : "threads"}`, sorted = [...new Set(counts)].sort((a, b) => a - b);
  if (sorted.length < 2) return threads;
  return `${threads}, the fastest of ${new Intl.ListFormat("en-GB").format(sorted.map(String))}`;
}
