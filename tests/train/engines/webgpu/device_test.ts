/** The WebGPU engine and its device: memory, compiling, failures, and what is left behind. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { vanillaCell } from "../../../../cells/catalog/catalog.ts";
import { sizeOf } from "../../../../cells/graph/tensor.ts";
import { buildTrainingStep } from "../../../../cells/language_model.ts";
import { EngineFailure, type EngineRun } from "../../../../train/engines/engine.ts";
import { openDevice } from "../../../../train/engines/webgpu/runtime/device.ts";
import { offsetsOf, runOf, SMALL, textOf } from "../runs.ts";
import { NEEDS_ADAPTER, opened, unlikeRuns, withEngine } from "./adapter.ts";

Deno.test("open() tells how far it is when it compiles for more than a second", NEEDS_ADAPTER, async () => {
  const told: string[] = [];
  const clock = performance.now;
  // A slow machine: each look at the clock finds that a second has gone.
  let now = 0;
  performance.now = () => (now += 1000);
  try {
    await withEngine({}, async (engine) => {
      const onPreparing = (done: number, total: number) => void told.push(`${done}/${total}`);
      const group = await engine.open([runOf(vanillaCell)], textOf(100, SMALL.vocabulary), { onPreparing });
      await group.close();
    });
  } finally {
    performance.now = clock;
  }
  assert.ok(told.length > 1 && told.every((line) => /^[1-9]\d*\/\d+$/.test(line)), told.join());
});

Deno.test("open() refuses a group when its footprints are more than the engine's memory", NEEDS_ADAPTER, async () => {
  const engine = opened!;
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

Deno.test(
  "open() throws, and trains nothing, when the device has not the memory that its limits promise",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
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

Deno.test(
  "unlessFailed() gives what it waits for, and rejects when the device is lost and ever after",
  NEEDS_ADAPTER,
  async () => {
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
  },
);

/** Whether each buffer that is made while something is done is destroyed again. */
async function buffersLeft(work: () => Promise<void>): Promise<number> {
  const { createBuffer, createQuerySet } = GPUDevice.prototype, left = new Set<GPUBuffer | GPUQuerySet>();
  const watched = <T extends GPUBuffer | GPUQuerySet>(made: T): T => {
    const destroy = made.destroy.bind(made);
    left.add(made);
    return Object.assign(made, {
      destroy() {
        left.delete(made);
        return destroy();
      },
    });
  };
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor) {
    return watched(createBuffer.call(this, descriptor));
  };
  GPUDevice.prototype.createQuerySet = function (this: GPUDevice, descriptor) {
    return watched(createQuerySet.call(this, descriptor));
  };
  try {
    await work();
  } finally {
    Object.assign(GPUDevice.prototype, { createBuffer, createQuerySet });
  }
  return left.size;
}

Deno.test(
  "a group leaves no buffer behind when what it has written cannot be mapped, or a run goes beyond the text",
  NEEDS_ADAPTER,
  async () => {
    const engine = opened!;
    const run = runOf(vanillaCell), group = await engine.open([run], textOf(100, SMALL.vocabulary));
    const { mapAsync } = GPUBuffer.prototype, lost = new Error("lost");
    try {
      group.beginPass(0, offsetsOf(run, 0));
      await group.advance(1);
      const left = await buffersLeft(async () => {
        await assert.rejects(group.advance(1000), RangeError);
        GPUBuffer.prototype.mapAsync = () => Promise.reject(lost);
        const works = [() => group.advance(1), () => group.read(0), () => group.profileStep()];
        for (const work of works) await assert.rejects(work(), (error) => error === lost);
      });
      assert.equal(left, 0);
    } finally {
      GPUBuffer.prototype.mapAsync = mapAsync;
      await group.close();
    }
  },
);

type Compiler = GPUDevice["createComputePipelineAsync"];

/** Puts something between the engine and the compiler while something is done. @returns how many kernels were begun */
async function withCompiler(
  between: (compile: () => ReturnType<Compiler>, begun: number) => ReturnType<Compiler>,
  work: () => Promise<void>,
): Promise<number> {
  const original = GPUDevice.prototype.createComputePipelineAsync;
  let begun = 0;
  GPUDevice.prototype.createComputePipelineAsync = function (this: GPUDevice, descriptor) {
    return between(() => original.call(this, descriptor), ++begun);
  };
  try {
    await work();
  } finally {
    GPUDevice.prototype.createComputePipelineAsync = original;
  }
  return begun;
}

Deno.test("open() stops compiling when its signal comes, and leaves nothing open", NEEDS_ADAPTER, async () => {
  await withEngine({ merging: "epilogue" }, async (engine) => {
    const run = unlikeRuns()[0], text = textOf(200, run.step.sizes.vocabulary);
    // The text stays on the device for the next group, whatever becomes of this one.
    const first = runOf(vanillaCell, { ...run.step.sizes, state_size: 4 });
    await (await engine.open([first], text)).close();
    const controller = new AbortController();
    const { reason, signal } = { reason: new Error("Ctrl-C"), signal: controller.signal };
    let left = NaN;
    const begun = await withCompiler((compile, begun) => {
      // A signal listener's turn comes between two kernels.
      if (begun === 2) setTimeout(() => controller.abort(reason));
      return compile();
    }, async () => {
      left = await buffersLeft(async () => {
        await assert.rejects(engine.open([run], text, { signal }), (error) => error === reason);
      });
    });
    assert.deepEqual({ begun, left }, { begun: 2, left: 0 });
    const rest = await withCompiler((compile) => compile(), async () => {
      const group = await engine.open([run], text);
      group.beginPass(0, offsetsOf(run, 0));
      assert.ok((await group.advance(2))[0].every((loss) => loss > 0));
      await group.close();
    });
    assert.ok(rest > 5, `${rest} kernels were left, so the signal has spared little`);
  });
});

Deno.test("replace() stops compiling when its group's signal comes, and the others go on", NEEDS_ADAPTER, async () => {
  await withEngine({ merging: "epilogue" }, async (engine) => {
    const next = unlikeRuns()[0], first = runOf(vanillaCell, { ...next.step.sizes, state_size: 4 });
    const controller = new AbortController(), reason = new Error("Ctrl-C"), text = textOf(200, 250);
    const group = await engine.open([first, first], text, { signal: controller.signal });
    const begun = await withCompiler((compile) => {
      controller.abort(reason);
      return compile();
    }, async () => {
      await assert.rejects(group.replace(1, next), (error) => error === reason);
    });
    assert.equal(begun, 1);
    await assert.rejects(group.read(1), RangeError);
    group.beginPass(0, offsetsOf(first, 0));
    const [losses, none] = await group.advance(2);
    assert.ok(losses.every((loss) => loss > 0));
    assert.equal(none.length, 0);
    assert.ok((await group.read(0)).size > 0);
    await group.close();
  });
});

Deno.test(
  "open() begins all kernels before one is ready where the compiler leaves the thread free, and stops at once",
  NEEDS_ADAPTER,
  async () => {
    // What a browser does: the call returns, and the pipeline comes when no further one has been begun for a while.
    let pending = 0, most = 0, quiet: ReturnType<typeof setTimeout> | undefined;
    const waiting: (() => void)[] = [];
    const inBackground = async (compile: () => ReturnType<Compiler>) => {
      most = Math.max(most, ++pending);
      clearTimeout(quiet);
      quiet = setTimeout(() => waiting.splice(0).forEach((go) => go()), 200);
      await new Promise<void>((resolve) => waiting.push(resolve));
      pending--;
      return await compile();
    };
    const run = unlikeRuns()[0], text = textOf(200, run.step.sizes.vocabulary);
    await withEngine({ merging: "epilogue" }, async (engine) => {
      const begun = await withCompiler(inBackground, async () => {
        const group = await engine.open([run], text);
        group.beginPass(0, offsetsOf(run, 0));
        assert.ok((await group.advance(2))[0].every((loss) => loss > 0));
        await group.close();
      });
      assert.ok(begun > 5);
      assert.equal(most, begun);
    });
    await withEngine({ merging: "epilogue" }, async (engine) => {
      const controller = new AbortController(), reason = new Error("Ctrl-C"), { signal } = controller;
      let ready = 0;
      await withCompiler(async (compile) => {
        setTimeout(() => controller.abort(reason), 100);
        const pipeline = await inBackground(compile);
        ready++;
        return pipeline;
      }, async () => {
        await assert.rejects(engine.open([run], text, { signal }), (error) => error === reason);
        assert.equal(ready, 0);
        await new Promise((resolve) => setTimeout(resolve, 300));
      });
      // What was begun is ready for the next group.
      assert.equal(pending, 0);
      const again = await withCompiler((compile) => compile(), async () => {
        await (await engine.open([run], text)).close();
      });
      assert.equal(again + ready, most);
    });
  },
);

Deno.test(
  "open() says what the compiler says when it refuses a kernel, and compiles no further one",
  NEEDS_ADAPTER,
  async () => {
    for (
      const [faulty, message] of [["fn main() {", /^Cannot compile kernel '.+': [^]*parsing error/], [
        "@compute @workgroup_size(1) fn other() {}",
        /^Cannot compile kernel '.+': .*entry point 'main'/,
      ]] as const
    ) {
      const original = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (this: GPUDevice, descriptor) {
        return original.call(this, { ...descriptor, code: faulty });
      };
      try {
        await withEngine({}, async (engine) => {
          const open = () => engine.open([runOf(vanillaCell)], textOf(100, SMALL.vocabulary));
          const begun = await withCompiler(
            (compile) => compile(),
            async () => void await assert.rejects(open(), { message }),
          );
          assert.equal(begun, 1);
        });
      } finally {
        GPUDevice.prototype.createShaderModule = original;
      }
    }
  },
);

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
    const golden = pathOf("../../../golden/gated_cells.json");
    const certify = [pathOf("../../../../train/certify.ts"), "--engine", "webgpu", "--golden", golden];
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
