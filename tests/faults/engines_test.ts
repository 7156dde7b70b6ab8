import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { shortKey } from "../../experiments/study/run_key.ts";
import { trainStudy } from "../../experiments/session/training.ts";
import { type Engine, EngineFailure, type EngineRun } from "../../train/engines/engine.ts";
import { openOnnxEngine } from "../../train/engines/onnx/engine.ts";
import { openWebGpuEngine } from "../../train/engines/webgpu/engine.ts";
import { injectFaults, trainOn } from "./engines.ts";
import { SHORTEST_INTERVALS, until } from "./processes.ts";
import {
  assertReleased,
  assertSameRuns,
  checkpointSteps,
  quietAndStudy,
  resultFiles,
  resultsOf,
  tempFolder,
} from "./studies.ts";

const adapter = await openWebGpuEngine();
await adapter?.close();
if (!adapter) console.log("No device is lost: this machine has no WebGPU adapter");

Deno.test(
  "train opens a lost device again, twice, and its runs go on from their checkpoints",
  { ignore: !adapter },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { quiet, study } = await quietAndStudy(dir, { runs: 3, steps: 400 }, { engine: "webgpu" });
    const paths = (await study.runs("01")).map(({ key }) => study.checkpointPath("01", key));
    const opened: number[][] = [];
    let lost = 0, savedAt = 0;
    // Closing an engine destroys its device, which is what a driver does that gives up. However fast the steps are, the losses of the
    // third chunk wait until every run has been saved: the first chunk's states are written meanwhile.
    const beforeLosses = async (engine: Engine, chunk: number) => {
      if (lost === 2 || chunk !== 2) return;
      const saved = () => paths.map((path) => existsSync(path) ? Deno.statSync(path).mtime!.getTime() : 0);
      await until("every run is saved", () => Math.min(...saved()) > savedAt);
      savedAt = Math.max(...saved());
      lost++;
      void engine.close();
    };
    const open = async () => {
      const onOpen = (runs: readonly EngineRun[]) => void opened.push(runs.map(({ stepsDone }) => stepsDone));
      return injectFaults((await openWebGpuEngine())!, { beforeLosses, onOpen });
    };
    const { session, errors } = await trainOn(study, await open(), {
      timing: { ...SHORTEST_INTERVALS, save: 0 },
      reopen: open,
    });
    assert.equal(lost, 2);
    assert.deepEqual([session.finished, session.problems], [3, 0], errors.join("\n"));
    // All together from the start, all together from their checkpoints, and each alone.
    assert.deepEqual(opened.map((group) => group.length), [3, 3, 1, 1, 1]);
    assert.deepEqual(opened[0], [0, 0, 0]);
    assert.ok(opened.slice(1).flat().every((steps) => steps > 0), JSON.stringify(opened));
    assertReleased(study, [], "device lost");
    await assertSameRuns(study, quiet, "device lost");
  },
);

Deno.test("train halves a group that the memory does not hold until it does", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 5, steps: 400 });
  const opened: number[] = [];
  const engine = injectFaults(await openOnnxEngine(), {
    runsPerGroup: 5,
    onOpen({ length }) {
      opened.push(length);
      if (length > 2) throw new EngineFailure("memory", `Cannot open a group of ${length} runs: it needs too much`);
    },
  });
  const { session, errors } = await trainOn(study, engine, { timing: SHORTEST_INTERVALS });
  assert.deepEqual(opened, [5, 3, 2, 1, 2]);
  assert.deepEqual([session.finished, session.problems], [5, 0], errors.join("\n"));
  await assertSameRuns(study, quiet, "memory");
});

/** The one run of another size is the one that something happens to. */
const SIZES = [8, 12];
const isVictim = (run: EngineRun) => run.step.sizes.state_size === SIZES[1];

Deno.test("train leaves a run that fails three times, and finishes the others", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 3, steps: 400, stateSizes: SIZES });
  const victim = (await study.runs("01")).find(({ entry }) => entry.config.state_size === SIZES[1])!.key;
  let attempts = 0;
  const engine = injectFaults(await openOnnxEngine(), {
    onOpen(runs) {
      if (!runs.some(isVictim)) return;
      attempts++;
      throw new Error("the driver is in a bad mood");
    },
  });
  const { session, errors } = await trainOn(study, engine, { parallel: 1, timing: SHORTEST_INTERVALS });
  assert.equal(attempts, 3);
  assert.deepEqual([session.finished, session.failed, session.problems], [2, 0, 1]);
  assert.deepEqual(errors, [`train: run ${shortKey(victim)} was not trained: the driver is in a bad mood`]);
  const result = (await resultsOf(study)).get(victim)!;
  assert.deepEqual([result.loss, result.failed], [undefined, undefined]);
  assertReleased(study, [], "failed thrice");
  // Nothing is held against the run: the next call trains it.
  assert.equal((await trainStudy({ dir: study.dir, experiment: "01", engine: "onnx" })).finished, 1);
  await assertSameRuns(study, quiet, "failed thrice");
});

Deno.test("train ends a run whose loss becomes NaN as failed, and trains it anew only if it is told to", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { quiet, study } = await quietAndStudy(dir, { runs: 3, steps: 1200, stateSizes: SIZES, logEvery: 10 });
  const victim = (await study.runs("01")).find(({ entry }) => entry.config.state_size === SIZES[1])!.key;
  const breaksAt = 777;
  const engine = injectFaults(await openOnnxEngine(), {
    losses: (run, values, first) => isVictim(run) ? values.map((x, i) => first + i < breaksAt ? x : NaN) : values,
  });
  const timing = { ...SHORTEST_INTERVALS, save: 0 };
  const { session } = await trainOn(study, engine, { parallel: 1, timing });
  assert.deepEqual([session.finished, session.failed, session.problems], [2, 1, 0]);
  const failed = (await resultsOf(study)).get(victim)!;
  assert.equal(failed.failed, `the loss became NaN at step ${breaksAt}`);
  assert.equal(failed.failed_at_step, breaksAt);
  assert.deepEqual([failed.loss, failed["min loss"], failed.test_loss, failed.owner], Array(4).fill(undefined));
  const curve = (await resultsOf(quiet)).get(victim)!.loss!;
  assert.deepEqual(failed.loss_before_failure, curve.slice(0, Math.floor((breaksAt - 1) / 10)));

  const before = await resultFiles(study);
  const again = await trainStudy({ dir: study.dir, experiment: "01", engine: "onnx" });
  assert.deepEqual([again.finished, again.failed, again.problems], [0, 0, 0]);
  assert.deepEqual(await resultFiles(study), before);

  // There is a checkpoint from before the failure: what failed once begins from its beginning anyway.
  assert.ok((await checkpointSteps(study)).get(victim)! > 0);
  const starts: number[] = [];
  const recording = injectFaults(await openOnnxEngine(), { onOpen: (runs) => void starts.push(runs[0].stepsDone) });
  const retried = await trainOn(study, recording, { parallel: 1, timing, retryFailed: true });
  assert.deepEqual([starts, retried.session.finished, retried.session.failed], [[0], 1, 0]);
  assertReleased(study, [], "NaN");
  await assertSameRuns(study, quiet, "NaN");
});
