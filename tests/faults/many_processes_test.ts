import { removeFile } from "../../experiments/study/files.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { shortKey } from "../../experiments/study/run_key.ts";
import type { Study } from "../../experiments/study/store.ts";
import { drawsOf } from "./draws.ts";
import { processOf, SHORT_INTERVALS, sleep, Training, until } from "./processes.ts";
import { stopAmidRun } from "./stopped.ts";
import {
  assertFinishedOnce,
  assertReleased,
  assertSameRuns,
  checkpointSteps,
  copyOf,
  finishedRuns,
  holdsRuns,
  planAndQuiet,
  quietAndStudy,
  resultsOf,
  tempFolder,
} from "./studies.ts";

Deno.test("four train processes, two of them killed and replaced, finish each of 24 runs once", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { note, random } = drawsOf("four processes");
  const { quiet, study } = await quietAndStudy(dir, { runs: 24, steps: 200 });
  await using all = new AsyncDisposableStack();
  // Nobody alive may be mistaken for dead, however busy the machine is.
  const start = () => all.use(Training.start(study.dir, { ...SHORT_INTERVALS, stale: 6, parallel: 1, pause: 1 }));
  const trainings = Array.from({ length: 4 }, start), killed: Training[] = [];
  // Results that a killed process may have written without having said so.
  const unsaid = new Set<string>();
  for (const [victim, finishedBefore] of [[0, 3], [2, 9]]) {
    await until(
      `${finishedBefore} runs are finished`,
      async () => (await finishedRuns(study)).length >= finishedBefore,
    );
    const training = trainings[victim];
    await training.untilAtWork("it has a run", () => holdsRuns(study, training));
    await sleep(random() * 300);
    assert.ok(await training.kill(), `${note}\n${training.transcript}`);
    killed.push(training);
    for (const key of await finishedRuns(study)) unsaid.add(key);
    trainings.push(start());
  }
  for (const training of trainings) {
    if (killed.includes(training)) continue;
    await training.succeed();
    assert.deepEqual(training.out.filter((line) => /taken over/.test(line)), [], `${note}\n${training.transcript}`);
  }
  await assertFinishedOnce(study, trainings, unsaid, note);
  const workers = trainings.filter(({ finished }) => finished.length > 0);
  assert.ok(workers.length >= 4, `${workers.length} of ${trainings.length} processes finished a run, ${note}`);
  assertReleased(study, killed, note);
  await assertSameRuns(study, quiet, note);
});

/** Has a process stopped that has a checkpoint of the study's one run, and another that took over the run. */
async function takenOver(study: Study, stack: AsyncDisposableStack) {
  const [{ key }] = await study.runs("01");
  const stopped = stack.use(Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1, pause: 3 }));
  await stopAmidRun(study, (name) => stopped.signal(name), async () => {
    await stopped.untilAtWork("it has a checkpoint", async () => (await checkpointSteps(study)).get(key)! > 0);
    return key;
  }, () => isOutsideTransaction(study));
  const steps = (await checkpointSteps(study)).get(key)!;
  const other = stack.use(Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1, pause: 3 }));
  await other.untilAtWork("it took over the run", async () => await ownerOf(study, key) === other.pid);
  return { key, steps, stopped, other };
}

/** Whether no process is in the middle of a transaction, in which it would hold the database. */
function isOutsideTransaction({ queuePath }: Study): boolean {
  const database = new DatabaseSync(queuePath, { timeout: 200 });
  try {
    database.exec("BEGIN IMMEDIATE");
    database.exec("ROLLBACK");
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}

/** The process that a run's record names; NaN where it has ended. */
async function ownerOf(study: Study, key: string): Promise<number> {
  return processOf((await resultsOf(study)).get(key)?.owner);
}

Deno.test(
  "a stopped train that goes on after another took its run over leaves it, and writes nothing over",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { plan, quiet } = await planAndQuiet(dir, {
      runs: 1,
      layers: 2,
      stateSizes: [16],
      steps: 800,
      history: 201,
    }, { parallel: 1 });
    for (const goesOn of ["while the other trains", "when the other is through"]) {
      await using stack = new AsyncDisposableStack();
      const study = await copyOf(plan, join(dir, goesOn));
      const { key, steps, stopped, other } = await takenOver(study, stack);
      if (goesOn === "while the other trains") {
        stopped.signal("SIGCONT");
        await stopped.succeed();
        const owner = await ownerOf(study, key);
        assert.ok(owner === other.pid || Number.isNaN(owner), `process ${owner} has the run\n${stopped.transcript}`);
        assert.ok((await checkpointSteps(study)).get(key)! >= steps);
        assert.ok(stopped.out.some((line) => line.startsWith(`${shortKey(key)}  was taken over`)), stopped.transcript);
        await other.succeed();
      } else {
        await other.succeed();
        const written = await timesOf(study, key);
        stopped.signal("SIGCONT");
        await stopped.succeed();
        assert.deepEqual(await timesOf(study, key), written, stopped.transcript);
      }
      await assertFinishedOnce(study, [stopped, other], new Set(), goesOn);
      assert.deepEqual(stopped.finished, [], goesOn);
      assertReleased(study, [], goesOn);
      await assertSameRuns(study, quiet, goesOn);
    }
  },
);

/** When a run's files were put where they are. */
async function timesOf(study: Study, key: string): Promise<(Date | null)[]> {
  const paths = [study.resultPath("01", key), study.modelPath("01", key), study.checkpointPath("01", key)];
  return await Promise.all(paths.map(async (path) => (await Deno.stat(path)).mtime));
}

Deno.test("two train processes whose database is deleted twice finish each run once", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 8, steps: 400 });
  await using stack = new AsyncDisposableStack();
  const trainings = Array.from(
    { length: 2 },
    () => stack.use(Training.start(study.dir, { ...SHORT_INTERVALS, parallel: 1, pause: 1.5 })),
  );
  for (const finishedBefore of [1, 5]) {
    await until(
      `${finishedBefore} runs are finished`,
      async () => (await finishedRuns(study)).length >= finishedBefore,
    );
    for (const training of trainings) await training.untilAtWork("it has a run", () => holdsRuns(study, training));
    // Like `rm queue.sqlite*`: not at once.
    for (const suffix of ["", "-shm", "-wal"]) removeFile(study.queuePath + suffix);
    for (const training of trainings) {
      await training.untilAtWork("it is in the new database", () => holdsRuns(study, training));
    }
  }
  for (const training of trainings) await training.succeed();
  const note = "database deleted";
  await assertFinishedOnce(study, trainings, new Set(), note);
  for (const { finished, transcript } of trainings) assert.ok(finished.length > 1, transcript);
  assertReleased(study, [], note);
  await assertSameRuns(study, quiet, note);
});
