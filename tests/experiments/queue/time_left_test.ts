/** The time that runs still take: by the speed of those that have finished. */
import assert from "node:assert/strict";
import { stepCost } from "../../../cells/sizes.ts";
import type { ClaimsLook } from "../../../experiments/queue/study_queue.ts";
import type { Claim } from "../../../experiments/queue/queue.ts";
import { type SeenRuns, standingOf } from "../../../experiments/queue/standing.ts";
import { secondsLeft, timeLeft } from "../../../experiments/queue/time_left.ts";
import { configOf, type FinishedResult, type RunResult } from "../../../experiments/study/result.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import { GATED } from "../../../cells/factors.ts";
import { syntheticResults, unfinished } from "../../report/synthetic_results.ts";

const NOW = 1_800_000_000;
/** Runs of one size, 300 steps in passes of 100. */
const results = syntheticResults({ layers: [1], state_sizes: [8], steps: 300 }) as FinishedResult[];
const settings = { steps: 300, batch: 3, history: 101, log_every: 50 };
const runs: readonly Run[] = results.map((result) => ({
  key: runKey(result.id, result.seed),
  entry: { id: result.id, config: configOf(result, GATED) },
  seed: result.seed,
}));

/** The same result, trained in so many seconds up to a time. */
function trained(result: FinishedResult, end: number, seconds: number): FinishedResult {
  return { ...result, "end time": end, train_seconds: seconds };
}

function claimOn({ key }: Run, step: number, heard = NOW): Claim {
  return { key: `01/${key}`, owner: "other", since: heard - 10, heard, step };
}

interface Seen {
  readonly runs?: readonly Run[];
  readonly results?: readonly RunResult[];
  readonly claims?: readonly Claim[];
  readonly isElsewhere?: ClaimsLook["isElsewhere"];
  readonly settings?: SeenRuns["settings"];
}

function standing({ claims = [], isElsewhere = () => false, results = [], ...seen }: Seen) {
  const read = { results: [...results], damaged: new Map<string, string>(), unknown_version: [] };
  return standingOf({ experiment: "01", runs, settings, now: NOW, ...seen, read, look: { claims, isElsewhere } });
}

Deno.test("secondsLeft() applies the work per busy second to the work that is left", () => {
  const [a, b, c] = results;
  // Two side by side in 10 seconds, and after a night one more in 5: three runs in 15 seconds.
  const finished = [trained(a, NOW, 10), trained(b, NOW, 10), trained(c, NOW + 40_000, 5)];
  assert.equal(secondsLeft([{ ...a, steps: 600 }], finished), 10);
  const large = { n_layers: 2, state_size: 64 }, ratio = stepCost(large) / stepCost(a);
  assert.ok(ratio > 2);
  assert.ok(Math.abs(secondsLeft([{ ...large, steps: 300 }], finished)! - 5 * ratio) < 1e-9);
  assert.equal(secondsLeft([{ ...a, bptt: 4, steps: 75 }, { ...a, steps: 300 }], finished), 10);
});

Deno.test("secondsLeft() is 0 where nothing is left, and not known where no speed is", () => {
  const [a] = results;
  assert.equal(secondsLeft([], []), 0);
  assert.equal(secondsLeft([{ ...a, steps: 1 }], []), undefined);
  assert.equal(secondsLeft([{ ...a, steps: 1 }], [trained(a, NOW, 0)]), undefined, "it took no time");
});

Deno.test("timeLeft() counts what waits, what is under way from its step, and what is asked for more", () => {
  const [done, running, silent, failed, ...waiting] = runs;
  const first = trained(results[0], NOW - 100, 30);
  const broken = { ...unfinished(results[3]), failed: "the loss became NaN at step 7", failed_time: NOW - 50 };
  const seen = {
    results: [first, broken],
    claims: [claimOn(running, 100), claimOn(silent, 200, NOW - 1000)],
  };
  // A step takes a tenth of a second.
  const all = (200 + 100 + 300 * waiting.length) / 10;
  const close = (told: number | undefined, seconds: number) => assert.ok(Math.abs(told! - seconds) < 1e-6, `${told}`);
  close(timeLeft(standing(seen)), all);
  close(timeLeft(standing({ ...seen, runs: [done, running, failed] })), 20);
  close(timeLeft(standing({ ...seen, settings: { ...settings, steps: 500 } })), (500 * runs.length - 500 - 600) / 10);
  // What is tried again counts until it has failed once more.
  close(timeLeft(standing(seen), { failedBefore: NOW }), all + 30);
  close(timeLeft(standing(seen), { failedBefore: NOW - 60 }), all);
  const away = { ...seen, isElsewhere: (key: string) => key === `01/${waiting[0].key}` };
  close(timeLeft(standing(away)), all - 30);
  close(timeLeft(standing(away), { retrainLost: true }), all);
  assert.equal(timeLeft(standing({ ...seen, results: [broken] })), undefined, "none has finished");
  assert.equal(timeLeft(standing({ ...seen, runs: [done, failed] })), 0);
});
