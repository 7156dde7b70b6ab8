/** Opens ONNX sessions with the settings that all of the project uses. */
import { messageOf } from "../../../cells/errors.ts";
import * as ort from "./runtime.ts";
import { disableTelemetry } from "./telemetry.ts";

/**
 * An ONNX session on the CPU with `threads` threads, as far as there are cores. No other code makes one.
 *
 * @throws {UserError} if the library's telemetry cannot be switched off
 */
export async function openSession(model: Uint8Array, threads: number): Promise<ort.InferenceSession> {
  disableTelemetry();
  await (plain ??= openPlainSession());
  return await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    // Threads beyond the cores wait for each other at every operator: a thousand of them never get through a step.
    intraOpNumThreads: Math.min(threads, navigator.hardwareConcurrency),
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // Fatal errors alone: what else goes wrong is thrown, and said in our own words in one line.
    logSeverityLevel: 4,
    // Moments of an optimizer and saturated gates run into denormals, which a CPU computes a hundred times slower.
    // A lone thread has nobody to wait for; several lose a tenth of a step if they sleep between operators.
    extra: { session: { set_denormal_as_zero: "1", intra_op: { allow_spinning: threads > 1 ? "1" : "0" } } },
  });
}

/**
 * An ONNX session of the WebGPU execution provider, every node of it: one that the CPU had to compute would move its tensors there and back.
 *
 * @param kept outputs that stay on the device; `getData()` of one would abort the process (onnxruntime-node 1.30.0)
 * @throws {UserError} if the library's telemetry cannot be switched off
 */
export async function openWebgpuSession(model: Uint8Array, kept: readonly string[]): Promise<ort.InferenceSession> {
  disableTelemetry();
  await (plain ??= openPlainSession());
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

/** What this thread has done before its first session. */
let plain: Promise<void> | undefined;

/** An ONNX model of opset 17 whose output is its input, one float. */
const IDENTITY = Uint8Array.fromBase64(
  "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR",
);

/**
 * The library puts the thread that makes the process's first session into the mode which that session asks for, and no other thread
 * ever: in that thread alone, JavaScript's denormals would become zero too, for good, and what a run gives would depend on its worker.
 * So the first session of all asks for no mode. Whose that is nobody knows across threads: each begins with one.
 */
async function openPlainSession(): Promise<void> {
  const session = await ort.InferenceSession.create(IDENTITY, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  await session.release();
}
