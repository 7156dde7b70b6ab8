import assert from "node:assert/strict";
import { join } from "node:path";
import type { Study } from "../../experiments/study/store.ts";
import type { EngineChoice } from "../../train/engines/registry.ts";
import { openWebGpuEngine } from "../../train/engines/webgpu/engine.ts";
import { drawsOf } from "./draws.ts";
import { SHORTEST_INTERVALS, sleep, Training } from "./processes.ts";
import {
  assertReleased,
  assertSameRuns,
  checkpointSteps,
  copyOf,
  finishedRuns,
  holdsRuns,
  planAndQuiet,
  stepsOfRun,
  type StudyOptions,
  tempFolder,
} from "./studies.ts";

interface Kills {
  readonly engine: EngineChoice;
  readonly least: number;
  readonly study: StudyOptions;
  /** Milliseconds, at most, that a process may live on once it may die. */
  readonly life: number;
}

/** From when on a process may die, by turns: at once; when it has claimed a run; when it has saved one. */
const ready: readonly ((study: Study, training: Training) => Promise<void>)[] = [
  () => Promise.resolve(),
  (study, training) => training.until("it has a run", () => training.hasEnded || holdsRuns(study, training)),
  async (study, training) => {
    const before = await sumOfSteps(study);
    await training.until(
      "it has saved a run",
      async () => training.hasEnded || await sumOfSteps(study) > before,
    );
  },
];

async function sumOfSteps(study: Study): Promise<number> {
  return [...(await checkpointSteps(study)).values()].reduce((a, b) => a + b);
}

/** Kills training at random moments, and starts it again, until it has ended; on a fast machine, several studies one after another. */
async function killAtRandom(dir: string, { engine, least, study: options, life }: Kills): Promise<void> {
  const { note, random } = drawsOf(`kills on ${engine}`);
  const { plan, quiet } = await planAndQuiet(dir, options, { engine });
  let kills = 0, wentOn = 0, lives = 0;
  // Where a run is soon through, a process may end, or die before its first checkpoint, many times before one is killed between.
  const isEnough = () => kills >= least && wentOn > 0;
  for (let round = 0; !isEnough(); round++) {
    const sofar = `${kills} of ${least} processes were killed, ${wentOn} runs went on from a checkpoint`;
    assert.ok(round < 30, `${sofar} in ${round} studies, ${note}`);
    const study = await copyOf(plan, join(dir, `killed_${round}`));
    const killed: Training[] = [];
    let before = await checkpointSteps(study);
    for (let ended = false; !ended;) {
      await using training = Training.start(study.dir, { engine, ...SHORTEST_INTERVALS });
      if (!isEnough()) {
        await ready[lives++ % ready.length](study, training);
        await sleep(random() * life);
        ended = !await training.kill();
      } else {
        await training.ended();
        ended = true;
      }
      if (ended) await training.succeed();
      else killed.push(training);
      const now = await checkpointSteps(study);
      for (const [key, steps] of now) {
        assert.ok(steps >= before.get(key)!, `a checkpoint fell from ${before.get(key)} to ${steps} steps, ${note}`);
        if (steps > before.get(key)! && before.get(key)! > 0) wentOn++;
      }
      const finished = await finishedRuns(study);
      if (!ended && finished.length < now.size && holdsRuns(study, training)) kills++;
      before = now;
    }
    assert.deepEqual([...new Set(before.values())], [stepsOfRun(study)], note);
    assertReleased(study, killed, note);
    await assertSameRuns(study, quiet, note);
  }
}

Deno.test(
  "train on onnx, killed at 12 random moments, ends with the numbers of an undisturbed one",
  async () => {
    await using temp = await tempFolder();
    await killAtRandom(temp.path, {
      engine: "onnx",
      least: 12,
      study: { runs: 3, layers: 2, stateSizes: [16], steps: 3000, history: 1501 },
      life: 800,
    });
  },
);

const adapter = await openWebGpuEngine();
await adapter?.close();
if (!adapter) console.log("Not killed on webgpu: this machine has no WebGPU adapter");

Deno.test(
  "train on webgpu, killed at 8 random moments, ends with the numbers of an undisturbed one",
  { ignore: !adapter },
  async () => {
    await using temp = await tempFolder();
    await killAtRandom(temp.path, {
      engine: "webgpu",
      least: 8,
      study: { runs: 3, steps: 600, history: 301 },
      life: 1000,
    });
  },
);
