/**
 * The safetensors format, float32 tensors only: an 8-byte length, a JSON header, the data.
 * Source: huggingface/safetensors, "Format". No kept npm package reads and writes it, so it is here.
 */
import { sizeOf } from "../cells/graph/tensor.ts";
import { UserError } from "../cells/errors.ts";
import { z } from "zod";
import { parseWith } from "../cells/config.ts";

/** A tensor as a file holds it: its shape and its numbers, row-major. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const LENGTH_BYTES = 8;
/** The data begin at a multiple of this; the header is filled up with spaces. */
const ALIGNMENT = 8;

const count = z.number().int().nonnegative();
const entrySchema = z.object({ dtype: z.string(), shape: z.array(count), data_offsets: z.tuple([count, count]) });
const headerSchema = z.object({ __metadata__: z.record(z.string(), z.string()).optional() }).catchall(entrySchema);

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
 * @throws {UserError} with one line that names the file: truncated, no header, another type than F32, sizes that disagree
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): SafetensorsFile {
  const fail = (why: string): never => {
    throw new UserError(`Cannot read ${file}: ${why}`);
  };
  if (bytes.length < LENGTH_BYTES) {
    fail(`it has ${bytes.length} bytes, a safetensors file has at least ${LENGTH_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataStart = LENGTH_BYTES + Number(view.getBigUint64(0, true));
  if (dataStart > bytes.length) fail(`its header ends at byte ${dataStart}, the file at ${bytes.length}`);

  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), file);
  const tensors = new Map(
    Object.entries(entries).map(([name, { dtype, shape, data_offsets: [begin, end] }]) => {
      const elements = sizeOf(shape);
      if (dtype !== "F32") fail(`tensor '${name}' is ${dtype}, must be F32`);
      if (end - begin !== elements * Float32Array.BYTES_PER_ELEMENT) {
        fail(`tensor '${name}' has ${end - begin} bytes, its shape [${shape}] needs ${elements * 4}`);
      }
      if (dataStart + end > bytes.length) {
        fail(`tensor '${name}' ends at byte ${dataStart + end}, the file at ${bytes.length}`);
      }
      // A copy: the data need not lie at a multiple of four.
      const values = new Float32Array(bytes.slice(dataStart + begin, dataStart + end).buffer);
      return [name, { shape, values }];
    }),
  );
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array, file: string): z.infer<typeof headerSchema> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new UserError(`Cannot read ${file}: its header is not JSON`);
  }
  return parseWith(headerSchema, header, `the header of ${file}`);
}
