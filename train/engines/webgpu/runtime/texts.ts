/** Whole texts on the GPU: each is sent once, however many groups train on it. */
import type { Tokens } from "../../../corpus/tokens/tokenizer.ts";
import { EngineFailure } from "../../engine.ts";

export interface TextLimits {
  /** Bytes of the largest text that one binding can hold; a larger one is never whole on the GPU. */
  readonly whole: number;
  /** Bytes that are sent at a time: what is on its way is in the host's memory a second time. */
  readonly slice: number;
}

/** Bytes that are sent at a time, where nobody says otherwise. */
const SLICE_BYTES = 2 ** 24;

export class Texts {
  #latest?: { readonly text: Tokens; readonly buffer: GPUBuffer; readonly sent: Promise<void> };
  readonly #users = new Map<GPUBuffer, number>();
  readonly limits: TextLimits;

  constructor(private readonly device: GPUDevice, limits: Partial<TextLimits> = {}) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.limits = { whole: Math.min(maxStorageBufferBindingSize, maxBufferSize), slice: SLICE_BYTES, ...limits };
  }

  /** Whether a text fits into one binding. */
  holds(text: Tokens): boolean {
    return paddedSize(text) <= this.limits.whole;
  }

  /**
   * The buffer of a text, padded to whole words; to be given back with {@linkcode release}.
   *
   * @throws {EngineFailure} if the device has not the memory
   */
  async take(text: Tokens): Promise<GPUBuffer> {
    if (this.#latest?.text !== text) {
      const before = this.#latest?.buffer;
      this.#latest = { text, ...this.#upload(text) };
      if (before) this.#destroyUnused(before);
    }
    const { buffer, sent } = this.#latest!;
    this.#users.set(buffer, (this.#users.get(buffer) ?? 0) + 1);
    try {
      await sent;
    } catch (error) {
      if (this.#latest?.buffer === buffer) this.#latest = undefined;
      this.release(buffer);
      throw error;
    }
    return buffer;
  }

  release(buffer: GPUBuffer): void {
    this.#users.set(buffer, (this.#users.get(buffer) ?? 1) - 1);
    if (buffer !== this.#latest?.buffer) this.#destroyUnused(buffer);
  }

  #destroyUnused(buffer: GPUBuffer): void {
    if (this.#users.get(buffer)) return;
    this.#users.delete(buffer);
    buffer.destroy();
  }

  #upload(text: Tokens): { buffer: GPUBuffer; sent: Promise<void> } {
    const { STORAGE, COPY_DST } = GPUBufferUsage;
    this.device.pushErrorScope("out-of-memory");
    const buffer = this.device.createBuffer({ size: paddedSize(text), usage: STORAGE | COPY_DST });
    const refused = this.device.popErrorScope();
    const send = async () => {
      const error = await refused;
      if (error) throw new EngineFailure("memory", `Cannot send a text of ${text.byteLength} bytes: ${error.message}`);
      await this.#send(new Uint8Array(text.buffer, text.byteOffset, text.byteLength), buffer);
    };
    return { buffer, sent: send() };
  }

  async #send(text: Uint8Array, buffer: GPUBuffer): Promise<void> {
    const { queue } = this.device, whole = Math.floor(text.length / 4) * 4;
    const slice = Math.max(4, Math.floor(this.limits.slice / 4) * 4);
    for (let at = 0; at < whole; at += slice) {
      queue.writeBuffer(buffer, at, text as Uint8Array<ArrayBuffer>, at, Math.min(slice, whole - at));
      // What was written stays in the host's memory until it has been submitted and done.
      queue.submit([]);
      await queue.onSubmittedWorkDone();
    }
    // The last bytes by themselves: a copy of all, to pad it, would be in memory twice.
    const rest = new Uint8Array(4);
    rest.set(text.subarray(whole));
    queue.writeBuffer(buffer, whole, rest);
  }
}

/** Bytes of a text's buffer: whole words, and one of them at least. */
function paddedSize({ byteLength }: Tokens): number {
  return Math.max(16, Math.floor(byteLength / 4) * 4 + 4);
}
