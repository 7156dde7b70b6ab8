import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { overviewOf } from "../../experiments/overview.ts";
import { openQueue, STALE_SECONDS } from "../../experiments/queue.ts";
import type { RunResult } from "../../experiments/result.ts";
import type { Run } from "../../experiments/store.ts";
import { initStudy } from "../../experiments/study.ts";
import { claimKey } from "../../experiments/study_queue.ts";
import { syntheticResults, unfinished } from "../report/synthetic_results.ts";
import { inFolder } from "./folder.ts";

const small = { experiment: "01", stateSizes: [8], layers: [1], history: 101, steps: 300 } as const;

/** A study with nothing done, and for each run the result that it might have. */
async function begin(dir: string) {
  const { study } = await initStudy({ dir, ...small });
  await study.makeRunFolders("01");
  const made = new Map(
    syntheticResults({ layers: [1], state_sizes: [8], steps: 300 }).map((result) => [result.id, result]),
  );
  const resultOf = ({ entry }: Run): RunResult => ({
    ...made.get(entry.id)!,
    corpus_sha1: study.settings.corpus.sha1,
    "history size": small.history,
  });
  const write = (run: Run, result: RunResult) => study.writeResult("01", run.key, result);
  return { study, runs: await study.runs("01"), resultOf, write };
}

inFolder("overviewOf() puts each run in one state: done, running, stale, failed, damaged or waiting", async (dir) => {
  const { study, runs, resultOf, write } = await begin(dir);
  const [done, better, failed, damaged, foreign, left, scored, running, stale] = runs;
  await write(done, resultOf(done));
  const best = resultOf(better).loss!.map((loss) => loss - 1);
  await write(better, { ...resultOf(better), loss: best, "min loss": Math.min(...best) });
  await write(failed, { ...unfinished(resultOf(failed)), failed: "the loss became NaN at step 7", failed_at_step: 7 });
  await Deno.writeTextFile(study.resultPath("01", damaged.key), "{");
  await write(foreign, { ...resultOf(foreign), corpus_sha1: "0".repeat(40) });
  await Deno.writeTextFile(study.resultPath("01", "no_run_of_the_study"), "{");
  await write(left, unfinished(resultOf(left)));
  await write(scored, resultOf(scored));
  await write(running, unfinished(resultOf(running)));

  const queue = await openQueue(study.queuePath, { owner: "me" });
  for (const run of [scored, running, stale]) await queue.claim(claimKey("01", run.key));
  await queue.claim(claimKey("02", done.key));
  await queue.beat(new Map([[claimKey("01", running.key), 120]]));
  await queue.close();
  const heard = Date.now() / 1000;
  const database = new DatabaseSync(study.queuePath);
  database.prepare("UPDATE claims SET heard = ?").run(heard);
  database.prepare("UPDATE claims SET heard = ? WHERE key = ?").run(
    heard - STALE_SECONDS,
    claimKey("01", stale.key),
  );
  database.close();

  const overview = await overviewOf(dir, "01", heard + 1);
  const { total, done: ended, waiting, damaged: broken } = overview;
  assert.deepEqual([total, ended, waiting, broken], [96, 2, 96 - 8, 2]);
  assert.deepEqual(
    overview.running.map(({ key, owner, step }) => [key, owner, step]).sort(),
    [
      [running.key, "me", 120],
      [scored.key, "me", 0],
    ].sort(),
  );
  assert.deepEqual(overview.stale.map(({ key }) => key), [stale.key]);
  assert.deepEqual(overview.failed, [{ key: failed.key, why: "the loss became NaN at step 7" }]);
  const sum = ended + overview.running.length + overview.stale.length + overview.failed.length + broken + waiting;
  assert.equal(sum, total);
  assert.deepEqual(overview.left_unfinished, [left.key]);
  assert.equal(overview.unreadable.length, 3);
  assert.equal(overview.best!.key, better.key);

  const later = await overviewOf(dir, "01", heard + STALE_SECONDS + 1);
  assert.deepEqual([later.running.length, later.stale.length], [0, 3]);
});

inFolder("overviewOf() says how long the rest takes, once there is something to go by", async (dir) => {
  const { runs, resultOf, write } = await begin(dir);
  const nothing = await overviewOf(dir, "01");
  assert.deepEqual([nothing.done, nothing.waiting, nothing.best, nothing.seconds_left], [0, 96, undefined, undefined]);
  // Two runs side by side in 40 seconds, then one in 20: 3 of 96 runs in a minute.
  const times: [number, number][] = [[100, 40], [100, 40], [120, 20]];
  for (const [i, [end, seconds]] of times.entries()) {
    await write(runs[i], { ...resultOf(runs[i]), "end time": end, train_seconds: seconds });
  }
  const { done, seconds_left } = await overviewOf(dir, "01");
  assert.equal(done, 3);
  assert.ok(Math.abs(seconds_left! - 60 * 93 / 3) < 1e-6, `${seconds_left}`);
  for (const run of runs.slice(3)) await write(run, resultOf(run));
  assert.deepEqual((await overviewOf(dir, "01")).seconds_left, 0);
});
