/** Writes small WebAssembly modules. Source: WebAssembly Core Specification 2.0, section 5 (binary format), with vectors. */

/** Types of values. */
export const TYPE = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof TYPE;

/** Instructions that take nothing but values. */
export const OPCODE = {
  i32_add: [0x6a],
  i32_sub: [0x6b],
  i32_mul: [0x6c],
  f32_add: [0x92],
  f32x4_splat: [0xfd, 0x13],
  f32x4_lt: [0xfd, 0x43],
  v128_andnot: [0xfd, 0x4f],
  f32x4_abs: [0xfd, 0xe0, 0x01],
} as const satisfies Record<string, readonly number[]>;

export type Code = readonly number[];

/** An unsigned number in LEB128. */
function unsigned(value: number): number[] {
  const low = value & 0x7f, rest = value >>> 7;
  return rest ? [low | 0x80, ...unsigned(rest)] : [low];
}

/** A signed number in LEB128. */
function signed(value: number): number[] {
  const low = value & 0x7f, rest = value >> 7;
  const isLast = rest === 0 && !(low & 0x40) || rest === -1 && (low & 0x40);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes];
const text = (value: string): number[] => sized([...new TextEncoder().encode(value)]);
const floatBytes = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const i32 = (value: number): Code => [0x41, ...signed(value)];
/** Four times the same float. */
export const f32x4 = (value: number): Code => [0xfd, 0x0c, ...[0, 1, 2, 3].flatMap(() => floatBytes(value))];
/** Accesses at the address on the stack; floats are aligned to four bytes, which is what the hint says. */
export const load = {
  i32: [0x28, 2, 0],
  f32: [0x2a, 2, 0],
  v128: [0xfd, 0x00, 2, 0],
} as const satisfies Record<string, Code>;
export const store = { f32: [0x38, 2, 0], v128: [0xfd, 0x0b, 2, 0] } as const satisfies Record<string, Code>;
/** Fills memory: takes an address, a byte and a length. */
export const fill: Code = [0xfc, 0x0b, 0];

/** Adds to a local. */
export const increase = (local: number, by: Code): Code => [...get(local), ...by, ...OPCODE.i32_add, ...set(local)];

/** Repeats a body as often as the counter says, which must be at least 1, and counts it down to 0. */
export function repeat(counter: number, body: Code): Code {
  const count = [...get(counter), ...i32(1), ...OPCODE.i32_sub, 0x22, ...unsigned(counter)];
  return [0x03, 0x40, ...body, ...count, 0x0d, 0, 0x0b];
}

/** A function: parameters are its first locals. It returns nothing. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

const section = (id: number, content: Code): number[] => [id, ...sized(content)];

/** A module that imports its memory as `env.memory` and exports its functions by their names. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...vector(parameters.map((type) => [TYPE[type]])), 0]);
  const memory = [...text("env"), ...text("memory"), 2, 0, 0];
  const exported = functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]);
  const bodies = functions.map(({ locals, body }) =>
    sized([...vector(locals.map((type) => [1, TYPE[type]])), ...body, 0x0b])
  );
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([memory])),
    ...section(3, vector(functions.map((_, i) => unsigned(i)))),
    ...section(7, vector(exported)),
    ...section(10, vector(bodies)),
  ]);
}
