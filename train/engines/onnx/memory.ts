/** The memory that ONNX Runtime and the loops share: every tensor of a run has a fixed location in it. */
import { UserError } from "../../../cells/errors.ts";
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { mebibytes } from "../engine.ts";
import { LINE_FLOATS, SIMD_WIDTH } from "./loops.ts";
import type { Location } from "./plan.ts";

/** A page of WebAssembly's memory, and the most that it can have: addresses have 32 bits. */
const PAGE = 65_536, MAX_BYTES = 2 ** 32;
const FLOAT_BYTES = 4, INDEX_BYTES = 8;
const LINE = LINE_FLOATS * FLOAT_BYTES;

const wholeLines = (bytes: number) => Math.ceil(bytes / LINE) * LINE;

const copiesOf = ({ swapped }: Location) => swapped ? 2 : 1;
const floatBytes = ({ shape }: Location) =>
  wholeLines(Math.ceil(sizeOf(shape) / SIMD_WIDTH) * SIMD_WIDTH * FLOAT_BYTES);

/**
 * Bytes of a run's memory.
 *
 * @param indices number of the inputs of int64
 * @param rows of each
 */
export function memoryBytes(locations: readonly Location[], indices: number, rows: number): number {
  const floats = locations.reduce((sum, location) => sum + copiesOf(location) * floatBytes(location), 0);
  return floats + indices * wholeLines(rows * INDEX_BYTES);
}

/**
 * Checks that a run can be opened.
 *
 * @param own bytes of its memory
 * @param working bytes that ONNX Runtime needs beside them
 * @param most bytes that there are for both
 * @param stepsBack in words: `16 steps back`. Workers read this module, and need no table of factors
 * @throws {UserError} if its memory is more than 4 GiB, or both are more than there are
 */
export function checkMemory({ own, working }: { own: number; working: number }, most: number, stepsBack: string): void {
  // What there is is rounded down, so that two sizes which differ never read alike.
  const fail = (what: string, found: number, most: number) => {
    throw new UserError(
      `Cannot train a run on engine onnx: ${what} ${mebibytes(found)}, must be at most ${
        Math.floor(most / 2 ** 20)
      } MiB`,
    );
  };
  if (own > MAX_BYTES) fail("its tensors take", own, MAX_BYTES);
  if (own + working > most) fail(`with ${stepsBack} it needs`, own + working, most);
}

/** Not shared between threads, which ONNX Runtime refuses, but between it and the loops. */
export class RunMemory {
  readonly memory: WebAssembly.Memory;
  readonly #floats = new Map<string, Float32Array[]>();
  readonly #indices = new Map<string, BigInt64Array>();

  /** @param indices names of the inputs of int64, `[rows]` each */
  constructor(locations: readonly Location[], indices: readonly string[], rows: number) {
    const total = memoryBytes(locations, indices.length, rows);
    const pages = Math.ceil(total / PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    let next = 0;
    const take = (bytes: number) => (next += bytes) - bytes;
    for (const location of locations) {
      const make = () => new Float32Array(this.memory.buffer, take(floatBytes(location)), sizeOf(location.shape));
      this.#floats.set(location.name, Array.from({ length: copiesOf(location) }, make));
    }
    for (const name of indices) {
      this.#indices.set(name, new BigInt64Array(this.memory.buffer, take(wholeLines(rows * INDEX_BYTES)), rows));
    }
  }

  /** The numbers of a location; of a swapped one, the copy of this number. */
  floats(name: string, copy = 0): Float32Array {
    const all = this.#floats.get(name)!;
    return all[copy % all.length];
  }

  /** Numbers from a location on, be it beyond its end: what lies behind it. */
  floatsFrom(name: string, copy: number, first: number, size: number): Float32Array {
    return new Float32Array(this.memory.buffer, this.address(name, copy) + first * FLOAT_BYTES, size);
  }

  indices(name: string): BigInt64Array {
    return this.#indices.get(name)!;
  }

  /** The same as 32-bit numbers, of which every second one, from the first on, is the lower half of an index: a token needs no more, and no BigInt. */
  tokens(name: string): Uint32Array {
    const { buffer, byteOffset, length } = this.indices(name);
    return new Uint32Array(buffer, byteOffset, 2 * length);
  }

  /** Where a tensor begins; of a swapped one, the copy of this number. */
  address(name: string, copy: number): number {
    return (this.#indices.get(name) ?? this.floats(name, copy)).byteOffset;
  }
}
