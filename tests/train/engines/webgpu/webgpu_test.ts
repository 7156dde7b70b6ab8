/** The WebGPU engine on whatever adapter is there; where none is, each test is counted as ignored. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { gatedCell } from "../../../../cells/catalog/gated_cell.ts";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { sizeOf } from "../../../../cells/graph/tensor.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import { type Engine, EngineFailure, type EngineRun } from "../../../../train/engines/engine.ts";
import { openReferenceEngine } from "../../../../train/engines/reference.ts";
import { openDevice } from "../../../../train/engines/webgpu/runtime/device.ts";
import {
  openTunedWebGpuEngine,
  openWebGpuEngine,
  WEBGPU_ENGINE,
  type WebGpuEngine,
  type WebGpuOptions,
} from "../../../../train/engines/webgpu/engine.ts";
import { MAX_STEPS_PER_SUBMIT } from "../../../../train/engines/webgpu/kernels/schedule.ts";
import { certifyGroup, type GoldenCase, goldenFrom } from "../../../../train/golden.ts";
import { failures, gatedConfig, GOLDEN } from "../../../cells/catalog/golden_cases.ts";
import { KERNEL_FAULTS, plantFault } from "./kernel_faults.ts";
import {
  CATALOG,
  differences,
  offsetsOf,
  runOf,
  SMALL,
  textOf,
  train,
  trainInParts,
  trainWithReplacement,
  UNUSUAL,
} from "../runs.ts";

const opened = await openWebGpuEngine();
console.log(opened ? `WebGPU tests run on ${opened.adapter}` : "WebGPU tests are ignored: there is no adapter");
Deno.test.afterAll(() => opened?.close());

function webgpuTest(name: string, run: (engine: Engine) => Promise<void>): void {
  Deno.test({ name, ignore: !opened, fn: () => run(opened!) });
}

const { settings, cases } = GOLDEN;

webgpuTest("the WebGPU engine gives PyTorch's numbers when all 288 golden cases are one group", async (engine) => {
  const errors = await certifyGroup(engine, settings, cases);
  assert.deepEqual(failures(cases, errors, WEBGPU_ENGINE.tolerance), []);
});

webgpuTest("the WebGPU engine gives the reference's numbers when tokens have 16 bits", async (engine) => {
  for (const vocab of [258, 1024]) {
    const golden = await goldenFrom(await openReferenceEngine(), { ...settings, vocab, batch: 64 }, [
      cases[0],
      cases[130],
    ]);
    const errors = await certifyGroup(engine, golden.settings, golden.cases);
    assert.deepEqual(failures(golden.cases, errors, WEBGPU_ENGINE.tolerance), [], `vocabulary ${vocab}`);
  }
});

/** Faults to plant into one golden case, each well above the tolerance and small enough to be overlooked. */
const FAULTS: readonly [
  what: keyof Awaited<ReturnType<typeof certifyGroup>>[0],
  plant: (golden: GoldenCase) => void,
][] = [
  ["losses", (golden) => golden.losses[7] *= 1.0005],
  ["gradients", (golden) => golden.grads_at_step_1["layers.0.output_nn.weight"]![1] *= 1.0005],
  ["gradients", (golden) => golden.grads_at_step_1["layers.0.state_nn.bias"] = null],
  ["states", (golden) => golden.final_state[0][5] += 0.0003],
];
for (const [i, [what, plant]] of FAULTS.entries()) {
  webgpuTest(`certifyGroup() notices when one number of the golden ${what} is wrong (${i + 1})`, async (engine) => {
    const chosen = structuredClone(
      cases.filter(({ n_layers, use_new_state }) => n_layers === 1 && use_new_state).slice(0, 3),
    );
    plant(chosen[1]);
    const errors = await certifyGroup(engine, settings, chosen);
    assert.ok(!(errors[1][what] <= WEBGPU_ENGINE.tolerance), `${what} are off by ${errors[1][what]} only`);
    assert.equal(failures(chosen, errors, WEBGPU_ENGINE.tolerance).length, 1);
  });
}

/** Eight runs that differ in everything a run may differ in; few sizes are multiples of a tile or of a vector. */
function unlikeRuns(): EngineRun[] {
  const common = { vocabulary: 250, batch: 30 };
  const gated = (n_layers: number, state_size: number, changes: Parameters<typeof gatedConfig>[0] = {}) =>
    runOf(gatedCell(gatedConfig(changes)), { ...common, n_layers, state_size });
  const off = { use_input_gate: false, use_output_gate: false, use_old_state: false };
  return [
    gated(1, 20),
    gated(2, 33),
    gated(3, 7, off),
    gated(2, 32, { ...off, use_forget_gate: false }),
    gated(1, 64, { ...off, use_state_gate: false }),
    gated(2, 1, { use_new_state: false }),
    gated(1, 35, { gate_inputs: "x,h" }),
    { ...gated(1, 20), learningRate: 0.005 },
  ];
}

webgpuTest("the WebGPU engine gives each of eight unlike runs the same bits in a group as alone", async (engine) => {
  const runs = unlikeRuns();
  const together = await train(engine, runs, [3, 2]);
  assert.equal(new Set(together.map(({ losses }) => losses.join())).size, 8, "runs must differ");
  for (const [i, run] of runs.entries()) {
    const [alone] = await train(engine, [run], [3, 2], i);
    assert.deepEqual(alone.losses, together[i].losses, `losses of run ${i}`);
    assert.deepEqual(alone.tensors, together[i].tensors, `tensors of run ${i}`);
  }
});

webgpuTest("the WebGPU engine agrees with the reference when eight unlike runs are one group", async (engine) => {
  const actual = await train(engine, unlikeRuns(), [3]);
  const expected = await train(await openReferenceEngine(), unlikeRuns(), [3]);
  expected.forEach((reference, i) => {
    const { losses } = differences(actual[i], reference);
    assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses of run ${i} are off by ${losses}`);
  });
});

webgpuTest("the WebGPU engine agrees with the reference when no size is a multiple of a tile", async () => {
  const cell = gatedCell(gatedConfig({ use_input_gate: false, use_forget_gate: false, use_old_state: false }));
  // Vectors of one float and of four, both widths of tiles, more and less than a tile along each axis.
  for (
    const sizes of [
      { n_layers: 1, state_size: 20, batch: 9, vocabulary: 257 },
      { n_layers: 2, state_size: 36, batch: 10, vocabulary: 268 },
      { n_layers: 1, state_size: 100, batch: 72, vocabulary: 68 },
      { n_layers: 1, state_size: 67, batch: 65, vocabulary: 66 },
    ]
  ) {
    const run = runOf(cell, sizes, { withGradients: true });
    const [[actual], [expected]] = [
      await train(opened!, [run], [2]),
      await train(await openReferenceEngine(), [run], [2]),
    ];
    const { losses, tensors } = differences(actual, expected);
    assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses are off by ${losses} with ${JSON.stringify(sizes)}`);
    assert.ok(tensors <= 1e-3, `tensors are off by ${tensors} with ${JSON.stringify(sizes)}`);
  }
});

/** Opens an engine for one test. */
async function withEngine(options: WebGpuOptions, use: (engine: WebGpuEngine) => Promise<void>): Promise<void> {
  const engine = (await openTunedWebGpuEngine(options))!;
  try {
    await use(engine);
  } finally {
    await engine.close();
  }
}

webgpuTest("the WebGPU engine gives the same bits whether dispatches merge by epilogue or by template", async () => {
  const runs = unlikeRuns();
  await withEngine({ merging: "template" }, async (byTemplate) => {
    await withEngine({ merging: "epilogue" }, async (byEpilogue) => {
      const expected = await train(byEpilogue, runs, [3, 2]);
      assert.deepEqual(await train(byTemplate, runs, [3, 2]), expected);
      // By now the kernels hold the epilogues of all runs; alone, a run is given the same ones.
      const [alone] = await train(byTemplate, [runs[3]], [3, 2], 3);
      assert.deepEqual(alone, expected[3]);
    });
  });
});

webgpuTest("the WebGPU engine gives PyTorch's numbers when dispatches merge by template", async () => {
  const chosen = cases.filter((_, i) => i % 12 === 5);
  await withEngine({ merging: "template" }, async (engine) => {
    assert.deepEqual(failures(chosen, await certifyGroup(engine, settings, chosen), WEBGPU_ENGINE.tolerance), []);
  });
});

for (const [name, { sound, faulty }] of Object.entries(KERNEL_FAULTS)) {
  webgpuTest(`certifyGroup() notices a fault in a kernel: ${name}`, async () => {
    const chosen = cases.filter((_, i) => i % 96 === 40);
    const planted = plantFault({ sound, faulty });
    try {
      await withEngine({}, async (engine) => {
        const errors = await certifyGroup(engine, settings, chosen);
        assert.ok(failures(chosen, errors, WEBGPU_ENGINE.tolerance).length > 0, "nobody noticed");
      });
    } finally {
      planted.remove();
    }
    assert.ok(planted.shaders > 0, "no kernel has such a line");
  });
}

webgpuTest("open() tells how far it is when it compiles for more than a second", async () => {
  const told: string[] = [];
  const clock = performance.now;
  // A slow machine: each look at the clock finds that a second has gone.
  let now = 0;
  performance.now = () => (now += 1000);
  try {
    await withEngine({}, async (engine) => {
      const tell = (done: number, total: number) => void told.push(`${done}/${total}`);
      const group = await engine.open([runOf(vanillaCell)], textOf(100, SMALL.vocabulary), 1, tell);
      await group.close();
    });
  } finally {
    performance.now = clock;
  }
  assert.ok(told.length > 1 && told.every((line) => /^[1-9]\d*\/\d+$/.test(line)), told.join());
});

webgpuTest("profileStep() gives a time for each dispatch, and does a step as any other", async (engine) => {
  const run = runOf(vanillaCell), text = textOf(100, SMALL.vocabulary);
  const group = await (engine as WebGpuEngine).open([run], text);
  try {
    assert.ok(group.hasClock, "the adapter has no timestamps");
    group.beginPass(0, offsetsOf(run, 0));
    const times = await group.profileStep();
    assert.equal(times.length, group.schedule.dispatches.length);
    assert.ok(times.every((time) => time >= 0) && times.some((time) => time > 0), times.join());
    const [{ losses }] = await train(engine, [run], [2]);
    assert.equal((await group.advance(1))[0][0], losses[1]);
  } finally {
    await group.close();
  }
});

webgpuTest("the WebGPU engine gives the same bits when a training is repeated", async (engine) => {
  const runs = unlikeRuns().slice(0, 3);
  const first = await train(engine, runs, [4, 4]);
  assert.deepEqual(await train(engine, runs, [4, 4]), first);
});

for (const cell of [...CATALOG, ...UNUSUAL]) {
  webgpuTest(
    `the WebGPU engine agrees with the reference over 12 steps when the cell is ${cell.name}`,
    async (engine) => {
      const runs = [runOf(cell), runOf(cell, { n_layers: 1, state_size: 9, vocabulary: 7, batch: 6 })];
      for (const run of runs) {
        const [actual] = await train(engine, [run], [7, 5]);
        const [expected] = await train(await openReferenceEngine(), [run], [7, 5]);
        const { losses, tensors } = differences(actual, expected);
        assert.ok(losses <= WEBGPU_ENGINE.tolerance, `losses are off by ${losses}`);
        // Adam divides by a gradient's size: where that is near zero, rounding is a large part of a step.
        assert.ok(tensors <= 1e-3, `tensors are off by ${tensors}`);
      }
    },
  );
}

webgpuTest("advance() gives the same losses when its steps fill several submits or come one by one", async (engine) => {
  const steps = 2 * MAX_STEPS_PER_SUBMIT + 7;
  const run = runOf(vanillaCell);
  const [atOnce] = await train(engine, [run], [steps]);
  assert.equal(atOnce.losses.length, steps);
  const group = await engine.open([run], textOf(steps + 20, SMALL.vocabulary));
  group.beginPass(0, offsetsOf(run, 0));
  const parts: number[] = [];
  for (const count of [1, MAX_STEPS_PER_SUBMIT, MAX_STEPS_PER_SUBMIT + 6]) {
    parts.push(...(await group.advance(count))[0]);
  }
  await group.close();
  assert.deepEqual(parts, atOnce.losses);
});

webgpuTest("a run goes on with the same bits when its tensors are read and opened again", async (engine) => {
  const run = runOf(gatedCell(gatedConfig({})));
  const [whole] = await train(engine, [run], [6, 6]);
  const [half] = await train(engine, [run], [6]);
  const [rest] = await train(engine, [{ ...run, tensors: half.tensors, stepsDone: 6 }], [6]);
  assert.deepEqual([...half.losses, ...rest.losses], whole.losses);
  assert.deepEqual(rest.tensors, whole.tensors);
});

webgpuTest("beginPass() keeps states and reads on in the text when it goes on within a pass", async (engine) => {
  const run = runOf(gatedCell(gatedConfig({})));
  const [whole] = await train(engine, [run], [9]);
  for (const reopen of [true, false]) {
    assert.deepEqual(await trainInParts(engine, run, [4, 3, 2], { reopen }), whole);
  }
  const { losses } = await trainInParts(engine, run, [4, 5], { reopen: false, positions: [0, 0] });
  assert.notDeepEqual(losses, whole.losses, "a pass that begins anew is another");
});

webgpuTest("replace() gives the run that comes, and those that stay, the same bits as alone", async (engine) => {
  // Larger and smaller than the one whose slot it takes, and of another shape.
  for (const [leaves, comes] of [[1, 3], [3, 1], [2, 0]]) {
    const all = unlikeRuns();
    const { together, alone } = await trainWithReplacement(engine, [all[4], all[leaves], all[6], all[comes]]);
    assert.deepEqual(together.map(({ losses }) => losses), alone.map(({ losses }) => losses));
    assert.deepEqual(together.map(({ tensors }) => tensors), alone.map(({ tensors }) => tensors));
    assert.equal(new Set(together.map(({ losses }) => losses[0])).size, 4, "runs must differ");
  }
});

webgpuTest("replace() leaves nothing of a run whose pass had begun and that never did a step", async (engine) => {
  const [first, second, next] = unlikeRuns();
  const group = await engine.open([first, second], textOf(200, first.step.sizes.vocabulary));
  try {
    group.beginPass(0, offsetsOf(first, 0));
    assert.equal(await group.replace(0, next), true);
    for (const slot of [0, 1]) group.beginPass(slot, offsetsOf([next, second][slot], slot));
    const losses = await group.advance(2);
    for (const [slot, run] of [next, second].entries()) {
      assert.deepEqual([...losses[slot]], (await train(engine, [run], [2], slot))[0].losses);
    }
  } finally {
    await group.close();
  }
});

webgpuTest(
  "replace() says no, and empties the slot, when the next run does not fit into the memory",
  async (engine) => {
    const small = runOf(vanillaCell);
    const step = buildTrainingStep(vanillaCell, { n_layers: 1, state_size: 4096, vocabulary: 7, batch: 16 });
    const copies = Math.floor(engine.memory / engine.footprint(step)) + 1;
    // As much as several of them: nothing is allocated, since replace() refuses first.
    const large = buildTrainingStep(vanillaCell, { n_layers: copies, state_size: 4096, vocabulary: 7, batch: 16 });
    const group = await engine.open([small, small], textOf(100, SMALL.vocabulary));
    group.beginPass(1, offsetsOf(small, 1));
    assert.equal(await group.replace(0, { ...small, step: large, tensors: new Map() }), false);
    const [empty, losses] = await group.advance(3);
    assert.deepEqual([empty.length, [...losses]], [0, (await train(engine, [small], [3], 1))[0].losses]);
    await group.close();
  },
);

webgpuTest("read() gives carried and frozen tensors and results when new state is off", async (engine) => {
  const run = runOf(gatedCell(gatedConfig({ use_new_state: false })), SMALL, { withGradients: true });
  const [{ tensors }] = await train(engine, [run], [3]);
  const [reference] = await train(await openReferenceEngine(), [run], [3]);
  assert.deepEqual([...tensors.keys()].sort(), [...reference.tensors.keys()].sort());
  const frozen = run.step.parameters.map(({ name }) => name).filter((name) => !run.step.trained.includes(name));
  assert.ok(frozen.includes("layers.0.state_nn.weight"));
  for (const name of frozen) {
    assert.deepEqual([...tensors.get(name)!], [...run.tensors.get(name)!], name);
    assert.equal(tensors.get(`gradient.${name}`), undefined, name);
  }
});

webgpuTest("open() refuses a group when its footprints are more than the engine's memory", async (engine) => {
  // Some hundred megabytes each; nothing is allocated, since open() refuses first.
  const step = buildTrainingStep(vanillaCell, { n_layers: 1, state_size: 4096, vocabulary: 256, batch: 16 });
  const run: EngineRun = { step, tensors: new Map(), stepsDone: 0, learningRate: 0.001 };
  const floats = [...step.graph.inputs.values()].reduce((total, { shape }) => total + sizeOf(shape), 0);
  assert.ok(engine.footprint(step) >= 4 * floats, "a run holds its weights and moments at least");
  const tooMany = Math.floor(engine.memory / engine.footprint(step)) + 1;
  await assert.rejects(engine.open(new Array(tooMany).fill(run), new Uint8Array(10)), {
    name: "UserError",
    message: new RegExp(
      `^Cannot open a group of ${tooMany} runs: it needs a buffer of \\d+ MiB, the adapter allows \\d+ MiB$`,
    ),
  });
});

webgpuTest(
  "open() throws, and trains nothing, when the device has not the memory that its limits promise",
  async (engine) => {
    const run = unlikeRuns()[0];
    const original = GPUDevice.prototype.createBuffer;
    // What an exhausted device does: the buffer is an error object, and the error goes to the innermost scope.
    GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor: GPUBufferDescriptor): GPUBuffer {
      const impossible = descriptor.usage & GPUBufferUsage.COPY_SRC && descriptor.usage & GPUBufferUsage.STORAGE;
      return original.call(this, impossible ? { ...descriptor, size: 2 ** 52 } : descriptor);
    };
    try {
      await assert.rejects(
        engine.open([run], new Uint8Array(1000)),
        /^UserError: Cannot open a group of 1 runs, which needs/,
      );
    } finally {
      GPUDevice.prototype.createBuffer = original;
    }
    const group = await engine.open([run], new Uint8Array(1000));
    group.beginPass(0, new Uint32Array(run.step.sizes.batch));
    assert.ok((await group.advance(2))[0].every((loss) => loss > 0));
    await group.close();
  },
);

webgpuTest("unlessFailed() gives what it waits for, and rejects when the device is lost and ever after", async () => {
  const opened = (await openDevice())!;
  const mistake = new RangeError("of the result");
  const forEver = new Promise<never>(() => {});
  try {
    assert.equal(await opened.unlessFailed(Promise.resolve(7)), 7);
    await assert.rejects(opened.unlessFailed(Promise.reject(mistake)), (error) => error === mistake);
    assert.equal(opened.failed, false);
    const waiting = [opened.unlessFailed(forEver), opened.unlessFailed(forEver)];
    opened.device.destroy();
    for (const result of await Promise.allSettled(waiting)) {
      assert.ok(result.status === "rejected" && result.reason instanceof EngineFailure);
      assert.equal(result.reason.kind, "lost");
      assert.match(result.reason.message, /^Cannot go on with .*: the device was lost/);
    }
    assert.equal(opened.failed, true);
    for (const late of [forEver, Promise.resolve(7)]) await assert.rejects(opened.unlessFailed(late), EngineFailure);
  } finally {
    opened.device.destroy();
  }
});

const mayRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
if (!mayRun) {
  console.log(
    "skipped: no garbage is collected and no command is given a fault, for both need a process and --allow-run",
  );
}

async function runDeno(args: readonly string[]): Promise<{ code: number; out: string; errors: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "--no-prompt", ...args] })
    .output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, errors };
}

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

Deno.test({
  name: "certify ends with exit code 1, and names the worst case, when a kernel has a fault",
  ignore: !opened || !mayRun,
  async fn() {
    const permissions = ["--allow-env", "--allow-read", "--allow-ffi"];
    const certify = [pathOf("../../../../train/certify.ts"), "--engine", "webgpu"];
    const { code, out, errors } = await runDeno([
      ...permissions,
      `--preload=${pathOf("planted_fault.ts")}`,
      ...certify,
    ]);
    assert.equal(code, 1, errors);
    assert.match(out, /^webgpu +0 of 288 /m);
    assert.match(out, /^ +worst: case \d+, .+: error \d/m);
  },
});

Deno.test({
  name: "the WebGPU engine keeps no group alive that was closed",
  ignore: !opened || !mayRun,
  async fn() {
    const script = pathOf("closed_groups.ts");
    const { code, out, errors } = await runDeno(["--allow-env", "--allow-read", "--v8-flags=--expose-gc", script]);
    assert.equal(code, 0, errors);
    assert.deepEqual(JSON.parse(out), { opened: 3, alive: 0 });
  },
});
