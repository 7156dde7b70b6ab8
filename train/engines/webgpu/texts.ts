/** The text on the GPU: uploaded once, however many groups train on it. */
import type { Tokens } from "../../corpus/tokens/tokenizer.ts";

export class Texts {
  #latest?: { readonly text: Tokens; readonly buffer: GPUBuffer };
  readonly #users = new Map<GPUBuffer, number>();

  constructor(private readonly device: GPUDevice) {}

  /** The buffer of a text, padded to whole words; to be given back with {@linkcode release}. */
  take(text: Tokens): GPUBuffer {
    if (this.#latest?.text !== text) {
      const before = this.#latest?.buffer;
      this.#latest = { text, buffer: this.#upload(new Uint8Array(text.buffer, text.byteOffset, text.byteLength)) };
      if (before) this.#destroyUnused(before);
    }
    const { buffer } = this.#latest!;
    this.#users.set(buffer, (this.#users.get(buffer) ?? 0) + 1);
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

  #upload(text: Uint8Array): GPUBuffer {
    const whole = Math.floor(text.length / 4) * 4;
    const { STORAGE, COPY_DST } = GPUBufferUsage;
    const buffer = this.device.createBuffer({ size: Math.max(16, whole + 4), usage: STORAGE | COPY_DST });
    // The last bytes by themselves: a copy of all, to pad it, would be in memory twice.
    if (whole) this.device.queue.writeBuffer(buffer, 0, text as Uint8Array<ArrayBuffer>, 0, whole);
    const rest = new Uint8Array(4);
    rest.set(text.subarray(whole));
    this.device.queue.writeBuffer(buffer, whole, rest);
    return buffer;
  }
}
