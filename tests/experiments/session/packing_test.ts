/** How runs are packed into groups, and who takes the slot of one that has ended. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { configId } from "../../../cells/config.ts";
import { packingOrder } from "../../../experiments/session/scheduler.ts";
import { readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { claimKey } from "../../../experiments/queue/study_queue.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import type { EngineRun } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { injectFaults, trainOn } from "../../faults/engines.ts";
import { assertReleased, copyOf, makeStudy, resultsOf } from "../../faults/studies.ts";
import { corpusFile } from "../corpus_file.ts";
import { tempFolder } from "../folder.ts";

Deno.test("packingOrder() puts runs of one shape together, largest first, those that take most memory before", () => {
  const run = (state_size: number, n_layers: number, seed: number): Run => {
    const config = { ...SMALL_CONFIG, state_size, n_layers };
    return { key: `${state_size} x ${n_layers}, ${seed}`, entry: { id: configId(config), config }, seed };
  };
  const runs = [run(32, 3, 0), run(256, 1, 0), run(256, 3, 0), run(32, 3, 1), run(256, 3, 1), run(32, 3, 2)];
  const footprint = ({ seed }: Run) => seed === 1 ? 2 : 1;
  assert.deepEqual(packingOrder(runs, footprint).map(({ key }) => key), [
    "256 x 3, 1",
    "256 x 3, 0",
    "256 x 1, 0",
    "32 x 3, 1",
    "32 x 3, 0",
    "32 x 3, 2",
  ]);
});

Deno.test("packingOrder() puts runs together that go as many steps back, for they advance together", () => {
  const run = (state_size: number, bptt: number): Run => {
    const config = { ...SMALL_CONFIG, state_size, ...(bptt === 1 ? {} : { bptt }) };
    return { key: `${state_size}, ${bptt} back`, entry: { id: configId(config), config }, seed: 0 };
  };
  const runs = [run(256, 1), run(32, 16), run(256, 4), run(32, 1), run(256, 16), run(32, 4)];
  const footprint = ({ entry: { config } }: Run) => config.state_size * (config.bptt ?? 1);
  assert.deepEqual(packingOrder(runs, footprint).map(({ key }) => key), [
    "256, 16 back",
    "32, 16 back",
    "256, 4 back",
    "32, 4 back",
    "256, 1 back",
    "32, 1 back",
  ]);
});

const sizeOf = (run: EngineRun) => run.step.sizes.state_size;

/** Runs of two sizes in turn, so many that a group takes several chunks for them. */
async function begin(dir: string, runs: number, steps = 400): Promise<Study> {
  return await makeStudy(join(dir, "study"), { runs, steps, stateSizes: [8, 12], corpus: corpusFile(dir) });
}

/** The curves of a study's runs, trained one by one with nothing in their way. */
async function curvesAlone(study: Study, dir: string) {
  const quiet = await copyOf(study, dir);
  await trainOn(quiet, await openOnnxEngine(undefined, { keepWorkers: true }), { parallel: 1 });
  return await resultsOf(quiet);
}

/** Breaks the losses of the larger runs after a few steps. */
const breakLarge = (run: EngineRun, losses: Float64Array, first: number) =>
  sizeOf(run) === 12 ? losses.map((loss, i) => first + i < 5 ? loss : NaN) : losses;

Deno.test("TrainingSession.run() gives the slot of a failed run to the next while the other trains on", async () => {
  await using temp = await tempFolder();
  const study = await begin(temp.path, 3), alone = await curvesAlone(study, join(temp.path, "quiet"));
  const opened: number[][] = [], joined: number[] = [], told = new Map<string, number>();
  let stepsAfterJoin = 0;
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    runsPerGroup: 2,
    onOpen: (runs) => void opened.push(runs.map(sizeOf)),
    onJoin: (run) => joined.push(sizeOf(run)) > 0,
    losses(run, losses, first) {
      if (joined.length) stepsAfterJoin += losses.length;
      return breakLarge(run, losses, first);
    },
    async beforeLosses() {
      // The heart beats meanwhile, and tells where each run is.
      await new Promise((resolve) => setTimeout(resolve, 30));
      for (const { key, step } of readClaims(study.queuePath)) told.set(key, Math.max(step, told.get(key) ?? 0));
    },
  });
  const { session, errors } = await trainOn(study, engine, { timing: { beat: 0.01 } });
  assert.deepEqual([session.finished, session.failed, session.problems, errors], [2, 1, 0, []]);
  assert.deepEqual([opened, joined], [[[12, 8]], [8]], "the largest first, and no second group");
  assert.ok(stepsAfterJoin > 400 && stepsAfterJoin < 800, `both trained for ${stepsAfterJoin} steps beside each other`);
  for (const [key, result] of await resultsOf(study)) {
    if (result.failed !== undefined) continue;
    const { loss, test_loss } = alone.get(key)!;
    assert.deepEqual([result.loss, result.test_loss], [loss, test_loss]);
    assert.ok(told.get(claimKey("01", key))! > 0, "others can see where it is");
  }
  assertReleased(study, [], "a failed run's slot");
});

Deno.test("TrainingSession.run() hands a run out again that did not fit, and does not count it", async () => {
  await using temp = await tempFolder();
  const study = await begin(temp.path, 3), alone = await curvesAlone(study, join(temp.path, "quiet"));
  const opened: number[][] = [];
  let refused = 0;
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    runsPerGroup: 2,
    onOpen: (runs) => void opened.push(runs.map(sizeOf)),
    onJoin: () => ++refused < 0,
    losses: breakLarge,
    beforeLosses: () => new Promise((resolve) => setTimeout(resolve, 30)),
  });
  const { session, errors } = await trainOn(study, engine, { limit: 3 });
  assert.deepEqual([session.finished, session.failed, session.problems, errors], [2, 1, 0, []]);
  assert.deepEqual([opened, refused], [[[12, 8], [8]], 1]);
  for (const [key, { failed, loss }] of await resultsOf(study)) {
    if (failed === undefined) assert.deepEqual(loss, alone.get(key)!.loss);
  }
  assertReleased(study, [], "a refused run");
});

Deno.test("TrainingSession.run() takes a smaller run into a group that the next one does not fit", async () => {
  await using temp = await tempFolder();
  const study = await begin(temp.path, 4), opened: number[][] = [];
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    runsPerGroup: 3,
    memory: 20,
    footprint: ({ sizes }) => sizes.state_size,
    onOpen: (runs) => void opened.push(runs.map(sizeOf)),
  });
  const { session } = await trainOn(study, engine);
  assert.deepEqual([session.finished, opened], [4, [[12, 8], [12, 8]]]);
});

Deno.test("TrainingSession.run() keeps each group within the memory when a slot becomes free", async () => {
  await using temp = await tempFolder();
  const study = await begin(temp.path, 5, 3000), opened: number[][] = [], joined: number[] = [];
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    runsPerGroup: 2,
    memory: 20,
    footprint: ({ sizes }) => sizes.state_size,
    onOpen: (runs) => void opened.push(runs.map(sizeOf)),
    onJoin: (run) => joined.push(sizeOf(run)) > 0,
    losses: (run, losses, first) => sizeOf(run) === 8 ? losses.map((loss, i) => first + i < 5 ? loss : NaN) : losses,
    beforeLosses: () => new Promise((resolve) => setTimeout(resolve, 30)),
  });
  const { session } = await trainOn(study, engine);
  assert.deepEqual([session.finished, session.failed], [2, 3]);
  // The second run of 12 is the first that waits: it does not fit beside the other, and two of 8 go before.
  assert.deepEqual([opened, joined], [[[12, 8], [12]], [8, 8]]);
});
