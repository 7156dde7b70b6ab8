import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { statusLines } from "../../../experiments/status.ts";
import { STALE_SECONDS } from "../../../experiments/queue/queue.ts";
import { openSqliteQueue } from "../../../experiments/queue/sqlite_queue.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { claimKey } from "../../../experiments/queue/study_queue.ts";
import { unfinished } from "../../report/synthetic_results.ts";
import { makeFollowedStudy } from "../../report/watch/followed_study.ts";
import { tempFolder } from "../folder.ts";

/** A result of half the steps. */
function shorter(result: RunResult): RunResult {
  const loss = result.loss!.slice(0, 2);
  return { ...result, loss, "min loss": Math.min(...loss), steps_done: 2 * result.log_every };
}

Deno.test(
  "overviewOf() puts each run in one state: done, running, stale, failed, damaged, of an unknown version or waiting",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study, runs, resultOf, write } = await makeFollowedStudy(dir);
    const [done, better, failed, damaged, foreign, left, scored, running, stale, newer, odd, ...rest] = runs;
    await write(resultOf(done));
    const best = resultOf(better).loss!.map((loss) => loss - 1);
    await write({ ...resultOf(better), loss: best, "min loss": Math.min(...best) });
    await write({
      ...unfinished(resultOf(failed)),
      failed: "the loss became NaN at step 7",
      failed_at_step: 7,
    });
    await Deno.writeTextFile(study.resultPath("01", damaged.key), "{");
    await write({ ...resultOf(foreign), corpus_sha1: "0".repeat(40) });
    await Deno.writeTextFile(study.resultPath("01", "no_run_of_the_study"), "{");
    for (const [run, version] of [[newer, "1.0.0"], [odd, "nightly"]] as const) {
      const written = JSON.stringify({ ...resultOf(run), cellspace_version: version });
      await Deno.writeTextFile(study.resultPath("01", run.key), written);
    }
    const unlisted = `${done.key}_seed1`;
    await study.writeResult("01", unlisted, { ...resultOf(done), seed: 1 });
    await write(unfinished(resultOf(left)));
    await write(resultOf(scored));
    await write(unfinished(resultOf(running)));

    const queue = await openSqliteQueue(study.queuePath, { owner: "me" });
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

    const overview = await overviewOf(dir, "01", { now: heard + 1 });
    const { total, done: ended, waiting, damaged: broken } = overview;
    assert.deepEqual([total, ended, waiting, broken], [48, 3, 48 - 10, 2]);
    assert.equal(overview.unknown_version, 2);
    assert.deepEqual(overview.unlisted, [unlisted]);
    assert.deepEqual(overview.not_begun, rest.map(({ key }) => key).sort());
    assert.deepEqual(
      overview.running.map(({ key, owner, step }) => [key, owner, step]),
      [[running.key, "me", 120]],
    );
    assert.deepEqual(overview.in_use.map(({ key, owner }) => [key, owner]), [[scored.key, "me"]]);
    const line = [...statusLines(overview, dir)].filter((line) => line.startsWith("  in use"));
    assert.match(
      line.join("\n"),
      /^ {2}in use {3}[0-9a-f]{8} {2}is being measured or scored by process me, for \S+( s)?$/,
    );
    assert.deepEqual(overview.stale.map(({ key }) => key), [stale.key]);
    assert.deepEqual(overview.failed, [{ key: failed.key, why: "the loss became NaN at step 7" }]);
    const sum = ended + overview.running.length + overview.stale.length + overview.failed.length + broken +
      overview.unknown_version + waiting;
    assert.equal(sum, total);
    assert.deepEqual(overview.left_unfinished, [left.key]);
    assert.equal(overview.unreadable.length, 5);
    assert.equal(overview.best!.key, better.key);

    const later = await overviewOf(dir, "01", { now: heard + STALE_SECONDS + 1 });
    // Whoever held the scored run has fallen silent too, and has left nothing to do on it.
    assert.deepEqual([later.running.length, later.done, later.in_use, later.waiting], [0, 3, [], 48 - 10]);
    assert.deepEqual(later.stale.map(({ key }) => key).sort(), [running.key, stale.key].sort());
  },
);

Deno.test("overviewOf() tells the best by the validation score, once no scored run lacks it", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { runs, resultOf, write } = await makeFollowedStudy(dir);
  const [lowest, best] = runs;
  await write({ ...resultOf(lowest), loss: Array(6).fill(0.5), "min loss": 0.5 });
  await write({ ...resultOf(best), validation_bits_per_byte: 2.5 });
  const before = await overviewOf(dir, "01");
  assert.deepEqual([before.best!.key, before.unvalidated], [lowest.key, 1]);
  const lines = [...statusLines(before, dir)];
  assert.match(
    lines.find((line) => line.includes("validation split"))!,
    /^1 scored run has no score on the validation split, so the best is chosen by the lowest training loss; 'deno task evaluate .*--again' gives it one$/,
  );
  await write({ ...resultOf(lowest), loss: Array(6).fill(0.5), "min loss": 0.5, validation_bits_per_byte: 3 });
  const after = await overviewOf(dir, "01");
  assert.deepEqual([after.best!.key, after.best!.validation_bits_per_byte, after.unvalidated], [best.key, 2.5, 0]);
  assert.match(
    [...statusLines(after, dir)].join("\n"),
    /Best so far: .*, validation 2\.5000, test \d\.\d{4} bits\/byte, min/,
  );
});

Deno.test("overviewOf() leaves a run done or failed when a dead process still has its claim", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study, runs, resultOf, write } = await makeFollowedStudy(dir);
  const [done, failed, failedLater, short, ...rest] = runs;
  const failure = { failed: "the loss became NaN at step 7", failed_at_step: 7 };
  await write(resultOf(done));
  await write({ ...unfinished(resultOf(failed)), ...failure });
  await write({ ...shorter(resultOf(failedLater)), ...failure });
  await write(shorter(resultOf(short)));
  const queue = await openSqliteQueue(study.queuePath, { owner: "dead" });
  for (const { key } of [done, failed, failedLater, short]) await queue.claim(claimKey("01", key));
  await queue.close();

  const now = Date.now() / 1000;
  const before = await overviewOf(dir, "01", { now });
  assert.deepEqual([before.running.length, before.done, before.in_use.length, before.failed.length], [1, 2, 2, 1]);
  const after = await overviewOf(dir, "01", { now: now + STALE_SECONDS + 1 });
  assert.deepEqual([after.running.length, after.done, after.waiting], [0, 1, rest.length]);
  assert.deepEqual(after.failed.map(({ key }) => key), [failed.key, failedLater.key]);
  assert.deepEqual(after.stale.map(({ key }) => key), [short.key], "there is work left on it");
});

Deno.test("overviewOf() counts a finished run as running when it is trained beyond its steps", async () => {
  await using temp = await tempFolder();
  const { study, runs: [further, measured], resultOf, write } = await makeFollowedStudy(temp.path);
  const queue = await openSqliteQueue(study.queuePath, { owner: "me" });
  for (const run of [further, measured]) {
    await write(shorter(resultOf(run)));
    await queue.claim(claimKey("01", run.key));
  }
  await queue.beat(new Map([[claimKey("01", further.key), shorter(resultOf(further)).steps_done! + 1]]));
  await queue.close();
  const { running, in_use, done, short } = await overviewOf(temp.path, "01");
  assert.deepEqual([running, in_use].map((runs) => runs.map(({ key }) => key)), [[further.key], [measured.key]]);
  assert.deepEqual([done, short], [1, 1]);
});

Deno.test("overviewOf() says how long the rest takes, once there is something to go by", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { runs, resultOf, write } = await makeFollowedStudy(dir);
  const nothing = await overviewOf(dir, "01");
  assert.deepEqual([nothing.done, nothing.waiting, nothing.best, nothing.seconds_left], [0, 48, undefined, undefined]);
  // Two runs side by side in 40 seconds, then one in 20: 3 of 48 runs in a minute.
  const times: [number, number][] = [[100, 40], [100, 40], [120, 20]];
  for (const [i, [end, seconds]] of times.entries()) {
    await write({ ...resultOf(runs[i]), "end time": end, train_seconds: seconds });
  }
  const { done, short, seconds_left } = await overviewOf(dir, "01");
  assert.deepEqual([done, short], [3, 0]);
  assert.ok(Math.abs(seconds_left! - 60 * 45 / 3) < 1e-6, `${seconds_left}`);
  // One run of 300 steps takes 20 seconds: twice the steps are asked for, and three runs have half of theirs.
  await initStudy({ dir, experiment: "01", steps: 600 });
  const longer = await overviewOf(dir, "01");
  assert.deepEqual([longer.done, longer.short, longer.waiting], [3, 3, 45]);
  assert.ok(Math.abs(longer.seconds_left! - 20 * (2 * 45 + 3)) < 1e-6, `${longer.seconds_left}`);
  await initStudy({ dir, experiment: "01", steps: 300 });
  for (const run of runs.slice(3)) await write(resultOf(run));
  assert.deepEqual((await overviewOf(dir, "01")).seconds_left, 0);
});
