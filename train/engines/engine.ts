/**
 * What every engine does: it takes a *group* of runs, possibly of different configurations, and trains them step by step.
 * Runs of a group share the text, the batch size and the length of a pass; each has its own weights and offsets.
 */
import { UserError } from "../../cells/errors.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { TrainingStep } from "../../cells/language_model.ts";

export const ENGINE_NAMES = ["reference", "onnx", "webgpu"] as const;
export type EngineName = typeof ENGINE_NAMES[number];

/** Numbers by tensor name, row-major. */
export type TensorMap = Map<string, Float32Array | Float64Array>;

/** One run of a group, as it starts or goes on. */
export interface EngineRun {
  readonly step: TrainingStep;
  /** Values of weights, and of moments where the run goes on; what is absent is zero. */
  readonly tensors: TensorMap;
  /** Updates done before: Adam's bias correction counts from here. */
  readonly stepsDone: number;
  readonly learningRate: number;
}

/** Some runs that train together. Calls are queued in order; none waits for the work of the one before. */
export interface TrainingGroup {
  /**
   * Starts a pass: states become zero, position becomes 0. Or goes on within one: at a later position states stay as they are.
   *
   * @param offsets for each run, where each row of the batch starts in the text
   * @param position steps of the pass that were done before
   */
  beginPass(offsets: readonly Uint32Array[], position?: number): void;
  /**
   * Does `count` steps: at position `t`, a row that starts at `o` reads byte `text[o+t]` and is to predict `text[o+t+1]`.
   *
   * @returns for each run, the loss of each step before its update, nats per byte
   */
  advance(count: number): Promise<Float64Array[]>;
  /** Reads what a run carries (weights, moments, states) and any other output of its graph, as after the last step. */
  read(run: number): Promise<TensorMap>;
  /** Frees everything; the group cannot be used after. */
  close(): Promise<void>;
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

export interface Engine {
  readonly name: EngineName;
  /** The device that does the work, for the record. */
  readonly adapter: string;
  /** Whether the adapter is a program on the CPU that plays a GPU: right, and slow. */
  readonly software?: boolean;
  /**
   * How `parallel` runs are best kept busy: `groups` groups at once of `runs` runs each.
   */
  lanes(parallel: number): { groups: number; runs: number };
  /** Bytes of device memory that the runs of one group may take together. */
  readonly memory: number;
  /** Bytes that a run takes of it. */
  footprint(step: TrainingStep): number;
  /**
   * Opens a group.
   *
   * @param text the training split; every byte must be below each model's vocabulary
   * @param threads processor threads that the group may use, for engines that run on the CPU
   */
  open(runs: readonly EngineRun[], text: Uint8Array, threads?: number): Promise<TrainingGroup>;
  /** Whether its device has failed for good: another must be opened. */
  readonly failed?: boolean;
  close(): Promise<void>;
}

/** Where a group is in its pass. Checks what is asked of it, so that no engine reads beyond the text. */
export class Pass {
  #offsets: readonly Uint32Array[] = [];
  #position = 0;

  constructor(private readonly runs: readonly EngineRun[], private readonly text: Uint8Array) {
    const least = Math.min(...runs.map(({ step }) => step.sizes.vocabulary));
    const wrong = least < 256 ? text.findIndex((byte) => byte >= least) : -1;
    if (wrong >= 0) {
      throw new RangeError(
        `Cannot open a group: byte ${wrong} of the text is ${text[wrong]}, must be below the vocabulary, ${least}`,
      );
    }
  }

  begin(offsets: readonly Uint32Array[], position: number): void {
    const right = offsets.length === this.runs.length &&
      offsets.every((rows, i) => rows.length === this.runs[i].step.sizes.batch);
    if (!right) {
      const came = offsets.map((rows) => rows.length).join(", ");
      throw new RangeError(
        `Cannot begin a pass: got offsets for [${came}] rows, must be ${this.runs.map(({ step }) => step.sizes.batch)}`,
      );
    }
    this.#offsets = offsets;
    this.#position = position;
  }

  /** Goes on by some steps; returns the position of the first. */
  advance(count: number): number {
    const last = this.#offsets.reduce((most, rows) => rows.reduce((a, b) => Math.max(a, b), most), 0) + this.#position +
      count;
    if (!this.#offsets.length || last >= this.text.length) {
      throw new RangeError(
        `Cannot advance by ${count} steps: they read up to byte ${last}, the text has ${this.text.length}`,
      );
    }
    const first = this.#position;
    this.#position += count;
    return first;
  }
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
