import assert from "node:assert/strict";
import { drawsOf, SEED_VARIABLE, testSeed } from "./draws.ts";

/** Runs something with the variable as given, and sets it back. */
function withSeed<T>(seed: string | undefined, run: () => T): T {
  const before = Deno.env.get(SEED_VARIABLE);
  const set = (value?: string) =>
    value === undefined ? Deno.env.delete(SEED_VARIABLE) : Deno.env.set(SEED_VARIABLE, value);
  set(seed);
  try {
    return run();
  } finally {
    set(before);
  }
}

const drawn = (name: string) => {
  const { note, random } = drawsOf(name);
  return { note, numbers: Array.from({ length: 20 }, random) };
};

Deno.test("a printed seed, given back, draws the same numbers, and another seed or name draws others", () => {
  const first = withSeed(undefined, () => drawn("kills")), seed = /CELLSPACE_SEED=(\d+)$/.exec(first.note)![1];
  assert.deepEqual(withSeed(seed, () => drawn("kills")), first);
  assert.notDeepEqual(withSeed(seed, () => drawn("others")).numbers, first.numbers);
  assert.notDeepEqual(withSeed(`${Number(seed) + 1}`, () => drawn("kills")).numbers, first.numbers);
  assert.notDeepEqual(withSeed(undefined, () => drawn("kills")).numbers, first.numbers);
});

Deno.test("testSeed() takes the variable's seed for every default, and refuses what is no seed", () => {
  assert.deepEqual([withSeed(undefined, () => testSeed(1)), withSeed("7", () => testSeed(1))], [1, 7]);
  assert.throws(() => withSeed("seven", () => testSeed()), /Cannot use CELLSPACE_SEED=seven: must be a whole number/);
});
