/** What a group takes of the device's memory, and how it is asked for. */
import { EngineFailure } from "../../engine.ts";
import type { Device } from "./device.ts";
import { BINDINGS, UNIFORM_BYTES } from "../kernels/kernel.ts";
import type { Pipelines, PrepareOptions } from "./pipelines.ts";
import { type EpilogueRegistry, type GroupSizes, layoutOf, MAX_TOKENS_PER_SUBMIT } from "../kernels/schedule.ts";
import type { Texts } from "./texts.ts";

export const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** What the engine lends to its groups. */
export interface Tools {
  readonly opened: Device;
  readonly pipelines: Pipelines;
  readonly texts: Texts;
  readonly epilogues: EpilogueRegistry;
  /** Bytes of the largest buffer that a kernel may see. */
  readonly memory: number;
  /** Who is told of compiling, and what stops it. */
  readonly preparing?: PrepareOptions;
}

type BufferName = keyof typeof BINDINGS;
export const BUFFER_NAMES = Object.keys(BINDINGS) as BufferName[];

/** The buffers that stay as long as the group does, whoever joins or leaves. */
export type Buffers = Readonly<Record<Exclude<BufferName, "arena" | "tables" | "dispatch">, GPUBuffer>>;

/** The same with the arena as it is now: it becomes another when the runs move. */
export type CurrentBuffers = Buffers & { readonly arena: GPUBuffer };

/** Distance of two uniform records, as the adapter wants it. */
export const uniformStride = ({ limits }: GPUDevice): number =>
  Math.max(UNIFORM_BYTES, limits.minUniformBufferOffsetAlignment);

export function makeBuffer(device: GPUDevice, size: number, usage: number): GPUBuffer {
  const { COPY_DST } = GPUBufferUsage;
  return device.createBuffer({ size: Math.max(16, Math.ceil(size / 4) * 4), usage: usage | COPY_DST });
}

/** The memory of all runs. */
export function makeArena(device: GPUDevice, floats: number): GPUBuffer {
  return makeBuffer(device, floats * FLOAT_BYTES, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
}

/**
 * @param text what kernels read tokens from; it stays the caller's
 */
export function makeBuffers(
  { opened: { device } }: Pick<Tools, "opened">,
  sizes: GroupSizes,
  text: GPUBuffer,
): Buffers {
  const { STORAGE, COPY_SRC, UNIFORM } = GPUBufferUsage;
  const layout = layoutOf(sizes), stride = uniformStride(device);
  const buffers = {
    step_data: makeBuffer(device, layout.stepDataWords * FLOAT_BYTES, STORAGE),
    losses: makeBuffer(device, layout.lossWords * FLOAT_BYTES, STORAGE | COPY_SRC),
    step: makeBuffer(device, MAX_TOKENS_PER_SUBMIT * stride, UNIFORM),
    text,
  };
  const records = new Uint32Array(MAX_TOKENS_PER_SUBMIT * stride / 4);
  for (let step = 0; step < MAX_TOKENS_PER_SUBMIT; step++) {
    records.set([layout.records(step), step], step * stride / 4);
  }
  device.queue.writeBuffer(buffers.step, 0, records);
  // A slot that no kernel has written must not read as a loss of zero.
  device.queue.writeBuffer(buffers.losses, 0, new Float32Array(layout.lossWords).fill(NaN));
  return buffers;
}

export function destroyBuffers({ text: _, ...own }: Buffers): void {
  for (const buffer of Object.values(own)) buffer.destroy();
}

/** Makes something on the device; what it cannot hold or does not take is an {@linkcode EngineFailure}, and nothing stays behind. */
export async function checked<T>(
  { opened: { device } }: Tools,
  what: string,
  make: () => T,
  undo: (made: T) => void,
): Promise<T> {
  device.pushErrorScope("validation");
  device.pushErrorScope("out-of-memory");
  let made: T, scopes: Promise<GPUError | null>[] = [];
  try {
    made = make();
  } finally {
    // Both before anything is awaited: a scope that somebody else opens meanwhile is not ours.
    scopes = [device.popErrorScope(), device.popErrorScope()];
  }
  const [noMemory, invalid] = await Promise.all(scopes);
  const error = noMemory ?? invalid;
  if (!error) return made;
  undo(made);
  throw new EngineFailure(error === noMemory ? "memory" : "lost", `${what}: ${error.message}`);
}
