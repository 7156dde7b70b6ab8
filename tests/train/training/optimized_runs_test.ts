/** Runs with rates and optimizers of their own: what they share, how they train side by side, and whose state they resume from. */
import assert from "node:assert/strict";
import { vanillaCell } from "../../../cells/catalog/catalog.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { mul, sub } from "../../../cells/graph/builder.ts";
import type { Optimizer } from "../../../cells/optimizer.ts";
import { OPTIMIZER_NAMES, type OptimizerName, OPTIMIZERS } from "../../../cells/optimizers.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { engineOfFile } from "../engines/onnx/onnx_tests.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";
import { openTunedWebGpuEngine } from "../../../train/engines/webgpu/engine.ts";
import type { TrainingState } from "../../../train/training/loss_log.ts";
import { trainCell, trainGroup, trainRuns } from "../../../train/training/trainer.ts";
import {
  type CellJob,
  cellJob,
  checkRun,
  prepare,
  type RunSource,
  stepOf,
  type TrainedRun,
  type TrainingRun,
  trainingRun,
} from "../../../train/training/training_run.ts";
import { textOf } from "../engines/runs.ts";

const TEXT = textOf(100, 256);
const settings = { steps: 20, batch: 3, history: 12, log_every: 1 };
const config = { ...SMALL_CONFIG, state_size: 4 };
const model = { n_layers: 1, state_size: 4, seed: 5 };

/** One cell and one seed: nothing but rate and optimizer tells these runs apart. */
const JOBS: readonly CellJob[] = [
  { ...config, optimizer: "sgd", learning_rate: 0.1 } as const,
  { ...config, learning_rate: 3e-4 },
  { ...config, optimizer: "adam_no_second_moment", learning_rate: 0.5 } as const,
  config,
  { ...config, optimizer: "sgd" } as const,
].map((config) => cellJob({ config, seed: 5 }));

const reference = await openReferenceEngine();
const webgpu = await openTunedWebGpuEngine(), merging = await openTunedWebGpuEngine({ merging: "template" });
if (!webgpu) console.log("skipped: no group on webgpu mixes optimizers, for this machine has no WebGPU adapter");

/** In one group; two by two; and in one slot, which begins with the optimizer that has the fewest scalars. */
const ALL_SLOTS = [JOBS.length, 2, 1];

const ENGINES: readonly (readonly [name: string, engine: Engine | undefined, slots: readonly number[]])[] = [
  ["reference", reference, ALL_SLOTS],
  ["onnx", await engineOfFile(), ALL_SLOTS],
  ["webgpu", webgpu, ALL_SLOTS],
  // A software adapter is slow at shaders that hold every branch.
  ["webgpu, merged as on a GPU", merging, [2]],
];

/** What must be the same, bit for bit. */
function numbersOf({ curve, steps_done, tensors }: TrainingState) {
  return { curve, steps_done, tensors: [...tensors].map(([name, values]) => [name, [...values]]) };
}

/** Trains jobs through so many slots: those that find none wait for one. */
async function trainThrough(engine: Engine, slots: number, jobs: readonly CellJob[]): Promise<TrainedRun[]> {
  const runs = jobs.map((job, number) => ({ ...trainingRun(job, settings), number }));
  const waiting = runs.slice(slots), trained: TrainedRun[] = [];
  const source: RunSource<typeof runs[number]> = {
    next: () => Promise.resolve(waiting.shift()),
    finished: ({ number }, run) => Promise.resolve(void (trained[number] = run)),
  };
  assert.equal(await trainRuns(engine, runs.slice(0, slots), source, settings, TEXT), true);
  return trained;
}

for (const [name, engine, allSlots] of ENGINES) {
  Deno.test({
    name: `runs of several rates and optimizers train side by side, and in each other's slots, as alone (${name})`,
    ignore: !engine,
    // The device lives as long as the process.
    sanitizeResources: false,
    async fn() {
      const alone: TrainedRun[] = [];
      for (const job of JOBS) alone.push((await trainGroup(engine!, [job], settings, TEXT))![0]);
      // What is compared is no one thing five times.
      assert.equal(new Set(alone.map(({ smoothed_loss }) => smoothed_loss)).size, JOBS.length);
      for (const slots of allSlots) {
        const trained = await trainThrough(engine!, slots, JOBS);
        assert.deepEqual(trained.map(numbersOf), alone.map(numbersOf), `${slots} slots`);
      }
    },
  });
}

/** More scalars than the record of a group of the usual optimizers has words for. */
const wide: Optimizer = {
  name: "wide",
  learningRate: 0.1,
  moments: [],
  scalarNames: ["s.0", "s.1", "s.2", "s.3"],
  scalars: (_, learningRate) => [learningRate, 1, 1, 1],
  update: (weight, gradient, _, scalars) => ({
    weight: sub(weight, mul(scalars.reduce((a, b) => mul(a, b)), gradient)),
    moments: [],
  }),
};

Deno.test({
  name:
    "a run whose optimizer has more scalars than a group on webgpu has room for is handed back, and trains in the next",
  ignore: !webgpu,
  sanitizeResources: false,
  async fn() {
    const [first, second] = [JOBS[0], { cell: vanillaCell, ...model, optimizer: wide }].map((job) =>
      trainingRun(job, settings)
    );
    const refused: TrainingRun[] = [], finished: TrainingRun[] = [], waiting = [second];
    const source: RunSource<TrainingRun> = {
      next: () => Promise.resolve(waiting.shift()),
      finished: (run) => Promise.resolve(void finished.push(run)),
      refused: (run) => Promise.resolve(void refused.push(run)),
    };
    assert.equal(await trainRuns(webgpu!, [first], source, settings, TEXT), true);
    assert.deepEqual([finished, refused], [[first], [second]]);
    assert.equal(await trainRuns(webgpu!, refused, source, settings, TEXT), true);
    assert.deepEqual(finished, [first, second]);
  },
});

Deno.test("stepOf() gives rates and seeds one step, and each optimizer its own", () => {
  const [sgd, adam, , usual, sgdToo] = JOBS.map((job) => stepOf(job, settings));
  assert.equal(adam, usual);
  assert.equal(sgd, sgdToo);
  assert.equal(stepOf({ ...JOBS[0], seed: 9 }, settings), sgd);
  assert.deepEqual(JOBS.map((job) => stepOf(job, settings).optimizer.name), [
    "sgd",
    "adam",
    "adam_no_second_moment",
    "adam",
    "sgd",
  ]);
  // By what it is, not by what it is called.
  assert.notEqual(stepOf({ ...JOBS[1], optimizer: { ...OPTIMIZERS.adam } }, settings), adam);
});

Deno.test("prepare() takes the rate of the configuration, and 0.001 where it names none", () => {
  const rates = JOBS.map((job) => prepare(trainingRun(job, settings)).learningRate);
  assert.deepEqual(rates, [0.1, 3e-4, 0.5, 1e-3, 1e-3]);
});

Deno.test("checkRun() refuses a rate that no configuration may have", () => {
  for (const learningRate of [0, -1, NaN, Infinity, 11]) {
    assert.throws(() => checkRun(trainingRun({ ...JOBS[0], learningRate }, settings), settings, TEXT.length), {
      name: "RangeError",
      message: `Cannot train: the learning rate is ${learningRate}, must be a number above 0 and at most 10`,
    });
  }
});

Deno.test("trainGroup() goes on from no state of another optimizer, be its moments more or fewer", async () => {
  const jobs = OPTIMIZER_NAMES.map((optimizer): CellJob => ({ cell: vanillaCell, ...model, optimizer }));
  const states = (await trainGroup(reference, jobs, settings, TEXT))!;
  for (const [i, from] of states.entries()) {
    for (const [k, job] of jobs.entries()) {
      const goOn = trainGroup(reference, [job], settings, TEXT, { from: [from] });
      if (i === k) assert.equal((await goOn)!.length, 1);
      else await assert.rejects(goOn, { name: "RangeError", message: /^Cannot resume from a state: it(s| has) '/ });
    }
  }
  await assert.rejects(trainGroup(reference, [jobs[2]], settings, TEXT, { from: [states[0]] }), {
    message:
      "Cannot resume from a state: it has 'exp_avg_sq.input_embedding.bias', which a run of this cell does not have with " +
      "optimizer adam_no_second_moment",
  });
});

Deno.test("trainCell() trains with the rate and the optimizer that it is given, and tells where it is", async () => {
  const seen: number[] = [];
  const run = await trainCell(reference, vanillaCell, model, settings, TEXT, {
    learningRate: 0.1,
    optimizer: "sgd",
    onProgress: ({ step }) => seen.push(step),
  });
  const [same] = (await trainGroup(
    reference,
    [{ cell: vanillaCell, ...model, learningRate: 0.1, optimizer: OPTIMIZERS.sgd }],
    settings,
    TEXT,
  ))!;
  assert.deepEqual(numbersOf(run), numbersOf(same));
  assert.ok(run.tensors.has("momentum_buffer.layers.0.state_nn.bias"));
  assert.deepEqual([seen.at(-1), seen.toSorted((a, b) => a - b)], [run.steps_done, seen]);
  assert.notDeepEqual(run.curve, (await trainCell(reference, vanillaCell, model, settings, TEXT)).curve);
});

Deno.test("trainCell() returns undefined when it is stopped, and goes on from what it saved with the same bits", async () => {
  const whole = await trainCell(reference, vanillaCell, model, settings, TEXT);
  const controller = new AbortController(), saved: TrainingState[] = [];
  const stopped = await trainCell(reference, vanillaCell, model, settings, TEXT, {
    signal: controller.signal,
    onProgress: () => controller.abort(),
    save: (state) => Promise.resolve(void saved.push(state)),
  });
  assert.equal(stopped, undefined);
  assert.ok(saved.length === 1 && saved[0].steps_done < whole.steps_done);
  const rest = await trainCell(reference, vanillaCell, model, settings, TEXT, { from: saved[0] });
  assert.deepEqual(numbersOf(rest), numbersOf(whole));
});

Deno.test("trainCell() refuses an optimizer that there is not", async () => {
  const optimizer = "lion" as OptimizerName;
  await assert.rejects(trainCell(reference, vanillaCell, model, settings, TEXT, { optimizer }), {
    name: "RangeError",
    message: "Cannot find optimizer 'lion': must be one of adam, sgd, adam_no_second_moment",
  });
});
