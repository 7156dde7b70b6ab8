/** Contests with made-up times: nothing is measured. */
import assert from "node:assert/strict";
import { contest } from "../../../experiments/bench/contest.ts";

/** Takes these milliseconds per step, one after the other, and then the last for ever. */
function contender(name: string, times: readonly number[], log: string[] = []) {
  let round = 0;
  return {
    name,
    round(steps: number) {
      log.push(`${name} ${steps}`);
      return Promise.resolve(times[Math.min(round++, times.length - 1)]);
    },
  };
}
const TIMING = { rounds: 5, roundSeconds: 0.1, limitSeconds: 60 };

Deno.test("contest() lets contenders take turns, each with the steps that make a round, after a warm-up", async () => {
  const log: string[] = [];
  const outcomes = await contest([contender("a", [90, 10], log), contender("b", [1000, 50], log)], {
    ...TIMING,
    rounds: 3,
  });
  assert.deepEqual(log.slice(0, 4), ["a 3", "a 3", "b 3", "b 3"]);
  assert.deepEqual(log.slice(4), ["a 10", "b 2", "a 10", "b 2", "a 10", "b 2"]);
  assert.deepEqual(outcomes, [{ ms_per_step: 10, ratio: 1 }, { ms_per_step: 50, ratio: 5 }]);
});

Deno.test("contest() takes the ratios within rounds, so that what slows both down does not count", async () => {
  // A machine that gets slower and slower, and one round in which the second alone was held up.
  const slowness = [1, 1, 1, 2, 3, 4, 5];
  const [, second] = await contest([
    contender("a", slowness.map((x) => 10 * x)),
    contender("b", slowness.map((x, i) => (i === 4 ? 100 : 12) * x)),
  ], TIMING);
  assert.ok(Math.abs(second.ratio - 1.2) < 1e-12);
});

Deno.test("contest() does three rounds at least, and ends when its time is over", async () => {
  const rounds = async (limitSeconds: number) => {
    let clock = 0;
    const log: string[] = [];
    await contest([contender("a", [10], log)], { rounds: 50, roundSeconds: 0.1, limitSeconds }, () => clock += 1000);
    return log.length - 2;
  };
  // The clock is first looked at before the fourth round, and goes on by a second each time.
  assert.deepEqual([await rounds(0), await rounds(10)], [3, 3 + 9]);
});
