/**
 * How the rows of a group find their tokens. A text that fits into one binding is whole on the GPU, and a row reads it where it
 * stands. Of a larger one, the host sends with each submit what the rows read in its steps: a *window* of a hundred tokens per row.
 * Kernels know nothing of it: a row has a start in the buffer and a position from there, in either case.
 */
import type { Tokens } from "../../../corpus/tokens/tokenizer.ts";
import { EngineFailure } from "../../engine.ts";
import type { Tools } from "./buffers.ts";
import { type GroupSizes, MAX_TOKENS_PER_SUBMIT } from "../kernels/schedule.ts";
import type { Texts } from "./texts.ts";

export interface TextReader {
  /** What kernels see as the text. */
  readonly buffer: GPUBuffer;
  /**
   * Begins a pass of the run in a slot.
   *
   * @param offsets where each row starts in the text
   * @returns where each row starts in the buffer
   */
  beginPass(slot: number, offsets: Uint32Array): Uint32Array<ArrayBuffer>;
  /**
   * Sees to it that the GPU can read what a slot needs in the steps of the next submit.
   *
   * @param position of the first token in its pass
   * @param tokens of each row that the steps read, but for what the last one reads ahead
   * @returns the position of the first token from the rows' starts in the buffer
   */
  bring(slot: number, position: number, tokens: number): number;
  close(): void;
}

type WindowSizes = Pick<GroupSizes, "slots" | "batch" | "reach">;

/** Opens a text for a group of these sizes: whole where the device can hold it, else in windows. */
export async function openTextReader(
  { opened, texts }: Pick<Tools, "opened" | "texts">,
  text: Tokens,
  sizes: WindowSizes,
): Promise<TextReader> {
  if (texts.holds(text)) {
    try {
      return new WholeText(texts, await texts.take(text));
    } catch (error) {
      if (!(error instanceof EngineFailure && error.kind === "memory")) throw error;
    }
  }
  return new TextWindows(opened.device, text, sizes);
}

class WholeText implements TextReader {
  constructor(private readonly texts: Texts, readonly buffer: GPUBuffer) {}

  beginPass(_slot: number, offsets: Uint32Array): Uint32Array<ArrayBuffer> {
    return offsets as Uint32Array<ArrayBuffer>;
  }

  bring(_slot: number, position: number): number {
    return position;
  }

  close(): void {
    this.texts.release(this.buffer);
  }
}

/** Tokens of a row's window: those of its positions, and what the last one reads ahead; windows start at whole words. */
const windowSize = (reach: number) => Math.ceil((MAX_TOKENS_PER_SUBMIT + reach) / 4) * 4;

class TextWindows implements TextReader {
  readonly buffer: GPUBuffer;
  readonly #offsets: Uint32Array[] = [];
  readonly #window: number;
  /** The windows of one slot, before they are sent. */
  readonly #windows: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

  constructor(
    private readonly device: GPUDevice,
    private readonly text: Tokens,
    private readonly sizes: WindowSizes,
  ) {
    const { STORAGE, COPY_DST } = GPUBufferUsage;
    const Windows = text instanceof Uint8Array ? Uint8Array : Uint16Array;
    this.#window = windowSize(sizes.reach);
    this.#windows = new Windows(sizes.batch * this.#window);
    this.buffer = device.createBuffer({ size: sizes.slots * this.#windows.byteLength, usage: STORAGE | COPY_DST });
  }

  beginPass(slot: number, offsets: Uint32Array): Uint32Array<ArrayBuffer> {
    this.#offsets[slot] = offsets;
    return offsets.map((_, row) => (slot * this.sizes.batch + row) * this.#window) as Uint32Array<ArrayBuffer>;
  }

  bring(slot: number, position: number, tokens: number): number {
    const offsets = this.#offsets[slot];
    for (let row = 0; row < offsets.length; row++) {
      const from = offsets[row] + position;
      this.#windows.set(this.text.subarray(from, from + tokens + this.sizes.reach), row * this.#window);
    }
    // The queue copies it now, and writes it behind the steps that were submitted before.
    this.device.queue.writeBuffer(this.buffer, slot * this.#windows.byteLength, this.#windows);
    return 0;
  }

  close(): void {
    this.buffer.destroy();
  }
}
