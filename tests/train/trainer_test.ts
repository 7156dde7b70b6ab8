import assert from "node:assert/strict";
import { gatedCell } from "../../cells/gated_cell.ts";
import { SMALL_CONFIG } from "../../train/bench/measure.ts";
import { loadCorpus } from "../../train/corpus/corpus.ts";
import { passOffsets } from "../../train/corpus/random.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { openOnnxEngine } from "../../train/engines/onnx/engine.ts";
import { openWebGpuEngine } from "../../train/engines/webgpu/engine.ts";
import { totalSteps } from "../../train/settings.ts";
import { cellJob, stepOf, trainGroup } from "../../train/trainer.ts";

const job = { cell: gatedCell(SMALL_CONFIG), n_layers: 1, state_size: 4, seed: 5 };
const settings = { steps: 25, batch: 3, history: 11, log_every: 4 };

/** An engine that trains nothing: its losses are `lossAt(step)`, and it keeps what it was asked. */
function fakeEngine(lossAt: (step: number) => number) {
  const asked: { offsets: Uint32Array[]; counts: number[] } = { offsets: [], counts: [] };
  let step = 0;
  const engine: Engine = {
    name: "reference",
    adapter: "fake",
    lanes: () => ({ groups: 1, runs: 1 }),
    memory: Infinity,
    footprint: () => 0,
    close: () => Promise.resolve(),
    open: () =>
      Promise.resolve({
        beginPass: (offsets) => void asked.offsets.push(offsets[0]),
        advance: (count) => {
          asked.counts.push(count);
          return Promise.resolve([new Float64Array(count).map(() => lossAt(++step))]);
        },
        read: () =>
          Promise.resolve(new Map(stepOf(job, settings).parameters.map(({ name }) => [name, new Float32Array(1)]))),
        close: () => Promise.resolve(),
      }),
  };
  return { engine, asked };
}

Deno.test("totalSteps() rounds up to whole passes", () => {
  assert.equal(totalSteps({ steps: 10_000, history: 1000, batch: 1, log_every: 1 }), 10_989);
  assert.equal(totalSteps({ steps: 999, history: 1000, batch: 1, log_every: 1 }), 999);
  assert.equal(totalSteps(settings), 30);
});

Deno.test("trainGroup() smooths the loss from 3.0 and logs every few steps", async () => {
  const { engine } = fakeEngine((step) => 1 / step);
  const [run] = (await trainGroup(engine, [job], settings, new Uint8Array(100)))!;
  let ma = 3;
  const expected: number[] = [];
  for (let step = 1; step <= 30; step++) {
    ma = 0.95 * ma + 0.05 / step;
    if (step % 4 === 0) expected.push(ma);
  }
  assert.deepEqual(run.curve.map((x) => x.toFixed(12)), expected.map((x) => x.toFixed(12)));
  assert.equal(run.steps_done, 30);
});

Deno.test("trainGroup() starts each pass at its own offsets, and never runs past a pass", async () => {
  const { engine, asked } = fakeEngine(() => 1);
  await trainGroup(engine, [job], settings, new Uint8Array(100));
  assert.deepEqual(asked.offsets, [0, 1, 2].map((pass) => passOffsets(5, pass, 3, 11, 100)));
  assert.equal(asked.counts.reduce((a, b) => a + b, 0), 30);
  let position = 0;
  for (const count of asked.counts) {
    position += count;
    assert.ok(position <= 10, `a call went to position ${position} of a pass of 10 steps`);
    if (position === 10) position = 0;
  }
});

Deno.test("trainGroup() ends a run as failed where its loss is no finite number, and keeps the curve before", async () => {
  const { engine } = fakeEngine((step) => step < 10 ? 2 : NaN);
  const [run] = (await trainGroup(engine, [job], settings, new Uint8Array(100)))!;
  assert.equal(run.failed, "the loss became NaN at step 10");
  assert.equal(run.curve.length, 2);
});

Deno.test("trainGroup() ends early when every run of the group has failed", async () => {
  const { engine, asked } = fakeEngine(() => NaN);
  await trainGroup(engine, [job], { ...settings, steps: 10_000 }, new Uint8Array(100));
  assert.ok(asked.counts.length < 5, `${asked.counts.length} calls`);
});

Deno.test("trainGroup() marks a run as failed whose weights are broken though its losses are not", async () => {
  const { engine } = fakeEngine(() => 1);
  const open: Engine["open"] = async (...args) => {
    const group = await engine.open(...args);
    return {
      ...group,
      read: async (run) => new Map([...await group.read(run), ["output_embedding.bias", Float32Array.of(NaN)]]),
    };
  };
  const [run] = (await trainGroup({ ...engine, open }, [job], settings, new Uint8Array(100)))!;
  assert.equal(run.failed, "weight 'output_embedding.bias' is no finite number after the last step");
});

Deno.test("trainGroup() stops at a signal and returns no run", async () => {
  const controller = new AbortController();
  const { engine } = fakeEngine((step) => {
    if (step === 5) controller.abort();
    return 1;
  });
  assert.equal(
    await trainGroup(engine, [job], settings, new Uint8Array(100), { signal: controller.signal }),
    undefined,
  );
});

const webgpu = await openWebGpuEngine();
if (!webgpu) console.log("skipped: onnx and webgpu are not compared, for this machine has no WebGPU adapter");

Deno.test({
  name: "trainGroup() gives curves on onnx and webgpu that agree within 1e-3 over 100 steps",
  ignore: !webgpu,
  async fn() {
    const { train } = await loadCorpus("embedded", 101);
    const jobs = [cellJob({ config: SMALL_CONFIG, seed: 0 })];
    const hundred = { steps: 100, batch: 32, history: 101, log_every: 1 };
    const [onnx] = (await trainGroup(openOnnxEngine(), jobs, hundred, train))!;
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
