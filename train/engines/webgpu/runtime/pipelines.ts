/** Compiled kernels. All have one layout of bindings, so that one bind group serves every dispatch. */
import { BINDINGS, INVOCATIONS, type Kernel, kernelKey, shader, UNIFORM_BYTES } from "../kernels/kernel.ts";
import type { OnPreparing } from "../../engine.ts";
import type { GroupSizes, Layout } from "../kernels/schedule.ts";
import { MAX_STEPS_PER_SUBMIT } from "../kernels/schedule.ts";

/** Milliseconds of compiling after which it is worth a word. */
const NOTICED = 1000;

export class Pipelines {
  readonly #compiled = new Map<string, GPUComputePipeline>();
  readonly layout: GPUBindGroupLayout;
  readonly #pipelineLayout: GPUPipelineLayout;

  constructor(private readonly device: GPUDevice) {
    const dynamic = { type: "uniform", hasDynamicOffset: true, minBindingSize: UNIFORM_BYTES } as const;
    const types: Record<keyof typeof BINDINGS, GPUBufferBindingLayout> = {
      arena: { type: "storage" },
      tables: { type: "read-only-storage" },
      text: { type: "read-only-storage" },
      step_data: { type: "read-only-storage" },
      losses: { type: "storage" },
      dispatch: dynamic,
      step: dynamic,
    };
    this.layout = device.createBindGroupLayout({
      entries: Object.entries(types).map(([name, buffer]) => (
        { binding: BINDINGS[name as keyof typeof BINDINGS], visibility: GPUShaderStage.COMPUTE, buffer }
      )),
    });
    this.#pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [this.layout] });
  }

  /** Compiles what is not compiled yet of some kernels, and of the one that makes a step's loss out of those of its rows. */
  async prepare(kernels: readonly Kernel[], onPreparing?: OnPreparing): Promise<void> {
    const sources = kernels.map((kernel) => ({ key: kernelKey(kernel), source: () => shader(kernel) }));
    const missing = [MEAN_LOSS, ...sources].filter(({ key }) => !this.#compiled.has(key));
    const begun = performance.now();
    for (const [i, source] of missing.entries()) {
      this.#compiled.set(source.key, await this.#compile(source));
      if (performance.now() - begun > NOTICED) onPreparing?.(i + 1, missing.length);
      // The compiler holds this thread: timers (heartbeats) must get their turn in between.
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** A kernel that has been compiled; the mean loss where none is named. */
  get(kernel?: Kernel): GPUComputePipeline {
    const key = kernel ? kernelKey(kernel) : MEAN_LOSS.key;
    const pipeline = this.#compiled.get(key);
    if (!pipeline) throw new Error(`Cannot launch kernel '${key}': it has not been compiled`);
    return pipeline;
  }

  async #compile({ key, source }: Source): Promise<GPUComputePipeline> {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ code: source(), label: key.slice(0, 200) });
    const pipeline = this.device.createComputePipeline({
      label: key.slice(0, 200),
      layout: this.#pipelineLayout,
      compute: { module, entryPoint: "main" },
    });
    const error = await this.device.popErrorScope();
    if (error) throw new Error(`Cannot compile kernel '${key.slice(0, 200)}': ${error.message}`);
    return pipeline;
  }
}

interface Source {
  readonly key: string;
  readonly source: () => string;
}

/** Workgroups of {@linkcode MEAN_LOSS}, one for each slot and step; and the record that it reads. */
export function meanLossDispatch({ slots, batch }: GroupSizes, layout: Layout, mostInRow: number) {
  const workgroups = slots * MAX_STEPS_PER_SUBMIT, columns = Math.min(workgroups, mostInRow);
  return { workgroups, columns, record: [batch, workgroups, columns, layout.means(0)] };
}

// In the dispatch's record: rows of a batch, workgroups, workgroups in a row of the dispatch, where means go.
const MEAN_LOSS: Source = {
  key: "mean_loss",
  source: () => `
@group(0) @binding(${BINDINGS.losses}) var<storage, read_write> losses: array<f32>;
@group(0) @binding(${BINDINGS.dispatch}) var<uniform> dispatch: vec4<u32>;
var<workgroup> partial: array<f32, ${INVOCATIONS}>;
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = workgroup.y * dispatch.z + workgroup.x;
  if (number >= dispatch.y) { return; }
  var total = 0.0;
  for (var row = local; row < dispatch.x; row += ${INVOCATIONS}u) { total += losses[number * dispatch.x + row]; }
  partial[local] = total;
  workgroupBarrier();
  for (var half = ${INVOCATIONS / 2}u; half > 0u; half /= 2u) {
    if (local < half) { partial[local] += partial[local + half]; }
    workgroupBarrier();
  }
  if (local == 0u) { losses[dispatch.w + number] = partial[0] / f32(dispatch.x); }
}
`,
};
