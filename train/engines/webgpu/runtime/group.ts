/** A group of runs on the GPU: who is in it, what they do in a step, and what they have become. */
import { maxOf, minOf } from "../../../../cells/extremes.ts";
import { sizeOf } from "../../../../cells/graph/tensor.ts";
import type { Tokens } from "../../../corpus/tokens/tokenizer.ts";
import {
  checkRuns,
  EngineFailure,
  type EngineRun,
  isAsked,
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
  /** By steps back, what the runs that go so many do in a step; of those that are there since runs have come or gone last. */
  #programs = new Map<number, Program>();

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
      for (const [bptt, alike] of byBptt(slots)) {
        group.#programs.set(bptt, await Program.build(tools, alike, bptt, sizes, group.#currentBuffers));
      }
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

  /** What the runs that go fewest steps back do in a step. @throws {RangeError} if no slot has a run */
  get schedule(): Schedule {
    return this.#firstProgram.schedule;
  }

  get #firstProgram(): Program {
    const groups = byBptt(this.#present);
    if (!groups.size) throw new RangeError("Cannot look at the schedule of a group: it has no run, must have one");
    const fewest = minOf([...groups.keys()]);
    return this.#programOf(fewest, groups.get(fewest)!);
  }

  /** The program of some runs, which are all that go so many steps back. */
  #programOf(bptt: number, runs: readonly GroupRun[]): Program {
    const known = this.#programs.get(bptt);
    if (known) return known;
    const made = Program.rebuild(this.tools, runs, bptt, this.sizes, this.#currentBuffers);
    this.#programs.set(bptt, made);
    return made;
  }

  /** The schedules have runs that are there no more, or lack some: they are made again before the next steps. */
  #forgetPrograms(): void {
    for (const program of this.#programs.values()) program.destroy();
    this.#programs.clear();
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

  async advance(count: number, asked?: number): Promise<Float64Array[]> {
    const losses: Float64Array[] = this.slots.map(() => new Float64Array());
    const groups = byBptt(this.#present.filter(({ run }) => isAsked(run, asked)));
    const queued = [...groups].map(([bptt, runs]) => {
      const ofSlots = this.#queue.queue(this.#programOf(bptt, runs), runs, count);
      return ofSlots.then((values) => runs.forEach(({ slot }) => losses[slot] = values[slot]));
    });
    await Promise.all(queued);
    return losses;
  }

  ready(): Promise<void> {
    return this.#queue.readback.nearlyDone();
  }

  /**
   * Does one step of {@linkcode schedule} with a pass of its own for each dispatch, between two timestamps.
   *
   * @returns nanoseconds of each dispatch
   * @throws {TypeError} if the device measures no time
   */
  async profileStep(): Promise<number[]> {
    if (!this.hasClock) throw new TypeError("Cannot profile a step: the device has no timestamps");
    const program = this.#firstProgram;
    return await this.#queue.profile(program, this.#present.filter(({ run: { step } }) => step.bptt === program.bptt));
  }

  async read(run: number): Promise<TensorMap> {
    const { run: { step }, plan: { graph, memory }, base, lastLoss } = runInSlot(this.slots, run);
    const bytes = memory.persistent * FLOAT_BYTES,
      parts = [{ buffer: this.arena.buffer, offset: base * FLOAT_BYTES, bytes }];
    const tensors: TensorMap = new Map();
    await this.#queue.readback.read(this.arena.encoder(), parts, (content) => {
      const floats = new Float32Array(content);
      for (const name of [...step.graph.inputs.keys(), ...step.graph.outputs.keys()]) {
        const tensor = graph.inputs.get(name) ?? graph.outputs.get(name)!;
        const first = memory.offsets.get(tensor);
        if (first !== undefined) tensors.set(name, floats.slice(first, first + sizeOf(tensor.shape)));
      }
    });
    tensors.set("loss", Float32Array.of(await lastLoss ?? NaN));
    return tensors;
  }

  async replace(run: number, next?: EngineRun): Promise<boolean> {
    const left = this.slots[run];
    this.slots[run] = undefined;
    if (left) this.arena.forget(left);
    this.#forgetPrograms();
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
    this.#forgetPrograms();
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

/** Runs by how many steps back they go. */
function byBptt(runs: readonly GroupRun[]): Map<number, GroupRun[]> {
  return Map.groupBy(runs, ({ run: { step } }) => step.bptt);
}
