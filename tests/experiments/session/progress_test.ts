import assert from "node:assert/strict";
import { SessionProgress } from "../../../experiments/session/progress.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";

/** What is printed when an engine takes so many runs. */
async function announced(runs: number): Promise<string[]> {
  const lines: string[] = [], settings = { steps: 30, batch: 3, history: 11, log_every: 4 };
  const listener = { onMessage: (line: string) => void lines.push(line) };
  const engine = await openReferenceEngine();
  new SessionProgress({ runs, settings, listener, waiting: () => 0, claimed: () => [] }).announce(engine, 2);
  await engine.close();
  return lines;
}

Deno.test("SessionProgress.announce() says how many runs train, or that none is left", async () => {
  assert.deepEqual(await announced(0), ["Nothing is left to train"]);
  const [line, ...more] = await announced(1);
  assert.match(line, /^Training 1 run of 30 steps on reference \(.*\), 1 at a time$/);
  assert.deepEqual(more, []);
});
