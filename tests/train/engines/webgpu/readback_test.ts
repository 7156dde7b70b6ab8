/** When losses are waited for: with a GPU and a clock that are played. */
import assert from "node:assert/strict";
import type { Device } from "../../../../train/engines/webgpu/runtime/device.ts";
import { Readback } from "../../../../train/engines/webgpu/runtime/readback.ts";

/** A clock that stands still but for timers, which let their time pass at once, and for what waits for the GPU. */
class PlayedTime {
  now = 0;
  /** Delays of the timers that came to their end. */
  readonly slept: number[] = [];
  /** Milliseconds for which the thread stood still. */
  readonly blocked: number[] = [];
  readonly #clock = performance.now;
  readonly #setTimeout = globalThis.setTimeout;

  constructor() {
    performance.now = () => this.now;
    globalThis.setTimeout = ((callback: () => void, delay: number) => {
      // The one that fires if nobody says when is not to fire here.
      if (delay === 25) return 0;
      this.slept.push(delay);
      this.now += delay;
      queueMicrotask(callback);
      return 0;
    }) as unknown as typeof setTimeout;
  }

  /** A buffer of work that is done at a time; to map it stops the thread until then. */
  buffer(doneAt: number): GPUBuffer {
    const mapAsync = () => {
      this.blocked.push(Math.max(0, doneAt - this.now));
      this.now = Math.max(this.now, doneAt);
      return Promise.resolve();
    };
    return { mapAsync, getMappedRange: () => new ArrayBuffer(4), destroy: () => {} } as unknown as GPUBuffer;
  }

  [Symbol.dispose](): void {
    performance.now = this.#clock;
    globalThis.setTimeout = this.#setTimeout;
  }
}

const device = { unlessFailed: <T>(result: Promise<T>) => result } as Device;

/** Queues chunks of 100 steps that take so many milliseconds each, one after the other. */
async function queueChunks(time: PlayedTime, milliseconds: readonly number[]): Promise<void> {
  const readback = new Readback(device);
  for (const duration of milliseconds) {
    await readback.nearlyDone();
    readback.map(false);
    readback.submitted(100);
    readback.later(time.buffer(time.now + duration), () => undefined);
  }
}

Deno.test("nearlyDone() leaves the thread to others until shortly before the work is done", async () => {
  using time = new PlayedTime();
  await queueChunks(time, [1000, 1000, 1000, 1000]);
  // Of the first chunk it is not known how long it takes.
  assert.deepEqual(time.blocked, [1000, 20, 20]);
  assert.deepEqual(time.slept, [980, 980]);
});

Deno.test("nearlyDone() comes earlier when the work was done before it came, until it knows how long it takes", async () => {
  using time = new PlayedTime();
  await queueChunks(time, [1000, 500, 500, 500, 500]);
  assert.deepEqual(time.blocked.map(Math.round), [1000, 0, 0, 30]);
  assert.deepEqual(time.slept.map(Math.round), [980, 680, 470]);
});

Deno.test("later() destroys its buffer when it cannot be mapped, and when its content is not taken", async () => {
  for (const [maps, takes] of [[false, true], [true, false], [true, true]]) {
    using time = new PlayedTime();
    const readback = new Readback(device), wrong = new Error("lost");
    let destroyed = 0;
    const buffer = Object.assign(time.buffer(0), {
      destroy: () => void destroyed++,
      ...(maps ? {} : { mapAsync: () => Promise.reject(wrong) }),
    });
    const taken = readback.later(buffer, () => {
      if (!takes) throw wrong;
      return "content";
    });
    readback.map();
    if (maps && takes) assert.equal(await taken, "content");
    else await assert.rejects(taken, (error) => error === wrong);
    assert.equal(destroyed, 1);
  }
});

Deno.test("map() leaves what was queued since nearlyDone() when it is not to map all", async () => {
  using time = new PlayedTime();
  const readback = new Readback(device);
  const first = readback.later(time.buffer(100), () => "first");
  await readback.nearlyDone();
  readback.later(time.buffer(900), () => "second");
  readback.map(false);
  assert.equal(await first, "first");
  assert.equal(time.now, 100);
  assert.equal(readback.isIdle, false);
  readback.map();
  assert.deepEqual([time.now, readback.isIdle], [900, true]);
});
