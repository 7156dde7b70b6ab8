/** How a text reaches the GPU, on whatever adapter is there: whole, in slices, or in windows of what is read next. */
import assert from "node:assert/strict";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import type { EngineRun } from "../../../../train/engines/engine.ts";
import { openDevice } from "../../../../train/engines/webgpu/runtime/device.ts";
import { openTunedWebGpuEngine, type WebGpuEngine } from "../../../../train/engines/webgpu/engine.ts";
import { MAX_TOKENS_PER_SUBMIT } from "../../../../train/engines/webgpu/kernels/schedule.ts";
import { openTextReader } from "../../../../train/engines/webgpu/runtime/text_reader.ts";
import { type TextLimits, Texts } from "../../../../train/engines/webgpu/runtime/texts.ts";
import { runOf, textOf } from "../runs.ts";

const opened = await openDevice();
if (!opened) console.log("Tests of texts on the GPU are ignored: there is no adapter");
Deno.test.afterAll(() => opened?.device.destroy());

const BATCH = 5;
/** Its length is no multiple of a word, neither in bytes nor in tokens of 16 bits. */
const LENGTH = 5003;

/** Rows here and there in the text, and one that ends with it. */
const offsetsOf = (run: number, steps: number) =>
  new Uint32Array(BATCH).map((_, row) => row === 4 ? LENGTH - 1 - steps : 997 * row + 131 * run);

/** Trains two runs over more than a submit, lets a third take a slot within the other's pass, and goes on. */
async function train(engine: WebGpuEngine, vocabulary: number): Promise<{ losses: number[][]; tensors: unknown }> {
  const steps = MAX_TOKENS_PER_SUBMIT + 50, more = 30, losses: number[][] = [[], [], []];
  // One cell's runs, so that few kernels are compiled; each reads and learns otherwise.
  const runs = [0.02, 0.03, 0.01].map((learningRate): EngineRun => ({
    ...runOf(vanillaCell, { n_layers: 1, state_size: 4, vocabulary, batch: BATCH }),
    learningRate,
  }));
  const group = await engine.open(runs.slice(0, 2), textOf(LENGTH, vocabulary));
  try {
    for (const run of [0, 1]) group.beginPass(run, offsetsOf(run, steps + more));
    (await group.advance(steps)).forEach((part, run) => losses[run].push(...part));
    assert.ok(await group.replace(1, runs[2]));
    // As a run that was saved within its pass.
    group.beginPass(1, offsetsOf(2, steps), 7);
    const [first, second] = await group.advance(more);
    losses[0].push(...first);
    losses[2].push(...second);
    return { losses, tensors: [await group.read(0), await group.read(1)] };
  } finally {
    await group.close();
  }
}

async function trainWith(vocabulary: number, text: Partial<TextLimits>): ReturnType<typeof train> {
  const engine = (await openTunedWebGpuEngine({ text }))!;
  try {
    return await train(engine, vocabulary);
  } finally {
    await engine.close();
  }
}

for (const [what, vocabulary, bytes] of [["bytes", 251, LENGTH], ["tokens of 16 bits", 300, 2 * LENGTH]] as const) {
  Deno.test({
    name: `a text of ${what} trains with the same bits whole, sent in slices, and in windows where no binding holds it`,
    ignore: !opened,
    async fn() {
      const whole = await trainWith(vocabulary, {});
      assert.ok(whole.losses.flat().every((loss) => loss > 0 && loss < 20));
      assert.deepEqual(whole.losses.map(({ length }) => length), [180, 150, 30]);
      assert.deepEqual(await trainWith(vocabulary, { slice: 1000 }), whole);
      assert.deepEqual(await trainWith(vocabulary, { whole: bytes }), whole);
    },
  });
}

Deno.test({
  name: "openTextReader() takes a text whole up to the limit, padding and all, and in windows above it",
  ignore: !opened,
  async fn() {
    const texts = new Texts(opened!.device, { whole: 1024 }), sizes = { slots: 2, batch: 3, reach: 1 };
    const sizeFor = async (bytes: number) => {
      const reader = await openTextReader({ opened: opened!, texts }, new Uint8Array(bytes), sizes);
      const { size } = reader.buffer;
      reader.close();
      return size;
    };
    assert.deepEqual([await sizeFor(1000), await sizeFor(1023)], [1004, 1024]);
    // 101 bytes of a row, padded, for each of 6 rows.
    assert.deepEqual([await sizeFor(1024), await sizeFor(100_000)], [624, 624]);
  },
});

Deno.test({
  name: "openTextReader() takes windows of a text for which the device has not the memory, and holds on to nothing",
  ignore: !opened,
  async fn() {
    const texts = new Texts(opened!.device), sizes = { slots: 1, batch: 3, reach: 1 }, text = new Uint8Array(5000);
    const original = GPUDevice.prototype.popErrorScope;
    // What an exhausted device does: the error goes to the innermost scope.
    GPUDevice.prototype.popErrorScope = async function (this: GPUDevice): Promise<GPUError | null> {
      return await original.call(this) ?? { message: "not enough memory" };
    };
    try {
      const reader = await openTextReader({ opened: opened!, texts }, text, sizes);
      assert.equal(reader.buffer.size, 312);
      reader.close();
    } finally {
      GPUDevice.prototype.popErrorScope = original;
    }
    const reader = await openTextReader({ opened: opened!, texts }, text, sizes);
    assert.equal(reader.buffer.size, 5004);
    reader.close();
  },
});
