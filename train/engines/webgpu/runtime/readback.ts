/**
 * Reading what the GPU has written while it goes on. In Deno a call of `mapAsync` waits, with the whole thread, until everything
 * that was submitted is done, and its promise comes 10 ms later. So a buffer is mapped at the last moment: shortly before the GPU
 * is through, when the next steps are recorded and wait to be submitted. Until then the thread is free for other work.
 */
import type { Device } from "./device.ts";

/** Milliseconds after which a buffer is mapped if nobody says when: enough for who waits for what was before to come back. */
const NOTHING_FOLLOWS = 25;

/** Milliseconds before the expected end of the work at which its end is waited for with the whole thread. */
const MARGIN = 20;
/** A wait that is shorter found the work done already: how long that took is not known then. */
const NO_WAIT = 2;

interface Waiting {
  readonly start: () => void;
  isDue: boolean;
}

/** Some bytes of a buffer. */
export interface BufferPart {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** A buffer that the host can read. */
export function makeStaging(device: GPUDevice, size: number): GPUBuffer {
  const { MAP_READ, COPY_DST } = GPUBufferUsage;
  return device.createBuffer({ size, usage: MAP_READ | COPY_DST });
}

export class Readback {
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Work that was submitted when nothing else was under way, and how long a unit of it takes, as far as is known. */
  #submitted = { at: 0, units: 0 };
  #perUnit = 0;

  constructor(private readonly opened: Device) {}

  /** Whether everything has been mapped that is to be read. */
  get isIdle(): boolean {
    return !this.#waiting.length;
  }

  /** Takes note of work that has just been submitted. */
  submitted(units: number): void {
    if (!this.#submitted.units) this.#submitted.at = performance.now();
    this.#submitted.units += units;
  }

  /** What `take` makes of some parts of buffers, one after the other, as they are behind the commands of the encoder. */
  async read<T>(
    encoder: GPUCommandEncoder,
    parts: readonly BufferPart[],
    take: (content: ArrayBuffer) => T,
  ): Promise<T> {
    const { device } = this.opened;
    const staging = makeStaging(device, parts.reduce((total, { bytes }) => total + bytes, 0));
    let at = 0;
    for (const { buffer, offset, bytes } of parts) {
      encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
      at += bytes;
    }
    const { isIdle } = this;
    device.queue.submit([encoder.finish()]);
    const taken = this.later(staging, take);
    // Where no steps are under way there is nothing to wait for.
    if (isIdle) this.map();
    return await taken;
  }

  /** What `take` makes of a buffer's content once the commands just submitted have written it; the buffer is destroyed after, also where that fails. */
  later<T>(staging: GPUBuffer, take: (content: ArrayBuffer) => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ start: () => mapped(this.opened, staging, take).then(resolve, reject), isDue: false });
    this.#arm();
    return promise;
  }

  /** Waits until shortly before the GPU is through. What waits then is mapped when the next steps are queued. */
  async nearlyDone(): Promise<void> {
    if (this.isIdle) return;
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting) waiting.isDue = true;
    const end = this.#submitted.at + this.#perUnit * this.#submitted.units - MARGIN;
    const left = end - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    this.#arm();
  }

  /**
   * Maps what waits.
   *
   * @param all false: only what was there when {@linkcode nearlyDone} was called
   * @returns milliseconds for which the thread stood still
   */
  map(all = true): number {
    const waiting = this.#waiting.filter(({ isDue }) => all || isDue);
    if (!waiting.length) return 0;
    this.#waiting = this.#waiting.filter((one) => !waiting.includes(one));
    if (this.isIdle) clearTimeout(this.#timer);
    const begun = performance.now();
    for (const { start } of waiting) start();
    const waited = performance.now() - begun;
    this.#learn(waited);
    return waited;
  }

  /** All that was submitted is done: how long it took is known if it had to be waited for. */
  #learn(waited: number): void {
    const { at, units } = this.#submitted;
    this.#submitted = { at: 0, units: 0 };
    if (!units) return;
    const measured = (performance.now() - at) / units;
    // Whoever came too late comes earlier the next time, until the wait tells again.
    this.#perUnit = waited > NO_WAIT ? measured : Math.min(0.7 * this.#perUnit, measured);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.map(), NOTHING_FOLLOWS);
  }
}

/** What `take` makes of a buffer's content once the GPU has written it; an error if the device fails before. */
async function mapped<T>(opened: Device, staging: GPUBuffer, take: (content: ArrayBuffer) => T): Promise<T> {
  try {
    await opened.unlessFailed(staging.mapAsync(GPUMapMode.READ));
    return take(staging.getMappedRange());
  } finally {
    staging.destroy();
  }
}
