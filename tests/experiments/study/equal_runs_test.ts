/** When runs that go different numbers of steps back are equal, and what `init` says where they are not. */
import assert from "node:assert/strict";
import { MAX_BPTT } from "../../../cells/factors.ts";
import { areEqual, budgetLines } from "../../../experiments/study/equal_runs.ts";
import type { Budget } from "../../../train/training/settings.ts";

const studyOf = (steps: number, history: number, budget?: Budget) => ({
  training: {
    steps: { "01": steps, "02": steps },
    log_every: { "01": 1, "02": 1 },
    batch: 8,
    history,
    ...(budget ? { budget } : {}),
  },
});

Deno.test("areEqual() allows a tenth", () => {
  assert.ok(areEqual([90, 100, 95]));
  assert.ok(!areEqual([89, 100]));
  assert.ok(areEqual([7]));
});

Deno.test("budgetLines() says updates where what runs read counts as equal, and what each reads where it does not", () => {
  assert.deepEqual(budgetLines(studyOf(300, 101), "01", [1, 4]), {
    updates: "At equal bytes read: 300 updates with 1 step back, 75 updates with 4 steps back",
  });
  assert.deepEqual(budgetLines(studyOf(20_000, 101), "01", [1, 64]), {
    updates: "Not at equal bytes read: 20000 updates with 1 step back (20000 bytes of each sequence), " +
      "200 updates with 64 steps back (12800 bytes of each sequence)",
    warning:
      "Runs differ in their bytes read by more than a tenth, so they are neither ranked nor compared as equal; " +
      "--history 631 would make them equal",
  });
});

Deno.test("budgetLines() says where updates are not equal, and what the budget was", () => {
  const before = studyOf(50, 1001), study = studyOf(50, 1001, "updates");
  assert.deepEqual(budgetLines(study, "02", [1, 64], before), {
    updates: "Not at equal updates (was: bytes read): 1000 updates with 1 step back, 60 updates with 64 steps back",
    warning: "Runs differ in their updates by more than a tenth, so they are neither ranked nor compared as equal; " +
      "--steps 9000 would make them equal",
  });
  assert.deepEqual(budgetLines(study, "02", [64], before), {
    updates: "At equal updates (was: bytes read): 60 updates with 64 steps back",
  });
});

Deno.test("budgetLines() names a history, or steps, with which runs are equal, for any number of steps back", () => {
  let warned = 0;
  for (const budget of ["tokens", "updates"] as const) {
    for (let back = 2; back <= MAX_BPTT; back++) {
      for (const history of [back + 1, 2 * back, 3 * back + 1]) {
        const { warning } = budgetLines(studyOf(10, history, budget), "01", [1, back]);
        const [, flag, value] = /--(\S+) (\d+)/.exec(warning ?? "") ?? [];
        if (!flag) continue;
        warned++;
        const mended = flag === "steps" ? studyOf(Number(value), history, budget) : studyOf(10, Number(value), budget);
        assert.equal(budgetLines(mended, "01", [1, back]).warning, undefined, `${budget} ${back} ${history}`);
      }
    }
  }
  assert.ok(warned > 50, `${warned} warnings`);
});
