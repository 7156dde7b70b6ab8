/** Which engine trains. */
import { UserError } from "../../cells/errors.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { openOnnxEngine } from "../../train/engines/onnx/engine.ts";
import { openWebGpuEngine } from "../../train/engines/webgpu/engine.ts";

export const ENGINE_CHOICES = ["auto", "webgpu", "onnx"] as const;
export type EngineChoice = typeof ENGINE_CHOICES[number];

/** Each run has a thread on the CPU, or its part of the memory on a GPU: more than any machine of today has. */
export const MOST_PARALLEL = 10_000;

/** Runs at once where a program plays the GPU: more would take memory and be no faster. */
const SOFTWARE_PARALLEL = 8;

/** Runs at once where the user does not say: one per core on the CPU; on a GPU, as many as its memory holds. */
export function defaultParallel({ name, software }: Pick<Engine, "name" | "software">): number {
  switch (name) {
    case "webgpu":
      return software ? SOFTWARE_PARALLEL : Infinity;
    case "onnx":
      return navigator.hardwareConcurrency;
    case "reference":
      return 1;
    default:
      return name satisfies never;
  }
}

/**
 * Opens an engine, which is to be closed. `auto` takes webgpu where the adapter is a real GPU, else onnx; a software adapter serves only on request.
 *
 * @throws {UserError} if webgpu was asked for and there is no adapter
 */
export async function openEngine(choice: EngineChoice): Promise<Engine> {
  const openOnnx = () => openOnnxEngine(undefined, { keepWorkers: true });
  if (choice === "onnx") return openOnnx();
  const engine = await openWebGpuEngine();
  if (choice === "webgpu") {
    if (!engine) {
      throw new UserError("Cannot open engine webgpu: this machine has no WebGPU adapter; use --engine onnx");
    }
    return engine;
  }
  if (engine && !engine.software) return engine;
  await engine?.close();
  return openOnnx();
}
