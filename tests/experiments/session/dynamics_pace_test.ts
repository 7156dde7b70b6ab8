import assert from "node:assert/strict";
import { dynamicsCost } from "../../../cells/sizes.ts";
import { DynamicsPace } from "../../../experiments/session/dynamics_pace.ts";

/** A clock that the test moves, and the pace of two runs of one cost and one of four times that, two at a time. */
function begin() {
  const clock = { now: 0 }, costs = new Map([["a", 100], ["b", 100], ["large", 400]]);
  return { clock, pace: new DynamicsPace(costs, 2, () => clock.now) };
}

Deno.test("dynamicsCost() grows with the layers, and with the square of the numbers that each carries", () => {
  assert.equal(dynamicsCost({ n_layers: 2, state_size: 32 }, 1), 2048);
  assert.equal(dynamicsCost({ n_layers: 1, state_size: 32 }, 2), 4096);
});

Deno.test("DynamicsPace knows nothing before a worker has told how far it is", () => {
  const { clock, pace } = begin();
  assert.deepEqual([pace.secondsLeft, pace.shares], [undefined, []]);
  pace.begin("large");
  clock.now = 1000;
  assert.deepEqual([pace.secondsLeft, pace.shares], [undefined, [0]]);
});

Deno.test("DynamicsPace goes by the runs under way, until one has been measured", () => {
  const { clock, pace } = begin();
  pace.begin("large");
  clock.now = 10_000;
  pace.progress("large", 0.25);
  // 40 s the whole, 30 s left; the others cost no less than the least that is known, and two run at a time.
  assert.equal(pace.secondsLeft, (30 + 40 + 40) / 2);
  pace.begin("a");
  clock.now = 12_000;
  pace.progress("a", 0.5);
  // Now 48 s the large one, and 4 s each of the others.
  assert.equal(pace.secondsLeft, (36 + 2 + 4) / 2);
  pace.end("a", 5);
  // What was measured is what counts: 5 s at its cost, and in proportion above.
  assert.equal(pace.secondsLeft, (0.75 * 20 + 5) / 2);
  assert.deepEqual(pace.shares, [0.25]);
});

Deno.test("DynamicsPace takes the mean of runs of one cost, and counts what was left to others as done", () => {
  const { pace } = begin();
  for (const key of ["a", "b", "large"]) pace.begin(key);
  pace.end("a", 4);
  pace.end("b", 8);
  assert.equal(pace.secondsLeft, 24);
  pace.end("large");
  assert.equal(pace.secondsLeft, 0);
});
