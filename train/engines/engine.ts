/**
 * What every engine does: it takes a *group* of runs, possibly of different configurations, and trains them step by step.
 * Runs of a group share the text, the batch size and the length of a pass; each has its own weights and offsets.
 */
import { UserError } from "../../cells/errors.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { TrainingStep } from "../../cells/language_model.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";

/** Numbers by tensor name, row-major. */
export type TensorMap = Map<string, Float32Array | Float64Array>;

/** One run of a group, as it starts or goes on. */
export interface EngineRun {
  /** The graph to run, and the names of its weights and states. */
  readonly step: TrainingStep;
  /** Values of weights, and of moments where the run goes on; what is absent is zero. */
  readonly tensors: TensorMap;
  /** Updates done before: the optimizer's scalars count from here. */
  readonly stepsDone: number;
  /** Handed to the optimizer at each update: see `Optimizer.scalars`. */
  readonly learningRate: number;
}

/**
 * Some runs that train together, each in a slot of its own: slot `i` is first that of the group's `i`th run. Calls are queued in
 * order; none waits for the work of the one before, but for {@linkcode TrainingGroup.replace}.
 */
export interface TrainingGroup {
  /**
   * Starts a pass of one run: its states become zero, its position 0. Or goes on within one: at a later position states stay as
   * they are.
   *
   * @param offsets where each row of the batch starts in the text
   * @param position tokens of each row that were read before in the pass
   */
  beginPass(run: number, offsets: Uint32Array, position?: number): void;
  /**
   * Does `count` steps of every run that is there, or of those alone that go `bptt` steps back. At position `p`, a row that starts at `o` reads
   * the tokens that {@linkcode TrainingStep.reads} names: of a step of one token, as a rule, `text[o+p]`, and `text[o+p+1]` as the one to
   * predict. A step goes on by {@linkcode TrainingStep.bptt} positions.
   *
   * @returns for each slot, the loss of each step before its update, nats per token; nothing for an empty slot or one that was left out
   */
  advance(count: number, bptt?: number): Promise<Float64Array[]>;
  /**
   * Resolves when it is time to queue further steps. An engine has it that holds the thread while it queues steps behind others: who
   * waits for this can do something else meanwhile.
   */
  ready?(): Promise<void>;
  /** Reads what a run carries (weights, moments, states) and any other output of its graph, as after the last step. */
  read(run: number): Promise<TensorMap>;
  /**
   * Empties the slot of a run that has ended, and puts another run there if one is given. The others' numbers do not change. To
   * be called only when every `advance` and `read` before has been awaited.
   *
   * @returns false if `next` does not fit into the memory that is free; then the slot is empty
   * @throws the reason of the signal that the group was opened with, if that comes before `next` can train; then the slot is empty
   */
  replace(run: number, next?: EngineRun): Promise<boolean>;
  /** Frees everything; the group cannot be used after. */
  close(): Promise<void>;
}

/** A size of memory, for the text of a message; rounded up, so that what is needed is never less than it says. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/**
 * Why an engine cannot go on, where that is nobody's mistake: its device was `lost`, or has not enough `memory`.
 * Whoever trains can try again, with another device or with fewer runs.
 */
export class EngineFailure extends UserError {
  constructor(readonly kind: "lost" | "memory", message: string) {
    super(message);
  }
}

/** Called while something takes long, with how much of it is done. */
export type OnPreparing = (done: number, total: number) => void;

/** How a group is opened; all of it may be absent. */
export interface OpenOptions {
  /** Processor threads that the group may use, for engines that run on the CPU; absent: the engine's own choice. */
  readonly threads?: number;
  /** Called while the engine compiles something before a run's first step, where that takes more than a second. */
  readonly onPreparing?: OnPreparing;
  /**
   * Stops the compiling: {@linkcode Engine.open} rejects with the signal's reason then, and so does {@linkcode TrainingGroup.replace}, which
   * leaves the slot empty. Steps are not its business. An engine that compiles nothing need not hear it.
   */
  readonly signal?: AbortSignal;
}

/** How an engine does its work, for those who share the machine out. Known before it is opened. */
export interface EngineCapabilities {
  /**
   * Whether it trains on the processor that scores models: scores wait for the training then, and run beside it elsewhere. False for
   * webgpu on a software adapter too, which is there to try things on.
   */
  readonly trainsOnCpu: boolean;
  /** Whether each run has a worker of its own: an interpreter and open files, of which a machine bears only so many. */
  readonly isolatedRuns: boolean;
}

/** How an engine is opened. Each takes what concerns it. */
export interface EngineOptions {
  /** Processor cores to share among groups that are open at once; absent: all. */
  readonly cores?: number;
  /**
   * Keeps workers for the next group, for programs that open many: a worker that ends leaves two open files behind. The engine must be
   * closed then, since idle workers keep a program alive. Absent: a group's workers end with it.
   */
  readonly keepWorkers?: boolean;
}

/** What an engine is, opened or not. */
export interface EngineKind {
  /** Its name in flags and results. */
  readonly name: string;
  /** How it does its work. */
  readonly capabilities: EngineCapabilities;
}

/** What is to be known of an engine before it is opened. */
export interface EngineDescription extends EngineKind {
  /**
   * Largest error that it may show against a golden file: losses relative, gradients relative to the tensor's norm, states absolute
   * (docs/engines.md).
   */
  readonly tolerance: number;
  /** Small models that `certify` trains as one group. */
  readonly casesPerGroup: number;
  /** How it trains a study, for the help of `train`; absent where it is too slow for that. */
  readonly study?: StudyHelp;
}

/** An engine that every machine has. */
export interface OrdinaryEngineEntry extends EngineDescription {
  /** It is never absent. */
  readonly absence?: undefined;
  /** Opens it, to be closed. */
  open(options?: EngineOptions): Promise<Engine>;
}

/** An engine that needs a device. */
export interface DeviceEngineEntry extends EngineDescription {
  /** Why it is not there where `open` finds none, as the end of a sentence. */
  readonly absence: string;
  /** Opens it, to be closed. @returns undefined where this machine has no such device */
  open(options?: EngineOptions): Promise<Engine | undefined>;
}

/**
 * An engine as the registry lists it (`registry.ts`). `certify`, `train`, the demo, the benchmark, their help and their messages read this,
 * and know no engine by name.
 */
export type EngineEntry = OrdinaryEngineEntry | DeviceEngineEntry;

/** Parts of the help of `train`. */
export interface StudyHelp {
  /** What `--parallel` counts. */
  readonly parallel: string;
  /** How many there are where the user does not say. */
  readonly defaultParallel: string;
  /** Where `--engine auto` takes it; absent: everywhere. */
  readonly chosenOn?: string;
}

/** Opens groups of runs on one device. `deno task certify` compares the numbers of each engine with PyTorch's. */
export interface Engine extends EngineKind {
  /** The device that does the work, for the record. */
  readonly adapter: string;
  /** Whether the adapter is a program on the CPU that plays a GPU: right, and slow. */
  readonly software?: boolean;
  /** Runs at once where the user does not say; infinite: as many as the memory holds. */
  readonly defaultParallel: number;
  /** How `parallel` runs keep the device busiest: so many groups at once, of so many runs each. */
  layout(parallel: number): { groups: number; runsPerGroup: number };
  /** Bytes of device memory that the runs of one group may take together. */
  readonly memory: number;
  /** Bytes that a run takes of it. */
  footprint(step: TrainingStep): number;
  /**
   * Opens a group.
   *
   * @param text the training split; every token must be below each model's vocabulary
   * @throws {RangeError} if there is no run, or the text has a token that a model does not know
   * @throws the reason of {@linkcode OpenOptions.signal} once it comes; nothing is left open then
   */
  open(runs: readonly EngineRun[], text: Tokens, options?: OpenOptions): Promise<TrainingGroup>;
  /** Whether its device has failed for good: another must be opened. Absent where no device can be lost. */
  readonly failed?: boolean;
  /** Frees the device. Close its groups first: none can be used after. */
  close(): Promise<void>;
}

/** Checks what every engine needs of the runs of a group. @throws {RangeError} if there is none */
export function checkRuns(runs: readonly EngineRun[]): void {
  if (!runs.length) throw new RangeError("Cannot open a group: it has no run, must have at least one");
}

/** The largest token of a text, which is gone through once, however many runs train on it. */
function largestToken(text: Tokens): number {
  let largest = largestTokens.get(text) ?? -1;
  if (largest < 0) {
    for (let i = 0; i < text.length; i++) if (text[i] > largest) largest = text[i];
    largestTokens.set(text, largest);
  }
  return largest;
}

const largestTokens = new WeakMap<Tokens, number>();

/**
 * Checks that a model knows all tokens of a text.
 *
 * @param action what the error says was being done
 * @throws {RangeError} naming the first of the largest ones
 */
export function checkTokens(action: string, text: Tokens, vocabulary: number): void {
  const largest = largestToken(text);
  if (largest < vocabulary) return;
  throw new RangeError(
    `Cannot ${action}: token ${
      text.indexOf(largest)
    } of the text is ${largest}, must be below the vocabulary, ${vocabulary}`,
  );
}

/** How many tokens ahead of its position a step reads: 1 where it predicts the next one. */
export function reachOf({ reads }: TrainingStep): number {
  return reads.reduce((most, { offset }) => Math.max(most, offset), 0);
}

/** Where a run is in its pass. Checks what is asked of it, so that no engine reads beyond the text. */
export class Pass {
  readonly #reach: number;
  #offsets: Uint32Array | undefined;
  #position = 0;

  constructor(private readonly run: EngineRun, private readonly text: Tokens) {
    checkTokens("train a run", text, run.step.sizes.vocabulary);
    this.#reach = reachOf(run.step);
  }

  begin(offsets: Uint32Array, position: number): void {
    const { batch } = this.run.step.sizes;
    if (offsets.length !== batch) {
      throw new RangeError(`Cannot begin a sequence: got offsets for ${offsets.length} rows, must be ${batch}`);
    }
    this.#offsets = offsets;
    this.#position = position;
  }

  /** Goes on by some steps; returns the position of the first. */
  advance(count: number): number {
    if (!this.#offsets) throw new RangeError(`Cannot advance by ${count} steps: no sequence of the run has begun`);
    const tokens = count * this.run.step.bptt;
    const last = this.#offsets.reduce((a, b) => Math.max(a, b), 0) + this.#position + tokens - 1 + this.#reach;
    if (last >= this.text.length) {
      throw new RangeError(
        `Cannot advance by ${count} steps: they read up to token ${last}, the text has ${this.text.length}`,
      );
    }
    const first = this.#position;
    this.#position += tokens;
    return first;
  }
}

/** Whether a call that concerns runs of `bptt` steps back concerns this one. */
export function isAsked({ step }: EngineRun, bptt: number | undefined): boolean {
  return bptt === undefined || step.bptt === bptt;
}

/** The tokens that a step reads at a position into one of its inputs: see {@linkcode TextRead}. */
export function readTokens(
  text: Tokens,
  offsets: Uint32Array,
  first: number,
  bptt: number,
  take: (row: number, token: number) => void,
): void {
  const { length } = offsets;
  for (let t = 0; t < bptt; t++) {
    for (let row = 0; row < length; row++) take(t * length + row, text[offsets[row] + first + t]);
  }
}

/** What stands in a slot of a group. @throws {RangeError} if it is empty, or there is no such slot */
export function runInSlot<T>(slots: readonly (T | undefined)[], run: number): T {
  const found = slots[run];
  if (found === undefined) {
    throw new RangeError(`Cannot reach run ${run}: its slot is empty, or the group has only ${slots.length} slots`);
  }
  return found;
}

/** Names that a run carries from step to step, with their initial values: given ones, or zeros. */
export function initialTensors(run: EngineRun): TensorMap {
  const { graph } = run.step;
  const outside = new Map([...graph.inputs].filter(([name]) => run.tensors.has(name) || graph.outputs.has(name)));
  return new Map([...outside].map(([name, { shape }]) => {
    const size = sizeOf(shape);
    const given = run.tensors.get(name);
    if (given && given.length !== size) {
      throw new RangeError(`Cannot open a run: '${name}' has ${given.length} elements, must have ${size}`);
    }
    return [name, given ?? new Float32Array(size)];
  }));
}
