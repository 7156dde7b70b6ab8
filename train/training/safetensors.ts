/**
 * The safetensors format: an 8-byte length, a JSON header, the data. Written are float32 tensors alone; read are all kinds of floating
 * point that PyTorch trains in. Source: huggingface/safetensors, "Format", and `Metadata::validate` of its Rust crate. No kept npm
 * package reads and writes it, so it is here.
 */
import { formatShape, sizeOf } from "../../cells/graph/tensor.ts";
import { UserError } from "../../cells/errors.ts";
import * as z from "zod";
import { parseWith } from "../../cells/config.ts";
import { repeatedKey } from "../repeated_key.ts";

/** A tensor as a file holds it: its shape and its numbers, row-major. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What was read of a file. */
export interface ReadSafetensors extends SafetensorsFile {
  /** Kinds of the tensors that are no floating point (counters, masks, quantised weights), by name: their numbers are not read. */
  readonly others: ReadonlyMap<string, string>;
}

/** Bytes of a file from which it can be told how many {@linkcode decodeMetadata} needs. */
export const LENGTH_BYTES = 8;
/** The data begin at a multiple of this; the header is filled up with spaces. */
const ALIGNMENT = 8;
/** The format's own bound: it keeps a damaged length from asking for gigabytes. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bits of a number of each kind that the format knows. */
const BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  ...Object.fromEntries(["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((dtype) => [dtype, 8])),
  ...Object.fromEntries(["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 16])),
  ...Object.fromEntries(["I32", "U32", "F32"].map((dtype) => [dtype, 32])),
  ...Object.fromEntries(["I64", "U64", "F64", "C64"].map((dtype) => [dtype, 64])),
};

/** Kinds that become 32-bit numbers: F16 and BF16 exactly, F64 rounded. A buffer begins at an aligned place in memory. */
const READERS: Readonly<Record<string, (buffer: ArrayBuffer) => Float32Array>> = {
  F32: (buffer) => new Float32Array(buffer),
  F16: (buffer) => Float32Array.from(new Float16Array(buffer)),
  // The upper half of a 32-bit number.
  BF16: (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer),
  F64: (buffer) => Float32Array.from(new Float64Array(buffer)),
};

/** The kinds whose numbers are read, for messages. */
export const READ_KINDS: readonly string[] = Object.keys(READERS);

const count = z.number().int().nonnegative();
const entrySchema = z.object({ dtype: z.string(), shape: z.array(count), data_offsets: z.tuple([count, count]) });
const headerSchema = z.object({ __metadata__: z.record(z.string(), z.string()).optional() }).catchall(entrySchema);

type Entry = z.infer<typeof entrySchema>;

/** The bytes of a `.safetensors` file; names sorted, so that equal tensors give equal bytes. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  let end = 0;
  const entries = sorted.map(([name, { shape, values }]) => {
    const begin = end;
    end += values.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const header = new TextEncoder().encode(json);
  const headerLength = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT;

  const file = new Uint8Array(LENGTH_BYTES + headerLength + end);
  file.fill(" ".charCodeAt(0), LENGTH_BYTES, LENGTH_BYTES + headerLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerLength;
  for (const [, { values }] of sorted) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return file;
}

/**
 * Reads a `.safetensors` file.
 *
 * @throws {UserError} with one line that names the file: truncated, no header, data that overlap, leave a hole or do not end with the
 * file, sizes that disagree
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): ReadSafetensors {
  const { header, dataStart } = readHeader(bytes, bytes.length, file);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, StoredTensor>(), others = new Map<string, string>();
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
    // A copy: the data need not lie at an aligned place.
    const read = Object.hasOwn(READERS, dtype) ? READERS[dtype] : undefined;
    if (read) tensors.set(name, { shape, values: read(bytes.slice(dataStart + begin, dataStart + end).buffer) });
    else others.set(name, dtype);
  }
  return { tensors, metadata, others };
}

/**
 * How many bytes of a file come before its data.
 *
 * @param start the first bytes of the file, {@linkcode LENGTH_BYTES} at least where it has as many
 * @param length bytes of the whole file
 * @throws {UserError} naming the file, if it is too short, or its header too long
 */
export function bytesBeforeData(start: Uint8Array, length: number, file: string): number {
  const fail = (why: string) => new UserError(`Cannot read ${file}: ${why}`);
  if (start.length < LENGTH_BYTES) {
    throw fail(`it has ${start.length} bytes, a safetensors file has at least ${LENGTH_BYTES}`);
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true)), dataStart = LENGTH_BYTES + headerBytes;
  if (dataStart > length) throw fail(`its header ends at byte ${dataStart}, the file at ${length}`);
  if (headerBytes > MAX_HEADER_BYTES) {
    throw fail(`its header has ${headerBytes} bytes, must have at most ${MAX_HEADER_BYTES}`);
  }
  return dataStart;
}

/**
 * The metadata of a `.safetensors` file, without its data.
 *
 * @param start the bytes before its data at least: see {@linkcode bytesBeforeData}
 * @param length bytes of the whole file
 * @throws {UserError} as {@linkcode decodeSafetensors} does
 */
export function decodeMetadata(start: Uint8Array, length: number, file: string): SafetensorsFile["metadata"] {
  return readHeader(start, length, file).header.__metadata__ ?? {};
}

function readHeader(
  bytes: Uint8Array,
  fileLength: number,
  file: string,
): { header: z.infer<typeof headerSchema>; dataStart: number } {
  const fail = (why: string) => new UserError(`Cannot read ${file}: ${why}`);
  const dataStart = bytesBeforeData(bytes, fileLength, file);
  let text: string, value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(LENGTH_BYTES, dataStart));
    value = JSON.parse(text);
  } catch {
    throw fail("its header is not JSON");
  }
  if (!text.startsWith("{")) throw fail("its header does not begin with '{'");
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw fail(`its header has '${repeated}' twice`);
  const header = parseWith(headerSchema, value, `the header of ${file}`);
  const { __metadata__: _, ...entries } = header;
  checkLayout(entries, dataStart, fileLength, file);
  return { header, dataStart };
}

/**
 * The rules of the format: laid side by side in the order of their places, the tensors fill the data from beginning to end. So no byte
 * belongs to two of them, and none to nobody.
 */
function checkLayout(entries: Readonly<Record<string, Entry>>, dataStart: number, length: number, file: string): void {
  const fail = (why: string) => new UserError(`Cannot read ${file}: ${why}`);
  const placed = Object.entries(entries)
    .sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1]);
  let at = 0;
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of placed) {
    const bits = Object.hasOwn(BITS, dtype) ? BITS[dtype] : undefined;
    if (bits === undefined) {
      throw fail(`tensor '${name}' is of kind '${dtype}', must be one of ${Object.keys(BITS).join(", ")}`);
    }
    const needed = sizeOf(shape) * bits / 8;
    if (end - begin !== needed) {
      throw fail(
        `tensor '${name}' has ${end - begin} bytes, its shape ${formatShape(shape)} of ${dtype} needs ${needed}`,
      );
    }
    if (begin !== at) {
      throw fail(`tensor '${name}' begins at byte ${dataStart + begin}, must begin at ${dataStart + at}`);
    }
    if (dataStart + end > length) throw fail(`tensor '${name}' ends at byte ${dataStart + end}, the file at ${length}`);
    at = end;
  }
  if (dataStart + at !== length) throw fail(`its tensors end at byte ${dataStart + at}, the file at ${length}`);
}
