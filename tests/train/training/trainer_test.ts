import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { CellConfig } from "../../../cells/config.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../../train/training/checkpoint.ts";
import { loadCorpus } from "../../../train/corpus/corpus.ts";
import { passOffsets } from "../../../train/corpus/random.ts";
import type { Engine, TensorMap } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { openWebGpuEngine } from "../../../train/engines/webgpu/engine.ts";
import type { TrainingState } from "../../../train/training/loss_log.ts";
import { trainCell, trainGroup, type TrainOptions } from "../../../train/training/trainer.ts";
import { cellJob, stepOf, type TrainedRun } from "../../../train/training/training_run.ts";
import { fakeEngine, job, settings, TEXT } from "./fake_engine.ts";

Deno.test("trainGroup() smooths the loss from 3.0 and logs every few steps", async () => {
  const { engine } = fakeEngine({ lossAt: (step) => 1 / step });
  const [run] = (await trainGroup(engine, [job], settings, TEXT))!;
  let ma = 3;
  const expected: number[] = [];
  for (let step = 1; step <= 30; step++) {
    ma = 0.95 * ma + 0.05 / step;
    if (step % 4 === 0) expected.push(ma);
  }
  assert.deepEqual(run.curve.map((x) => x.toFixed(12)), expected.map((x) => x.toFixed(12)));
  assert.equal(run.steps_done, 30);
});

Deno.test("trainGroup() gives the mean loss of each interval beside the smoothed curve, as it was from the first step on", async () => {
  const { engine } = fakeEngine({ lossAt: (step) => step });
  const [run] = (await trainGroup(engine, [job], settings, TEXT))!;
  assert.deepEqual(run.losses, [2.5, 6.5, 10.5, 14.5, 18.5, 22.5, 26.5]);
  const [each] = (await trainGroup(engine, [job], { ...settings, log_every: 1 }, TEXT))!;
  assert.deepEqual(each.losses, Array.from({ length: 30 }, (_, i) => i + 1));
  assert.equal(each.curve.length, 30);
  // What went before is not there to be averaged.
  const from = [{ ...each, steps_done: 10 }];
  const [longer] = (await trainGroup(engine, [job], settings, TEXT, { from }))!;
  assert.deepEqual(longer.losses, [11.5, 14.5, 18.5, 22.5, 26.5]);
});

Deno.test("trainCell() gives losses that begin at a fresh model's, ln 256, where its smoothed curve begins near 3", async () => {
  const cell = { n_layers: 1, state_size: 8, seed: 0 }, { train } = await loadCorpus("embedded", 11);
  const { curve, losses } = await trainCell(
    await openOnnxEngine(1),
    job.cell,
    cell,
    { ...settings, log_every: 1 },
    train,
  );
  assert.ok(Math.abs(losses[0] - Math.log(256)) < 0.3, `the first loss is ${losses[0]}`);
  assert.ok(losses.at(-1)! < losses[0], `${losses}`);
  assert.ok(curve[0] < 3.2 && curve.at(-1)! > curve[0], `${curve}`);
});

Deno.test("trainGroup() starts each pass at its own offsets, and never runs past a pass", async () => {
  const { engine, asked } = fakeEngine();
  await trainGroup(engine, [job], settings, TEXT);
  assert.deepEqual(asked.offsets, [0, 1, 2].map((pass) => passOffsets(5, pass, 3, 11, TEXT.length)));
  assert.equal(asked.counts.reduce((a, b) => a + b, 0), 30);
  let position = 0;
  for (const count of asked.counts) {
    position += count;
    assert.ok(position <= 10, `a call went to position ${position} of a pass of 10 steps`);
    if (position === 10) position = 0;
  }
});

Deno.test("trainGroup() ends a run as failed where its loss diverges, and keeps the curve before", async () => {
  const { engine } = fakeEngine({ lossAt: (step) => step < 10 ? 2 : NaN });
  const [run] = (await trainGroup(engine, [job], settings, TEXT))!;
  assert.deepEqual(run.failed, { step: 10, why: "the loss became NaN at step 10" });
  assert.equal(run.curve.length, 2);
});

Deno.test("trainGroup() ends early when every run of the group has failed", async () => {
  const { engine, asked } = fakeEngine({ lossAt: () => NaN });
  await trainGroup(engine, [job], { ...settings, steps: 10_000 }, TEXT);
  assert.ok(asked.counts.length < 5, `${asked.counts.length} calls`);
});

const BROKEN: TensorMap = new Map([["output_embedding.bias", Float32Array.of(NaN)]]);

Deno.test("trainGroup() marks a run as failed whose weights are broken though its losses are not", async () => {
  const { engine } = fakeEngine({ read: () => BROKEN });
  const [run] = (await trainGroup(engine, [job], settings, TEXT))!;
  assert.deepEqual(run.failed, { step: 30, why: "'output_embedding.bias' is not finite after step 30" });
});

Deno.test("trainGroup() stops at a signal, returns no run, and has saved what it did", async () => {
  const controller = new AbortController(), saved: TrainingState[] = [];
  const { engine, asked } = fakeEngine();
  const trained = await trainGroup(engine, [job], settings, TEXT, {
    signal: controller.signal,
    onProgress: ([{ step }]) => step >= 5 && controller.abort(),
    save: (_, state) => Promise.resolve(void saved.push(state)),
  });
  assert.equal(trained, undefined);
  const steps = asked.counts.reduce((a, b) => a + b, 0);
  assert.ok(steps >= 5 && steps < 30, `${steps} steps`);
  assert.deepEqual(saved.map(({ steps_done }) => steps_done), [steps]);
  assert.equal(saved[0].curve.length, Math.floor(steps / 4));
});

Deno.test("trainGroup() saves nothing when it is stopped before its first step", async () => {
  const { engine, asked } = fakeEngine();
  const save = () => Promise.reject(new Error("nothing to save"));
  const stopped = await trainGroup(engine, [job], settings, TEXT, { signal: AbortSignal.abort(), save });
  assert.deepEqual([stopped, asked.counts], [undefined, []]);
});

Deno.test("trainGroup() goes on at the place in a pass where a state was saved", async () => {
  const whole = fakeEngine({ lossAt: (step) => 1 / step }), rest = fakeEngine({ lossAt: (step) => 1 / step });
  const saved: TrainingState[] = [];
  const options = { saveEvery: 0, save: (_: number, state: TrainingState) => Promise.resolve(void saved.push(state)) };
  const [expected] = (await trainGroup(whole.engine, [job], settings, TEXT, options))!;
  const from = saved.find(({ steps_done }) => steps_done > 10 && steps_done % 10 > 0) ?? saved[0];
  const [run] = (await trainGroup(rest.engine, [job], settings, TEXT, { from: [from] }))!;
  const pass = Math.floor(from.steps_done / 10);
  assert.deepEqual(rest.asked.offsets, [0, 1, 2].slice(pass).map((pass) => passOffsets(5, pass, 3, 11, TEXT.length)));
  assert.deepEqual(rest.asked.positions, [from.steps_done % 10, 0, 0].slice(0, 3 - pass));
  assert.deepEqual([run.curve, run.smoothed_loss], [expected.curve, expected.smoothed_loss]);
  assert.ok(run.seconds > from.seconds);
});

for (const what of ["loss", "tensors"] as const) {
  Deno.test(`trainGroup() saves no state of a run whose ${what} broke down, and all of the others`, async () => {
    const { engine } = fakeEngine({
      lossAt: (step, run) => what === "loss" && run === 1 && step >= 8 ? Infinity : 1,
      read: (step, run) => what === "tensors" && run === 1 && step >= 8 ? BROKEN : new Map(),
    });
    const controller = new AbortController(), saved: number[][] = [[], []];
    const trained = await trainGroup(engine, [job, { ...job, seed: 6 }], { ...settings, steps: 10_000 }, TEXT, {
      saveEvery: 0,
      save: (run, { steps_done }) => Promise.resolve(void saved[run].push(steps_done)),
      signal: controller.signal,
      onProgress: ([{ step }]) => step > 1000 && controller.abort(),
    });
    assert.equal(trained, undefined);
    assert.ok(saved[0].length > 3 && saved[0].at(-1)! > 1000, saved.join(" / "));
    assert.ok(saved[1].length > 0 && saved[1].every((step) => step < 8), saved.join(" / "));
  });
}

Deno.test("trainGroup() throws what saving throws: on the way, after the last step, and at a signal", async () => {
  const { engine } = fakeEngine();
  const full = new Error("no space left");
  const fail = (milliseconds: number, options: TrainOptions = {}) => {
    const save = () => new Promise<void>((_, reject) => setTimeout(() => reject(full), milliseconds));
    return assert.rejects(trainGroup(engine, [job], settings, TEXT, { save, ...options }), (error) => error === full);
  };
  await fail(0, { saveEvery: 0 });
  await fail(50, { saveEvery: 0 });
  const controller = new AbortController();
  await fail(0, { signal: controller.signal, onProgress: () => controller.abort() });
});

Deno.test("trainGroup() opens no engine for runs that are at their last step", async () => {
  const { engine } = fakeEngine();
  const [done] = (await trainGroup(engine, [job], settings, TEXT))!;
  const closed: Engine = { ...engine, open: () => Promise.reject(new Error("opened")) };
  for (const steps of [settings.steps, 5]) {
    const [run] = (await trainGroup(closed, [job], { ...settings, steps }, TEXT, { from: [done] }))!;
    // Nothing was trained here.
    assert.deepEqual({ ...run, step: undefined }, { ...done, losses: [], step: undefined });
  }
  const given: number[] = [];
  const onTrained = (i: number) => Promise.resolve(void given.push(i));
  assert.deepEqual(await trainGroup(closed, [job], settings, TEXT, { from: [done], onTrained }), []);
  assert.deepEqual(given, [0]);
  await assert.rejects(trainGroup(closed, [job], { ...settings, steps: 31 }, TEXT, { from: [done] }), /opened/);
});

Deno.test("trainGroup() refuses states that are not one of each job", async () => {
  const { engine } = fakeEngine();
  const [done] = (await trainGroup(engine, [job], settings, TEXT))!;
  const refused = (from: TrainingState[], why: RegExp) =>
    assert.rejects(trainGroup(engine, [job, job], settings, TEXT, { from }), { name: "RangeError", message: why });
  await refused([done], /Cannot train a group of 2 runs: got 1 states to resume from, must be one per run/);
  await refused([], /got 0 states to resume from/);
});

const webgpu = await openWebGpuEngine();
if (!webgpu) {
  console.log("skipped: onnx and webgpu are not compared, nor webgpu stopped, for this machine has no WebGPU adapter");
}

interface ConfigAndSeed {
  readonly config: CellConfig;
  readonly seed: number;
}

/** Two configurations that share nothing but the text. */
const JOBS: readonly ConfigAndSeed[] = [
  { config: { ...SMALL_CONFIG, state_size: 4 }, seed: 5 },
  { config: { ...SMALL_CONFIG, n_layers: 2, state_size: 3, use_old_state: true, use_new_state: false }, seed: 1 },
];
const exact = { steps: 20, batch: 3, history: 12, log_every: 1 };

/** A state as it comes back from a checkpoint. */
async function throughFile({ config, seed }: ConfigAndSeed, state: TrainingState): Promise<TrainingState> {
  const { batch, history, log_every } = exact;
  const about = { config, seed, corpus: "text", corpus_sha1: "0".repeat(40), batch, history, log_every };
  const step = stepOf(cellJob({ config, seed }), exact);
  const bytes = await encodeCheckpoint(about, step, state, []);
  return (await decodeCheckpoint(bytes, "f", step, about)).state;
}

/** Trains with an interruption after every few steps, mostly in the middle of a pass. Gives the steps at which it went on. */
async function trainInLegs(
  engine: Engine,
  jobs: readonly ConfigAndSeed[],
): Promise<{ runs: TrainedRun[]; stops: number[] }> {
  const stops: number[] = [];
  let from: TrainingState[] | undefined;
  for (;;) {
    const controller = new AbortController(), saved: TrainingState[] = [];
    const runs = await trainGroup(engine, jobs.map(cellJob), exact, TEXT, {
      from,
      signal: controller.signal,
      onProgress: () => controller.abort(),
      save: async (i, state) => void (saved[i] = await throughFile(jobs[i], state)),
    });
    if (runs) return { runs, stops };
    from = saved;
    stops.push(saved[0].steps_done);
  }
}

/** What must be the same, bit for bit; digests of tensors, for a failed comparison would print all their numbers. */
function numbersOf({ curve, smoothed_loss, steps_done, failed, tensors, weights }: TrainedRun) {
  const digest = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array) =>
    createHash("sha256").update(new Uint8Array(buffer, byteOffset, byteLength)).digest("hex");
  const digests = (values: TensorMap) => [...values].map(([name, numbers]) => `${name}: ${digest(numbers)}`).sort();
  return { curve, smoothed_loss, steps_done, failed, tensors: digests(tensors), weights: digests(weights) };
}

const ENGINES: readonly { name: string; engine: Engine | undefined }[] = [
  { name: "onnx", engine: await openOnnxEngine(2) },
  { name: "webgpu", engine: webgpu },
];

function exactTest(name: string, engine: Engine | undefined, run: (engine: Engine) => Promise<void>): void {
  // The device lives as long as the process.
  Deno.test({ name, ignore: !engine, fn: () => run(engine!), sanitizeResources: false });
}

for (const { name, engine } of ENGINES) {
  for (const [what, jobs] of [["one run", JOBS.slice(0, 1)], ["a group of unlike runs", JOBS]] as const) {
    exactTest(
      `trainGroup() ends ${what} on ${name} with the same bits when it is stopped often`,
      engine,
      async (engine) => {
        const whole = (await trainGroup(engine, jobs.map(cellJob), exact, TEXT))!;
        const { runs, stops } = await trainInLegs(engine, jobs);
        assert.deepEqual(runs.map(numbersOf), whole.map(numbersOf));
        assert.equal(whole[0].curve.length, 22);
        for (const pass of [0, 1]) {
          assert.ok(stops.some((step) => Math.floor(step / 11) === pass && step % 11 > 0), `stopped at ${stops}`);
        }
      },
    );
  }

  exactTest(`trainGroup() on ${name} gives the same bits from every state that it saved`, engine, async (engine) => {
    const saved: { i: number; state: TrainingState }[] = [];
    const whole = (await trainGroup(engine, JOBS.map(cellJob), exact, TEXT, {
      saveEvery: 0,
      save: async (i, state) => void saved.push({ i, state: await throughFile(JOBS[i], state) }),
    }))!;
    for (const run of [0, 1]) assert.ok(saved.some(({ i, state }) => i === run && state.steps_done % 11 > 0));
    for (const { i, state } of saved) {
      const [run] = (await trainGroup(engine, [cellJob(JOBS[i])], exact, TEXT, { from: [state] }))!;
      assert.deepEqual(numbersOf(run), numbersOf(whole[i]), `run ${i} from step ${state.steps_done}`);
    }
  });

  exactTest(`trainGroup() on ${name} trains longer later with the same bits as at once`, engine, async (engine) => {
    const jobs = JOBS.map(cellJob), longer = { ...exact, steps: 2 * exact.steps };
    const whole = (await trainGroup(engine, jobs, longer, TEXT))!;
    const half = (await trainGroup(engine, jobs, exact, TEXT))!;
    const from = await Promise.all(half.map((state, i) => throughFile(JOBS[i], state)));
    const runs = (await trainGroup(engine, jobs, longer, TEXT, { from }))!;
    assert.deepEqual(runs.map(numbersOf), whole.map(numbersOf));
    assert.deepEqual(runs.map(({ steps_done }) => steps_done), [44, 44]);
    for (const [i, { curve }] of half.entries()) assert.deepEqual(runs[i].curve.slice(0, 22), curve);
  });
}

Deno.test({
  name: "trainGroup() gives curves on onnx and webgpu that agree within 1e-3 over 100 steps",
  ignore: !webgpu,
  async fn() {
    const { train } = await loadCorpus("embedded", 101);
    const jobs = [cellJob({ config: SMALL_CONFIG, seed: 0 })];
    const hundred = { steps: 100, batch: 32, history: 101, log_every: 1 };
    const [onnx] = (await trainGroup(await openOnnxEngine(), jobs, hundred, train))!;
    const [gpu] = (await trainGroup(webgpu!, jobs, hundred, train))!;
    // The smoothing would hide a difference of single steps: undo it.
    const raw = (curve: readonly number[]) => curve.map((ma, i) => (ma - 0.95 * (i ? curve[i - 1] : 3)) / 0.05);
    const [a, b] = [raw(onnx.curve), raw(gpu.curve)];
    assert.equal(a.length, 100);
    const furthest = a.reduce((most, loss, i) => Math.max(most, Math.abs(loss - b[i])), 0);
    assert.ok(furthest < 1e-3, `they differ by ${furthest}`);
    assert.ok(a[99] < a[0] - 1, `the loss goes from ${a[0]} to ${a[99]}`);
  },
  // The device lives as long as the process.
  sanitizeResources: false,
});
