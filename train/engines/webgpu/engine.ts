/** The WebGPU engine: a group of runs trains in one schedule; the host only queues steps and reads losses. */
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { adamScalars } from "../../../cells/language_model.ts";
import {
  type Engine,
  EngineFailure,
  type EngineRun,
  initialTensors,
  occupant,
  Pass,
  type TensorMap,
  type TrainingGroup,
} from "../engine.ts";
import { type Device, openDevice } from "./device.ts";
import { BINDINGS, type Kernel, UNIFORM_BYTES } from "./kernel.ts";
import {
  buildSchedule,
  MAX_STEPS_PER_SUBMIT,
  type PlacedRun,
  planRun,
  type Schedule,
  STEP_SCALARS,
} from "./schedule.ts";

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** @returns undefined where no adapter is */
export async function openWebGpuEngine(): Promise<Engine | undefined> {
  const opened = await openDevice();
  if (!opened) return undefined;
  const pipelines = new Pipelines(opened.device);
  const { maxStorageBufferBindingSize, maxBufferSize } = opened.device.limits;
  const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  return {
    name: "webgpu",
    adapter: opened.adapter,
    software: opened.software,
    lanes: (parallel) => ({ groups: 1, runs: parallel }),
    memory: limit,
    footprint: (step) => bytesOf({ step }),
    // A lost device answers no error scope: who waits for one must hear of the loss.
    open: (runs, text) => opened.unlessFailed(WebGpuPlaces.open(opened, pipelines, runs, text, limit)),
    get failed() {
      return opened.failed;
    },
    close: () => Promise.resolve(opened.device.destroy()),
  };
}

/** Compiled kernels by key. All have one layout of bindings, so that one bind group serves every dispatch. */
class Pipelines {
  readonly #compiled = new Map<string, Promise<GPUComputePipeline>>();
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

  get(kernel: Kernel): Promise<GPUComputePipeline> {
    const known = this.#compiled.get(kernel.key) ?? this.#compile(kernel);
    this.#compiled.set(kernel.key, known);
    return known;
  }

  async #compile({ key, source }: Kernel): Promise<GPUComputePipeline> {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ code: source(), label: key });
    const pipeline = this.device.createComputePipeline({
      label: key,
      layout: this.#pipelineLayout,
      compute: { module, entryPoint: "main" },
    });
    const error = await this.device.popErrorScope();
    if (error) throw new Error(`Cannot compile kernel '${key}': ${error.message}`);
    return pipeline;
  }
}

/** Runs that are at one position of their passes, and stay together to their end. */
class WebGpuGroup {
  readonly #device: GPUDevice;
  readonly #buffers: Record<keyof typeof BINDINGS, GPUBuffer>;
  readonly #bindGroup: GPUBindGroup;
  /** Distance of two uniform records, as the adapter wants it. */
  readonly #uniformStride: number;
  readonly #stepsDone: number[];

  static async open(
    opened: Device,
    pipelines: Pipelines,
    runs: readonly EngineRun[],
    text: Uint8Array,
    limit: number,
  ): Promise<WebGpuGroup> {
    const passes = runs.map((run) => new Pass(run, text));
    const schedule = buildSchedule(runs);
    const largest = Math.max(schedule.arenaSize * FLOAT_BYTES, text.length, schedule.tables.byteLength);
    if (largest > limit) {
      throw new EngineFailure(
        "memory",
        `Cannot open a group of ${runs.length} runs: it needs a buffer of ${mebibytes(largest)}, the adapter allows ${
          mebibytes(limit)
        }`,
      );
    }
    const { device } = opened;
    const compiled = await Promise.all(schedule.dispatches.map(({ kernel }) => pipelines.get(kernel)));
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const group = new WebGpuGroup(opened, pipelines.layout, schedule, compiled, passes, text);
    const [noMemory, invalid] = [await device.popErrorScope(), await device.popErrorScope()];
    const error = noMemory ?? invalid;
    if (error) {
      await group.close();
      throw new EngineFailure(
        error === noMemory ? "memory" : "lost",
        `Cannot open a group of ${runs.length} runs, which needs ${mebibytes(largest)}: ${error.message}`,
      );
    }
    return group;
  }

  private constructor(
    private readonly opened: Device,
    layout: GPUBindGroupLayout,
    private readonly schedule: Schedule,
    private readonly pipelines: readonly GPUComputePipeline[],
    private readonly passes: readonly Pass[],
    text: Uint8Array,
  ) {
    const { device } = opened;
    this.#device = device;
    this.#stepsDone = schedule.runs.map(({ run }) => run.stepsDone);
    this.#uniformStride = Math.max(UNIFORM_BYTES, device.limits.minUniformBufferOffsetAlignment);
    const { STORAGE, COPY_DST, COPY_SRC, UNIFORM } = GPUBufferUsage;
    const make = (size: number, usage: number) =>
      device.createBuffer({ size: Math.max(16, Math.ceil(size / 4) * 4), usage });
    this.#buffers = {
      arena: make(schedule.arenaSize * FLOAT_BYTES, STORAGE | COPY_DST | COPY_SRC),
      tables: make(schedule.tables.byteLength, STORAGE | COPY_DST),
      text: make(text.length, STORAGE | COPY_DST),
      step_data: make(schedule.stepDataSize * FLOAT_BYTES, STORAGE | COPY_DST),
      losses: make(schedule.runs.length * MAX_STEPS_PER_SUBMIT * FLOAT_BYTES, STORAGE | COPY_SRC | COPY_DST),
      dispatch: make(schedule.dispatches.length * this.#uniformStride, UNIFORM | COPY_DST),
      step: make(MAX_STEPS_PER_SUBMIT * this.#uniformStride, UNIFORM | COPY_DST),
    };
    this.#bindGroup = device.createBindGroup({
      layout,
      entries: Object.entries(BINDINGS).map(([name, binding]) => {
        const buffer = this.#buffers[name as keyof typeof BINDINGS];
        const uniform = name === "dispatch" || name === "step";
        return { binding, resource: uniform ? { buffer, size: UNIFORM_BYTES } : { buffer } };
      }),
    });
    this.#upload(text);
  }

  #upload(text: Uint8Array): void {
    const { queue, limits } = this.#device;
    const { dispatches, tables, runs } = this.schedule;
    queue.writeBuffer(this.#buffers.tables, 0, tables);
    // A slot that no kernel has written must not read as a loss of zero.
    queue.writeBuffer(this.#buffers.losses, 0, new Float32Array(runs.length * MAX_STEPS_PER_SUBMIT).fill(NaN));
    const padded = new Uint8Array(Math.ceil(text.length / 4) * 4);
    padded.set(text);
    queue.writeBuffer(this.#buffers.text, 0, padded);
    const records = new Uint32Array(dispatches.length * this.#uniformStride / 4);
    dispatches.forEach(({ first, workgroups }, i) => {
      const columns = Math.min(workgroups, limits.maxComputeWorkgroupsPerDimension);
      records.set([first, workgroups, columns], i * this.#uniformStride / 4);
    });
    queue.writeBuffer(this.#buffers.dispatch, 0, records);
    for (const place of runs) {
      for (const [name, values] of initialTensors(place.run)) {
        queue.writeBuffer(this.#buffers.arena, this.#byteOffset(place, name), Float32Array.from(values));
      }
    }
  }

  #byteOffset({ run, memory, base }: PlacedRun, name: string): number {
    const tensor = run.step.graph.inputs.get(name) ?? run.step.graph.outputs.get(name);
    return (base + memory.offsets.get(tensor!)!) * FLOAT_BYTES;
  }

  beginPass(offsets: readonly Uint32Array[], position = 0): void {
    this.passes.forEach((pass, i) => pass.begin(offsets[i], position));
    const encoder = this.#device.createCommandEncoder();
    this.schedule.runs.forEach((place, i) => {
      this.#device.queue.writeBuffer(
        this.#buffers.step_data,
        place.rowOffsets * FLOAT_BYTES,
        Uint32Array.from(offsets[i]),
      );
      for (const { name, shape } of position > 0 ? [] : place.run.step.states) {
        const bytes = sizeOf(shape) * FLOAT_BYTES;
        encoder.clearBuffer(this.#buffers.arena, this.#byteOffset(place, name), bytes);
      }
    });
    this.#device.queue.submit([encoder.finish()]);
  }

  async advance(count: number): Promise<Float64Array[]> {
    const parts: Promise<Float32Array[]>[] = [];
    for (let done = 0; done < count; done += MAX_STEPS_PER_SUBMIT) {
      parts.push(this.#submit(Math.min(MAX_STEPS_PER_SUBMIT, count - done)));
    }
    const losses = await Promise.all(parts);
    return this.schedule.runs.map((_, run) => Float64Array.from(losses.flatMap((part) => Array.from(part[run]))));
  }

  /** Queues some steps; the promise gives each run's losses once the GPU is through with them. */
  #submit(steps: number): Promise<Float32Array[]> {
    const { schedule: { dispatches, runs }, pipelines } = this;
    const { queue } = this.#device;
    const [first] = this.passes.map((pass) => pass.advance(steps));
    this.#writeStepData(first, steps);

    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const offsets = new Uint32Array(2);
    for (let step = 0; step < steps; step++) {
      offsets[1] = step * this.#uniformStride;
      dispatches.forEach(({ workgroups }, i) => {
        const columns = Math.min(workgroups, this.#device.limits.maxComputeWorkgroupsPerDimension);
        offsets[0] = i * this.#uniformStride;
        pass.setPipeline(pipelines[i]);
        pass.setBindGroup(0, this.#bindGroup, offsets, 0, 2);
        pass.dispatchWorkgroups(columns, Math.ceil(workgroups / columns));
      });
    }
    pass.end();
    const bytes = runs.length * MAX_STEPS_PER_SUBMIT * FLOAT_BYTES;
    const staging = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.copyBufferToBuffer(this.#buffers.losses, 0, staging, 0, bytes);
    queue.submit([encoder.finish()]);
    return this.#readBack(staging).then((all) =>
      runs.map((_, i) => all.slice(i * MAX_STEPS_PER_SUBMIT, i * MAX_STEPS_PER_SUBMIT + steps))
    );
  }

  /** @param first position of the first step in the pass */
  #writeStepData(first: number, steps: number): void {
    const { runs, scalars } = this.schedule;
    const values = new Float32Array(steps * runs.length * STEP_SCALARS.length);
    const records = new Uint32Array(steps * this.#uniformStride / 4);
    let at = 0;
    for (let step = 0; step < steps; step++) {
      records.set([first + step, step], step * this.#uniformStride / 4);
      runs.forEach(({ run }, i) => {
        const byName = adamScalars(++this.#stepsDone[i], run.learningRate);
        for (const name of STEP_SCALARS) values[at++] = byName[name];
      });
    }
    this.#device.queue.writeBuffer(this.#buffers.step_data, scalars * FLOAT_BYTES, values);
    this.#device.queue.writeBuffer(this.#buffers.step, 0, records);
  }

  async read(run: number): Promise<TensorMap> {
    const place = this.schedule.runs[run];
    const { graph } = place.run.step;
    const bytes = place.memory.persistent * FLOAT_BYTES;
    const staging = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#buffers.arena, place.base * FLOAT_BYTES, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    const floats = await this.#readBack(staging);
    const names = [
      ...initialTensors(place.run).keys(),
      ...[...graph.outputs.keys()].filter((name) => !graph.inputs.has(name)),
    ];
    return new Map(names.map((name) => {
      const { shape } = (graph.inputs.get(name) ?? graph.outputs.get(name))!;
      const first = this.#byteOffset(place, name) / FLOAT_BYTES - place.base;
      return [name, floats.slice(first, first + sizeOf(shape))];
    }));
  }

  /** The floats of a buffer once the GPU has written them; an error if the device fails before. */
  async #readBack(staging: GPUBuffer): Promise<Float32Array<ArrayBuffer>> {
    await this.opened.unlessFailed(staging.mapAsync(GPUMapMode.READ));
    const values = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return values;
  }

  close(): Promise<void> {
    for (const buffer of Object.values(this.#buffers)) buffer.destroy();
    return Promise.resolve();
  }
}

/** A group of runs that come and go: each is a group of one, since that shares one position in the text. */
class WebGpuPlaces implements TrainingGroup {
  private constructor(
    private readonly places: (WebGpuGroup | undefined)[],
    private readonly openOne: (run: EngineRun) => Promise<WebGpuGroup>,
    private readonly fits: (bytes: number) => boolean,
    private readonly bytes: number[],
  ) {}

  static async open(
    opened: Device,
    pipelines: Pipelines,
    runs: readonly EngineRun[],
    text: Uint8Array,
    limit: number,
  ): Promise<WebGpuPlaces> {
    const bytes = runs.map(bytesOf);
    const total = bytes.reduce((a, b) => a + b, 0);
    if (total > limit) {
      throw new EngineFailure(
        "memory",
        `Cannot open a group of ${runs.length} runs: it needs a buffer of ${mebibytes(total)}, the adapter allows ${
          mebibytes(limit)
        }`,
      );
    }
    const openOne = (run: EngineRun) => opened.unlessFailed(WebGpuGroup.open(opened, pipelines, [run], text, limit));
    const places: WebGpuGroup[] = [];
    try {
      for (const run of runs) places.push(await openOne(run));
    } catch (error) {
      for (const place of places) await place.close();
      throw error;
    }
    return new WebGpuPlaces(places, openOne, (bytes) => bytes <= limit, bytes);
  }

  beginPass(run: number, offsets: Uint32Array, position = 0): void {
    occupant(this.places, run).beginPass([offsets], position);
  }

  async advance(count: number): Promise<Float64Array[]> {
    const losses = await Promise.all(this.places.map((place) => place?.advance(count)));
    return losses.map((own) => own?.[0] ?? new Float64Array());
  }

  // deno-lint-ignore require-await -- an empty place is to reject
  async read(run: number): Promise<TensorMap> {
    return occupant(this.places, run).read(0);
  }

  async replace(run: number, next?: EngineRun): Promise<boolean> {
    const left = this.places[run];
    this.places[run] = undefined;
    this.bytes[run] = 0;
    await left?.close();
    if (!next) return true;
    const needed = bytesOf(next);
    if (!this.fits(needed + this.bytes.reduce((a, b) => a + b, 0))) return false;
    this.places[run] = await this.openOne(next);
    this.bytes[run] = needed;
    return true;
  }

  async close(): Promise<void> {
    for (const place of this.places) await place?.close();
  }
}

function bytesOf(run: Pick<EngineRun, "step">): number {
  return planRun(run).memory.size * FLOAT_BYTES;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
