import assert from "node:assert/strict";
import { join } from "node:path";
import { readClaims } from "../../experiments/queue/sqlite_queue.ts";
import type { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { waitingForOthers } from "../../experiments/session/scheduler.ts";
import { processOf, SHORT_INTERVALS, sleep, Training } from "./processes.ts";
import {
  assertReleased,
  assertSameRuns,
  checkpointSteps,
  holdsRuns,
  makeStudy,
  quietAndStudy,
  resultFiles,
  resultsOf,
  stepsOfRun,
  tempFolder,
  trainedQuietly,
} from "./studies.ts";

Deno.test(
  "train --steps goes on from a finished study as if it had been one training, also when it is killed",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const short = await makeStudy(join(dir, "study"), { runs: 3, steps: 1200 });
    const options = { dir: short.dir, experiment: "01", engine: "onnx", parallel: 1 } as const;
    const long = await makeStudy(join(dir, "plan"), { runs: 3, steps: 2400 });
    const quiet = await trainedQuietly(long, join(dir, "quiet"), { parallel: 1 });
    await trainStudy(options);
    const half = await resultFiles(short), halfResults = await resultsOf(short);
    const fewer = await trainStudy({ ...options, steps: 800 });
    assert.deepEqual([fewer.finished, fewer.failed, fewer.problems, fewer.others], [0, 0, 0, 0]);
    assert.deepEqual(await resultFiles(short), half);
    {
      await using training = Training.start(short.dir, { ...SHORT_INTERVALS, parallel: 1, steps: 2400, pause: 1.5 });
      await training.untilAtWork(
        "a run has gone on",
        async () => [...(await checkpointSteps(short)).values()].some((steps) => steps > 1200),
      );
      assert.ok(await training.kill(), training.transcript);
    }
    // A finished result stays what it was until there is a longer one.
    const results = await resultsOf(short);
    for (const [key, { steps_done }] of results) {
      if (steps_done === 1200) {
        assert.equal((await resultFiles(short)).get(key), half.get(key));
      }
    }
    assert.ok([...results.values()].some(({ steps_done }) => steps_done === 1200));
    await using again = Training.start(short.dir, { ...SHORT_INTERVALS, parallel: 1, steps: 2400 });
    await again.succeed();
    await assertSameRuns(short, quiet, "longer later");
    for (const [key, { loss }] of await resultsOf(short)) {
      const first = halfResults.get(key)!.loss!;
      assert.equal(first.length, 24);
      assert.equal(JSON.stringify(loss!.slice(0, 24)), JSON.stringify(first));
    }
    assert.equal((await trainStudy({ ...options, steps: 1200 })).finished, 0);
  },
);

Deno.test("train trains seeds that were added later, and leaves the first ones' results as they are", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const both = await makeStudy(join(dir, "plan"), { runs: 2, steps: 800, seeds: 2 });
  const quiet = await trainedQuietly(both, join(dir, "quiet"));
  const study = await makeStudy(join(dir, "study"), { runs: 2, steps: 800 });
  const options = { dir: study.dir, experiment: "01", engine: "onnx" } as const;
  await trainStudy(options);
  const first = await resultFiles(study);
  const { study: extended } = await initStudy({ dir: study.dir, experiment: "01", seeds: 2 });
  assert.equal((await trainStudy(options)).finished, 2);
  const now = await resultFiles(extended);
  for (const [key, text] of first) assert.equal(now.get(key), text);
  assert.equal(now.size, 4);
  await assertSameRuns(extended, quiet, "seeds added");
});

/** The step at which a process says that its run is. */
function stepOf(study: Study, { pid }: Training): number {
  return readClaims(study.queuePath).find(({ owner }) => processOf(owner) === pid)?.step ?? 0;
}

/** Presses Ctrl-C once the process is under way, without any checkpoint so far; returns where the run is then. */
async function interrupt(study: Study, training: Training): Promise<number> {
  await training.untilAtWork("it is under way", () => stepOf(study, training) > 0);
  assert.deepEqual([...(await checkpointSteps(study)).values()], [0], training.transcript);
  training.signal("SIGINT");
  const { code } = await training.ended();
  assert.equal(code, 130, training.transcript);
  assert.deepEqual(training.err.filter((line) => /error/i.test(line)), []);
  assertReleased(study, [], "Ctrl-C");
  const [steps] = (await checkpointSteps(study)).values();
  assert.ok(steps > 0 && steps < stepsOfRun(study), `the checkpoint is at step ${steps}`);
  return steps;
}

Deno.test("train, stopped by Ctrl-C, keeps where it is and goes on from there", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, {
    runs: 1,
    layers: 2,
    stateSizes: [16],
    steps: 3000,
    history: 1001,
  }, { parallel: 1 });
  await using training = Training.start(study.dir, { ...SHORT_INTERVALS, save: 1000, parallel: 1, pause: 0.8 });
  const steps = await interrupt(study, training);
  await using again = Training.start(study.dir, { ...SHORT_INTERVALS, save: 1000, parallel: 1, pause: 0.8 });
  await again.untilAtWork("it says where it is", () => stepOf(study, again) > 0);
  assert.ok(stepOf(study, again) >= steps, `it began at step ${stepOf(study, again)}, the checkpoint was at ${steps}`);
  await again.succeed();
  await assertSameRuns(study, quiet, "Ctrl-C");
});

Deno.test("deno task train, stopped by Ctrl-C, keeps where it is", async () => {
  await using temp = await tempFolder();
  const study = await makeStudy(join(temp.path, "study"), { runs: 1, layers: 2, stateSizes: [16], steps: 60_000 });
  await using training = Training.startTask(study.dir, "--engine", "onnx");
  await interrupt(study, training);
});

Deno.test("deno task train takes over the run of a killed one, once it has been silent for long enough", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, {
    runs: 1,
    layers: 2,
    stateSizes: [16],
    steps: 6000,
    history: 2001,
  });
  await using training = Training.startTask(study.dir, "--engine", "onnx");
  await training.untilAtWork("it has a run", () => holdsRuns(study, training));
  await sleep(500);
  assert.ok(await training.kill(), training.transcript);
  await using other = Training.startTask(study.dir, "--engine", "onnx");
  await other.untilAtWork("it took over the run", () => holdsRuns(study, other));
  // Not at once; how many seconds that takes, queue_test.ts tells by a clock of its own.
  assert.ok(other.out.includes(waitingForOthers(1)), other.transcript);
  await other.succeed();
  await assertSameRuns(study, quiet, "killed");
});
