/** Compiled kernels. All have one layout of bindings, so that one bind group serves every dispatch. */
import { BINDINGS, INVOCATIONS, type Kernel, kernelKey, shader, UNIFORM_BYTES } from "../kernels/kernel.ts";
import type { OpenOptions } from "../../engine.ts";
import { type GroupSizes, type Layout, MAX_TOKENS_PER_SUBMIT, stepsPerSubmit } from "../kernels/schedule.ts";

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

  /**
   * Compiles what {@linkcode sourcesOf} lists and is not compiled yet.
   *
   * A browser compiles all at once, in the background. Deno 2.9.6 compiles within the call of `createComputePipelineAsync`, and its promise
   * comes without a turn of the event loop: signals and timers (heartbeats) get theirs between two kernels.
   *
   * @throws the signal's reason once it comes: kernels that are under way then are compiled for whoever asks next, no further one is begun
   */
  async prepare(kernels: readonly Kernel[], { onPreparing, signal }: PrepareOptions = {}): Promise<void> {
    const missing = sourcesOf(kernels).filter(({ key }) => !this.#compiled.has(key));
    const begun = performance.now(), underWay: Promise<void>[] = [];
    let done = 0, hasFailed = false;
    const compile = async (source: Source) => {
      this.#compiled.set(source.key, await this.compile(source));
      done++;
      if (performance.now() - begun > NOTICED) onPreparing?.(done, missing.length);
    };
    for (const source of missing) {
      signal?.throwIfAborted();
      const compiling = compile(source);
      // Whoever waits for all hears of it.
      compiling.catch(() => hasFailed = true);
      underWay.push(compiling);
      await new Promise((resolve) => setTimeout(resolve));
      if (hasFailed) break;
    }
    await unlessAborted(Promise.all(underWay), signal);
  }

  /** A kernel that has been compiled; the mean loss where none is named. */
  get(kernel?: Kernel): GPUComputePipeline {
    const key = kernel ? kernelKey(kernel) : MEAN_LOSS.key;
    const pipeline = this.#compiled.get(key);
    if (!pipeline) throw new Error(`Cannot launch kernel '${key}': it has not been compiled`);
    return pipeline;
  }

  /** Compiles a kernel for the bindings that all have. @throws {Error} with what the compiler says, if it refuses it */
  async compile({ key, code }: Source): Promise<GPUComputePipeline> {
    const label = key.slice(0, 200);
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ code: code(), label });
    // Before anything is awaited: a scope that somebody else opens meanwhile is not ours.
    const refused = this.device.popErrorScope();
    const made = this.device.createComputePipelineAsync({
      label,
      layout: this.#pipelineLayout,
      compute: { module, entryPoint: "main" },
    });
    const [scope, pipeline] = await Promise.allSettled([refused, made]);
    if (pipeline.status === "fulfilled") return pipeline.value;
    // The module's error says where in the code; the pipeline's, only that the module is none.
    const { message } = scope.status === "fulfilled" && scope.value || pipeline.reason;
    throw new Error(`Cannot compile kernel '${label}': ${message}`);
  }
}

/** What {@linkcode Pipelines.prepare} takes beside kernels; all of it may be absent. */
export type PrepareOptions = Pick<OpenOptions, "onPreparing" | "signal">;

/** A kernel's name, and what makes its source. */
export interface Source {
  readonly key: string;
  readonly code: () => string;
}

/** All that a group compiles: its kernels, and the one that makes a step's loss out of those of its rows. */
export function sourcesOf(kernels: readonly Kernel[]): Source[] {
  return [MEAN_LOSS, ...kernels.map((kernel) => ({ key: kernelKey(kernel), code: () => shader(kernel) }))];
}

/** Waits for something; rejects with the signal's reason if that comes before. */
async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await result;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop);
  try {
    return await Promise.race([promise, result]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Workgroups of {@linkcode MEAN_LOSS}, one for each slot and step; and the record that it reads. Of slots whose runs go another number of steps
 * back it gives numbers without a meaning.
 */
export function meanLossDispatch({ slots, batch }: GroupSizes, bptt: number, layout: Layout, mostInRow: number) {
  const workgroups = slots * stepsPerSubmit(bptt), columns = Math.min(workgroups, mostInRow);
  return { workgroups, columns, record: [bptt * batch, workgroups, columns, layout.means(0)] };
}

// In the dispatch's record: rows of a step, workgroups, workgroups in a row of the dispatch, where means go. A slot has room for the losses
// of all rows in all tokens of a submit, and for as many means.
const MEAN_LOSS: Source = {
  key: "mean_loss",
  code: () => `
@group(0) @binding(${BINDINGS.losses}) var<storage, read_write> losses: array<f32>;
@group(0) @binding(${BINDINGS.dispatch}) var<uniform> dispatch: vec4<u32>;
var<workgroup> partial: array<f32, ${INVOCATIONS}>;
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = workgroup.y * dispatch.z + workgroup.x;
  if (number >= dispatch.y) { return; }
  let slots = (arrayLength(&losses) - dispatch.w) / ${MAX_TOKENS_PER_SUBMIT}u;
  let steps = dispatch.y / slots;
  let slot = number / steps;
  let step = number % steps;
  let first = slot * (dispatch.w / slots) + step * dispatch.x;
  var total = 0.0;
  for (var row = local; row < dispatch.x; row += ${INVOCATIONS}u) { total += losses[first + row]; }
  partial[local] = total;
  workgroupBarrier();
  for (var half = ${INVOCATIONS / 2}u; half > 0u; half /= 2u) {
    if (local < half) { partial[local] += partial[local + half]; }
    workgroupBarrier();
  }
  if (local == 0u) { losses[dispatch.w + slot * ${MAX_TOKENS_PER_SUBMIT}u + step] = partial[0] / f32(dispatch.x); }
}
`,
};
