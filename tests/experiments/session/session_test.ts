import assert from "node:assert/strict";
import { CELLSPACE_VERSION } from "../../../train/version.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { shortKey } from "../../../experiments/study/run_key.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { type Engine, EngineFailure, type EngineRun } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { injectFaults, trainOn } from "../../faults/engines.ts";
import { unfinished } from "../../report/synthetic_results.ts";
import { tempFolder } from "../folder.ts";
import { begin, onGpu, resultOf, SAVE_OFTEN, STEPS, undisturbed } from "./session_study.ts";

const MORE_STEPS = 2 * STEPS;

/** The same study, of which more steps are asked. */
async function askForMore({ dir }: Study): Promise<Study> {
  return (await initStudy({ dir, experiment: "01", steps: MORE_STEPS })).study;
}

/** The keys of a failure in a result, whatever stands there. */
function failureOf({ failed, failed_at_step, loss_before_failure }: RunResult) {
  return { failed, failed_at_step, loss_before_failure };
}

/** An engine that makes every loss NaN from a step on. */
async function breakingAt(step: number): Promise<Engine> {
  return injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    losses: (_run, values, first) => values.map((loss, i) => first + i < step ? loss : NaN),
  });
}

/** An engine that must not be needed. */
function unused(engine: Engine): Engine {
  return injectFaults(engine, { onOpen: () => assert.fail("a group was opened") });
}

/** Lets the pauses between attempts pass a hundred times as fast. */
async function withShortPauses<T>(action: () => Promise<T>): Promise<T> {
  const now = performance.now.bind(performance);
  performance.now = () => 100 * now();
  try {
    return await action();
  } finally {
    performance.now = now;
  }
}

Deno.test(
  "TrainingSession.run() keeps the shorter result when a run goes on and fails, and goes on again when told to",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study: short, keys: [key] } = await begin(dir, 1);
    await trainOn(short, await openOnnxEngine(undefined, { keepWorkers: true }), { parallel: 1 });
    const first = await resultOf(short, key);
    assert.equal(first.steps_done, STEPS);
    assert.ok(first.test_loss !== undefined);
    const model = await Deno.readFile(short.modelPath("01", key));

    const study = await askForMore(short);
    const whole = (await undisturbed(study, join(dir, "quiet")))(key);
    const broken = await trainOn(study, await breakingAt(130), { parallel: 1, timing: SAVE_OFTEN });
    assert.deepEqual([broken.session.finished, broken.session.failed, broken.session.problems], [0, 1, 0]);
    const failure = {
      failed: "the loss became NaN at step 130",
      failed_at_step: 130,
      loss_before_failure: whole.loss!.slice(0, 12),
    };
    const { failed_time, ...kept } = await resultOf(study, key);
    assert.deepEqual(kept, { ...first, ...failure });
    assert.ok(failed_time! > first["end time"]!);
    assert.deepEqual(await Deno.readFile(study.modelPath("01", key)), model, "the model is that of the result");

    const { finished, failed, problems } = await trainStudy({
      dir: study.dir,
      experiment: "01",
      engine: "onnx",
    });
    assert.deepEqual([finished, failed, problems], [0, 0, 0]);
    assert.deepEqual(await resultOf(study, key), { ...kept, failed_time }, "it is not tried again unasked");

    const starts: number[] = [];
    const path = study.resultPath("01", key);
    const onOpen = (runs: readonly EngineRun[]) => {
      starts.push(...runs.map(({ stepsDone }) => stepsDone));
      assert.deepEqual(JSON.parse(Deno.readTextFileSync(path)), first, "what failed is under way again");
    };
    const retried = await trainOn(
      study,
      injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), { onOpen }),
      {
        parallel: 1,
        retryFailed: true,
      },
    );
    assert.deepEqual([retried.session.finished, retried.session.failed, retried.errors], [1, 0, []]);
    assert.ok(starts.length === 1 && starts[0] > STEPS && starts[0] < 130, `it went on from step ${starts}`);
    const last = await resultOf(study, key);
    assert.deepEqual([last.loss, last.steps_done, last.test_loss], [whole.loss, MORE_STEPS, whole.test_loss]);
    assert.deepEqual(failureOf(last), { failed: undefined, failed_at_step: undefined, loss_before_failure: undefined });
  },
);

Deno.test(
  "TrainingSession.run() removes the checkpoint of a failed run when that is tried again from its beginning",
  async () => {
    await using temp = await tempFolder();
    const { study, keys: [key] } = await begin(temp.path, 1);
    const path = study.checkpointPath("01", key);
    await trainOn(study, await breakingAt(60), { parallel: 1, timing: SAVE_OFTEN });
    assert.deepEqual([(await resultOf(study, key)).failed_at_step, existsSync(path)], [60, true]);
    const seen: unknown[] = [];
    // Whoever is killed here, before the first checkpoint, must not leave one from before the failure.
    const onOpen = ([{ stepsDone }]: readonly EngineRun[]) => void seen.push(stepsDone, existsSync(path));
    const { session } = await trainOn(
      study,
      injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), { onOpen }),
      {
        parallel: 1,
        retryFailed: true,
      },
    );
    assert.deepEqual([seen, session.finished], [[0, false], 1]);
    const { loss } = (await undisturbed(study, join(temp.path, "quiet")))(key);
    const result = await resultOf(study, key);
    assert.deepEqual([result.loss, result.failed, existsSync(path)], [loss, undefined, true]);
  },
);

Deno.test("TrainingSession.run() names the engine that did the steps when another writes the result", async () => {
  await using temp = await tempFolder();
  const { study, keys: [key] } = await begin(temp.path, 1);
  const onnx = await openOnnxEngine(undefined, { keepWorkers: true });
  const other: Engine = { ...await onGpu(), name: "webgpu", adapter: "another adapter" };
  await trainOn(study, onnx, { parallel: 1 });
  const first = await resultOf(study, key);
  const namesOf = ({ engine, adapter, earlier_engines }: RunResult) => ({ engine, adapter, earlier_engines });
  const byOnnx = { engine: "onnx", adapter: onnx.adapter };
  assert.deepEqual(namesOf(first), { ...byOnnx, earlier_engines: undefined });

  // Killed after the last checkpoint: the result is missing, or it is that of a run under way.
  for (const left of [undefined, { ...unfinished(first), owner: "dead" }]) {
    await Deno.remove(study.resultPath("01", key));
    await Deno.remove(study.modelPath("01", key));
    if (left) await study.writeResult("01", key, left);
    const { session } = await trainOn(study, unused(other), { parallel: 1 });
    assert.equal(session.finished, 1);
    const again = await resultOf(study, key);
    assert.deepEqual(namesOf(again), namesOf(first));
    assert.deepEqual([again.loss, again.test_loss, again.owner], [first.loss, first.test_loss, undefined]);
  }

  const longer = await askForMore(study);
  await trainOn(longer, other, { parallel: 1 });
  const both = {
    engine: other.name,
    adapter: other.adapter,
    earlier_engines: [{ ...byOnnx, steps: STEPS, cellspace_version: CELLSPACE_VERSION }],
  };
  assert.deepEqual(namesOf(await resultOf(longer, key)), both);
  await Deno.remove(longer.resultPath("01", key));
  await trainOn(longer, unused(onnx), { parallel: 1 });
  assert.deepEqual(namesOf(await resultOf(longer, key)), both);
});

Deno.test(
  "TrainingSession.run() leaves runs that do not fit alone, three in a row too, and finishes the others",
  async () => {
    await using temp = await tempFolder();
    const { study, keys } = await begin(temp.path, 5);
    let opened = 0;
    const onOpen = () => {
      if (++opened <= 3) throw new EngineFailure("memory", "it needs 9 GiB, the adapter allows 4 GiB");
    };
    const { session, errors } = await trainOn(
      study,
      injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), { onOpen }),
      { parallel: 1 },
    );
    assert.deepEqual([opened, session.finished, session.failed, session.problems], [5, 2, 0, 3]);
    assert.deepEqual(
      errors,
      keys.slice(0, 3).map((key) =>
        `train: run ${shortKey(key)} was not trained: it needs 9 GiB, the adapter allows 4 GiB`
      ),
    );
    const curves = await Promise.all(keys.map(async (key) => (await resultOf(study, key)).loss?.length));
    assert.deepEqual(curves, [undefined, undefined, undefined, 10, 10]);
    assert.deepEqual(readClaims(study.queuePath), []);
  },
);

Deno.test("TrainingSession.run() ends when three runs in a row fail for an unknown reason", async () => {
  await using temp = await tempFolder();
  const { study, keys } = await begin(temp.path, 5);
  let opened = 0;
  const onOpen = () => {
    opened++;
    throw new Error("the driver is in a bad mood");
  };
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), { onOpen });
  await withShortPauses(() =>
    assert.rejects(trainOn(study, engine, { parallel: 1 }), {
      message: "the driver is in a bad mood",
    })
  );
  assert.equal(opened, 9, "each of three runs is tried three times");
  const begun = await Promise.all(keys.map(async (key) => (await study.readResult("01", key)) !== undefined));
  assert.deepEqual(begun, [true, true, true, false, false]);
  assert.deepEqual(readClaims(study.queuePath), []);
});

Deno.test("TrainingSession.run() opens a lost device at the second try when the first one fails", async () => {
  await using temp = await tempFolder();
  const { study, keys } = await begin(temp.path, 2);
  const expected = await undisturbed(study, join(temp.path, "quiet"));
  const opened: number[][] = [];
  const onOpen = (runs: readonly EngineRun[]) => void opened.push(runs.map(({ stepsDone }) => stepsDone));
  let lost = false, advanced = 0, reopened = 0;
  const failing: Engine = {
    ...await openOnnxEngine(undefined, { keepWorkers: true }),
    get failed() {
      return lost;
    },
  };
  const engine = injectFaults(failing, {
    runsPerGroup: 2,
    onOpen,
    onAdvance() {
      if (++advanced < 5) return;
      lost = true;
      throw new EngineFailure("lost", "the device was lost");
    },
  });
  const reopen = async () => {
    if (++reopened === 1) throw new Error("the driver starts anew");
    return injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), { runsPerGroup: 2, onOpen });
  };
  const { session, errors } = await withShortPauses(() => trainOn(study, engine, { reopen, timing: SAVE_OFTEN }));
  assert.deepEqual([reopened, session.finished, session.problems, errors], [2, 2, 0, []]);
  assert.deepEqual(opened.map((runs) => runs.length), [2, 1, 1]);
  assert.ok(opened.slice(1).flat().every((steps) => steps > 0), `they went on from steps ${opened.slice(1)}`);
  for (const key of keys) {
    const { loss, test_loss, earlier_engines } = await resultOf(study, key);
    assert.deepEqual([loss, test_loss], [expected(key).loss, expected(key).test_loss]);
    assert.equal(earlier_engines, undefined);
  }
});

Deno.test("TrainingSession.run() finishes the others of a group when one cannot be written at its end", async () => {
  await using temp = await tempFolder();
  const { study, keys } = await begin(temp.path, 3);
  const expected = await undisturbed(study, join(temp.path, "quiet"));
  await study.makeRunFolders("01");
  const path = study.modelPath("01", keys[1]), opened: number[] = [];
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    runsPerGroup: 3,
    onOpen(runs) {
      opened.push(runs.length);
      // A folder with something in it, where the model is to be: it was not there when the run began.
      Deno.mkdirSync(join(path, "in the way"), { recursive: true });
    },
  });
  const { session, errors } = await withShortPauses(() => trainOn(study, engine));
  assert.deepEqual([session.finished, session.failed, session.problems, opened], [2, 0, 1, [3]]);
  assert.equal(errors.length, 1);
  // The second attempt sees what is in its place before it trains.
  assert.match(errors[0], new RegExp(`^train: Cannot read .* is a folder, .*; run ${shortKey(keys[1])} is skipped$`));
  for (const key of [keys[0], keys[2]]) assert.deepEqual((await resultOf(study, key)).loss, expected(key).loss);
  assert.equal((await resultOf(study, keys[1])).loss, undefined);
  assert.deepEqual(readClaims(study.queuePath), []);
});
