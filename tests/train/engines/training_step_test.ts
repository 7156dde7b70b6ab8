/** What a training step says of itself, and engines take from it: its optimizer, and what it reads from the text. */
import assert from "node:assert/strict";
import { vanillaCell } from "../../../cells/catalog/catalog.ts";
import { add, mul, sub } from "../../../cells/graph/builder.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { buildTrainingStep, gradientName, type TrainingStep } from "../../../cells/language_model.ts";
import { momentName, type Optimizer } from "../../../cells/optimizer.ts";
import { OPTIMIZERS } from "../../../cells/optimizers.ts";
import type { Engine, EngineRun } from "../../../train/engines/engine.ts";
import { ONNX_ENGINE, openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";
import { openTunedWebGpuEngine, WEBGPU_ENGINE, type WebGpuOptions } from "../../../train/engines/webgpu/engine.ts";
import { drawnWeights } from "../../cells/models.ts";
import { differences, offsetsOf, readingAhead, runOf, SMALL, textOf, train } from "./runs.ts";

const reference = await openReferenceEngine();

const refused = (["ffi", "env", "read"] as const).filter((name) =>
  Deno.permissions.querySync({ name }).state !== "granted"
);
if (refused.length) console.log(`ONNX tests are ignored: they need --allow-${refused.join(" --allow-")}`);

const adapter = await openTunedWebGpuEngine();
if (!adapter) console.log("WebGPU tests are ignored: there is no adapter");
await adapter?.close();

/** Tests something on the ONNX and on the WebGPU engine. */
function onBoth(name: string, fn: (engine: Engine, tolerance: number) => Promise<void>): void {
  Deno.test({
    name: `${name} (onnx)`,
    ignore: refused.length > 0,
    fn: async () => fn(await openOnnxEngine(2), ONNX_ENGINE.tolerance),
  });
  onWebGpu(`${name} (webgpu)`, (engine) => fn(engine, WEBGPU_ENGINE.tolerance));
}

function onWebGpu(name: string, fn: (engine: Engine) => Promise<void>, options: WebGpuOptions = {}): void {
  Deno.test({
    name,
    ignore: !adapter,
    async fn() {
      const engine = (await openTunedWebGpuEngine(options))!;
      try {
        await fn(engine);
      } finally {
        await engine.close();
      }
    },
  });
}

/** Both within the tolerance, over two passes of some steps. */
async function assertAgrees(engine: Engine, run: EngineRun, tolerance: number, passes = [7, 5]): Promise<void> {
  const [actual] = await train(engine, [run], passes);
  const [expected] = await train(reference, [run], passes);
  const { losses, tensors } = differences(actual, expected);
  assert.ok(losses <= tolerance, `losses are off by ${losses}`);
  assert.ok(tensors <= tolerance, `tensors are off by ${tensors}`);
}

/** Momentum, with a learning rate that falls: `v ← 0.9v + g`, `p ← p − αₜ v`, `αₜ = α / (1 + t/10)`. No part of the product. */
const momentum: Optimizer = {
  name: "momentum",
  learningRate: 0.1,
  moments: ["velocity"],
  scalarNames: ["momentum.step_size"],
  scalars: (update, learningRate) => [learningRate / (1 + update / 10)],
  update(weight, gradient, [velocity], [stepSize]) {
    const next = add(mul(velocity, 0.9), gradient);
    return { weight: sub(weight, mul(stepSize, next)), moments: [next] };
  },
};

/** More scalars than a record of four words holds, and no moment: `p ← p − (s₀ + s₁ + s₂ + s₃) g`. */
const manyScalars: Optimizer = {
  name: "many scalars",
  learningRate: 0.1,
  moments: [],
  scalarNames: ["s.0", "s.1", "s.2", "s.3"],
  scalars: (update, learningRate) => [1, 2, 3, 4].map((part) => learningRate * part / (10 + update)),
  update: (weight, gradient, _, scalars) => ({ weight: sub(weight, mul(scalars.reduce(add), gradient)), moments: [] }),
};

function optimizedBy(optimizer: Optimizer, sizes = SMALL): EngineRun {
  const step = buildTrainingStep(vanillaCell, sizes, { optimizer, withGradients: true });
  return { step, tensors: drawnWeights(step.parameters), stepsDone: 0, learningRate: 0.1 };
}

Deno.test("a training step is updated by the optimizer that it was built with", async () => {
  const run = optimizedBy(momentum), { step, learningRate } = run;
  const names = [...step.graph.inputs.keys()];
  assert.ok(names.includes("momentum.step_size") && names.includes("velocity.layers.1.state_nn.weight"));
  assert.ok(!names.some((name) => name.startsWith("exp_avg") || name.startsWith("adam")));
  const group = await reference.open([run], textOf(60, SMALL.vocabulary));
  group.beginPass(0, offsetsOf(run, 0));
  for (let update = 1, before = run.tensors; update <= 3; update++) {
    await group.advance(1);
    const after = await group.read(0);
    for (const name of step.trained) {
      const gradient = after.get(gradientName(name))!, old = before.get(momentName("velocity", name));
      after.get(name)!.forEach((weight, i) => {
        const velocity = 0.9 * (old?.[i] ?? 0) + gradient[i];
        const expected = before.get(name)![i] - learningRate / (1 + update / 10) * velocity;
        assert.ok(Math.abs(weight - expected) <= 1e-14, `${name}[${i}] after update ${update}`);
      });
    }
    before = after;
  }
});

Deno.test("buildTrainingStep() throws when an optimizer gives fewer moments than it names", () => {
  const forgetful: Optimizer = { ...momentum, update: (weight) => ({ weight, moments: [] }) };
  assert.throws(() => optimizedBy(forgetful), {
    name: "TypeError",
    message: "Cannot update by 'momentum': it gave 0 moments, must be 1",
  });
});

Deno.test("buildTrainingStep() throws when an optimizer gives more or fewer scalars than it names", () => {
  for (const given of [[], [1, 2]]) {
    assert.throws(() => optimizedBy({ ...momentum, scalars: () => given }), {
      name: "TypeError",
      message: `Cannot update by 'momentum': it gave ${given.length} scalars, must be 1`,
    });
  }
});

// Those of the product, and those that no engine can have been made for.
for (const optimizer of [...Object.values(OPTIMIZERS), momentum, manyScalars]) {
  onBoth(`an engine trains by the optimizer '${optimizer.name}', as the reference does`, async (engine, tolerance) => {
    await assertAgrees(engine, optimizedBy(optimizer), tolerance);
  });

  onBoth(`a run goes on with the same bits when its optimizer is '${optimizer.name}'`, async (engine) => {
    const run = optimizedBy(optimizer);
    const [whole] = await train(engine, [run], [6, 5]);
    const [half] = await train(engine, [run], [6]);
    const [rest] = await train(engine, [{ ...run, tensors: half.tensors, stepsDone: 6 }], [5]);
    assert.deepEqual([...half.losses, ...rest.losses], whole.losses);
    assert.deepEqual(rest.tensors, whole.tensors);
  });
}

onWebGpu("the WebGPU engine gives runs of several optimizers the same bits in a group as alone", async (engine) => {
  const runs = [runOf(vanillaCell), optimizedBy(momentum), optimizedBy(manyScalars)];
  const together = await train(engine, runs, [4, 3]);
  for (const [i, run] of runs.entries()) assert.deepEqual(await train(engine, [run], [4, 3], i), [together[i]]);
});

onWebGpu(
  "replace() refuses a run with more scalars than the group has room for, and takes one with fewer",
  async (engine) => {
    const adam = runOf(vanillaCell), text = textOf(100, SMALL.vocabulary);
    const group = await engine.open([adam, adam], text);
    assert.equal(await group.replace(0, optimizedBy(manyScalars)), false);
    assert.equal(await group.replace(0, optimizedBy(momentum)), true);
    await group.close();
    // A record has whole vectors: one of a single scalar has room for two more.
    const few = await engine.open([optimizedBy(momentum), optimizedBy(momentum)], text);
    assert.equal(await few.replace(1, adam), true);
    assert.equal(await few.replace(0, optimizedBy(manyScalars)), false);
    await few.close();
  },
);

Deno.test("advance() reads each input as far ahead as the step says, and goes on by one token a step", async () => {
  const run = { ...readingAhead(2), learningRate: 0 }, { graph, states: [h] } = run.step;
  const text = textOf(60, SMALL.vocabulary), offsets = offsetsOf(run, 0);
  const group = await reference.open([run], text);
  group.beginPass(0, offsets);
  const [losses] = await group.advance(4);
  let state: ArrayLike<number> = new Float64Array(h.shape[0] * h.shape[1]);
  for (const [t, loss] of losses.entries()) {
    const feeds = new Map<string, ArrayLike<number>>([...run.tensors, ["h", state]]);
    ["bytes", "next", "targets"].forEach((name, ahead) =>
      feeds.set(name, Array.from(offsets, (o) => text[o + t + ahead]))
    );
    for (const name of graph.inputs.keys()) if (!feeds.has(name)) feeds.set(name, zeros(run.step, name));
    const results = interpret(graph, feeds);
    assert.equal(loss, results.get("loss")![0], `loss of step ${t}`);
    state = results.get("h")!;
  }
});

/** Moments that nothing has been added to; the scalars of an update that is none. */
function zeros({ graph }: TrainingStep, name: string): Float64Array {
  return new Float64Array(graph.inputs.get(name)!.shape.reduce((a, b) => a * b, 1));
}

Deno.test("advance() throws when what a step reads ahead lies beyond the text", async () => {
  const run = readingAhead(3), text = textOf(20, SMALL.vocabulary);
  const group = await reference.open([run], text);
  // The last row starts at 6: step 11 reads token 6 + 10 + 3.
  group.beginPass(0, Uint32Array.of(0, 3, 6));
  await group.advance(11);
  assert.throws(() => group.advance(1), {
    name: "RangeError",
    message: "Cannot advance by 1 steps: they read up to token 20, the text has 20",
  });
});

onBoth("an engine reads three tokens a step where the step says so", async (engine, tolerance) => {
  await assertAgrees(engine, readingAhead(2), tolerance);
});

onWebGpu("a window of the text holds what its last step reads ahead", async (engine) => {
  // More steps than a window has; whole, the text is never on the GPU.
  await assertAgrees(engine, readingAhead(6), WEBGPU_ENGINE.tolerance, [130]);
}, { text: { whole: 8 } });

onWebGpu("replace() refuses a run that reads further ahead than the group does", async (engine) => {
  const group = await engine.open([readingAhead(2), readingAhead(2)], textOf(100, SMALL.vocabulary));
  assert.equal(await group.replace(0, readingAhead(3)), false);
  assert.equal(await group.replace(0, readingAhead(2)), true);
  await group.close();
});
