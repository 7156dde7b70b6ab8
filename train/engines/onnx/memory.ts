/** The memory that ONNX Runtime and the loops share: every tensor of a run has a fixed place in it. */
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { LANES } from "./loops.ts";
import type { Slot } from "./plan.ts";

/** A page of WebAssembly's memory, and the most that it can have: addresses have 32 bits. */
const PAGE = 65_536, MAX_BYTES = 2 ** 32;
/** A line of the processor's cache: no tensor shares one with another. */
const LINE = 64;
const FLOAT_BYTES = 4, INDEX_BYTES = 8;

const places = (bytes: number) => Math.ceil(bytes / LINE) * LINE;

export class SharedMemory {
  readonly memory: WebAssembly.Memory;
  readonly #floats = new Map<string, Float32Array[]>();
  readonly #indices = new Map<string, BigInt64Array>();

  /**
   * @param indices names of inputs of int64, `[batch]` each
   * @throws {RangeError} if all is more than 4 GiB
   */
  constructor(slots: readonly Slot[], indices: readonly string[], batch: number) {
    const copies = (slot: Slot) => slot.swapped ? 2 : 1;
    const floatBytes = ({ shape }: Slot) => places(Math.ceil(sizeOf(shape) / LANES) * LANES * FLOAT_BYTES);
    const total = slots.reduce((sum, slot) => sum + copies(slot) * floatBytes(slot), 0) +
      indices.length * places(batch * INDEX_BYTES);
    if (total > MAX_BYTES) {
      throw new RangeError(`Cannot open a run: its tensors take ${total} bytes, must be at most ${MAX_BYTES}`);
    }
    const pages = Math.ceil(total / PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    let next = 0;
    const take = (bytes: number) => (next += bytes) - bytes;
    for (const slot of slots) {
      const make = () => new Float32Array(this.memory.buffer, take(floatBytes(slot)), sizeOf(slot.shape));
      this.#floats.set(slot.name, Array.from({ length: copies(slot) }, make));
    }
    for (const name of indices) {
      this.#indices.set(name, new BigInt64Array(this.memory.buffer, take(places(batch * INDEX_BYTES)), batch));
    }
  }

  /** The numbers of a slot; of a swapped one, the copy of this number. */
  floats(name: string, copy = 0): Float32Array {
    const all = this.#floats.get(name)!;
    return all[copy % all.length];
  }

  indices(name: string): BigInt64Array {
    return this.#indices.get(name)!;
  }

  /** Where a tensor begins; of a swapped one, the copy of this number. */
  address(name: string, copy: number): number {
    return (this.#indices.get(name) ?? this.floats(name, copy)).byteOffset;
  }
}
