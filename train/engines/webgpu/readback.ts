/**
 * Reading what the GPU has written while it goes on. In Deno a call of `mapAsync` waits, with the whole thread, until everything
 * that was submitted is done, and its promise comes 10 ms later. So a buffer is mapped at the last moment: when the next steps
 * are recorded and wait to be submitted. Then the GPU pauses for one submit only, and its losses are taken in while it works.
 */
import type { Device } from "./device.ts";

/** Milliseconds after which a buffer is mapped if no further steps come: enough for who waits for the ones before to come back. */
const NOTHING_FOLLOWS = 25;

export class Readback {
  #waiting: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly opened: Device) {}

  /** The floats of a buffer that the commands just submitted write; it is destroyed after. */
  later(staging: GPUBuffer): Promise<Float32Array<ArrayBuffer>> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.map(), NOTHING_FOLLOWS);
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array<ArrayBuffer>>();
    this.#waiting.push(() => mapped(this.opened, staging).then(resolve, reject));
    return promise;
  }

  /** Maps what waits. Returns the milliseconds for which the thread stood still. */
  map(): number {
    clearTimeout(this.#timer);
    const begun = performance.now(), waiting = this.#waiting;
    this.#waiting = [];
    for (const start of waiting) start();
    return waiting.length ? performance.now() - begun : 0;
  }
}

/** The floats of a buffer once the GPU has written them; an error if the device fails before. */
export async function mapped(opened: Device, staging: GPUBuffer): Promise<Float32Array<ArrayBuffer>> {
  await opened.unlessFailed(staging.mapAsync(GPUMapMode.READ));
  const values = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return values;
}
