/** What a training display calls that which it counts. */
import assert from "node:assert/strict";
import { trainingDisplay } from "../../experiments/display.ts";
import type { TrainingProgress } from "../../experiments/session/listener.ts";
import { readUnit } from "../../experiments/study/training_settings.ts";

const now: TrainingProgress = { runs_done: 0, runs: 2, steps_done: 0, steps: 100, running: [] };

/** The units of the bars that are opened when a display is told this. */
function unitsOf(...told: readonly TrainingProgress[]): string[] {
  const units: string[] = [];
  using display = trainingDisplay("train", {}, (_, unit) => {
    units.push(unit);
    return { update: () => {}, print: () => {}, stop: () => {} };
  });
  for (const progress of told) display.onProgress!(progress);
  return units;
}

Deno.test("trainingDisplay() counts steps, or the unit that it is told", () => {
  assert.deepEqual(unitsOf(now, { ...now, steps_done: 10 }), ["steps"]);
  assert.deepEqual(unitsOf({ ...now, unit: "bytes" }), ["bytes"]);
});

Deno.test("readUnit() names bytes or tokens where some run goes several steps back, and nothing where all go one", () => {
  assert.equal(readUnit([{}, { bptt: 4 }], "byte"), "bytes");
  assert.equal(readUnit([{}, { bptt: 4 }], "token"), "tokens");
  assert.equal(readUnit([{}, {}], "byte"), undefined);
});

Deno.test("trainingDisplay() shows the time left that it is told, and the bar's own where it is told none", () => {
  const shown: (number | undefined)[] = [];
  const update = (_done: number, _text: string, _total?: number, secondsLeft?: number) => void shown.push(secondsLeft);
  using display = trainingDisplay("train", {}, () => ({ update, print: () => {}, stop: () => {} }));
  const running = [{ key: "a", step: 1, steps: 50 }];
  display.onProgress!({ ...now, running, seconds_left: 30 });
  display.onProgress!({ ...now, running, seconds_left: 0 });
  display.onProgress!({ ...now, running });
  assert.deepEqual(shown, [30, 0, undefined]);
});
