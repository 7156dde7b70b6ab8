/** Texts in memory that all workers see: a large text is there once, however many train and score on it. */
import { messageOf, UserError } from "../../cells/errors.ts";
import type { Tokens } from "./tokens/tokenizer.ts";

/** What is read and handed on at a time. */
const CHUNK_BYTES = 2 ** 23;

/** Copies of texts that came in memory of their own, by the text that they are of. */
const copies = new WeakMap<Tokens, Tokens>();

/** A text as workers can share it: itself where its memory is shared, else one copy, however often it is asked for. */
export function sharedText(text: Uint8Array): Uint8Array;
export function sharedText(text: Tokens): Tokens;
export function sharedText(text: Tokens): Tokens {
  if (text.buffer instanceof SharedArrayBuffer) return text;
  const known = copies.get(text);
  if (known) return known;
  const memory = new SharedArrayBuffer(text.byteLength);
  const shared = text instanceof Uint8Array ? new Uint8Array(memory) : new Uint16Array(memory);
  shared.set(text);
  copies.set(text, shared);
  return shared;
}

/**
 * Reads a file of a known size straight into shared memory: it is never there twice.
 *
 * @param onChunk given each part as it comes, in order
 * @throws {UserError} if the memory is not there, or the file has not as many bytes as were announced
 */
export async function readShared(
  path: string,
  bytes: number,
  onChunk: (part: Uint8Array) => void,
): Promise<Uint8Array<SharedArrayBuffer>> {
  const text = sharedMemory(path, bytes);
  const changed = () => new UserError(`Cannot read ${path}: it changed while it was read, from ${bytes} bytes`);
  using file = await Deno.open(path);
  for (let at = 0; at < bytes;) {
    const count = await file.read(text.subarray(at, at + CHUNK_BYTES));
    if (count === null) throw changed();
    onChunk(text.subarray(at, at + count));
    at += count;
  }
  if (await file.read(new Uint8Array(1)) !== null) throw changed();
  return text;
}

function sharedMemory(path: string, bytes: number): Uint8Array<SharedArrayBuffer> {
  try {
    return new Uint8Array(new SharedArrayBuffer(bytes));
  } catch (error) {
    throw new UserError(`Cannot read ${path}: its ${bytes} bytes do not fit into memory: ${messageOf(error)}`);
  }
}
