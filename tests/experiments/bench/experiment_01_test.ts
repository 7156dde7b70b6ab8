/** The estimate of experiment 01: its arithmetic with made-up measurements. How long anything takes is not looked at. */
import assert from "node:assert/strict";
import type { CellConfig } from "../../../cells/config.ts";
import { BEST_CONFIG, SMALL_CONFIG } from "../../../cells/known_configs.ts";
import {
  estimate01,
  estimateLines,
  type Measured01,
  rowsRead,
  scoreSeconds,
  SETTINGS_01,
  shapeOf,
  shapesOf,
  tokensRead,
} from "../../../experiments/bench/experiment_01.ts";
import { grid } from "../../../experiments/study/grid.ts";
import { totalSteps } from "../../../train/training/settings.ts";

const LARGE = shapeOf(BEST_CONFIG), SMALL = shapeOf(SMALL_CONFIG);
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected), `is ${actual}, must be ${expected}`);

Deno.test("experiment 01 has 432 runs of 10,989 steps, in six shapes", () => {
  const shapes = shapesOf(grid());
  const layers = (count: number) => count === 1 ? "1 layer" : `${count} layers`;
  assert.deepEqual(
    shapes.map(({ name, runs }) => [name, runs]).sort(),
    [1, 2, 3].flatMap((count) => [[`${layers(count)} × 256`, 96], [`${layers(count)} × 32`, 48]]).sort(),
  );
  for (const { name, typical } of shapes) assert.equal(shapeOf(typical), name);
  assert.equal(totalSteps(SETTINGS_01, 1), 10_989);
});

Deno.test("shapesOf() takes the run whose number of parameters is nearest to the mean", () => {
  const none: CellConfig = { ...BEST_CONFIG, use_forget_gate: false, use_state_gate: false };
  const all: CellConfig = { ...BEST_CONFIG, use_input_gate: true, use_output_gate: true };
  assert.deepEqual(shapesOf([none, BEST_CONFIG, all]), [{ name: LARGE, runs: 3, typical: BEST_CONFIG }]);
});

Deno.test("tokensRead() counts both texts of enwik8 with their warm-ups, together where their rows fit", () => {
  // 1,024 streams of 1,024 + ⌈4,999,999 / 1,024⌉ tokens, and 256 of 256 + ⌈262,143 / 256⌉.
  assert.equal(tokensRead(256), 1024 * 5907 + 256 * 1280);
  assert.equal(tokensRead(1279), tokensRead(256));
  assert.equal(tokensRead(1280), 1280 * 5907);
  assert.deepEqual([256, 1280, 4096].map(rowsRead), [256, 1280, 1280]);
});

/** A model that opens in two seconds, reads a thousand tokens a second, and needs five seconds for the rest. */
const at = (tokens: number) => ({ tokens, seconds: 2 + tokens / 1000 });
const onCpu = { short: at(1000), long: at(5000), withExtras: { tokens: 3000, seconds: 2 + 3 + 5 } };

Deno.test("scoreSeconds() scales what was read, and neither the opening nor what stands beside the text", () => {
  near(scoreSeconds(onCpu, 100_000, true), 2 + 100 + 5);
  near(scoreSeconds(onCpu, 3000, true), 10);
});

Deno.test("scoreSeconds() takes the longer of a device's reading and of what the CPU does meanwhile", () => {
  const onDevice = { ...onCpu, withExtras: { tokens: 3000, seconds: 7 } };
  near(scoreSeconds(onDevice, 100_000, false), 102);
  near(scoreSeconds(onDevice, 4000, false), 7);
});

Deno.test("scoreSeconds() stays above zero where noise has made the longer part the faster one", () => {
  const noisy = {
    short: { tokens: 1000, seconds: 6 },
    long: { tokens: 5000, seconds: 5 },
    withExtras: onCpu.withExtras,
  };
  // A thousandth of a second for each token, and no opening: 3 of the 10 seconds are reading.
  near(scoreSeconds(noisy, 100_000, true), 100 + 7);
  // A line that rises too fast would open in less than no time.
  const steep = { short: { tokens: 1000, seconds: 1 }, long: { tokens: 5000, seconds: 9 } };
  near(scoreSeconds({ ...steep, withExtras: { tokens: 3000, seconds: 6 } }, 50_000, true), 100);
});

/** Two groups of two runs each: the large shape scores in 30 s and writes in 2 s, the small one in 4 s and 1 s. */
const measured = (trainsOnCpu: boolean, location: Measured01["scores"]["location"]): Measured01 => ({
  training: {
    on: "planted (this machine)",
    trainsOnCpu,
    groups: [
      { seconds: 100, configs: [BEST_CONFIG, BEST_CONFIG] },
      { seconds: 50, configs: [SMALL_CONFIG, SMALL_CONFIG] },
    ],
    from: "steps",
  },
  scores: { location, seconds: new Map([[LARGE, 30], [SMALL, 4]]), from: "parts" },
  files: { seconds: new Map([[LARGE, 2], [SMALL, 1]]), from: "runs" },
});

Deno.test("estimate01() adds the parts up where the CPU both trains and scores", () => {
  const estimate = estimate01(measured(true, { provider: "cpu" }));
  const { runs, steps, training, scores, files, seconds, one_after_the_other_seconds, order } = estimate;
  assert.deepEqual([runs, steps], [4, 10_989]);
  assert.deepEqual([training.seconds, scores.seconds, files.seconds], [150, 68, 6]);
  assert.deepEqual([seconds, one_after_the_other_seconds], [224, 224]);
  assert.deepEqual([scores.on, order], ["cpu", "training, files and scores sequentially, on all cores"]);
});

Deno.test("estimate01() lets scores run beside the training of the next group where a GPU trains", () => {
  const gpu = { provider: "webgpu", adapter: "planted" } as const;
  const { seconds, one_after_the_other_seconds, scores, order } = estimate01(measured(false, gpu));
  // The first group is written at 102 and 104 s and scored by 132 and 162; the second is written at 155 and 156.
  assert.deepEqual([seconds, one_after_the_other_seconds], [162 + 4 + 4, 224]);
  assert.equal(scores.on, "webgpu: planted");
  assert.equal(order, "2 groups, each followed by its files; scores in parallel with the training of the next groups");
  // Scores that are quick end with the last file and its score.
  const quick = measured(false, { provider: "cpu" });
  const scored = { ...quick.scores, seconds: new Map([[LARGE, 0.5], [SMALL, 0.25]]) };
  near(estimate01({ ...quick, scores: scored }).seconds, 156.25);
});

Deno.test("estimateLines() says each part, where it is done and from what it follows, and the whole", () => {
  assert.deepEqual(estimateLines(estimate01(measured(false, { provider: "cpu" }))), [
    "Experiment 01 on enwik8, 4 runs of 10989 steps, with scores and files, estimated:",
    "training  2 min 30 s  planted (this machine); from steps",
    "scores     1 min 8 s  cpu; from parts",
    "files            6 s  this project's disk; from runs",
    "whole     2 min 50 s  2 groups, each followed by its files; scores in parallel with the training of the next groups; " +
    "3 min 44 s if nothing runs in parallel",
  ]);
  const whole = estimateLines(estimate01(measured(true, { provider: "cpu" }))).at(-1);
  assert.equal(whole, "whole     3 min 44 s  training, files and scores sequentially, on all cores");
});
