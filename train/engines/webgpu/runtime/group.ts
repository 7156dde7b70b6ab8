/** A group of runs on the GPU: their memory, their schedule, and the queueing of steps. */
import { sizeOf } from "../../../../cells/graph/tensor.ts";
import { adamScalars, INPUTS } from "../../../../cells/language_model.ts";
import type { Tokens } from "../../../corpus/tokens/tokenizer.ts";
import {
  EngineFailure,
  type EngineRun,
  initialTensors,
  mebibytes,
  Pass,
  runInSlot,
  type TensorMap,
  type TrainingGroup,
} from "../../engine.ts";
import { type Buffers, checked, destroyBuffers, FLOAT_BYTES, makeArena, makeBuffers, type Tools } from "./buffers.ts";
import { RECORD } from "../kernels/kernel.ts";
import { Program } from "./program.ts";
import { Readback } from "./readback.ts";
import { openTextReader, type TextReader } from "./text_reader.ts";
import {
  type GroupSizes,
  type Layout,
  layoutOf,
  MAX_STEPS_PER_SUBMIT,
  type PlacedRun,
  planRun,
  type Schedule,
} from "../plan/schedule.ts";

/** A run at its place. */
interface Occupant extends PlacedRun {
  base: number;
  readonly run: EngineRun;
  readonly pass: Pass;
  stepsDone: number;
  /** Whether the last step's loss, which the GPU keeps, is this run's. */
  hasLoss: boolean;
}

export class WebGpuGroup implements TrainingGroup {
  readonly #device: GPUDevice;
  readonly #layout: Layout;
  /** States that are to be zero when the next step is queued. */
  #toClear: { place: number; offset: number; size: number }[] = [];
  #stepsOfLastSubmit = 0;
  /** Set before anybody has the group. */
  #program!: Program;
  /** Whether runs have come or gone since the program was built. */
  #isStale = false;
  /** Floats of the arena. */
  #arenaSize: number;
  #buffers: Buffers;
  readonly #readback: Readback;
  /** Time that the host took to queue steps, without what it waited for the GPU. */
  hostMilliseconds = 0;
  /** Steps that were queued in it. */
  stepsQueued = 0;

  static async open(tools: Tools, runs: readonly EngineRun[], text: Tokens): Promise<WebGpuGroup> {
    const [{ step: { sizes: { batch } } }] = runs;
    if (runs.some(({ step }) => step.sizes.batch !== batch)) {
      const came = [...new Set(runs.map(({ step }) => step.sizes.batch))].join(", ");
      throw new RangeError(`Cannot open a group: its runs have batches of ${came} rows, must be one number`);
    }
    let base = 0;
    const places = runs.map((run, number): Occupant => {
      const occupant = occupy(run, number, base, text);
      base += occupant.plan.memory.size;
      return occupant;
    });
    const needed = base * FLOAT_BYTES;
    const what = `Cannot open a group of ${runs.length} runs`;
    if (needed > tools.memory) {
      throw new EngineFailure(
        "memory",
        `${what}: it needs a buffer of ${mebibytes(needed)}, the adapter allows ${mebibytes(tools.memory)}`,
      );
    }
    const sizes = { places: runs.length, batch, tokenBytes: text.BYTES_PER_ELEMENT };
    const reader = await openTextReader(tools, text, sizes);
    const make = () => new WebGpuGroup(tools, places, sizes, text, reader, base);
    const group = await checked(
      tools,
      `${what}, which needs ${mebibytes(needed)}`,
      make,
      (group) => destroyBuffers(group.#buffers),
    ).catch((error) => {
      reader.close();
      throw error;
    });
    try {
      group.#program = await Program.build(tools, places, group.sizes, group.#buffers);
      for (const place of places) group.#upload(place);
    } catch (error) {
      await group.close();
      throw error;
    }
    return group;
  }

  private constructor(
    private readonly tools: Tools,
    private readonly places: (Occupant | undefined)[],
    private readonly sizes: GroupSizes,
    private readonly text: Tokens,
    private readonly reader: TextReader,
    arenaSize: number,
  ) {
    const { device } = tools.opened;
    this.#device = device;
    this.#layout = layoutOf(sizes);
    this.#readback = new Readback(tools.opened);
    this.#arenaSize = arenaSize;
    this.#buffers = makeBuffers(tools, sizes, arenaSize, reader.buffer);
  }

  /** What the group does in a step. */
  get schedule(): Schedule {
    return this.#program.schedule;
  }

  /** Whether {@linkcode profileStep} can tell the time. */
  get hasClock(): boolean {
    return this.#device.features.has("timestamp-query");
  }

  /** Writes what a run starts with. Its memory must be zero: what is not given is not written. */
  #upload({ run, plan, base }: Occupant): void {
    const { queue } = this.#device;
    for (const [name, values] of initialTensors(run)) {
      const at = plan.memory.offsets.get(plan.graph.inputs.get(name)!);
      // What comes with each step has no place to lie in.
      if (at === undefined || !run.tensors.has(name)) continue;
      const floats = values instanceof Float32Array ? values : Float32Array.from(values);
      queue.writeBuffer(this.#buffers.arena, (base + at) * FLOAT_BYTES, floats as Float32Array<ArrayBuffer>);
    }
    // What is to be written stays in the host's memory until something is submitted.
    queue.submit([]);
  }

  beginPass(run: number, offsets: Uint32Array, position = 0): void {
    const { run: { step }, plan, number, base, pass } = runInSlot(this.places, run);
    pass.begin(offsets, position);
    const rows = this.#layout.rows(number) * FLOAT_BYTES;
    this.#device.queue.writeBuffer(this.#buffers.step_data, rows, this.reader.beginPass(number, offsets));
    for (const { name, shape } of position > 0 ? [] : step.states) {
      const at = plan.memory.offsets.get(plan.graph.inputs.get(name)!)!;
      this.#toClear.push({ place: number, offset: (base + at) * FLOAT_BYTES, size: sizeOf(shape) * FLOAT_BYTES });
    }
  }

  /** A command encoder whose first commands bring about what was asked for before. */
  #encoder(): GPUCommandEncoder {
    const encoder = this.#device.createCommandEncoder();
    for (const { offset, size } of this.#toClear) encoder.clearBuffer(this.#buffers.arena, offset, size);
    this.#toClear = [];
    return encoder;
  }

  async advance(count: number): Promise<Float64Array[]> {
    const present = this.places.map((place) => place !== undefined);
    if (!present.includes(true)) return present.map(() => new Float64Array());
    if (this.#isStale) {
      this.#program.destroy();
      this.#program = Program.rebuild(this.tools, this.#present, this.sizes, this.#buffers);
      this.#isStale = false;
    }
    const means = await this.#queue(count);
    return present.map((isThere, number) =>
      new Float64Array(isThere ? count : 0).map((_, step) => {
        const submit = Math.floor(step / MAX_STEPS_PER_SUBMIT);
        return means[(submit * this.sizes.places + number) * MAX_STEPS_PER_SUBMIT + step % MAX_STEPS_PER_SUBMIT];
      })
    );
  }

  /** Queues some steps; the promise gives the losses, by submit, place and step, once the GPU is through with them. */
  #queue(count: number): Promise<Float32Array> {
    const begun = performance.now();
    const submits = Math.ceil(count / MAX_STEPS_PER_SUBMIT);
    const bytes = this.sizes.places * MAX_STEPS_PER_SUBMIT * FLOAT_BYTES;
    const staging = this.#staging(submits * bytes);
    // What is to follow steps that still run is recorded before their losses are waited for.
    let waited = 0;
    for (let submit = 0; submit < submits; submit++) {
      const steps = Math.min(MAX_STEPS_PER_SUBMIT, count - submit * MAX_STEPS_PER_SUBMIT);
      const records = this.#records(steps);
      const commands = this.#encode(steps, staging, submit * bytes);
      if (submit === 0) waited = this.#readback.map(false);
      this.#device.queue.writeBuffer(this.#buffers.step_data, this.#layout.records(0) * FLOAT_BYTES, records);
      this.#device.queue.submit([commands]);
      this.#readback.submitted(steps);
    }
    this.hostMilliseconds += performance.now() - begun - waited;
    this.stepsQueued += count;
    return this.#readback.later(staging, (content) => new Float32Array(content.slice(0)));
  }

  ready(): Promise<void> {
    return this.#readback.nearlyDone();
  }

  #encode(steps: number, staging: GPUBuffer, stagingOffset: number): GPUCommandBuffer {
    const encoder = this.#encoder();
    const pass = encoder.beginComputePass();
    for (let step = 0; step < steps; step++) this.#program.recordStep(pass, step);
    this.#program.recordMeanLoss(pass);
    pass.end();
    this.#stepsOfLastSubmit = steps;
    const bytes = this.sizes.places * MAX_STEPS_PER_SUBMIT * FLOAT_BYTES;
    encoder.copyBufferToBuffer(
      this.#buffers.losses,
      this.#layout.means(0) * FLOAT_BYTES,
      staging,
      stagingOffset,
      bytes,
    );
    return encoder.finish();
  }

  /** What differs from step to step: positions in the text, which is brought, and Adam's scalars. */
  #records(steps: number): Uint32Array<ArrayBuffer> {
    const floats = new Float32Array(steps * this.sizes.places * RECORD.size), words = new Uint32Array(floats.buffer);
    // Most runs of a group are at one step.
    const scalars = new Map<string, Record<string, number>>();
    for (const place of this.places) {
      if (!place) continue;
      const first = this.reader.bring(place.number, place.pass.advance(steps), steps);
      const { learningRate } = place.run;
      for (let step = 0; step < steps; step++) {
        const key = `${++place.stepsDone} ${learningRate}`;
        const values = scalars.get(key) ?? adamScalars(place.stepsDone, learningRate);
        scalars.set(key, values);
        const at = (step * this.sizes.places + place.number) * RECORD.size;
        floats[at + RECORD.step_size] = values[INPUTS.step_size];
        floats[at + RECORD.epsilon] = values[INPUTS.epsilon];
        words[at + RECORD.position] = first + step;
      }
      place.hasLoss = true;
    }
    return words;
  }

  /**
   * Does one step with a pass of its own for each dispatch, between two timestamps.
   *
   * @returns nanoseconds of each dispatch of {@linkcode schedule}
   * @throws {TypeError} if the device measures no time
   */
  async profileStep(): Promise<number[]> {
    if (!this.hasClock) throw new TypeError("Cannot profile a step: the device has no timestamps");
    this.#device.queue.writeBuffer(this.#buffers.step_data, this.#layout.records(0) * FLOAT_BYTES, this.#records(1));
    const { schedule: { dispatches } } = this.#program;
    const querySet = this.#device.createQuerySet({ type: "timestamp", count: 2 * dispatches.length });
    const encoder = this.#encoder();
    dispatches.forEach((_, i) => {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
      });
      this.#program.recordDispatch(pass, i);
      pass.end();
    });
    const bytes = 2 * dispatches.length * BigUint64Array.BYTES_PER_ELEMENT;
    const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsage;
    const buffer = this.#device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
    encoder.resolveQuerySet(querySet, 0, 2 * dispatches.length, buffer, 0);
    const parts = [{ buffer, offset: 0, bytes }];
    const times = await this.#read(encoder, parts, (content) => new BigUint64Array(content.slice(0)));
    buffer.destroy();
    querySet.destroy();
    return dispatches.map((_, i) => Number(times[2 * i + 1] - times[2 * i]));
  }

  async read(run: number): Promise<TensorMap> {
    const { run: { step }, plan: { graph, memory }, base, number, hasLoss } = runInSlot(this.places, run);
    const lastLoss = this.#layout.means(number) + Math.max(0, this.#stepsOfLastSubmit - 1);
    const parts = [
      { buffer: this.#buffers.arena, offset: base * FLOAT_BYTES, bytes: memory.persistent * FLOAT_BYTES },
      { buffer: this.#buffers.losses, offset: lastLoss * FLOAT_BYTES, bytes: FLOAT_BYTES },
    ];
    return await this.#read(this.#encoder(), parts, (content) => {
      const floats = new Float32Array(content);
      const tensors: TensorMap = new Map();
      for (const name of [...step.graph.inputs.keys(), ...step.graph.outputs.keys()]) {
        const tensor = graph.inputs.get(name) ?? graph.outputs.get(name)!;
        const first = memory.offsets.get(tensor);
        if (first !== undefined) tensors.set(name, floats.slice(first, first + sizeOf(tensor.shape)));
      }
      tensors.set("loss", Float32Array.of(hasLoss ? floats.at(-1)! : NaN));
      return tensors;
    });
  }

  async replace(run: number, next?: EngineRun): Promise<boolean> {
    this.places[run] = undefined;
    this.#toClear = this.#toClear.filter(({ place }) => place !== run);
    // The schedule still has the run that left: it is made anew before the next steps.
    this.#isStale = true;
    if (!next) return true;
    const { size } = planRun(next.step).memory;
    const isAlike = next.step.sizes.batch === this.sizes.batch;
    const base = isAlike ? this.#findRoom(size) ?? await this.#makeRoom(size) : undefined;
    if (base === undefined) return false;
    const joined = occupy(next, run, base, this.text);
    this.places[run] = joined;
    // The schedule of all is made when the next steps are queued, once for all that join; by then its kernels are compiled.
    await this.tools.opened.unlessFailed(Program.prepare(this.tools, joined, this.sizes));
    const encoder = this.#encoder();
    encoder.clearBuffer(this.#buffers.arena, base * FLOAT_BYTES, size * FLOAT_BYTES);
    this.#device.queue.submit([encoder.finish()]);
    this.#upload(joined);
    return true;
  }

  get #present(): Occupant[] {
    return this.places.filter((place) => place !== undefined);
  }

  /** The first gap between the runs that is large enough, in floats. */
  #findRoom(size: number): number | undefined {
    let end = 0;
    for (const { base, plan } of this.#present.sort((a, b) => a.base - b.base)) {
      if (base - end >= size) return end;
      end = base + plan.memory.size;
    }
    return this.#arenaSize - end >= size ? end : undefined;
  }

  /** Moves all runs to a larger arena, one after the other, and returns where a further one may lie; undefined if that is too much. */
  async #makeRoom(size: number): Promise<number | undefined> {
    const end = this.#present.reduce((total, { plan }) => total + plan.memory.size, 0);
    const floats = Math.max(this.#arenaSize, end + size);
    if (floats * FLOAT_BYTES > this.tools.memory) return undefined;
    let arena: GPUBuffer;
    try {
      const make = () => makeArena(this.#device, floats);
      arena = await this.tools.opened.unlessFailed(
        checked(this.tools, "Cannot move a group", make, (arena) => arena.destroy()),
      );
    } catch (error) {
      // For a moment there are two: what does not fit beside the others waits for the next group.
      if (error instanceof EngineFailure && error.kind === "memory") return undefined;
      throw error;
    }
    const encoder = this.#encoder();
    let base = 0;
    for (const place of this.#present) {
      const { persistent, size } = place.plan.memory;
      const bytes = persistent * FLOAT_BYTES;
      encoder.copyBufferToBuffer(this.#buffers.arena, place.base * FLOAT_BYTES, arena, base * FLOAT_BYTES, bytes);
      place.base = base;
      base += size;
    }
    this.#device.queue.submit([encoder.finish()]);
    this.#buffers.arena.destroy();
    this.#buffers = { ...this.#buffers, arena };
    this.#arenaSize = floats;
    return end;
  }

  /** What `take` makes of some parts of buffers, one after the other, as they are behind the commands that were queued. */
  async #read<T>(
    encoder: GPUCommandEncoder,
    parts: readonly { buffer: GPUBuffer; offset: number; bytes: number }[],
    take: (content: ArrayBuffer) => T,
  ): Promise<T> {
    const staging = this.#staging(parts.reduce((total, { bytes }) => total + bytes, 0));
    let at = 0;
    for (const { buffer, offset, bytes } of parts) {
      encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
      at += bytes;
    }
    const { isIdle } = this.#readback;
    this.#device.queue.submit([encoder.finish()]);
    const taken = this.#readback.later(staging, take);
    // Where no steps are under way there is nothing to wait for.
    if (isIdle) this.#readback.map();
    return await taken;
  }

  #staging(size: number): GPUBuffer {
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    return this.#device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  }

  close(): Promise<void> {
    this.#readback.map();
    destroyBuffers(this.#buffers);
    this.reader.close();
    this.#program?.destroy();
    return Promise.resolve();
  }
}

function occupy(run: EngineRun, number: number, base: number, text: Tokens): Occupant {
  return {
    run,
    plan: planRun(run.step),
    number,
    base,
    pass: new Pass(run, text),
    stepsDone: run.stepsDone,
    hasLoss: false,
  };
}
