/** A follower sees what comes, goes, grows and breaks in a study's folder, and reads nothing twice. */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { openSqliteQueue } from "../../../experiments/queue/sqlite_queue.ts";
import { claimKey } from "../../../experiments/queue/study_queue.ts";
import { removeConfigs } from "../../../experiments/queue/remove_configs.ts";
import { unfinished } from "../synthetic_results.ts";
import { type Snapshot, withChanges } from "../../../report/watch/events.ts";
import { Follower } from "../../../report/watch/follow.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { type FollowedStudy, makeFollowedStudy } from "./followed_study.ts";

/** Follows a study, and shows what a page would have of it by changes alone. */
async function follow(dir: string) {
  const read: string[] = [];
  const follower = await Follower.open({ dir, experiment: "01", onRead: (path) => read.push(relative(dir, path)) });
  let shown: Snapshot = JSON.parse(JSON.stringify(follower.snapshot));
  return {
    follower,
    /** What was read since it was asked for last. */
    read: () => read.splice(0),
    /** Looks, and checks that the changes are what makes the page right. */
    async poll() {
      const changes = await follower.poll();
      shown = withChanges(shown, JSON.parse(JSON.stringify(changes)));
      assert.deepEqual(shown, JSON.parse(JSON.stringify(follower.snapshot)));
      return changes;
    },
  };
}

/** Test in a study that has one run done, one under way and one failed. */
function inStudy(name: string, test: (dir: string, study: FollowedStudy) => Promise<void>): void {
  Deno.test(name, async () => {
    await using temp = await tempFolder();
    const dir = join(temp.path, "study"), study = await makeFollowedStudy(dir);
    const [done, running, failed] = study.runs;
    await study.write(study.resultOf(done));
    await study.begin(running, 2);
    const before = unfinished(study.resultOf(failed));
    await study.write({ ...before, failed: "the loss became NaN", failed_at_step: 7, loss_before_failure: [3] });
    await test(dir, study);
  });
}

inStudy("Follower.open() gives all that there is: the results and the overview that status has", async (dir, study) => {
  const { follower } = await follow(dir), { snapshot } = follower;
  const read = await study.study.readResults("01");
  assert.deepEqual(snapshot.results, read.results);
  assert.deepEqual(snapshot.overview, await overviewOf(dir, "01"));
  assert.deepEqual([snapshot.overview.done, snapshot.overview.failed.length, snapshot.overview.waiting], [1, 1, 46]);
  const [done, running] = study.runs, { loss, log_every } = study.resultOf(running);
  assert.deepEqual(snapshot.curves, [{ key: running.key, log_every, from: 0, values: loss!.slice(0, 2) }]);
  assert.deepEqual(snapshot.list.map(({ key }) => key), study.runs.map(({ key }) => key));
  const { config, id } = done.entry;
  const label = snapshot.list[0].label;
  assert.deepEqual(snapshot.list[0], { key: done.key, id, seed: 0, config, label, steps: 300 });
  assert.match(label, /^1 layer × 8, /);
  assert.deepEqual([snapshot.experiment, snapshot.problems], ["01", []]);
});

inStudy(
  "a run's curve comes as it grows, and its result once it is done",
  async (dir, { runs, resultOf, save, write }) => {
    const { poll } = await follow(dir), [, running] = runs, result = resultOf(running), loss = result.loss!;
    const { key } = running, log_every = 50;
    await save(result, loss.slice(0, 3));
    assert.deepEqual(await poll(), { curves: [{ key, log_every, from: 2, values: loss.slice(2, 3) }] });
    await save(result, loss.slice(0, 5));
    assert.deepEqual(await poll(), { curves: [{ key, log_every, from: 3, values: loss.slice(3, 5) }] });
    await save(result, loss);
    await write(result);
    const { results, curves, overview } = await poll();
    assert.deepEqual(results, [result]);
    assert.deepEqual(curves, [{ key, log_every, from: 0, values: [] }], "its loss stands in its result");
    assert.equal(overview?.done, 2);
  },
);

inStudy("a run that is begun again has its curve sent anew", async (dir, { runs, resultOf, save, study }) => {
  const { poll } = await follow(dir), [, running] = runs, result = resultOf(running), { key } = running;
  const ended = { key, log_every: 50, from: 0, values: [] };
  await save(result, [9]);
  assert.deepEqual(await poll(), { curves: [ended, { ...ended, values: [9] }] });
  await Deno.remove(study.checkpointPath("01", key));
  assert.deepEqual(await poll(), { curves: [ended] });
  assert.deepEqual(await poll(), {});
});

inStudy(
  "a finished run that is trained further has what its result lacks",
  async (dir, { runs, resultOf, save, study }) => {
    const { poll, read } = await follow(dir), [done] = runs, result = resultOf(done), further = [...result.loss!, 1.5];
    await save(result, further);
    read();
    assert.deepEqual(await poll(), {});
    assert.deepEqual(read(), [], "nobody is at it");
    const queue = await openSqliteQueue(study.queuePath, { owner: "me" }), key = claimKey("01", done.key);
    try {
      await queue.claim(key);
      await queue.beat(new Map([[key, 350]]));
      const { curves, overview } = await poll();
      assert.deepEqual(curves, [{ key: done.key, log_every: 50, from: 6, values: [1.5] }]);
      assert.deepEqual([overview?.running?.length, overview?.done], [1, 0]);
      const longer = { ...result, loss: further, "min loss": 1.5, steps_done: 350 };
      await study.writeResult("01", done.key, longer);
      await queue.release(key);
      const after = await poll();
      assert.deepEqual(after.results, [longer]);
      assert.deepEqual(after.curves, [{ key: done.key, log_every: 50, from: 0, values: [] }]);
    } finally {
      await queue.close();
    }
  },
);

inStudy("only what has changed is read again, and of a checkpoint the beginning alone", async (dir, study) => {
  const { poll, read } = await follow(dir), { runs: [done, running, failed, fresh], resultOf, save, write } = study;
  const result = ({ key }: { key: string }) => `results_01_all/${key}.json`;
  const checkpoint = ({ key }: { key: string }) => `checkpoints_01_all/${key}.safetensors`;
  assert.deepEqual(read().sort(), [...[done, running, failed].map(result), checkpoint(running)].sort());
  for (let i = 0; i < 3; i++) assert.deepEqual(await poll(), {});
  assert.deepEqual(read(), []);
  await save(resultOf(running), [3, 2, 1]);
  await poll();
  assert.deepEqual(read(), [checkpoint(running)]);
  await write({ ...resultOf(done), parameters: 7 });
  await poll();
  assert.deepEqual(read(), [result(done)]);
  await study.begin(fresh, 1);
  await poll();
  assert.deepEqual(read(), [result(fresh), checkpoint(fresh)]);
  // The same content in another file: nothing to say.
  await write(resultOf(fresh));
  await poll();
  read();
  await write(resultOf(fresh));
  assert.deepEqual(await poll(), {});
  assert.deepEqual(read(), [result(fresh)]);

  // The tensors of the run are beyond the end of what is read: a file that lacks them says so by its length.
  const path = study.study.checkpointPath("01", running.key), bytes = await Deno.readFile(path);
  const changed = bytes.with(-1, bytes.at(-1)! ^ 1);
  await Deno.writeFile(path, changed);
  assert.deepEqual(await poll(), {});
});

inStudy(
  "a file that is half there, damaged or another run's is named, and taken up when it is whole",
  async (dir, study) => {
    const { poll } = await follow(dir), { runs: [done, running, , fresh], resultOf } = study;
    const path = study.study.resultPath("01", done.key), whole = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, whole.slice(0, 100));
    const broken = await poll();
    assert.deepEqual([broken.gone, broken.overview?.damaged, broken.overview?.done], [[done.key], 1, 0]);
    assert.equal(broken.problems?.length, 1);
    assert.match(broken.problems[0], new RegExp(`^Cannot read ${path}: it is not JSON .*; fix it, or move it away`));
    assert.deepEqual(await poll(), {});
    await Deno.writeTextFile(path, whole);
    const mended = await poll();
    assert.deepEqual([mended.gone, mended.results, mended.problems], [undefined, [resultOf(done)], []]);

    const checkpoint = study.study.checkpointPath("01", running.key), bytes = await Deno.readFile(checkpoint);
    for (const length of [0, 5, 100, bytes.length - 1]) {
      await Deno.writeFile(checkpoint, bytes.subarray(0, length));
      await poll();
      const { snapshot: { problems, curves } } = (await follow(dir)).follower;
      assert.equal(problems.length, 1, `${length} bytes`);
      assert.match(problems[0], new RegExp(`^Cannot read ${checkpoint}: `));
      assert.deepEqual(curves, []);
    }
    await Deno.writeFile(checkpoint, bytes);
    assert.deepEqual((await poll()).problems, []);
    await study.save(resultOf(fresh), [1]);
    await Deno.rename(study.study.checkpointPath("01", fresh.key), checkpoint);
    const { problems, curves } = await poll();
    assert.match(
      problems![0],
      new RegExp(`^Cannot use ${checkpoint}: its configuration is ${fresh.entry.id}, must be `),
    );
    assert.deepEqual(curves?.map(({ values }) => values), [[]]);
  },
);

inStudy("what vanishes goes, and what comes back comes back", async (dir, { runs: [done], study }) => {
  const { poll } = await follow(dir), path = study.resultPath("01", done.key);
  await Deno.rename(path, `${path}.away`);
  const { gone, overview } = await poll();
  assert.deepEqual([gone, overview?.done], [[done.key], 0]);
  await Deno.rename(`${path}.away`, path);
  assert.equal((await poll()).results?.length, 1);
});

inStudy("a list that is extended or cut comes whole", async (dir, { runs }) => {
  const { poll, follower } = await follow(dir);
  await initStudy({ dir, experiment: "01", levels: { n_layers: [2] }, seeds: 2 });
  const { list, results, gone, overview } = await poll();
  assert.equal(list?.length, follower.snapshot.overview.total);
  assert.equal(overview?.total, list?.length);
  assert.ok(list!.length > 2 * runs.length, `${list!.length} runs`);
  assert.deepEqual([results, gone], [undefined, undefined], "results have not changed");
  await removeConfigs({ dir, experiment: "01", id: runs[0].key });
  const cut = await poll();
  assert.equal(cut.list?.length, list!.length - 2);
  assert.deepEqual(cut.overview?.unlisted, [runs[0].key]);
});

inStudy("a study that cannot be opened for the moment stands as it was, with a line on it", async (dir, { study }) => {
  const { poll, follower } = await follow(dir), whole = await Deno.readTextFile(study.settingsPath);
  const { results, list } = follower.snapshot;
  await Deno.writeTextFile(study.settingsPath, whole.slice(0, 30));
  const { problems, ...rest } = await poll();
  assert.deepEqual(rest, {});
  assert.match(problems![0], new RegExp(`^Cannot read ${study.settingsPath}: it is not JSON`));
  await Deno.writeTextFile(study.settingsPath, whole);
  assert.deepEqual(await poll(), { problems: [] });
  await Deno.rename(dir, `${dir}.away`);
  const { problems: away, ...others } = await poll();
  assert.match(away![0], /it has no study\.json/);
  assert.deepEqual(others, {});
  await Deno.rename(`${dir}.away`, dir);
  assert.deepEqual(await poll(), { problems: [] });
  assert.deepEqual([follower.snapshot.results.length, follower.snapshot.list], [results.length, list]);
});

Deno.test("Follower.open() refuses a folder that is no study, with one line", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await assert.rejects(Follower.open({ dir, experiment: "01" }), { name: "UserError", message: /no study\.json/ });
});

inStudy(
  "claims are seen as status sees them, and no name is added to the study while its queue is open",
  async (dir, study) => {
    const { runs: [, running] } = study, names = () => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    const queue = await openSqliteQueue(study.study.queuePath, { owner: "host:1" }), key = claimKey("01", running.key);
    const { poll, follower } = await follow(dir);
    await queue.claim(key);
    await queue.beat(new Map([[key, 120]]));
    const before = names();
    const { overview } = await poll();
    const [claimed] = overview!.running!;
    assert.deepEqual([claimed.key, claimed.owner, claimed.step, claimed.steps], [running.key, "host:1", 120, 300]);
    assert.deepEqual(names(), before);
    await queue.close();
    await poll();
    assert.deepEqual(follower.snapshot.overview.running.length, 1);
    assert.deepEqual(names(), before.filter((name) => !/-(wal|shm)$/.test(name)), "whoever closes last cleans up");
  },
);
