/** The memory of a group's runs: one buffer, in which each has a stretch of its own. */
import { sizeOf } from "../../../../cells/graph/tensor.ts";
import { EngineFailure, initialTensors } from "../../engine.ts";
import { checked, FLOAT_BYTES, makeArena, type Tools } from "./buffers.ts";
import type { GroupRun } from "./group_run.ts";

export class Arena {
  readonly #device: GPUDevice;
  #buffer: GPUBuffer;
  /** States that are to be zero when the next step is queued. */
  #toClear: { readonly run: GroupRun; readonly offset: number; readonly size: number }[] = [];

  /** @param size floats of the buffer */
  constructor(private readonly tools: Tools, private size: number) {
    this.#device = tools.opened.device;
    this.#buffer = makeArena(this.#device, size);
  }

  /** Another one once the runs have been moved. */
  get buffer(): GPUBuffer {
    return this.#buffer;
  }

  destroy(): void {
    this.#buffer.destroy();
  }

  /** A command encoder whose first commands bring about what was asked for before. */
  encoder(): GPUCommandEncoder {
    const encoder = this.#device.createCommandEncoder();
    for (const { run: { base }, offset, size } of this.#toClear) {
      encoder.clearBuffer(this.#buffer, base * FLOAT_BYTES + offset, size);
    }
    this.#toClear = [];
    return encoder;
  }

  /** Sets a run's states to zero before the next step. */
  clearStates(run: GroupRun): void {
    const { run: { step }, plan: { graph, memory } } = run;
    for (const { name, shape } of step.states) {
      const offset = memory.offsets.get(graph.inputs.get(name)!)! * FLOAT_BYTES;
      this.#toClear.push({ run, offset, size: sizeOf(shape) * FLOAT_BYTES });
    }
  }

  /** Drops what was asked for on behalf of a run that has left. */
  forget(run: GroupRun): void {
    this.#toClear = this.#toClear.filter((one) => one.run !== run);
  }

  /** Writes what a run starts with. Its memory must be zero: what is not given is not written. */
  upload({ run, plan, base }: GroupRun): void {
    const { queue } = this.#device;
    for (const [name, values] of initialTensors(run)) {
      const at = plan.memory.offsets.get(plan.graph.inputs.get(name)!);
      // What comes with each step has no location in the arena.
      if (at === undefined || !run.tensors.has(name)) continue;
      const floats = values instanceof Float32Array ? values : Float32Array.from(values);
      queue.writeBuffer(this.#buffer, (base + at) * FLOAT_BYTES, floats as Float32Array<ArrayBuffer>);
    }
    // What is to be written stays in the host's memory until something is submitted.
    queue.submit([]);
  }

  /** Clears the memory of a run that joins, which another may have left, and writes what it starts with. */
  admit(run: GroupRun): void {
    const encoder = this.encoder();
    encoder.clearBuffer(this.#buffer, run.base * FLOAT_BYTES, run.plan.memory.size * FLOAT_BYTES);
    this.#device.queue.submit([encoder.finish()]);
    this.upload(run);
  }

  /**
   * Where a further run may lie among those that are there, which move to a larger buffer if they must.
   *
   * @param size floats that it takes
   * @returns its first float; undefined if the device has not the memory
   */
  async findRoom(size: number, runs: readonly GroupRun[]): Promise<number | undefined> {
    return this.#gap(size, runs) ?? await this.#grow(size, runs);
  }

  /** The first gap between the runs that is large enough. */
  #gap(size: number, runs: readonly GroupRun[]): number | undefined {
    let end = 0;
    for (const { base, plan } of runs.toSorted((a, b) => a.base - b.base)) {
      if (base - end >= size) return end;
      end = base + plan.memory.size;
    }
    return this.size - end >= size ? end : undefined;
  }

  /** Moves all runs to a larger buffer, one after the other, and returns where a further one may lie; undefined if that is too much. */
  async #grow(size: number, runs: readonly GroupRun[]): Promise<number | undefined> {
    const end = runs.reduce((total, { plan }) => total + plan.memory.size, 0);
    const floats = Math.max(this.size, end + size);
    if (floats * FLOAT_BYTES > this.tools.memory) return undefined;
    let larger: GPUBuffer;
    try {
      const make = () => makeArena(this.#device, floats);
      larger = await this.tools.opened.unlessFailed(
        checked(this.tools, "Cannot move a group", make, (buffer) => buffer.destroy()),
      );
    } catch (error) {
      // For a moment there are two: what does not fit beside the others waits for the next group.
      if (error instanceof EngineFailure && error.kind === "memory") return undefined;
      throw error;
    }
    const encoder = this.encoder();
    let base = 0;
    for (const run of runs) {
      const { persistent, size } = run.plan.memory;
      encoder.copyBufferToBuffer(
        this.#buffer,
        run.base * FLOAT_BYTES,
        larger,
        base * FLOAT_BYTES,
        persistent * FLOAT_BYTES,
      );
      run.base = base;
      base += size;
    }
    this.#device.queue.submit([encoder.finish()]);
    this.#buffer.destroy();
    this.#buffer = larger;
    this.size = floats;
    return end;
  }
}
