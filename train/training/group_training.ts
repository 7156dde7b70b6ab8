/** A group at work: passes over the text, losses read one chunk behind, states saved and ended runs replaced meanwhile. */
import { minOf } from "../../cells/extremes.ts";
import { passOffsets } from "../corpus/random.ts";
import type { EngineRun, OnPreparing, TensorMap, TrainingGroup } from "../engines/engine.ts";
import { type Breakdown, brokenTensor, type Ledger, pickState, type TrainingState } from "./loss_log.ts";
import { totalSteps, type TrainingSettings } from "./settings.ts";

/** How often states are saved, unless the caller says otherwise: with the time to write them, half a minute's work may be lost. */
const SAVE_MILLISECONDS = 20_000;

/** Aim for the time between two readings: progress shows, Ctrl-C is heard, and reading losses costs nothing. */
const CHUNK_MILLISECONDS = 500;
const MOST_STEPS_PER_CHUNK = 500;

/** Where a run is. */
export interface Progress {
  /** Its number: see {@linkcode GroupOptions}. */
  readonly run: number;
  /** Steps done in all, also before this call. */
  readonly step: number;
  /** Smoothed, nats per token. */
  readonly loss: number;
}

/** What is told of runs names each by its number: the group's first ones are 0, 1, ..., and who joins later gets the next. */
export interface GroupOptions {
  /** Stops all runs after the steps that are under way; their states are given to `save` then. */
  readonly signal?: AbortSignal;
  /** Given all runs of the group whenever losses have been read. */
  readonly onProgress?: (progress: readonly Progress[]) => void;
  /** Called while the engine prepares the first step, where that takes more than a second. */
  readonly onPreparing?: OnPreparing;
  /** Given a run's state every so often, and when the signal comes; never that of a run that has broken down. */
  readonly save?: (run: number, state: TrainingState) => Promise<void>;
  /** Milliseconds from one saving to the next. */
  readonly saveEvery?: number;
  /** Whether a run is to leave the group as it is, neither saved nor ended. */
  readonly isLost?: (run: number) => boolean;
  /** Called when a run has left the group so. */
  readonly onLost?: (run: number) => Promise<void>;
  /** Called when a run does not fit into the group: the group has nothing more to do with it. */
  readonly onRefused?: (run: number) => Promise<void>;
}

/** A run that takes a place in a group. */
export interface Entrant {
  readonly number: number;
  readonly run: EngineRun;
  readonly seed: number;
  readonly ledger: Ledger;
}

/** What a group is asked to do with its runs. */
export interface Attendants {
  /** Given each run that has ended or broken down, as it is after its last step. The others train on meanwhile. */
  readonly finish: (entrant: Entrant, state: TrainingState, failed?: Breakdown) => Promise<void>;
  /**
   * Asked for a run to take a place that has become free.
   *
   * @param present numbers of the runs that have a place, or are about to take one
   */
  readonly next: (present: readonly number[]) => Promise<Entrant | undefined>;
}

/** An entrant in its place. */
interface Member extends Entrant {
  /** Steps that it gets in all, and those that have been queued. */
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
  readonly count: number;
  /** By place, of each call of `advance`. */
  readonly losses: Promise<Float64Array[][]>;
  /** The tensors after the chunk, by member, where they are to be saved. */
  readonly tensors?: Promise<TensorMap[]>;
}

/** Trains a group until its last run has left. */
export class GroupTraining {
  readonly #places: (Member | undefined)[];
  readonly #chunks = new ChunkSize();
  /** Who takes a place when the steps that are queued are done. */
  readonly #ready: Entrant[] = [];
  #ahead: Chunk | undefined;
  #lastSave = performance.now();
  /** Tensors that are read to be saved, and the writing of them. */
  #reading: Promise<unknown> = Promise.resolve();
  #saving: Promise<void> | undefined;
  /** What is done for runs that have left: one after the other. */
  #leaving: Promise<void> = Promise.resolve();
  /** Whether a run did not fit: before another leaves there is no use in asking for the next. */
  #isFull = false;
  #error: unknown;

  constructor(
    private readonly group: TrainingGroup,
    entrants: readonly Entrant[],
    private readonly settings: TrainingSettings,
    private readonly textLength: number,
    private readonly options: GroupOptions,
    private readonly attendants: Attendants,
  ) {
    this.#places = entrants.map((entrant) => this.#memberOf(entrant));
  }

  /**
   * Queues all steps, one chunk ahead of the one that is read, until every run is through or has broken down, and so have those
   * that took their places. Returns false if the signal came; what was done until then is saved. Throws what `save`, `finish` and
   * `next` throw.
   */
  async run(): Promise<boolean> {
    const through = await this.#rounds().catch((error) => void (this.#error ??= error));
    // A state that is being written must not come after the one that follows.
    await this.#saving;
    await this.#leaving;
    if (this.#error) throw this.#error;
    return through === true && !this.#ready.length;
  }

  get #present(): Member[] {
    return this.#places.filter((member) => member !== undefined);
  }

  #memberOf(entrant: Entrant): Member {
    const { stepsDone } = entrant.run;
    const total = totalSteps(this.settings, stepsDone);
    return { ...entrant, total, queued: stepsDone, joined: performance.now(), hasBegun: false, hasLeft: false };
  }

  async #rounds(): Promise<boolean> {
    for (;;) {
      const stopped = this.options.signal?.aborted === true;
      if (stopped || this.#ready.length || this.#present.some((member) => this.#mustLeave(member))) {
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
      // Whoever takes the place of the last one has yet to be found.
      await this.#leaving;
      if (!this.#ready.length) return true;
    }
  }

  /** Queues a chunk. Where a pass of any run ends within it, that one's next pass begins; where a run ends, the chunk does. */
  #queue(): Chunk {
    const present = this.#present, parts: Promise<Float64Array[]>[] = [];
    const passSteps = this.settings.history - 1;
    let count = 0;
    do {
      for (const member of present) this.#beginPass(member);
      // Runs end with a pass.
      const inPass = present.map(({ queued }) => passSteps - queued % passSteps);
      const steps = minOf(inPass, this.#chunks.next - count);
      parts.push(this.group.advance(steps));
      for (const member of present) member.queued += steps;
      count += steps;
    } while (count < this.#chunks.next && present.every(({ queued, total }) => queued < total));
    const losses = Promise.all(parts);
    // An error in the chunk that is under way surfaces when it is awaited, one round later.
    losses.catch(() => {});
    return { count, losses, tensors: this.#isSavingDue() ? this.#readTensors() : undefined };
  }

  #beginPass(member: Member): void {
    const { batch, history } = this.settings;
    const pass = Math.floor(member.queued / (history - 1)), position = member.queued % (history - 1);
    if (position > 0 && member.hasBegun) return;
    const offsets = passOffsets(member.seed, pass, batch, history, this.textLength);
    this.group.beginPass(this.#places.indexOf(member), offsets, position);
    member.hasBegun = true;
  }

  #isSavingDue(): boolean {
    const { save, saveEvery = SAVE_MILLISECONDS } = this.options;
    // One at a time, also where the chunk before is to be saved once it has been read: two at once could end in the wrong order.
    if (!save || this.#saving || this.#ahead?.tensors || performance.now() - this.#lastSave < saveEvery) return false;
    this.#lastSave = performance.now();
    return true;
  }

  /** Calls are queued in order: this reads what stands after the chunk that was queued last, while the next one waits. */
  #readTensors(): Promise<TensorMap[]> {
    const tensors = Promise.all(this.#present.map((member) => this.group.read(this.#places.indexOf(member))));
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
    for (const part of await chunk.losses) part.forEach((values, place) => this.#places[place]?.ledger.add(values));
    this.#chunks.finished(chunk.count);
    if (chunk.tensors) this.#startSaving(chunk.tensors);
    this.options.onProgress?.(
      this.#present.map(({ number, ledger: { steps, smoothed } }) => ({ run: number, step: steps, loss: smoothed })),
    );
  }

  #mustLeave({ number, queued, total, ledger }: Member): boolean {
    return queued === total || ledger.failed !== undefined || this.options.isLost?.(number) === true;
  }

  /** Empties the places of those that are through, have broken down or are lost. Nothing is under way meanwhile. */
  async #letLeave(): Promise<void> {
    const leaving = this.#present.filter((member) => this.#mustLeave(member));
    const read = async (member: Member) => {
      if (this.options.isLost?.(member.number)) return undefined;
      return pickState(member.run.step, await this.group.read(this.#places.indexOf(member)));
    };
    // Those who stay are not to wait for one reading after the other. Where nobody stays, the tensors need not all be in memory.
    const isAwaited = leaving.length < this.#present.length;
    const tensors = isAwaited ? await Promise.all(leaving.map(read)) : undefined;
    for (const [i, member] of leaving.entries()) {
      const last = tensors ? tensors[i] : await read(member), place = this.#places.indexOf(member);
      await this.group.replace(place);
      this.#places[place] = undefined;
      member.hasLeft = true;
      this.#isFull = false;
      this.#seeOff(member, last);
      if (!isAwaited) await this.#leaving;
    }
  }

  /** Does what is to be done for a run that has left, and finds who takes its place, while the others train on. */
  #seeOff(member: Member, tensors: TensorMap | undefined): void {
    const seconds = secondsSince(member.joined);
    const work = async () => {
      // Written before: its last state but one, perhaps.
      await member.saving;
      if (tensors) {
        const state = member.ledger.state(tensors, seconds);
        await this.attendants.finish(member, state, member.ledger.failed ?? brokenTensor(state));
      } else {
        await this.options.onLost?.(member.number);
      }
      await this.#findNext();
    };
    this.#leaving = this.#leaving.then(work).catch((error) => void (this.#error ??= error));
  }

  async #findNext(): Promise<void> {
    const isFree = () => this.#places.filter((member) => member === undefined).length > this.#ready.length;
    while (isFree() && !this.#isFull && !this.options.signal?.aborted && !this.#error) {
      const staying = this.#present.filter((member) => !this.#mustLeave(member));
      const next = await this.attendants.next([...staying, ...this.#ready].map(({ number }) => number));
      if (!next) return;
      this.#ready.push(next);
    }
  }

  async #letJoin(): Promise<void> {
    while (this.#ready.length) {
      const entrant = this.#ready[0], place = this.#places.indexOf(undefined);
      const fits = await this.group.replace(place, entrant.run);
      this.#ready.shift();
      if (fits) {
        this.#places[place] = this.#memberOf(entrant);
      } else {
        this.#isFull = true;
        await this.options.onRefused?.(entrant.number);
      }
    }
  }

  /** Saves in the background; the ledgers are read now, for they go on. */
  #startSaving(tensors: Promise<TensorMap[]>): void {
    const states = this.#present.map((member) => {
      const before = member.ledger.state(new Map(), secondsSince(member.joined));
      return { member, before: member.ledger.failed ? undefined : before };
    });
    this.#reading = tensors;
    const write = async () => {
      const read = await tensors;
      for (const [i, { member, before }] of states.entries()) {
        const state = before && { ...before, tensors: pickState(member.run.step, read[i]) };
        // The step that comes next would tell; until then the state before is the last good one.
        if (state && !member.hasLeft && !brokenTensor(state)) {
          member.saving = this.options.save!(member.number, state);
          await member.saving;
        }
        read[i].clear();
      }
    };
    this.#saving = write().catch((error) => void (this.#error ??= error)).finally(() => this.#saving = undefined);
  }

  async #saveNow(): Promise<void> {
    await this.#saving;
    const hasSteps = this.#present.some(({ run, ledger }) => ledger.steps > run.stepsDone);
    if (!this.options.save || this.#error || !hasSteps) return;
    this.#startSaving(this.#readTensors());
    await this.#saving;
  }
}

function secondsSince(milliseconds: number): number {
  return (performance.now() - milliseconds) / 1000;
}

/** Steps per chunk, from the measured time of those before. The numbers do not depend on it. */
class ChunkSize {
  next = 1;
  #last = performance.now();

  /** Time that passed while nothing was under way is no step's. */
  restart(): void {
    this.#last = performance.now();
  }

  finished(steps: number): void {
    const now = performance.now();
    const perStep = Math.max((now - this.#last) / steps, 1e-3);
    this.#last = now;
    this.next = Math.max(1, Math.min(Math.round(CHUNK_MILLISECONDS / perStep), this.next * 2, MOST_STEPS_PER_CHUNK));
  }
}
