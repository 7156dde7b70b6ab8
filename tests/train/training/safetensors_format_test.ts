/** The rules of the safetensors format, each with a file that breaks it: what is wrong is said in one line, and nothing is read. */
import assert from "node:assert/strict";
import { decodeWeights } from "../../../train/training/checkpoint.ts";
import { repeatedKey } from "../../../train/repeated_key.ts";
import { decodeSafetensors } from "../../../train/training/safetensors.ts";

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
type Header = Record<string, Entry | Record<string, string>>;

/** A file of a header, as an object or as text, and so many bytes of data. */
function fileOf(header: Header | string, data: Uint8Array | number = 24): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const numbers = typeof data === "number" ? new Uint8Array(data).fill(1) : data;
  const file = new Uint8Array(8 + text.length + numbers.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(numbers, 8 + text.length);
  return file;
}

const entry = (dtype: string, shape: number[], begin: number, end: number): Entry => (
  { dtype, shape, data_offsets: [begin, end] }
);

/** A right file: tensors a, b and c lie behind each other in 24 bytes. */
const right = (): Record<"a" | "b" | "c", Entry> => ({
  a: entry("F32", [2], 0, 8),
  b: entry("F32", [1, 2], 8, 16),
  c: entry("F32", [2], 16, 24),
});

/** The right file after a change. */
const changed = (change: (header: ReturnType<typeof right>) => unknown) => {
  const header = right();
  change(header);
  return fileOf(header);
};

const text = JSON.stringify(right());

const WRONG: readonly (readonly [name: string, file: Uint8Array, says: RegExp])[] = [
  ["no length", new Uint8Array(7), /it has 7 bytes, a safetensors file has at least 8/],
  ["header beyond the file", fileOf(right()).subarray(0, 60), /its header ends at byte \d+, the file at 60/],
  ["header of 2^63 bytes", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128), /its header ends at byte \d+, the file at 8/],
  ["empty header", fileOf(""), /its header is not JSON/],
  ["header that is no UTF-8", fileOf(text).map((byte, i) => i === 10 ? 0xff : byte), /its header is not JSON/],
  ["header of an array", fileOf("[]"), /its header does not begin with '\{'/],
  ["header behind a space", fileOf(` ${text}`), /its header does not begin with '\{'/],
  ["header behind a byte order mark", fileOf(`\ufeff${text}`), /its header is not JSON/],
  ["a tensor twice", fileOf(text.replace('"b"', '"a"')), /its header has 'a' twice/],
  ["a tensor twice, spelled in another way", fileOf(text.replace('"b"', '"\\u0061"')), /its header has 'a' twice/],
  ["an offset twice", fileOf(text.replace('"shape":[2]', '"dtype":"F32","shape":[2]')), /its header has 'dtype' twice/],
  ["overlapping tensors", changed(({ b }) => b.data_offsets = [4, 12]), /tensor 'b' begins at byte \d+, must begin at/],
  ["one tensor over another", changed(({ b }) => b.data_offsets = [0, 8]), /tensor 'b' begins at byte \d+, must/],
  ["a hole", changed(({ c }) => c.data_offsets = [20, 28]), /tensor 'c' begins at byte \d+, must begin at \d+/],
  [
    "shifted tensors",
    changed(({ a, b, c }) =>
      [a, b, c].forEach(({ data_offsets }) => data_offsets.forEach((at, i) => data_offsets[i] = at + 4))
    ),
    /tensor 'a' begins at byte \d+, must begin at/,
  ],
  ["trailing bytes", fileOf(right(), 25), /its tensors end at byte \d+, the file at \d+/],
  ["no tensors, but data", fileOf({}, 4), /its tensors end at byte 10, the file at 14/],
  ["data cut off", fileOf(right(), 20), /tensor 'c' ends at byte \d+, the file at \d+/],
  [
    "end before begin",
    changed(({ b }) => b.data_offsets = [16, 8]),
    /tensor 'b' has -8 bytes, its shape \[1, 2\] of F32/,
  ],
  ["another shape", changed(({ a }) => a.shape = [3]), /tensor 'a' has 8 bytes, its shape \[3\] of F32 needs 12/],
  ["another kind", changed(({ a }) => a.dtype = "F64"), /tensor 'a' has 8 bytes, its shape \[2\] of F64 needs 16/],
  ["a kind that is none", changed(({ a }) => a.dtype = "F31"), /tensor 'a' is of kind 'F31', must be one of .*BF16/],
  ["a kind that all objects have", changed(({ a }) => a.dtype = "valueOf"), /tensor 'a' is of kind 'valueOf'/],
  [
    "half a byte",
    changed(({ a }) => Object.assign(a, entry("F4", [1], 0, 1))),
    /tensor 'a' has 1 bytes, .* needs 0\.5/,
  ],
  ["a size of -2", changed(({ a }) => a.shape = [-1, -2]), /'a\.shape\.0': Too small/],
  ["a size of 2.5", changed(({ a }) => a.shape = [2.5]), /'a\.shape\.0': expected int/],
  ["endless sizes", changed(({ a }) => a.shape = [2 ** 52, 2 ** 52]), /tensor 'a' has 8 bytes, its shape .* needs/],
  ["no offsets", fileOf({ a: { dtype: "F32", shape: "2" } }), /'a\.shape': expected array.*'a\.data_offsets'/],
  ["metadata that is no text", fileOf('{"__metadata__":{"format":1}}', 0), /'__metadata__\.format': expected string/],
  [
    "a name of two lines",
    changed((header) => Object.assign(header, { "a\n\u001b[2J": header.a })),
    /tensor 'a .\[2J' begins/,
  ],
];

for (const [name, file, says] of WRONG) {
  Deno.test(`decodeSafetensors() refuses ${name} with one line`, () => {
    assert.throws(() => decodeSafetensors(file, "f"), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, /^Cannot read (the header of )?f: /);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /\p{Cc}/u);
      return true;
    });
  });
}

Deno.test("decodeSafetensors() refuses a header that is longer than the format allows, before it is read", () => {
  const length = 100_000_001, file = new Uint8Array(8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  assert.throws(() => decodeSafetensors(file, "f"), /^UserError: Cannot read f: its header has 100000001 bytes, must/);
});

Deno.test("decodeSafetensors() takes tensors in any order, of no axes, of no elements, and a header filled up with spaces", () => {
  const scalar = entry("F32", [], 4, 8), empty = entry("F32", [0, 3], 4, 4), first = entry("F32", [1], 0, 4);
  const file = fileOf(`${JSON.stringify({ scalar, empty, first })}   `, new Uint8Array(Float32Array.of(7, 8).buffer));
  const { tensors } = decodeSafetensors(file, "f");
  assert.deepEqual(tensors.get("first")!.values, Float32Array.of(7));
  assert.deepEqual(tensors.get("scalar")!.values, Float32Array.of(8));
  assert.deepEqual(tensors.get("empty")!.values, Float32Array.of());
});

const NUMBERS = [0, 1.5, -2, 0.25];
/** The same numbers in each kind that is read: all of them have them exactly. */
const KINDS: Readonly<Record<string, Uint8Array>> = {
  F32: new Uint8Array(Float32Array.from(NUMBERS).buffer),
  F16: new Uint8Array(Float16Array.from(NUMBERS).buffer),
  F64: new Uint8Array(Float64Array.from(NUMBERS).buffer),
  BF16: new Uint8Array(
    Uint16Array.from(new Uint32Array(Float32Array.from(NUMBERS).buffer), (bits) => bits >>> 16).buffer,
  ),
};

for (const [kind, data] of Object.entries(KINDS)) {
  Deno.test(`decodeWeights() reads weights of ${kind}`, () => {
    const file = fileOf({ w: entry(kind, [4], 0, data.length) }, data);
    const { weights } = decodeWeights(file, [{ name: "w", shape: [4], fan_in: 1 }], "f");
    assert.deepEqual(weights.get("w"), Float32Array.from(NUMBERS));
  });
}

const WITH_COUNTER: Header = { counter: entry("I64", [2], 8, 24), w: entry("F32", [2], 0, 8) };
const wanted = (name: string, shape = [2]) => [{ name, shape, fan_in: 1 }];

Deno.test("decodeWeights() leaves tensors of other kinds aside, and names one that is needed", () => {
  const file = fileOf(WITH_COUNTER, new Uint8Array(24));
  assert.deepEqual(decodeWeights(file, wanted("w"), "f").weights.get("w"), Float32Array.of(0, 0));
  assert.throws(
    () => decodeWeights(file, wanted("counter"), "f"),
    /^UserError: Cannot read f: 'counter' is I64, must be one of F32, F16, BF16, F64$/,
  );
});

for (const [value, is] of [[NaN, "NaN"], [Infinity, "Infinity"], [-1e300, "-Infinity"]] as const) {
  Deno.test(`decodeWeights() refuses a weight of ${value}, unless it is not needed`, () => {
    const file = fileOf(
      { good: entry("F64", [1], 0, 8), w: entry("F64", [2], 8, 24) },
      new Uint8Array(Float64Array.of(1, 1, value).buffer),
    );
    const line = new RegExp(`^UserError: Cannot read f: 'w' is ${is} at element 1, must be finite$`);
    assert.throws(() => decodeWeights(file, wanted("w"), "f"), line);
    assert.deepEqual(decodeWeights(file, wanted("good", [1]), "f").weights.get("good"), Float32Array.of(1));
  });
}

Deno.test("repeatedKey() finds a key that an object has twice, at any depth, and in nothing else", () => {
  const found = (json: string) => repeatedKey((JSON.parse(json), json));
  for (const json of ["{}", '{"a":[{"a":1},{"a":"b:\\"a\\":"}],"b":{"a":{"b":2}}}', '"a"', "[[],[]]"]) {
    assert.equal(found(json), undefined, json);
  }
  assert.equal(found('{"a":[{"b":1,"c":{},"b":2}],"a":0}'), "b");
  assert.equal(found('{"\\\\":0,"\\"":1,"\\u005c":2}'), "\\");
  const deep = 100_000;
  assert.equal(found('{"a":'.repeat(deep) + "0" + "}".repeat(deep)), undefined);
});
