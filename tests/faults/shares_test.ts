/** Shares of a study, trained without a queue: whoever is started again takes over, and who was thought dead writes nothing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { shortKey } from "../../experiments/study/run_key.ts";
import type { Study } from "../../experiments/study/store.ts";
import { processOf, SHORT_INTERVALS, Training } from "./processes.ts";
import { latestOf, stopAmidRun } from "./stopped.ts";
import {
  assertFinishedOnce,
  assertSameRuns,
  checkpointSteps,
  copyOf,
  finishedRuns,
  planAndQuiet,
  quietAndStudy,
  resultsOf,
  tempFolder,
} from "./studies.ts";

const start = (study: Study, shard: string, stack: AsyncDisposableStack, pause: number) =>
  stack.use(Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1, shard, pause }));

Deno.test("three shares train each run once, also where one is killed and started again", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 12, steps: 400, stateSizes: [8, 16], history: 501 });
  await using stack = new AsyncDisposableStack();
  const shares = ["1/3", "2/3", "3/3"].map((shard) => start(study, shard, stack, 1.5));
  await shares[1].untilAtWork(
    "it has a checkpoint",
    async () => [...(await checkpointSteps(study)).values()].some((steps) => steps > 0),
  );
  assert.ok(await shares[1].kill());
  const before = await finishedRuns(study);
  const again = start(study, "2/3", stack, 1.5);
  for (const share of [shares[0], shares[2], again]) await share.succeed();
  await assertSameRuns(study, quiet, "three shares");
  await assertFinishedOnce(study, [...shares, again], new Set(before), "three shares");
  const counts = [shares[0], shares[2]].map(({ finished }) => finished.length);
  assert.ok(counts.every((count) => count >= 3 && count <= 5), `shares finished ${counts} of 12 runs`);
});

Deno.test(
  "a share that was thought dead and wakes up writes nothing, and leaves the rest to its successor",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { plan, quiet } = await planAndQuiet(dir, {
      runs: 3,
      layers: 2,
      stateSizes: [16],
      steps: 800,
      history: 201,
    }, { parallel: 1 });
    for (const wakes of ["while the other trains", "when the other is through"]) {
      await using stack = new AsyncDisposableStack();
      const study = await copyOf(plan, join(dir, wakes)), [{ key }] = await study.runs("01");
      const stale = start(study, "1/1", stack, 3);
      await stopAmidRun(study, (name) => stale.signal(name), async () => {
        await stale.untilAtWork("it has a checkpoint", async () => (await checkpointSteps(study)).get(key)! > 0);
        return key;
      });
      const other = start(study, "1/1", stack, 3);
      await other.untilAtWork("it has the run", () => processOf(latestOf(study, key)?.owner) === other.pid);
      const isThrough = wakes === "when the other is through";
      if (isThrough) await other.succeed();
      const written = isThrough ? await filesOf(study) : undefined;
      stale.signal("SIGCONT");
      await stale.succeed();
      await other.succeed();
      if (written) assert.deepEqual(await filesOf(study), written, stale.transcript);
      assert.ok(stale.out.some((line) => line.startsWith(`${shortKey(key)}  was taken over`)), stale.transcript);
      assert.ok(stale.out.some((line) => line.includes(`:${other.pid})`)), stale.transcript);
      assert.deepEqual(stale.finished, [], wakes);
      for (const result of (await resultsOf(study)).values()) {
        assert.equal(result.attempt, result.id === key ? 2 : 1, `${wakes}: ${stale.transcript}`);
      }
      await assertSameRuns(study, quiet, wakes);
      await assertFinishedOnce(study, [stale, other], new Set(), wakes);
    }
  },
);

/** The files of all runs with when they were put where they are. */
async function filesOf(study: Study): Promise<string[]> {
  const paths = (await study.runs("01")).flatMap(({ key }) => [
    study.resultPath("01", key),
    study.modelPath("01", key),
    study.checkpointPath("01", key),
  ]);
  return await Promise.all(paths.map(async (path) => `${path} ${(await Deno.stat(path)).mtime?.getTime()}`));
}
