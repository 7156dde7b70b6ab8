/** A group of runs on the GPU: who is in it, what they do in a step, and what they have become. */
import { maxOf } from "../../../../cells/extremes.ts";
import { sizeOf } from "../../../../cells/graph/tensor.ts";
import type { Tokens } from "../../../corpus/tokens/tokenizer.ts";
import {
  checkRuns,
  EngineFailure,
  type EngineRun,
  mebibytes,
  reachOf,
  runInSlot,
  type TensorMap,
  type TrainingGroup,
} from "../../engine.ts";
import { Arena } from "./arena.ts";
import {
  type Buffers,
  checked,
  type CurrentBuffers,
  destroyBuffers,
  FLOAT_BYTES,
  makeBuffers,
  type Tools,
} from "./buffers.ts";
import { type GroupRun, groupRun } from "./group_run.ts";
import { Program } from "./program.ts";
import { StepQueue } from "./step_queue.ts";
import { openTextReader, type TextReader } from "./text_reader.ts";
import { recordWords } from "../kernels/kernel.ts";
import { type GroupSizes, type Layout, layoutOf, planRun, type Schedule } from "../kernels/schedule.ts";

export class WebGpuGroup implements TrainingGroup {
  readonly #layout: Layout;
  readonly #queue: StepQueue;
  /** Set before anybody has the group. */
  #program!: Program;
  /** Whether runs have come or gone since the program was built. */
  #isStale = false;

  static async open(tools: Tools, runs: readonly EngineRun[], text: Tokens): Promise<WebGpuGroup> {
    checkRuns(runs);
    const sizes = sizesOf(runs, text);
    let end = 0;
    const slots = runs.map((run, slot): GroupRun => {
      const made = groupRun(run, slot, end, text);
      end += made.plan.memory.size;
      return made;
    });
    const needed = end * FLOAT_BYTES;
    const what = `Cannot open a group of ${runs.length} runs`;
    if (needed > tools.memory) {
      throw new EngineFailure(
        "memory",
        `${what}: it needs a buffer of ${mebibytes(needed)}, the adapter allows ${mebibytes(tools.memory)}`,
      );
    }
    const reader = await openTextReader(tools, text, sizes);
    const { arena, buffers } = await checked(
      tools,
      `${what}, which needs ${mebibytes(needed)}`,
      () => ({
        arena: new Arena(tools, end),
        buffers: makeBuffers(tools, sizes, reader.buffer),
      }),
      ({ arena, buffers }) => {
        arena.destroy();
        destroyBuffers(buffers);
      },
    ).catch((error) => {
      reader.close();
      throw error;
    });
    const group = new WebGpuGroup(tools, slots, sizes, text, reader, buffers, arena);
    try {
      group.#program = await Program.build(tools, slots, sizes, group.#currentBuffers);
      for (const run of slots) group.arena.upload(run);
    } catch (error) {
      await group.close();
      throw error;
    }
    return group;
  }

  private constructor(
    private readonly tools: Tools,
    private readonly slots: (GroupRun | undefined)[],
    private readonly sizes: GroupSizes,
    private readonly text: Tokens,
    private readonly reader: TextReader,
    private readonly buffers: Buffers,
    private readonly arena: Arena,
  ) {
    this.#layout = layoutOf(sizes);
    this.#queue = new StepQueue(tools, buffers, arena, reader, sizes, this.#layout);
  }

  get #currentBuffers(): CurrentBuffers {
    return { ...this.buffers, arena: this.arena.buffer };
  }

  get #present(): GroupRun[] {
    return this.slots.filter((run) => run !== undefined);
  }

  /** What the group does in a step. */
  get schedule(): Schedule {
    return this.#program.schedule;
  }

  /** Whether {@linkcode profileStep} can tell the time. */
  get hasClock(): boolean {
    return this.tools.opened.device.features.has("timestamp-query");
  }

  /** Time that the host took to queue steps, without what it waited for the GPU. */
  get hostMilliseconds(): number {
    return this.#queue.hostMilliseconds;
  }

  /** Steps that were queued in it. */
  get stepsQueued(): number {
    return this.#queue.stepsQueued;
  }

  beginPass(run: number, offsets: Uint32Array, position = 0): void {
    const begun = runInSlot(this.slots, run);
    begun.pass.begin(offsets, position);
    const rows = this.#layout.rows(run) * FLOAT_BYTES;
    this.tools.opened.device.queue.writeBuffer(this.buffers.step_data, rows, this.reader.beginPass(run, offsets));
    if (position === 0) this.arena.clearStates(begun);
  }

  async advance(count: number): Promise<Float64Array[]> {
    const isThere = this.slots.map((run) => run !== undefined);
    const present = this.#present;
    if (!present.length) return isThere.map(() => new Float64Array());
    if (this.#isStale) {
      this.#program.destroy();
      this.#program = Program.rebuild(this.tools, present, this.sizes, this.#currentBuffers);
      this.#isStale = false;
    }
    const losses = await this.#queue.queue(this.#program, present, count);
    return losses.map((ofSlot, slot) => isThere[slot] ? ofSlot : new Float64Array());
  }

  ready(): Promise<void> {
    return this.#queue.readback.nearlyDone();
  }

  /**
   * Does one step with a pass of its own for each dispatch, between two timestamps.
   *
   * @returns nanoseconds of each dispatch of {@linkcode schedule}
   * @throws {TypeError} if the device measures no time
   */
  async profileStep(): Promise<number[]> {
    if (!this.hasClock) throw new TypeError("Cannot profile a step: the device has no timestamps");
    return await this.#queue.profile(this.#program, this.#present);
  }

  async read(run: number): Promise<TensorMap> {
    const { run: { step }, plan: { graph, memory }, base, slot, hasLoss } = runInSlot(this.slots, run);
    const lastLoss = this.#layout.means(slot) + this.#queue.lastStep;
    const parts = [
      { buffer: this.arena.buffer, offset: base * FLOAT_BYTES, bytes: memory.persistent * FLOAT_BYTES },
      { buffer: this.buffers.losses, offset: lastLoss * FLOAT_BYTES, bytes: FLOAT_BYTES },
    ];
    return await this.#queue.readback.read(this.arena.encoder(), parts, (content) => {
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
    const left = this.slots[run];
    this.slots[run] = undefined;
    if (left) this.arena.forget(left);
    // The schedule still has the run that left: it is made anew before the next steps.
    this.#isStale = true;
    if (!next) return true;
    const { size } = planRun(next.step).memory;
    const base = this.#hasRoomFor(next) ? await this.arena.findRoom(size, this.#present) : undefined;
    if (base === undefined) return false;
    const joined = groupRun(next, run, base, this.text);
    this.slots[run] = joined;
    // The schedule of all is made when the next steps are queued, once for all that join; by then its kernels are compiled.
    try {
      await this.tools.opened.unlessFailed(Program.prepare(this.tools, joined, this.sizes));
    } catch (error) {
      this.slots[run] = undefined;
      throw error;
    }
    this.arena.admit(joined);
    return true;
  }

  /** Whether a run fits into what all slots have in common: rows, records of a step, windows of the text. */
  #hasRoomFor({ step }: EngineRun): boolean {
    const { batch, scalars, reach } = this.sizes;
    // A record is filled up to whole vectors, so a group of optimizers with few scalars has room for some more.
    const hasWords = recordWords(step.optimizer.scalarNames.length) <= recordWords(scalars);
    return step.sizes.batch === batch && hasWords && reachOf(step) <= reach;
  }

  close(): Promise<void> {
    this.#queue.readback.map();
    this.arena.destroy();
    destroyBuffers(this.buffers);
    this.reader.close();
    this.#program?.destroy();
    return Promise.resolve();
  }
}

/** What all slots of a group have in common. */
function sizesOf(runs: readonly EngineRun[], text: Tokens): GroupSizes {
  const [batch, ...others] = new Set(runs.map(({ step }) => step.sizes.batch));
  if (others.length) {
    throw new RangeError(
      `Cannot open a group: its runs have batches of ${[batch, ...others].join(", ")} rows, must be one number`,
    );
  }
  return {
    slots: runs.length,
    batch,
    tokenBytes: text.BYTES_PER_ELEMENT,
    scalars: maxOf(runs.map(({ step }) => step.optimizer.scalarNames.length)),
    reach: maxOf(runs.map(({ step }) => reachOf(step))),
  };
}
