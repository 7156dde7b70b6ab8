/** Opens ONNX sessions with the settings that all of the project uses. */
import { setImmediate } from "node:timers";
import { messageOf } from "../../../cells/errors.ts";
import * as ort from "./runtime.ts";
import { disableTelemetry } from "./telemetry.ts";

/** Milliseconds without a turn of the event loop, after which timers and signals get theirs. */
const TURN = 10;

/**
 * An ONNX model that can be run. The library's own `InferenceSession` waits for a turn of the event loop before each run, which takes as long as a
 * step of a small model; this one goes straight to the native code below it.
 */
export class Session {
  #lastTurn = performance.now();

  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];

  constructor(private readonly native: ort.NativeSession) {
    this.inputNames = native.inputMetadata.map(({ name }) => name);
    this.outputNames = native.outputMetadata.map(({ name }) => name);
  }

  /**
   * Runs the model once. This thread does nothing else meanwhile.
   *
   * @param fetches the outputs that are wanted, each with the tensor that it is written into, or null for a new one; absent: all, new
   * @returns those outputs
   * @throws what the library says, if an input is missing or has another shape
   */
  async run(
    feeds: ort.Feeds,
    fetches: ort.Fetches = Object.fromEntries(this.outputNames.map((name) => [name, null])),
  ): Promise<Record<string, ort.Tensor>> {
    if (performance.now() - this.#lastTurn > TURN) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.#lastTurn = performance.now();
    }
    return this.native.run(feeds, fetches);
  }

  /** Gives the native memory back, which the end of a thread does not. */
  release(): Promise<void> {
    return Promise.resolve(this.native.dispose());
  }
}

/** How a session is opened; all of it may be absent. */
export interface SessionOptions {
  /**
   * Whether the library notes where tensors lay in the first run, and takes one block for all of them from the second on. What the first run
   * took stays with it: a model of many tensors that are alive at once takes nearly twice the memory then. Absent: true, the library's own way.
   */
  readonly memoryPattern?: boolean;
  /**
   * How far the library rewrites the graph. Absent: `all`. Beyond `basic` it makes operators of its own that it has for float32 alone, also where the
   * model is of doubles, and then refuses it (1.30.0: `x ⊙ σ(x)` becomes QuickGelu).
   */
  readonly optimization?: "basic" | "all";
}

/**
 * An ONNX session on the CPU with `threads` threads, as far as there are cores. No other code makes one.
 *
 * @throws {UserError} if the library's telemetry cannot be switched off
 */
// deno-lint-ignore require-await -- what the library throws is to reject
export async function openSession(
  model: Uint8Array,
  threads: number,
  { memoryPattern = true, optimization = "all" }: SessionOptions = {},
): Promise<Session> {
  disableTelemetry();
  openPlainSession();
  const native = load(model, {
    executionProviders: ["cpu"],
    // Threads beyond the cores wait for each other at every operator: a thousand of them never get through a step.
    intraOpNumThreads: Math.min(threads, navigator.hardwareConcurrency),
    interOpNumThreads: 1,
    executionMode: "sequential",
    enableMemPattern: memoryPattern,
    graphOptimizationLevel: optimization,
    // Fatal errors alone: what else goes wrong is thrown, and said in our own words in one line.
    logSeverityLevel: 4,
    // Moments of an optimizer and saturated gates run into denormals, which a CPU computes a hundred times slower.
    // A lone thread has nobody to wait for; several lose a tenth of a step if they sleep between operators.
    extra: { session: { set_denormal_as_zero: "1", intra_op: { allow_spinning: threads > 1 ? "1" : "0" } } },
  });
  return new Session(native);
}

/**
 * An ONNX session of the WebGPU execution provider, every node of it: one that the CPU had to compute would move its tensors there and back.
 *
 * @param kept outputs that stay on the device; `getData()` of one would abort the process (onnxruntime-node 1.30.0)
 * @throws {UserError} if the library's telemetry cannot be switched off
 */
export async function openWebgpuSession(model: Uint8Array, kept: readonly string[]): Promise<ort.InferenceSession> {
  disableTelemetry();
  openPlainSession();
  return await ort.InferenceSession.create(model, {
    // Of several adapters it takes the fastest by itself.
    executionProviders: ["webgpu"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
    preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, "gpu-buffer"])),
    extra: { session: { disable_cpu_ep_fallback: "1" } },
  }).catch((error) => {
    throw new Error(ownWords(messageOf(error)));
  });
}

/** A message of the library's without the place in its source: `/onnxruntime_src/….cc:136 … was false. No adapter`. */
function ownWords(message: string): string {
  return message.replace(/^.*onnxruntime_src\/\S+:\d+ .*?(?: was false\. |\(\) )/s, "");
}

/** A session of a model. The library reads the bytes before it returns. */
function load(model: Uint8Array, options: Parameters<ort.NativeSession["loadModel"]>[3]): ort.NativeSession {
  const native = ort.newNativeSession();
  native.loadModel(model.buffer as ArrayBuffer, model.byteOffset, model.byteLength, options);
  return native;
}

/** An ONNX model of opset 17 whose output is its input, one float. */
const IDENTITY = Uint8Array.fromBase64(
  "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR",
);

/** Whether this thread has made its first session. */
let hasBegun = false;

/**
 * The library puts the thread that makes the process's first session into the mode which that session asks for, and no other thread
 * ever: in that thread alone, JavaScript's denormals would become zero too, for good, and what a run gives would depend on its worker.
 * So the first session of all asks for no mode. Whose that is nobody knows across threads: each begins with one.
 */
function openPlainSession(): void {
  if (hasBegun) return;
  const options = {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  } as const;
  load(IDENTITY, options).dispose();
  hasBegun = true;
}
