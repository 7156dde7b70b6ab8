/**
 * A schedule as the GPU carries it out: compiled kernels, tables, and the recording of a step's dispatches. Runs that go as many steps back share
 * one: their steps are as long.
 */
import { BUFFER_NAMES, checked, type CurrentBuffers, makeBuffer, type Tools, uniformStride } from "./buffers.ts";
import { BINDINGS, UNIFORM_BYTES } from "../kernels/kernel.ts";
import { meanLossDispatch } from "./pipelines.ts";
import {
  buildSchedule,
  type GroupSizes,
  kernelsOf,
  layoutOf,
  type LocatedRun,
  type Schedule,
} from "../kernels/schedule.ts";

/** A dispatch as it is recorded: all that need not be looked up at each step. */
interface Recorded {
  readonly pipeline: GPUComputePipeline;
  readonly columns: number;
  readonly rows: number;
  /** Offset of its uniform record. */
  readonly offset: number;
}

export class Program {
  private constructor(
    readonly schedule: Schedule,
    /** Steps back of all its runs. */
    readonly bptt: number,
    private readonly recorded: readonly Recorded[],
    private readonly meanLoss: Recorded,
    private readonly own: { readonly tables: GPUBuffer; readonly dispatch: GPUBuffer },
    private readonly bindGroup: GPUBindGroup,
    private readonly stride: number,
  ) {}

  /**
   * Schedules some runs, compiles what is new, and writes the tables.
   *
   * @param bptt steps back of all of them
   */
  static async build(
    tools: Tools,
    runs: readonly LocatedRun[],
    bptt: number,
    sizes: GroupSizes,
    buffers: CurrentBuffers,
  ): Promise<Program> {
    const schedule = buildSchedule(runs, layoutOf(sizes), tools.epilogues);
    await tools.pipelines.prepare(kernelsOf(schedule), tools.preparing);
    const what = `Cannot make the tables of a group of ${runs.length} runs`;
    return await checked(
      tools,
      what,
      () => Program.#make(tools, schedule, bptt, sizes, buffers),
      (program) => program.destroy(),
    );
  }

  /** Compiles what a run needs that is to join others. */
  static async prepare(tools: Tools, run: LocatedRun, sizes: GroupSizes): Promise<void> {
    await tools.pipelines.prepare(kernelsOf(buildSchedule([run], layoutOf(sizes), tools.epilogues)), tools.preparing);
  }

  /** The program of runs whose kernels are all compiled: those of a program before, and those that were prepared. */
  static rebuild(
    tools: Tools,
    runs: readonly LocatedRun[],
    bptt: number,
    sizes: GroupSizes,
    buffers: CurrentBuffers,
  ): Program {
    const schedule = buildSchedule(runs, layoutOf(sizes), tools.epilogues);
    return Program.#make(tools, schedule, bptt, sizes, buffers);
  }

  static #make(
    { pipelines, opened: { device } }: Tools,
    schedule: Schedule,
    bptt: number,
    sizes: GroupSizes,
    buffers: CurrentBuffers,
  ): Program {
    const stride = uniformStride(device), most = device.limits.maxComputeWorkgroupsPerDimension;
    const records = new Uint32Array((schedule.dispatches.length + 1) * stride / 4);
    const record = (
      i: number,
      pipeline: GPUComputePipeline,
      workgroups: number,
      values: readonly number[],
    ): Recorded => {
      const columns = Math.min(workgroups, most);
      records.set(values, i * stride / 4);
      return { pipeline, columns, rows: Math.ceil(workgroups / columns), offset: i * stride };
    };
    const recorded = schedule.dispatches.map(({ kernel, first, workgroups }, i) =>
      record(i, pipelines.get(kernel), workgroups, [
        first,
        workgroups,
        Math.min(workgroups, most),
        4 / sizes.tokenBytes,
      ])
    );
    const mean = meanLossDispatch(sizes, bptt, layoutOf(sizes), most);
    const meanLoss = record(recorded.length, pipelines.get(), mean.workgroups, mean.record);

    const own = {
      tables: makeBuffer(device, schedule.tables.byteLength, GPUBufferUsage.STORAGE),
      dispatch: makeBuffer(device, records.byteLength, GPUBufferUsage.UNIFORM),
    };
    device.queue.writeBuffer(own.tables, 0, schedule.tables);
    device.queue.writeBuffer(own.dispatch, 0, records);
    const all = { ...buffers, ...own };
    const bindGroup = device.createBindGroup({
      layout: pipelines.layout,
      entries: BUFFER_NAMES.map((name) => {
        const buffer = all[name], isUniform = name === "dispatch" || name === "step";
        return { binding: BINDINGS[name], resource: isUniform ? { buffer, size: UNIFORM_BYTES } : { buffer } };
      }),
    });
    return new Program(schedule, bptt, recorded, meanLoss, own, bindGroup, stride);
  }

  /** Records a step: number `step` of its submit. */
  recordStep(pass: GPUComputePassEncoder, step: number): void {
    const offsets = Uint32Array.of(0, step * this.stride);
    for (const dispatch of this.recorded) this.#record(pass, dispatch, offsets);
  }

  /** Records one dispatch of a submit's first step. */
  recordDispatch(pass: GPUComputePassEncoder, i: number): void {
    this.#record(pass, this.recorded[i], new Uint32Array(2));
  }

  /** Records what makes each step's loss out of those of its rows. */
  recordMeanLoss(pass: GPUComputePassEncoder): void {
    this.#record(pass, this.meanLoss, new Uint32Array(2));
  }

  #record(pass: GPUComputePassEncoder, { pipeline, columns, rows, offset }: Recorded, offsets: Uint32Array): void {
    offsets[0] = offset;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.bindGroup, offsets, 0, 2);
    pass.dispatchWorkgroups(columns, rows);
  }

  destroy(): void {
    this.own.tables.destroy();
    this.own.dispatch.destroy();
  }
}
