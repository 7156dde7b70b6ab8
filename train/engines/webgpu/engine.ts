/** The WebGPU engine: a group of runs trains in one schedule; the host only queues steps and reads losses. */
import type { Engine } from "../engine.ts";
import { openDevice } from "./device.ts";
import { WebGpuGroup } from "./group.ts";
import { Pipelines } from "./pipelines.ts";
import { ChainBook, type Merging, planRun } from "./schedule.ts";
import { type TextLimits, Texts } from "./texts.ts";

export interface WebGpuOptions {
  /** What makes a dispatch; absent: `frame` on a GPU, `chain` on a software adapter, which takes every branch of a shader. */
  readonly merging?: Merging;
  /** How a text reaches the GPU; absent: as the adapter's limits allow. */
  readonly text?: Partial<TextLimits>;
}

export interface WebGpuEngine extends Engine {
  readonly merging: Merging;
  open(...args: Parameters<Engine["open"]>): Promise<WebGpuGroup>;
}

/** @returns undefined where no adapter is */
export async function openWebGpuEngine({ merging, text }: WebGpuOptions = {}): Promise<WebGpuEngine | undefined> {
  const opened = await openDevice();
  if (!opened) return undefined;
  const { device, adapter, software } = opened;
  const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const memory = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  const book = new ChainBook(merging ?? (software ? "chain" : "frame"));
  const tools = { opened, pipelines: new Pipelines(device), texts: new Texts(device, text), book, memory };
  return {
    name: "webgpu",
    adapter,
    software,
    merging: book.merging,
    lanes: (parallel) => ({ groups: 1, runs: parallel }),
    memory,
    footprint: (step) => planRun(step).memory.size * Float32Array.BYTES_PER_ELEMENT,
    // A lost device answers no error scope: who waits for one must hear of the loss.
    open: (runs, text, _threads, onPreparing) =>
      opened.unlessFailed(WebGpuGroup.open({ ...tools, onPreparing }, runs, text)),
    get failed() {
      return opened.failed;
    },
    close: () => Promise.resolve(device.destroy()),
  };
}
