/** Groups of merged states, by hand. */
import assert from "node:assert/strict";
import { Merging } from "../../../train/dynamics/merging.ts";

const statesOf = (...values: number[]) => new Map([["layers.0.h", Float64Array.from(values)]]);

Deno.test("Merging finds groups by chains of small differences, for each stream", () => {
  const merging = new Merging({ streams: 2, starts: 4, tolerance: 0.1 });
  // 0, 0.09 and 0.18 are a chain, whichever comes first; 0.1 itself is no merged difference.
  merging.see(statesOf(0, 0.18, 5, 0.09, 1, 1.125, 1.25, 1.375), 3);
  assert.deepEqual(merging.streams, [
    { groups: [1, 3], diverged: 0, mergedAfter: null },
    { groups: [1, 1, 1, 1], diverged: 0, mergedAfter: null },
  ]);
  assert.equal(merging.isOver, false);
});

Deno.test("Merging compares all numbers of all states", () => {
  const merging = new Merging({ streams: 1, starts: 2, tolerance: 0.1 });
  const h = Float64Array.of(1, 2, 1, 2), c = Float64Array.of(3, 4, 3, 4.2);
  merging.see(new Map([["layers.0.h", h], ["layers.1.c", c]]), 1);
  assert.deepEqual(merging.streams[0].groups, [1, 1]);
  merging.see(new Map([["layers.0.h", h], ["layers.1.c", c.with(3, 4)]]), 2);
  assert.deepEqual(merging.streams[0], { groups: [2], diverged: 0, mergedAfter: 2 });
});

Deno.test("Merging says since when all are merged, and forgets it when they part", () => {
  const merging = new Merging({ streams: 1, starts: 2, tolerance: 0.1 }), after: (number | null)[] = [];
  for (const [tokens, other] of [1, 0.05, 0.01, 0.5, 0.02, 0].entries()) {
    merging.see(statesOf(0, other), tokens);
    after.push(merging.streams[0].mergedAfter);
  }
  assert.deepEqual(after, [null, 1, 1, null, 4, 4]);
});

Deno.test("Merging leaves diverged starts out, and is over when the others are one group", () => {
  const merging = new Merging({ streams: 1, starts: 4, tolerance: 0.1 });
  merging.see(statesOf(NaN, 0, Infinity, 0), 5);
  assert.deepEqual(merging.streams, [{ groups: [2], diverged: 2, mergedAfter: null }]);
  assert.equal(merging.isOver, true);
});
