/** When runs that go different numbers of steps back are equal, and what `init` says where they are not. */
import assert from "node:assert/strict";
import { MAX_BPTT } from "../../../cells/factors.ts";
import { areEqual, budgetLines, stepsAskedInWords } from "../../../experiments/study/equal_runs.ts";
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

/** What follows where runs are not equal. */
const LEFT_OUT =
  "by more than 10 %: --best and experiment 02 leave out the shorter ones, and the report lists but does not compare them; ";

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
    warning: `Runs differ in their bytes read ${LEFT_OUT}while nothing is trained, --history 129 would make them equal`,
  });
});

Deno.test("budgetLines() says where updates are not equal, and what the budget was", () => {
  const before = studyOf(50, 1001), study = studyOf(50, 1001, "updates");
  assert.deepEqual(budgetLines(study, "02", [1, 64], before), {
    updates: "Not at equal updates (was: bytes read): 1000 updates with 1 step back, 60 updates with 64 steps back",
    warning: `Runs differ in their updates ${LEFT_OUT}--steps 886 would make them equal`,
  });
});

Deno.test("budgetLines() calls runs equal to nothing where all go as many steps back", () => {
  const before = studyOf(50, 1001), study = studyOf(50, 1001, "updates");
  assert.deepEqual(budgetLines(study, "02", [64], before), {
    updates: "60 updates with 64 steps back; budget: updates (was: bytes read)",
  });
  assert.deepEqual(budgetLines(study, "02", [64]), { updates: "60 updates with 64 steps back" });
});

Deno.test("budgetLines() offers the smallest steps from those that were asked for, and a history beside", () => {
  const { warning } = budgetLines(studyOf(1998, 1000, "updates"), "01", [1, 4, 16]);
  assert.match(warning!, /; --steps 2667 or, while nothing is trained, --history 1001 would make them equal$/);
});

Deno.test("budgetLines() offers no history that init would not take", () => {
  const { training } = studyOf(100, 100, "updates"),
    study = { training: { ...training, log_every: { "01": 101, "02": 101 } } };
  const historyIn = (warning = "") => /--history (\d+)/.exec(warning)?.[1];
  assert.equal(historyIn(budgetLines({ training }, "01", [1, 4]).warning), "101");
  assert.notEqual(historyIn(budgetLines(study, "01", [1, 4]).warning), "101");
});

Deno.test("stepsAskedInWords() says whose steps they are where runs go several steps back", () => {
  const study = studyOf(1998, 1001), before = studyOf(50, 1001), updates = studyOf(1998, 1001, "updates");
  assert.equal(
    stepsAskedInWords(study, "01", [1]),
    "1998 steps (2000 are done: rounded up to whole sequences of 1000)",
  );
  assert.equal(
    stepsAskedInWords(study, "01", [1, 16], before),
    "1998 steps of a run with 1 step back (was 50) (2000 are done: rounded up to whole sequences of 1000)",
  );
  assert.equal(stepsAskedInWords(studyOf(2000, 1001), "01", [16]), "2000 steps of a run with 1 step back");
  assert.equal(stepsAskedInWords(updates, "01", [1, 16]), "1998 steps");
  assert.equal(
    stepsAskedInWords(updates, "01", [1]),
    "1998 steps (2000 are done: rounded up to whole sequences of 1000)",
  );
});

Deno.test("budgetLines() names the next history, or steps, with which runs are equal, for any number of steps back", () => {
  let warned = 0;
  const isEqual = (study: ReturnType<typeof studyOf>, back: number) => !budgetLines(study, "01", [1, back]).warning;
  for (const budget of ["tokens", "updates"] as const) {
    for (let back = 2; back <= MAX_BPTT; back++) {
      for (const history of [back + 1, 2 * back, 3 * back + 1]) {
        const { warning } = budgetLines(studyOf(10, history, budget), "01", [1, back]);
        if (!warning) continue;
        warned++;
        const name = `${budget} ${back} ${history}`, offered = [...warning.matchAll(/--(steps|history) (\d+)/g)];
        assert.ok(offered.length >= 1, name);
        for (const [, flag, value] of offered) {
          const studyWith = (setting: number) =>
            flag === "steps" ? studyOf(setting, history, budget) : studyOf(10, setting, budget);
          assert.ok(isEqual(studyWith(Number(value)), back), `${name} ${flag} ${value}`);
          // None between is enough. At equal updates a history may be shorter too: none is nearer.
          const asked = flag === "steps" ? 10 : history, distance = Math.abs(Number(value) - asked);
          for (let step = 1; step < distance; step++) {
            assert.ok(!isEqual(studyWith(asked + step), back), `${name} ${flag} ${asked + step}`);
            const shorter = asked - step;
            if (flag === "history" && budget === "updates" && shorter > back) {
              assert.ok(!isEqual(studyWith(shorter), back), `${name} ${flag} ${shorter}`);
            }
          }
        }
      }
    }
  }
  assert.ok(warned > 50, `${warned} warnings`);
});
