import assert from "node:assert/strict";
import { configId } from "../../../cells/config.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import type { TrainingProgress } from "../../../experiments/session/listener.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import type { TrainingSettings } from "../../../train/training/settings.ts";
import { SessionProgress } from "../../../experiments/session/progress.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";

const settings = { steps: 30, batch: 3, history: 11, log_every: 4 };

/** A run whose gradient goes so many steps back. */
function runWith(bptt: number): Run {
  const config = bptt === 1 ? SMALL_CONFIG : { ...SMALL_CONFIG, bptt };
  return { key: `run ${bptt}`, entry: { id: configId(config), config }, seed: 0 };
}

/** What is printed when an engine takes runs that go so many steps back. */
async function announced(bptts: readonly number[], asked: Partial<TrainingSettings> = {}): Promise<string[]> {
  const lines: string[] = [], runs = bptts.length, waiting = bptts.map(runWith);
  const listener = { onMessage: (line: string) => void lines.push(line) };
  const engine = await openReferenceEngine();
  const options = { runs, settings: { ...settings, ...asked }, listener, waiting: () => waiting, claimed: () => [] };
  new SessionProgress(options).announce(engine, 2);
  await engine.close();
  return lines;
}

Deno.test("SessionProgress.announce() says how many runs train, or that none is left", async () => {
  assert.deepEqual(await announced([]), ["Nothing is left to train"]);
  const [line, ...more] = await announced([1]);
  assert.match(line, /^Training 1 run of 30 steps on reference \(.*\), 1 at a time$/);
  assert.deepEqual(more, []);
});

Deno.test("SessionProgress.announce() says what is done beyond what was asked for, and how many updates each number of steps back gets", async () => {
  const [whole] = await announced([1, 1], { steps: 25 });
  assert.match(whole, /^Training 2 runs of 30 steps \(25 requested; rounded up to whole sequences of 10\) on /);
  // A pass of ten tokens has ten updates, three and two.
  const [tokens] = await announced([4, 1, 3, 1]);
  assert.match(tokens, /^Training 4 runs of 30, 9 and 6 updates \(1, 3 and 4 steps back\) on /);
  const [updates] = await announced([4, 1, 3, 1], { budget: "updates" });
  assert.match(updates, /^Training 4 runs of 30, 30 and 30 updates \(1, 3 and 4 steps back\) on /);
  const [alone] = await announced([4]);
  assert.match(alone, /^Training 1 run of 6 updates \(4 steps back\) on /);
});

Deno.test("SessionProgress counts an update that goes several steps back as so many, so that the time left is right", () => {
  const told: TrainingProgress[] = [], listener = { onProgress: (now: TrainingProgress) => void told.push(now) };
  const [one, four, waiting] = [1, 4, 3].map(runWith);
  const progress = new SessionProgress({
    runs: 3,
    settings,
    listener,
    unit: "bytes",
    waiting: () => [waiting],
    claimed: () => [one, four],
  });
  progress.begin(one, 0);
  progress.begin(four, 2);
  progress.advance([{ run: one, step: 8, loss: 2 }, { run: four, step: 4, loss: 2 }]);
  const { steps_done, steps, running, unit } = told.at(-1)!;
  assert.equal(unit, "bytes");
  assert.deepEqual(running.map(({ step, steps }) => [step, steps]), [[8, 30], [4, 6]]);
  // What was done before this call is none of its work.
  assert.deepEqual([steps_done, steps], [8 + 4 * 2, 30 + 4 * (6 - 2) + 3 * 9]);
});
