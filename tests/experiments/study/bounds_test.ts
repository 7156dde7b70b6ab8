import assert from "node:assert/strict";
import { checkAskedLogged } from "../../../experiments/study/bounds.ts";
import type { TrainingSettings } from "../../../train/training/settings.ts";

const SHORT = { steps: 300, history: 101, batch: 1, log_every: 50 } as const satisfies TrainingSettings;

for (
  const [what, settings, bptt, mend] of [
    ["steps, or the other budget", SHORT, 16, "; --steps 900 or --budget updates would do"],
    ["steps alone where the other budget gives too few too", { ...SHORT, steps: 10 }, 16, "; --steps 900 would do"],
    ["steps of the budget that there is", { ...SHORT, steps: 3, budget: "updates" }, 16, "; --steps 50 would do"],
    ["what it says already of runs that go one step back", { ...SHORT, history: 11, steps: 40 }, 1, ""],
  ] as const satisfies readonly (readonly [string, TrainingSettings, number, string])[]
) {
  Deno.test(`checkAskedLogged() names ${what}, and takes it`, () => {
    const says = { name: "UserError", message: RegExp(`so they must be at least as many${mend}$`) };
    assert.throws(() => checkAskedLogged(settings, bptt), says);
    const [, steps] = /--steps (\d+)/.exec(mend) ?? [];
    if (steps) checkAskedLogged({ ...settings, steps: Number(steps) }, bptt);
    if (mend.includes("--budget")) checkAskedLogged({ ...settings, budget: "updates" }, bptt);
  });
}
