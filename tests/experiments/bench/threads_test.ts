/** Numbers of threads: which are tried, which is kept, and how it is said. */
import assert from "node:assert/strict";
import { fastestOf, threadCounts, threadsInWords } from "../../../experiments/bench/threads.ts";

Deno.test("threadCounts() are the powers of two below the number of cores, and that number", () => {
  assert.deepEqual([1, 2, 6, 8].map(threadCounts), [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]);
});

Deno.test("fastestOf() finds the contender that takes least of the first one's time", () => {
  const outcome = (ratio: number) => ({ ms_per_step: 1, ratio });
  assert.equal(fastestOf([1, 0.5, 0.7].map(outcome)), 1);
  assert.equal(fastestOf([1, 1.2].map(outcome)), 0);
});

Deno.test("threadsInWords() names those that were tried, in order and each once", () => {
  assert.equal(threadsInWords(1, [2, 1, 2]), "1 thread, the fastest of 1 and 2");
  assert.equal(threadsInWords(4, [4, 2, 1]), "4 threads, the fastest of 1, 2 and 4");
  assert.equal(threadsInWords(2, [2]), "2 threads");
});
