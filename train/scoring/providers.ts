/** Where ONNX Runtime scores: on the CPU, or through its WebGPU execution provider. One record for each, with all in which they differ. */
import * as ort from "../engines/onnx/runtime.ts";
import { NEXT } from "../engines/onnx/export.ts";
import { LOG_SOFTMAX_FORM, type NllForm, REDUCED_FORM } from "../engines/onnx/nll.ts";
import { openSession, openWebgpuSession, type Session } from "../engines/onnx/session.ts";
import { KEEP } from "../engines/onnx/unrolled.ts";

/** A provider that scores. */
export type ScoreProvider = "cpu" | "webgpu";

/** A session of either kind. */
export type AnySession = Session | ort.InferenceSession;

/** The states of a model that reads `rows` sequences side by side. */
export interface CarriedStates {
  /**
   * Adds what a run reads, and where its results go.
   *
   * @param forgets whether the run can forget: one that must, by {@linkcode CarriedStates.isForgetting}, has to
   */
  prepare(feeds: Record<string, ort.Tensor>, fetches: Record<string, ort.Tensor | null>, forgets?: boolean): void;
  /** Takes the states that a run has made. */
  take(results: Readonly<Record<string, ort.Tensor>>): void;
  /** Sets the states of all rows to zero. */
  reset(): void;
  /** Sets those of one row to zero. */
  forget(row: number): void;
  /** The states as they are now, each `[rows, its size]`, row-major: the next run reads what is written there. Absent where they are on a device. */
  readonly arrays?: readonly Float32Array[];
  /** Whether the next run must be one step that can forget. */
  readonly isForgetting: boolean;
  close(): void;
}

/** What a provider does in its own way. */
export interface Provider {
  readonly nll: NllForm;
  /** Whether rows forget within a run, by {@linkcode KEEP}, since the host cannot write the states. */
  readonly forgets: boolean;
  /** Tokens that each row reads in one run. */
  readonly steps: number;
  /** Rows that are read at once, and logits `[steps · rows, vocabulary]`, at most. */
  readonly rows: number;
  readonly logits: number;
  /** @param states outputs that are carried to the next run */
  open(model: Uint8Array, states: readonly string[], threads: number): Promise<AnySession>;
  states(sizes: ReadonlyMap<string, number>, rows: number): CarriedStates;
}

export const PROVIDERS: { readonly [P in ScoreProvider]: Provider } = {
  cpu: {
    nll: LOG_SOFTMAX_FORM,
    forgets: false,
    // Half of what a step of a small model takes is spent between two runs. Longer blocks gain nothing, and take longer to open.
    steps: 8,
    rows: 256,
    logits: 2 ** 24,
    open: (model, _, threads) => openSession(model, threads),
    states: (sizes, rows) => new HostStates(sizes, rows),
  },
  webgpu: {
    nll: REDUCED_FORM,
    forgets: true,
    // A run waits for the device at its end: that must be seldom.
    steps: 32,
    rows: 4096,
    // 128 MiB: what a device may bind at least.
    logits: 2 ** 25,
    open: (model, states) => openWebgpuSession(model, states),
    states: (sizes, rows) => new DeviceStates(sizes, rows),
  },
};

/** States in arrays, each twice: a run reads one and writes the other. */
export class HostStates implements CarriedStates {
  readonly isForgetting = false;
  readonly #states: Map<string, { now: ort.Tensor; next: ort.Tensor }>;

  constructor(sizes: ReadonlyMap<string, number>, rows: number) {
    this.#states = new Map(
      [...sizes].map(([name, size]) => [name, { now: zeros(rows, size), next: zeros(rows, size) }]),
    );
  }

  prepare(feeds: Record<string, ort.Tensor>, fetches: Record<string, ort.Tensor | null>): void {
    for (const [name, { now, next }] of this.#states) {
      feeds[name] = now;
      fetches[name + NEXT] = next;
    }
  }

  get arrays(): readonly Float32Array[] {
    return [...this.#states.values()].map(({ now }) => floats(now));
  }

  take(): void {
    for (const [name, { now, next }] of this.#states) this.#states.set(name, { now: next, next: now });
  }

  reset(): void {
    for (const { now } of this.#states.values()) floats(now).fill(0);
  }

  forget(row: number): void {
    for (const { now } of this.#states.values()) {
      const size = now.dims[1];
      floats(now).fill(0, row * size, (row + 1) * size);
    }
  }

  close(): void {}
}

/** States that stay on the device from run to run. */
class DeviceStates implements CarriedStates {
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #rows: number;
  readonly #keep: ort.Tensor;
  #states = new Map<string, ort.Tensor>();
  #isForgetting = false;

  constructor(sizes: ReadonlyMap<string, number>, rows: number) {
    this.#sizes = sizes;
    this.#rows = rows;
    this.#keep = new ort.Tensor("float32", new Float32Array(rows).fill(1), [rows, 1]);
    this.reset();
  }

  get isForgetting(): boolean {
    return this.#isForgetting;
  }

  prepare(feeds: Record<string, ort.Tensor>, fetches: Record<string, ort.Tensor | null>, forgets = false): void {
    for (const [name, state] of this.#states) {
      feeds[name] = state;
      fetches[name + NEXT] = null;
    }
    if (forgets) feeds[KEEP] = this.#keep;
  }

  take(results: Readonly<Record<string, ort.Tensor>>): void {
    for (const [name, before] of this.#states) {
      this.#states.set(name, results[name + NEXT]);
      before.dispose();
    }
    if (this.#isForgetting) floats(this.#keep).fill(1);
    this.#isForgetting = false;
  }

  reset(): void {
    this.close();
    this.#states = new Map([...this.#sizes].map(([name, size]) => [name, zeros(this.#rows, size)]));
  }

  forget(row: number): void {
    floats(this.#keep)[row] = 0;
    this.#isForgetting = true;
  }

  close(): void {
    for (const state of this.#states.values()) state.dispose();
    this.#states.clear();
  }
}

function zeros(rows: number, size: number): ort.Tensor {
  return new ort.Tensor("float32", new Float32Array(rows * size), [rows, size]);
}

const floats = (tensor: ort.Tensor) => tensor.data as Float32Array;
