/** Claims of shares: the newest takes a run over, and the one before ends. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Attempts } from "../../../experiments/queue/attempts.ts";
import { FencedQueue } from "../../../experiments/queue/fenced_queue.ts";
import type { Claim } from "../../../experiments/queue/queue.ts";
import { ShardClaims } from "../../../experiments/queue/shard_claims.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { claimKey, livingClaims, openStudyQueue, studyClaims } from "../../../experiments/queue/study_queue.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { Scheduler } from "../../../experiments/session/scheduler.ts";
import { tempFolder } from "../folder.ts";
import { NOTHING } from "./queues.ts";

const SHARE = "01/share_1_of_2";

async function shareIn(
  dir: string,
  owner: string,
  { others = () => [], now }: { others?: () => Claim[]; now?: () => number } = {},
): Promise<FencedQueue> {
  const attempts = new Attempts({ owner, folderOf: (key) => join(dir, key.replace("/", "_")) });
  await attempts.take(SHARE);
  const table = new ShardClaims({ owner, folder: join(dir, SHARE.replace("/", "_")) });
  return new FencedQueue(table, attempts, { share: SHARE, others: () => Promise.resolve(others()), now });
}

Deno.test("a share that is started again takes its runs over, and the one before takes none any more", async () => {
  await using temp = await tempFolder();
  const before = await shareIn(temp.path, "before");
  assert.deepEqual([await before.claim("01/x"), await before.claim("01/y")], [true, true]);
  assert.deepEqual([await before.living(), await before.beat(NOTHING)], [[], []]);
  const after = await shareIn(temp.path, "after");
  assert.equal(await before.claim("01/z"), false, "the share is another's, though nobody has begun the run");
  assert.equal(await after.claim("01/x"), true);
  assert.deepEqual(
    [await before.whileHeld("01/x", () => {}), await before.whileHeld("01/y", () => {})],
    [false, true],
    "it may write what nobody has taken over",
  );
  assert.deepEqual((await before.living()).map(({ key, owner }) => [key, owner]), [["01/z", "after"]]);
  assert.equal(before.latestOwner("01/y"), "after");
  assert.equal(await after.claim("01/z"), true);
});

Deno.test("who has lost its share gives up all its runs with a heartbeat", async () => {
  await using temp = await tempFolder();
  const before = await shareIn(temp.path, "before");
  for (const key of ["01/x", "01/y"]) await before.claim(key);
  await shareIn(temp.path, "after");
  assert.deepEqual(await before.beat(NOTHING), ["01/x", "01/y"]);
});

Deno.test("a scheduler whose share was started again hands out nothing more, and waits for nobody", async () => {
  await using temp = await tempFolder();
  const before = await shareIn(temp.path, "before");
  const runs = ["x", "y", "z"].map((key) => ({ key }));
  const scheduler = new Scheduler(runs, { queue: before, experiment: "01" });
  assert.deepEqual(await scheduler.group(1), [runs[0]]);
  await (await shareIn(temp.path, "after")).claim("01/x");
  scheduler.lose(await before.beat(NOTHING));
  assert.equal(scheduler.isLost(runs[0]), true);
  assert.deepEqual(await scheduler.group(2), []);
  assert.deepEqual(scheduler.others, [runs[1], runs[2]]);
});

Deno.test("a share leaves runs to a process that holds them in the queue", async () => {
  await using temp = await tempFolder();
  let heard = 0;
  const others = () => [{ key: "01/x", owner: "another", since: 0, heard: heard++, step: 5 }];
  const share = await shareIn(temp.path, "share", { others });
  const scheduler = new Scheduler([{ key: "x" }, { key: "y" }], { queue: share, experiment: "01" });
  assert.deepEqual(await scheduler.group(2), [{ key: "y" }]);
  assert.deepEqual(await scheduler.group(1), []);
  assert.deepEqual(scheduler.others, [{ key: "x" }]);
});

Deno.test(
  "a process gets the run of another table's owner that has been silent for as long as it watched",
  async () => {
    await using temp = await tempFolder();
    let now = 1000;
    // Whatever the clock of a killed owner's machine said.
    const others = () => [{ key: "01/x", owner: "killed", since: 0, heard: 9e9, step: 5 }];
    const share = await shareIn(temp.path, "share", { others, now: () => now += 10 });
    const scheduler = new Scheduler([{ key: "x" }], { queue: share, experiment: "01" });
    assert.deepEqual(await scheduler.group(1), [{ key: "x" }]);
    assert.deepEqual(scheduler.others, []);
  },
);

Deno.test("a share holds a run no longer that it gives back before it has said that it begins another", async () => {
  await using temp = await tempFolder();
  const table = new ShardClaims({ owner: "share", folder: temp.path });
  for (const key of ["01/x", "01/y"]) await table.claim(key);
  await table.release("01/x");
  assert.deepEqual([await table.whileHeld("01/x", () => {}), await table.whileHeld("01/y", () => {})], [false, true]);
});

Deno.test("a share says what it holds, to who looks and to processes with a queue", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, experiment: "01", levels: { n_layers: [1], state_size: [8] } });
  const [run, next] = await study.runs("01"), key = claimKey("01", run.key);
  const shard = { index: 1, count: 2 }, now = Date.now() / 1000;
  const { queue, owner } = await openStudyQueue(study, { share: { experiment: "01", shard } });
  assert.equal(await queue.claim(key), true);
  assert.deepEqual((await livingClaims(study, "01")).map(({ key, owner }) => ({ key, owner })), [{ key, owner }]);
  assert.deepEqual(await livingClaims(study, "01", now + 3600), [], "it has been silent for an hour");
  const { running } = await overviewOf(dir, "01");
  assert.deepEqual(running.map(({ key, owner }) => [key, owner]), [[run.key, owner]]);
  const { queue: other } = await openStudyQueue(study);
  try {
    assert.deepEqual([await other.claim(key), await other.claim(claimKey("01", next.key))], [false, true]);
    assert.deepEqual(
      (await other.living()).map(({ key }) => key).sort(),
      [key, claimKey("01", next.key)].sort(),
      "what it may not have is shown as held",
    );
    await queue.close();
    assert.deepEqual(await studyClaims(study).claims().then((claims) => claims.map(({ key }) => key)), [
      claimKey("01", next.key),
    ]);
    // Whoever has looked a moment ago does not look again at once.
    const { queue: later } = await openStudyQueue(study);
    assert.equal(await later.claim(key), true);
    await later.close();
  } finally {
    await other.close();
  }
});
