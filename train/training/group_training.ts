/** A group at work: passes over the text, losses read one chunk behind, states saved and ended runs replaced meanwhile. */
import { minOf } from "../../cells/extremes.ts";
import { passOffsets } from "../corpus/random.ts";
import type { EngineRun, OpenOptions, TensorMap, TrainingGroup } from "../engines/engine.ts";
import { ChunkSize } from "./chunk_size.ts";
import { brokenTensor, LossLog, pickState } from "./loss_log.ts";
import { passUpdates, totalSteps, type TrainingSettings } from "./settings.ts";
import { checkRun, passTokens, prepare, type RunSource, trainedRun, type TrainingRun } from "./training_run.ts";

/** How often states are saved, unless the caller says otherwise: with the time to write them, half a minute's work may be lost. */
const SAVE_MILLISECONDS = 20_000;

/** How a group is trained; all of it may be absent. */
export interface GroupOptions extends OpenOptions {
  /** Stops all runs after the steps that are under way, whose states are saved then; and before the first step what the engine compiles. */
  readonly signal?: AbortSignal;
  /** Called when the group is open; its first step waits for it. A run's training time is counted from then. */
  readonly onOpen?: () => Promise<void>;
  /** Milliseconds from one saving to the next. */
  readonly saveEvery?: number;
}

/** A run that is about to take a slot. */
export interface ReadyRun<R> {
  readonly run: R;
  /** The same, as the engine takes it. */
  readonly prepared: EngineRun;
}

/**
 * Prepares a run for its group. One that was stopped after its last step and before its result was written has ended already: that
 * one is given back to its source at once.
 */
export async function enter<R extends TrainingRun>(
  run: R,
  source: RunSource<R>,
  settings: TrainingSettings,
): Promise<ReadyRun<R> | undefined> {
  const { from, step: { bptt } } = run, prepared = prepare(run);
  // Drawing a large model's weights takes a while: timers (heartbeats) must get their turn in between.
  await new Promise((resolve) => setTimeout(resolve));
  if (from?.steps_done !== totalSteps(settings, bptt, from?.steps_done)) return { run, prepared };
  await source.finished(run, trainedRun(run, from, []));
  return undefined;
}

/** The next run that a source hands out and that has steps to do. @throws {RangeError} as {@linkcode checkRun} does */
export async function enterNext<R extends TrainingRun>(
  present: readonly R[],
  source: RunSource<R>,
  settings: TrainingSettings,
  textLength: number,
): Promise<ReadyRun<R> | undefined> {
  for (;;) {
    const run = await source.next(present);
    if (!run) return undefined;
    checkRun(run, settings, textLength);
    const entered = await enter(run, source, settings);
    if (entered) return entered;
  }
}

/** A run in its slot. */
interface SlotRun<R> {
  readonly run: R;
  readonly log: LossLog;
  /** Updates of a pass. */
  readonly ofPass: number;
  /** Updates that it gets in all, and those that have been queued. */
  readonly total: number;
  queued: number;
  /** By the clock of this process, milliseconds. */
  readonly joined: number;
  /** Whether its pass has begun in this group. */
  hasBegun: boolean;
  hasLeft: boolean;
  /** Its state that is being written. */
  saving?: Promise<void>;
}

interface Chunk {
  /** Tokens that it reads, of each row. */
  readonly tokens: number;
  /** By slot, of each call of `advance`. */
  readonly losses: Promise<Float64Array[][]>;
  /** What is to be saved: the tensors after the chunk, by run that is present. */
  readonly saved?: Promise<TensorMap[]>;
}

/** Trains a group until its last run has left. */
export class GroupTraining<R extends TrainingRun> {
  readonly #slots: (SlotRun<R> | undefined)[];
  readonly #chunks = new ChunkSize();
  /** Tokens that runs of so many steps back are behind the others: less than an update. */
  readonly #behind = new Map<number, number>();
  /** Who takes a slot when the steps that are queued are done. */
  readonly #ready: ReadyRun<R>[] = [];
  #ahead: Chunk | undefined;
  #lastSave = performance.now();
  /** Tensors that are read to be saved, and the writing of them. */
  #reading: Promise<unknown> = Promise.resolve();
  #saving: Promise<void> | undefined;
  /** What is done for runs that have left: one after the other. */
  #leaving: Promise<void> = Promise.resolve();
  /** Whether a run did not fit: before another leaves there is no use in asking for the next. */
  #isFull = false;
  /** Whether a run that did not fit was nobody's any more: its source takes none back. */
  #hasDropped = false;
  #error: unknown;

  /** @param runs the group's, slot by slot */
  constructor(
    private readonly group: TrainingGroup,
    runs: readonly R[],
    private readonly source: RunSource<R>,
    private readonly settings: TrainingSettings,
    private readonly textLength: number,
    private readonly options: GroupOptions,
  ) {
    this.#slots = runs.map((run) => this.#inSlot(run));
  }

  /**
   * Queues all steps, one chunk ahead of the one that is read, until every run is through or has broken down, and so have those
   * that took their slots. Returns false if the signal came, where what was done until then is saved, or if a run did not fit and the
   * source does not take it back. Throws what the source throws.
   */
  async run(): Promise<boolean> {
    const through = await this.#rounds().catch((error) => void (this.#error ??= error));
    // A state that is being written must not come after the one that follows.
    await this.#saving;
    await this.#leaving;
    if (this.#error) throw this.#error;
    return through === true && !this.#ready.length && !this.#hasDropped;
  }

  get #present(): SlotRun<R>[] {
    return this.#slots.filter((slot) => slot !== undefined);
  }

  #inSlot(run: R): SlotRun<R> {
    const log = new LossLog(this.settings.log_every, run.from), queued = run.from?.steps_done ?? 0;
    const { bptt } = run.step, ofPass = passUpdates(this.settings, bptt);
    const total = totalSteps(this.settings, bptt, queued);
    return { run, log, ofPass, total, queued, joined: performance.now(), hasBegun: false, hasLeft: false };
  }

  async #rounds(): Promise<boolean> {
    for (;;) {
      const stopped = this.options.signal?.aborted === true;
      if (stopped || this.#ready.length || this.#present.some((slot) => this.#mustLeave(slot))) {
        await this.group.ready?.();
        await this.#readAhead();
        await this.#reading;
        await this.#letLeave();
        if (!stopped) await this.#letJoin();
        this.#chunks.restart();
      }
      if (this.#error) throw this.#error;
      if (stopped) {
        await this.#saveNow();
        return !this.#present.length;
      }
      if (this.#present.length) {
        await this.group.ready?.();
        const next = this.#queue();
        await this.#readAhead();
        this.#ahead = next;
        continue;
      }
      // Whoever takes the slot of the last one has yet to be found.
      await this.#leaving;
      if (!this.#ready.length) return true;
    }
  }

  /**
   * Queues a chunk: of the runs that go as many steps back, so many updates as they need to be as far in the text as the others.
   */
  #queue(): Chunk {
    const byBptt = Map.groupBy(this.#present, ({ run }) => run.step.bptt), parts: Promise<Float64Array[]>[] = [];
    const tokens = this.#chunks.next([...byBptt.keys()]);
    let read = 0;
    for (const [bptt, slots] of byBptt) {
      const due = tokens + (this.#behind.get(bptt) ?? 0), most = Math.floor(due / bptt);
      const count = this.#queueUpdates(slots, bptt, most, parts);
      this.#behind.set(bptt, due - most * bptt);
      read = Math.max(read, count * bptt);
    }
    const losses = Promise.all(parts);
    // An error in the chunk that is under way surfaces when it is awaited, one round later.
    losses.catch(() => {});
    return { tokens: read, losses, saved: this.#isSavingDue() ? this.#readTensors() : undefined };
  }

  /**
   * Queues updates of the runs that go so many steps back. Where a pass of any of them ends within them, that one's next pass begins; where a run
   * ends, they do.
   *
   * @returns how many
   */
  #queueUpdates(slots: readonly SlotRun<R>[], bptt: number, most: number, parts: Promise<Float64Array[]>[]): number {
    let count = 0;
    do {
      for (const slot of slots) this.#beginPass(slot, bptt);
      // Runs end with a pass.
      const inPass = slots.map(({ queued, ofPass }) => ofPass - queued % ofPass);
      const steps = minOf(inPass, most - count);
      parts.push(this.group.advance(steps, bptt));
      for (const slot of slots) slot.queued += steps;
      count += steps;
    } while (count < most && slots.every(({ queued, total }) => queued < total));
    return count;
  }

  #beginPass(slot: SlotRun<R>, bptt: number): void {
    const { queued, ofPass, run: { step, seed } } = slot;
    const pass = Math.floor(queued / ofPass), position = queued % ofPass * bptt;
    if (position > 0 && slot.hasBegun) return;
    const tokens = passTokens(step, this.settings);
    const offsets = passOffsets(seed, pass, this.settings.batch, tokens, this.textLength);
    this.group.beginPass(this.#slots.indexOf(slot), offsets, position);
    slot.hasBegun = true;
  }

  #isSavingDue(): boolean {
    const { saveEvery = SAVE_MILLISECONDS } = this.options;
    // One at a time, also where the chunk before is to be saved once it has been read: two at once could end in the wrong order.
    if (!this.source.save || this.#saving || this.#ahead?.saved) return false;
    if (performance.now() - this.#lastSave < saveEvery) return false;
    this.#lastSave = performance.now();
    return true;
  }

  /** Calls are queued in order: this reads what stands after the chunk that was queued last, while the next one waits. */
  #readTensors(): Promise<TensorMap[]> {
    const tensors = Promise.all(this.#present.map((slot) => this.group.read(this.#slots.indexOf(slot))));
    tensors.catch(() => {});
    return tensors;
  }

  /** Takes in the losses of the chunk that was queued before. */
  async #readAhead(): Promise<void> {
    if (this.#error) throw this.#error;
    const chunk = this.#ahead;
    if (!chunk) return;
    this.#ahead = undefined;
    // Nobody has come or gone since it was queued.
    for (const part of await chunk.losses) part.forEach((values, slot) => this.#slots[slot]?.log.add(values));
    this.#chunks.finished(chunk.tokens);
    if (chunk.saved) this.#startSaving(chunk.saved);
    this.source.progress?.(
      this.#present.map(({ run, log: { steps, smoothed } }) => ({ run, step: steps, loss: smoothed })),
    );
  }

  #isLost({ run }: SlotRun<R>): boolean {
    return this.source.isLost?.(run) === true;
  }

  #mustLeave(slot: SlotRun<R>): boolean {
    return slot.queued === slot.total || slot.log.failed !== undefined || this.#isLost(slot);
  }

  /** Empties the slots of those that are through, have broken down or are lost. Nothing is under way meanwhile. */
  async #letLeave(): Promise<void> {
    const leaving = this.#present.filter((slot) => this.#mustLeave(slot));
    const read = async (slot: SlotRun<R>) => {
      if (this.#isLost(slot)) return undefined;
      return pickState(slot.run.step, await this.group.read(this.#slots.indexOf(slot)));
    };
    // Those who stay are not to wait for one reading after the other. Where nobody stays, the tensors need not all be in memory.
    const isAwaited = leaving.length < this.#present.length;
    const tensors = isAwaited ? await Promise.all(leaving.map(read)) : undefined;
    for (const [i, slot] of leaving.entries()) {
      const last = tensors ? tensors[i] : await read(slot), index = this.#slots.indexOf(slot);
      await this.group.replace(index);
      this.#slots[index] = undefined;
      slot.hasLeft = true;
      this.#isFull = false;
      this.#giveBack(slot, last);
      if (!isAwaited) await this.#leaving;
    }
  }

  /** Gives a run that has left back to its source, and asks who takes its slot, while the others train on. */
  #giveBack({ run, log, joined, saving }: SlotRun<R>, tensors: TensorMap | undefined): void {
    const seconds = secondsSince(joined);
    const work = async () => {
      // Written before: its last state but one, perhaps.
      await saving;
      if (tensors) {
        const state = log.state(tensors, seconds);
        await this.source.finished(run, trainedRun(run, state, log.means, log.failed ?? brokenTensor(state)));
      } else {
        await this.source.lost?.(run);
      }
      await this.#findNext();
    };
    this.#leaving = this.#leaving.then(work).catch((error) => void (this.#error ??= error));
  }

  async #findNext(): Promise<void> {
    const isFree = () => this.#slots.filter((slot) => slot === undefined).length > this.#ready.length;
    while (isFree() && !this.#isFull && !this.options.signal?.aborted && !this.#error) {
      const staying = this.#present.filter((slot) => !this.#mustLeave(slot));
      const present = [...staying, ...this.#ready].map(({ run }) => run);
      const next = await enterNext(present, this.source, this.settings, this.textLength);
      if (!next) return;
      this.#ready.push(next);
    }
  }

  async #letJoin(): Promise<void> {
    while (this.#ready.length) {
      const { run, prepared } = this.#ready[0], index = this.#slots.indexOf(undefined);
      const fits = await unlessStopped(this.group.replace(index, prepared), this.options.signal);
      // Whoever was to join has not; those who are there are saved in the next round.
      if (fits === undefined) return;
      this.#ready.shift();
      if (fits) {
        this.#slots[index] = this.#inSlot(run);
      } else {
        this.#isFull = true;
        if (this.source.refused) await this.source.refused(run);
        else this.#hasDropped = true;
      }
    }
  }

  /** Saves in the background; the loss logs are read now, for they go on. */
  #startSaving(tensors: Promise<TensorMap[]>): void {
    const states = this.#present.map((slot) => {
      const before = slot.log.state(new Map(), secondsSince(slot.joined));
      return { slot, before: slot.log.failed ? undefined : before };
    });
    this.#reading = tensors;
    const write = async () => {
      const read = await tensors;
      for (const [i, { slot, before }] of states.entries()) {
        const state = before && { ...before, tensors: pickState(slot.run.step, read[i]) };
        // The step that comes next would tell; until then the state before is the last good one.
        if (state && !slot.hasLeft && !brokenTensor(state)) {
          slot.saving = this.source.save!(slot.run, state);
          await slot.saving;
        }
        read[i].clear();
      }
    };
    this.#saving = write().catch((error) => void (this.#error ??= error)).finally(() => this.#saving = undefined);
  }

  async #saveNow(): Promise<void> {
    await this.#saving;
    const hasSteps = this.#present.some(({ run, log }) => log.steps > (run.from?.steps_done ?? 0));
    if (!this.source.save || this.#error || !hasSteps) return;
    this.#startSaving(this.#readTensors());
    await this.#saving;
  }
}

/** What the engine prepares; undefined where the signal has stopped it. */
export async function unlessStopped<T>(prepared: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  try {
    return await prepared;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return undefined;
    throw error;
  }
}

function secondsSince(milliseconds: number): number {
  return (performance.now() - milliseconds) / 1000;
}
