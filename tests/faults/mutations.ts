/** Damage to files: what disks, editors, other programs and careless people do to them, drawn from a seed. */
import type { RandomStream } from "../../train/corpus/random.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Some bytes of another, the whole of which is `length` long. */
function range(random: RandomStream, length: number): [number, number] {
  const first = random.integer(0, Math.max(0, length - 1));
  return [first, Math.min(length, first + random.integer(1, 64))];
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Damage that any file can take. */
const TO_BYTES: readonly ((bytes: Bytes, random: RandomStream, other: Bytes) => Bytes)[] = [
  function flipBit(bytes, random) {
    const changed = bytes.slice();
    changed[random.integer(0, bytes.length - 1)] ^= 1 << random.integer(0, 7);
    return changed;
  },
  function overwrite(bytes, random) {
    const changed = bytes.slice(), [first, end] = range(random, bytes.length);
    for (let i = first; i < end; i++) changed[i] = random.integer(0, 255);
    return changed;
  },
  function blank(bytes, random) {
    return bytes.slice().fill(0, ...range(random, bytes.length));
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.integer(0, bytes.length - 1));
  },
  function loseSome(bytes, random) {
    const [first, end] = range(random, bytes.length);
    return joined(bytes.subarray(0, first), bytes.subarray(end));
  },
  function repeatSome(bytes, random) {
    const [first, end] = range(random, bytes.length);
    return joined(bytes.subarray(0, end), bytes.subarray(first));
  },
  function append(bytes, random) {
    return joined(bytes, Uint8Array.from({ length: random.integer(1, 40) }, () => random.integer(0, 255)));
  },
  function empty() {
    return new Uint8Array();
  },
  function another(_bytes, _random, other) {
    return other.slice();
  },
];

/** What may stand where another value stood: of every type, and at the edges of numbers. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  "",
  "constructor",
  "\u0000\n\u001b[2J",
  "x".repeat(100_000),
  0,
  -1,
  0.5,
  1,
  1e-320,
  1e308,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  [],
  {},
  [[[[[[[[]]]]]]]],
  [0, 0, 0],
  { __proto__: null, length: 5 },
];

/** Numbers that JSON can write and JavaScript cannot hold, put in as text. */
const UNHOLDABLE = ["1e999", "-1e999", "123456789012345678901234567890"];

type Container = Record<string, unknown> | unknown[];

/** Every place in a JSON value where something stands. */
function places(value: unknown, found: [Container, string][] = []): [Container, string][] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value as Container, key]);
    places((value as Record<string, unknown>)[key], found);
  }
  return found;
}

const keyed = (container: Container) => container as Record<string, unknown>;

/** Stands in a value until it is text. */
const MARK = "\u0001unholdable\u0001";

/** Damage to a JSON value; what it returns is written in its place. */
const TO_JSON: readonly ((value: unknown, random: RandomStream) => unknown)[] = [
  function otherValue(value, random) {
    const [container, key] = pick(places(value), random);
    keyed(container)[key] = VALUES[random.integer(0, VALUES.length - 1)];
    return value;
  },
  function loseKey(value, random) {
    const [container, key] = pick(places(value), random);
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else delete container[key];
    return value;
  },
  function unholdable(value, random) {
    const [container, key] = pick(places(value), random);
    keyed(container)[key] = MARK;
    return value;
  },
  function nearNumber(value, random) {
    const numbers = places(value).filter(([container, key]) => typeof keyed(container)[key] === "number");
    if (!numbers.length) return value;
    const [container, key] = pick(numbers, random), number = keyed(container)[key] as number;
    const near = [number + 1, number - 1, -number, number * 1000, number / 2, number + 1e-9];
    keyed(container)[key] = near[random.integer(0, near.length - 1)];
    return value;
  },
  function swapTwo(value, random) {
    const all = places(value), [a, i] = pick(all, random), [b, j] = pick(all, random);
    [keyed(a)[i], keyed(b)[j]] = [structuredClone(keyed(b)[j]), structuredClone(keyed(a)[i])];
    return value;
  },
  function newKey(value, random) {
    const objects = places(value).map(([container]) => container).filter((container) => !Array.isArray(container));
    if (!objects.length) return [value];
    const name = ["constructor", "__proto__", "toString", "tokens", "id", "loss"][random.integer(0, 5)];
    Object.defineProperty(objects[random.integer(0, objects.length - 1)], name, {
      value: VALUES[random.integer(0, VALUES.length - 1)],
      enumerable: true,
      configurable: true,
      writable: true,
    });
    return value;
  },
  function repeatEntry(value, random) {
    const entries = places(value).filter(([container]) => Array.isArray(container));
    if (!entries.length) return [value, value];
    const [container, key] = pick(entries, random);
    (container as unknown[]).splice(Number(key), 0, structuredClone(keyed(container)[key]));
    return value;
  },
  function wholeOther(_value, random) {
    return VALUES[random.integer(0, VALUES.length - 1)];
  },
];

function pick<T>(list: readonly T[], random: RandomStream): T {
  return list[random.integer(0, list.length - 1)];
}

/** One file damaged, and how. */
export interface Damaged {
  readonly how: string;
  readonly bytes: Bytes;
}

/** How a kind of file holds JSON, so that it can be damaged in its meaning, and not in its bytes alone. */
export interface JsonInside {
  read(bytes: Bytes): unknown;
  /** @returns undefined where the format has no way to say that */
  write(value: unknown, text: (value: unknown) => string, before: Bytes): Bytes | undefined;
}

const encode = (text: string): Bytes => new TextEncoder().encode(text);

/** A file that is JSON. */
export const PLAIN_JSON: JsonInside = {
  read: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
  write: (value, text) => encode(text(value)),
};

/**
 * Damages a file. What is no damage, or what its format cannot say, is drawn again.
 *
 * @param other the bytes of another file, which may come to lie in its place
 * @param inside how it holds JSON, if it does
 */
export function damage(bytes: Bytes, other: Bytes, random: RandomStream, inside?: JsonInside): Damaged {
  for (;;) {
    const { how, bytes: damaged } = drawn(bytes, other, random, inside);
    if (damaged && !isSame(damaged, bytes)) return { how, bytes: damaged };
  }
}

function drawn(bytes: Bytes, other: Bytes, random: RandomStream, inside?: JsonInside) {
  // What is JSON is damaged in its meaning three times in four: in its bytes, it is mostly no JSON any more.
  if (!inside || random.integer(0, 3) === 0) {
    const change = pick(TO_BYTES, random);
    return { how: change.name, bytes: change(bytes, random, other) };
  }
  const change = pick(TO_JSON, random), number = pick(UNHOLDABLE, random);
  const text = (value: unknown) => (JSON.stringify(value) ?? "").replaceAll(JSON.stringify(MARK), number);
  return { how: change.name, bytes: inside.write(change(inside.read(bytes), random), text, bytes) };
}

function isSame(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
