import assert from "node:assert/strict";
import { configId } from "../../../cells/config.ts";
import { UserError } from "../../../cells/errors.ts";
import { Attempts } from "../../../experiments/session/recovery.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { EngineFailure } from "../../../train/engines/engine.ts";

const entry = { id: configId(SMALL_CONFIG), config: SMALL_CONFIG };
const RUNS: readonly Run[] = Array.from({ length: 5 }, (_, seed) => ({ key: `${entry.id}_seed${seed}`, entry, seed }));
const [one, two, three, four, five] = RUNS;

const lost = new EngineFailure("lost", "the device was lost");
const noMemory = new EngineFailure("memory", "it needs 9 GiB, the adapter allows 4 GiB");

for (const [what, error] of [["does not fit", noMemory], ["fails for a reason unknown", new Error("odd")]] as const) {
  Deno.test(`Attempts.after() halves a group that ${what}, at once and counting nothing`, () => {
    const attempts = new Attempts();
    assert.deepEqual(attempts.after(RUNS, error), { groups: [[one, two, three], [four, five]], leave: [], pause: 0 });
    assert.deepEqual(attempts.after([four, five], error), { groups: [[four], [five]], leave: [], pause: 0 });
    for (const run of RUNS) assert.equal(attempts.after([run], lost).pause, 1000, "it is the first failure of each");
  });
}

Deno.test("Attempts.after() leaves a run that does not fit alone", () => {
  assert.deepEqual(new Attempts().after([one], noMemory), { groups: [], leave: [one], pause: 0 });
});

for (const error of [new UserError("no space left on device"), lost, "thrown text"]) {
  Deno.test(`Attempts.after() tries a run alone twice more, then leaves it, when it fails with ${error}`, () => {
    const attempts = new Attempts();
    assert.deepEqual(attempts.after([one], error), { groups: [[one]], leave: [], pause: 1000 });
    assert.deepEqual(attempts.after([two], error), { groups: [[two]], leave: [], pause: 1000 });
    assert.deepEqual(attempts.after([one], error), { groups: [[one]], leave: [], pause: 5000 });
    assert.deepEqual(attempts.after([one], error), { groups: [], leave: [one], pause: 0 });
  });
}

Deno.test("Attempts.after() keeps a lost device's group whole once, then tries its runs one by one, then leaves them", () => {
  const attempts = new Attempts();
  const group = [one, two, three];
  assert.deepEqual(attempts.after(group, lost), { groups: [group], leave: [], pause: 1000 });
  assert.deepEqual(attempts.after(group, lost), { groups: [[one], [two], [three]], leave: [], pause: 5000 });
  assert.deepEqual(attempts.after([one], lost), { groups: [], leave: [one], pause: 0 });
  assert.deepEqual(attempts.after([two], noMemory), { groups: [], leave: [two], pause: 0 });
});

Deno.test("Attempts.after() counts each run of a group for itself", () => {
  const attempts = new Attempts();
  for (let failure = 0; failure < 2; failure++) attempts.after([one], lost);
  attempts.after([two], lost);
  assert.deepEqual(attempts.after([one, two, three], lost), { groups: [[two], [three]], leave: [one], pause: 5000 });
  assert.deepEqual(attempts.after([three, four], lost), { groups: [[three], [four]], leave: [], pause: 5000 });
});
