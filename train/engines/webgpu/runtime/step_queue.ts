/** Queueing steps of a group: recording them, submitting them, and reading their losses back. */
import type { Arena } from "./arena.ts";
import { type Buffers, FLOAT_BYTES, type Tools } from "./buffers.ts";
import { type GroupRun, nextRecords } from "./group_run.ts";
import type { Program } from "./program.ts";
import { makeStaging, Readback } from "./readback.ts";
import type { TextReader } from "./text_reader.ts";
import { type GroupSizes, type Layout, MAX_TOKENS_PER_SUBMIT, stepsPerSubmit } from "../kernels/schedule.ts";

export class StepQueue {
  readonly #device: GPUDevice;
  readonly readback: Readback;
  /** Time that the host took to queue steps, without what it waited for the GPU. */
  hostMilliseconds = 0;
  /** Steps that were queued in it. */
  stepsQueued = 0;

  constructor(
    { opened }: Tools,
    private readonly buffers: Pick<Buffers, "step_data" | "losses">,
    private readonly arena: Arena,
    private readonly reader: TextReader,
    private readonly sizes: GroupSizes,
    private readonly layout: Layout,
  ) {
    this.#device = opened.device;
    this.readback = new Readback(opened);
  }

  /** Bytes of the losses of one submit, of all slots. */
  get #lossBytes(): number {
    return this.sizes.slots * MAX_TOKENS_PER_SUBMIT * FLOAT_BYTES;
  }

  /**
   * Queues some steps.
   *
   * @param runs those that the program was made for
   * @returns the losses by slot and step, once the GPU is finished with them; of any other slot, no meaning
   */
  queue(program: Program, runs: readonly GroupRun[], count: number): Promise<Float64Array[]> {
    const begun = performance.now();
    const most = stepsPerSubmit(program.bptt), submits = Math.ceil(count / most);
    const staging = makeStaging(this.#device, submits * this.#lossBytes);
    // What is to follow steps that still run is recorded before their losses are waited for.
    let waited = 0;
    try {
      for (let submit = 0; submit < submits; submit++) {
        const steps = Math.min(most, count - submit * most);
        const records = nextRecords(runs, steps, this.sizes, this.layout, this.reader);
        const commands = this.#encode(program, steps, staging, submit * this.#lossBytes);
        if (submit === 0) waited = this.readback.map(false);
        this.#writeRecords(records);
        this.#device.queue.submit([commands]);
        this.readback.submitted(steps * program.bptt);
      }
    } catch (error) {
      // A run that would read beyond the text is found while its records are made.
      staging.destroy();
      throw error;
    }
    this.hostMilliseconds += performance.now() - begun - waited;
    this.stepsQueued += count;
    const losses = this.readback.later(staging, (content) => this.#lossesOf(new Float32Array(content), most, count));
    for (const run of runs) {
      run.lastLoss = losses.then((ofSlots) => ofSlots[run.slot][count - 1]);
      // An error comes out of the losses themselves; nobody need ask for the last one.
      run.lastLoss.catch(() => {});
    }
    return losses;
  }

  #writeRecords(records: Uint32Array<ArrayBuffer>): void {
    this.#device.queue.writeBuffer(this.buffers.step_data, this.layout.records(0) * FLOAT_BYTES, records);
  }

  #encode(program: Program, steps: number, staging: GPUBuffer, stagingOffset: number): GPUCommandBuffer {
    const encoder = this.arena.encoder();
    const pass = encoder.beginComputePass();
    for (let step = 0; step < steps; step++) program.recordStep(pass, step);
    program.recordMeanLoss(pass);
    pass.end();
    const means = this.layout.means(0) * FLOAT_BYTES;
    encoder.copyBufferToBuffer(this.buffers.losses, means, staging, stagingOffset, this.#lossBytes);
    return encoder.finish();
  }

  /** @param means by submit, slot and step; of each submit `most` steps, but for the last one */
  #lossesOf(means: Float32Array, most: number, count: number): Float64Array[] {
    const { slots } = this.sizes;
    return Array.from({ length: slots }, (_, slot) =>
      new Float64Array(count).map((_, step) => {
        const submit = Math.floor(step / most);
        return means[(submit * slots + slot) * MAX_TOKENS_PER_SUBMIT + step % most];
      }));
  }

  /**
   * Does one step with a pass of its own for each dispatch, between two timestamps.
   *
   * @returns nanoseconds of each dispatch
   */
  async profile(program: Program, runs: readonly GroupRun[]): Promise<number[]> {
    this.#writeRecords(nextRecords(runs, 1, this.sizes, this.layout, this.reader));
    const { schedule: { dispatches } } = program, stamps = 2 * dispatches.length;
    const bytes = stamps * BigUint64Array.BYTES_PER_ELEMENT;
    const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsage;
    const querySet = this.#device.createQuerySet({ type: "timestamp", count: stamps });
    const buffer = this.#device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
    try {
      const encoder = this.arena.encoder();
      dispatches.forEach((_, i) => {
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
        });
        program.recordDispatch(pass, i);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, stamps, buffer, 0);
      const parts = [{ buffer, offset: 0, bytes }];
      const times = await this.readback.read(encoder, parts, (content) => new BigUint64Array(content.slice(0)));
      return dispatches.map((_, i) => Number(times[2 * i + 1] - times[2 * i]));
    } finally {
      buffer.destroy();
      querySet.destroy();
    }
  }
}
