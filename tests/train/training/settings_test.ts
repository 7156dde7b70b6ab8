import assert from "node:assert/strict";
import { UserError } from "../../../cells/errors.ts";
import {
  checkLogged,
  checkSettings,
  passUpdates,
  stepsAsked,
  totalSteps,
  type TrainingSettings,
} from "../../../train/training/settings.ts";

const ORIGINAL = { steps: 10_000, history: 1000, batch: 1, log_every: 50 } as const satisfies TrainingSettings;
const UPDATES = { ...ORIGINAL, budget: "updates" } as const satisfies TrainingSettings;

Deno.test("passUpdates() leaves the tokens out that do not make an update", () => {
  assert.deepEqual([1, 2, 4, 16, 64, 999, 1000].map((bptt) => passUpdates({ history: 1000 }, bptt)), [
    999,
    499,
    249,
    62,
    15,
    1,
    0,
  ]);
});

Deno.test("totalSteps() rounds up to whole passes, whatever the budget, where runs go one step back", () => {
  for (const settings of [ORIGINAL, UPDATES]) {
    const totals = (steps: number, done?: number) => totalSteps({ ...settings, steps }, 1, done);
    assert.deepEqual([1, 998, 999, 1000, 1998, 10_000].map((steps) => totals(steps)), [
      999,
      999,
      999,
      1998,
      1998,
      10_989,
    ]);
    // One that has done more ends with the pass it is in.
    assert.deepEqual([0, 999, 1000, 10_989, 10_990].map((done) => totals(1000, done)), [
      1998,
      1998,
      1998,
      10_989,
      11_988,
    ]);
  }
});

Deno.test("totalSteps() gives runs of every k as many passes where they share tokens", () => {
  // 10,000 steps are 11 passes of 999, of which each has 499, 249, 62 and 15 updates.
  assert.deepEqual([2, 4, 16, 64].map((bptt) => totalSteps(ORIGINAL, bptt)), [499, 249, 62, 15].map((n) => 11 * n));
  assert.deepEqual([0, 682, 683, 744].map((done) => totalSteps(ORIGINAL, 16, done)), [682, 682, 744, 744]);
});

Deno.test("totalSteps() gives runs of every k at least as many updates where they share these", () => {
  assert.deepEqual([2, 4, 16, 64].map((bptt) => totalSteps(UPDATES, bptt)), [
    21 * 499,
    41 * 249,
    162 * 62,
    667 * 15,
  ]);
  assert.deepEqual([10_044, 10_045].map((done) => totalSteps(UPDATES, 16, done)), [10_044, 10_106]);
});

Deno.test("stepsAsked() is what was said where it counts a run's own updates, and what they come to where it does not", () => {
  assert.deepEqual([1, 4, 16].map((bptt) => stepsAsked(ORIGINAL, bptt)), [10_000, 2739, 682]);
  assert.deepEqual([1, 4, 16].map((bptt) => stepsAsked(UPDATES, bptt)), [10_000, 10_000, 10_000]);
});

Deno.test("checkLogged() refuses what no pass has room for, and what would log nothing", () => {
  const refused = (settings: TrainingSettings, bptt: number, message: string) => {
    assert.throws(
      () => checkLogged(settings, bptt),
      (error) => error instanceof UserError && error.message === message,
    );
    assert.throws(() => checkLogged(settings, bptt, RangeError), { name: "RangeError", message });
  };
  const short = { ...ORIGINAL, history: 17 };
  refused(
    { ...short, history: 16 },
    16,
    "Cannot train with 16 steps back: history 16 is 15 training tokens, must be at least 16",
  );
  checkLogged(short, 16);
  // 49 steps are four passes of 16 tokens, of which each is one update.
  refused(
    { ...short, steps: 49, log_every: 5 },
    16,
    "Cannot train 4 updates with 16 steps back: the loss is logged every 5 updates, so they must be at least as many",
  );
  assert.throws(
    () => checkLogged({ ...short, steps: 49, log_every: 5 }, 16, undefined, () => "; more"),
    /at least as many; more$/,
  );
  checkLogged({ ...short, steps: 49, log_every: 4 }, 16);
  checkLogged({ ...short, steps: 49, log_every: 5, budget: "updates" }, 16);
  refused(
    { ...short, steps: 49, log_every: 65 },
    1,
    "Cannot train 64 steps: the loss is logged every 65 steps, so they must be at least as many",
  );
});

Deno.test("checkSettings() refuses a budget that is none", () => {
  checkSettings(UPDATES);
  assert.throws(() => checkSettings({ ...ORIGINAL, budget: "bytes" as "tokens" }), {
    name: "RangeError",
    message: "Cannot use budget 'bytes': must be one of tokens, updates",
  });
});
