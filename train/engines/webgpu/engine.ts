/** The WebGPU engine: a group of runs trains in one schedule; the host only queues steps and reads losses. */
import type { DeviceEngineEntry, Engine } from "../engine.ts";
import { openDevice } from "./runtime/device.ts";
import { WebGpuGroup } from "./runtime/group.ts";
import { Pipelines } from "./runtime/pipelines.ts";
import type { Tiles } from "./kernels/product_uses.ts";
import { EpilogueRegistry, type Merging, planRun } from "./kernels/schedule.ts";
import { type TextLimits, Texts } from "./runtime/texts.ts";

/** Choices that change the speed and the memory, and no number. */
export interface WebGpuOptions {
  /** What makes a dispatch; absent: `template` on a GPU, `epilogue` on a software adapter, which takes every branch of a shader. */
  readonly merging?: Merging;
  /** What tiles products have; absent: as {@linkcode tilesFor} says. */
  readonly tiles?: Tiles;
  /** How a text reaches the GPU; absent: as the adapter's limits allow. */
  readonly text?: Partial<TextLimits>;
}

/** Runs at once where a program plays the GPU: more would take memory and be no faster. */
const SOFTWARE_PARALLEL = 8;

/**
 * Tiles that suit an adapter. A program that plays the GPU is never short of work. An Intel GPU's thread has 128 registers of 32 bytes:
 * where it carries 16 invocations, the 64 results of each in a large tile fill them all.
 */
export const tilesFor = (adapter: string, software: boolean): Tiles =>
  software ? "large" : /intel/i.test(adapter) ? "small" : "by fill";

/** The WebGPU engine in the registry. */
export const WEBGPU_ENGINE = {
  name: "webgpu",
  capabilities: { trainsOnCpu: false, isolatedRuns: false },
  tolerance: 1e-4,
  casesPerGroup: 48,
  study: {
    parallel: "runs of a group",
    defaultParallel: `as many as fit, ${SOFTWARE_PARALLEL} on a software adapter`,
    chosenOn: "a real GPU",
  },
  absence: "this machine has no WebGPU adapter",
  open: (): Promise<Engine | undefined> => openWebGpuEngine(),
} as const satisfies DeviceEngineEntry;

/** An engine whose groups show their schedule, the time of each dispatch and the host's share. */
export interface WebGpuEngine extends Engine {
  readonly merging: Merging;
  open(...args: Parameters<Engine["open"]>): Promise<WebGpuGroup>;
}

/**
 * The engine for GPUs, in float32: it trains the runs of one group together. It takes a software adapter (llvmpipe, SwiftShader) too,
 * and says so in {@linkcode Engine.software}.
 *
 * @returns undefined where no adapter is
 */
export function openWebGpuEngine(): Promise<Engine | undefined> {
  return openTunedWebGpuEngine();
}

/**
 * The same engine for tests and the benchmark, which choose how it works and look into its groups. The library has
 * {@linkcode openWebGpuEngine} alone, so that kernels and schedules may change.
 *
 * @returns undefined where no adapter is
 */
export async function openTunedWebGpuEngine(
  { merging, tiles, text }: WebGpuOptions = {},
): Promise<WebGpuEngine | undefined> {
  const opened = await openDevice();
  if (!opened) return undefined;
  const { device, adapter, software } = opened;
  const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const memory = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  const epilogues = new EpilogueRegistry(
    merging ?? (software ? "epilogue" : "template"),
    tiles ?? tilesFor(adapter, software),
  );
  const tools = { opened, pipelines: new Pipelines(device), texts: new Texts(device, text), epilogues, memory };
  return {
    name: WEBGPU_ENGINE.name,
    capabilities: WEBGPU_ENGINE.capabilities,
    adapter,
    software,
    merging: epilogues.merging,
    defaultParallel: software ? SOFTWARE_PARALLEL : Infinity,
    layout: (parallel) => ({ groups: 1, runsPerGroup: parallel }),
    memory,
    footprint: (step) => planRun(step).memory.size * Float32Array.BYTES_PER_ELEMENT,
    // A lost device answers no error scope: who waits for one must hear of the loss.
    open: (runs, text, options) => opened.unlessFailed(WebGpuGroup.open({ ...tools, preparing: options }, runs, text)),
    get failed() {
      return opened.failed;
    },
    close: () => Promise.resolve(device.destroy()),
  };
}
