/** Lines of progress bars at the widths that terminals have. */
import assert from "node:assert/strict";
import { countedDown, progressLine, type ProgressState } from "../../../train/terminal/progress_line.ts";

/** As large as a study of this project is. */
const state: ProgressState = {
  done: 1_234_567,
  total: 6_480_000,
  unit: "steps",
  rate: 1234.5,
  secondsLeft: 45_296,
  text: "loss 1.234, lowest finished 1.221, 2 processes",
};

Deno.test("progressLine() is whole at any width, and says the time left", () => {
  for (const done of [0, 1, 1_234_567, 6_480_000]) {
    for (let columns = 40; columns <= 200; columns++) {
      const line = progressLine({ ...state, done }, columns);
      assert.ok(line.length <= columns, `${columns}: ${line}`);
      assert.match(line, /^[█░]{10,20} \d+% \| /, `${columns}: ${line}`);
      assert.match(line, / \| 12 h 34 min left($| \| )/, `${columns}: ${line}`);
      // No piece is cut.
      const pieces = line.split(" | ").slice(1), whole = progressLine({ ...state, done }).split(" | ").slice(1);
      for (const piece of pieces) {
        assert.ok(whole.some((full) => `${full}, `.startsWith(`${piece}, `)), `${columns}: ${piece}`);
      }
    }
  }
});

Deno.test("progressLine() gives up the rate first, then the text, the bar's length, and what is done of how much", () => {
  const at = (columns: number) => progressLine(state, columns);
  assert.equal(
    at(200),
    "████░░░░░░░░░░░░░░░░ 19% | 1234567/6480000 steps | 12 h 34 min left | 1235 steps/s | loss 1.234, lowest finished 1.221, 2 processes",
  );
  assert.equal(
    at(120),
    "████░░░░░░░░░░░░░░░░ 19% | 1234567/6480000 steps | 12 h 34 min left | 1235 steps/s | loss 1.234, lowest finished 1.221",
  );
  assert.equal(at(80), "████░░░░░░░░░░░░░░░░ 19% | 1234567/6480000 steps | 12 h 34 min left | loss 1.234");
  assert.equal(at(70), "████░░░░░░░░░░░░░░░░ 19% | 1234567/6480000 steps | 12 h 34 min left");
  assert.equal(at(60), "██░░░░░░░░ 19% | 1234567/6480000 steps | 12 h 34 min left");
  assert.equal(at(50), "████░░░░░░░░░░░░░░░░ 19% | 12 h 34 min left");
});

Deno.test("progressLine() says nothing of what is not known, and is full where nothing is to be done", () => {
  const start = { done: 0, total: 12, unit: "runs", text: "" };
  assert.equal(progressLine(start), "░░░░░░░░░░░░░░░░░░░░ 0% | 0/12 runs | – left");
  assert.equal(progressLine({ ...start, secondsLeft: Infinity }), progressLine(start));
  assert.equal(progressLine({ ...start, total: 0, secondsLeft: 0 }), "████████████████████ 100% | 0/0 runs | 0 s left");
});

Deno.test("countedDown() takes what has passed from the time left, down to nothing, where there is one", () => {
  assert.equal(countedDown(state, 6).secondsLeft, 45_290);
  assert.equal(countedDown(state, 50_000).secondsLeft, 0);
  assert.equal(countedDown({ ...state, secondsLeft: undefined }, 6).secondsLeft, undefined);
});
