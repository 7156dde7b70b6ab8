import assert from "node:assert/strict";
import { drawsOf, seedFrom, testSeed } from "./draws.ts";

const drawn = (name: string, seed: number) => {
  const { note, random } = drawsOf(name, seed);
  return { note, numbers: Array.from({ length: 20 }, random) };
};

Deno.test("a printed seed, given back, draws the same numbers, and another seed or name draws others", () => {
  const first = drawn("kills", testSeed());
  const seed = seedFrom(/CELLSPACE_SEED=(\d+)$/.exec(first.note)![1], 0);
  assert.deepEqual(drawn("kills", seed), first);
  assert.notDeepEqual(drawn("others", seed).numbers, first.numbers);
  assert.notDeepEqual(drawn("kills", seed + 1).numbers, first.numbers);
});

Deno.test("seedFrom() takes the given seed, else the other one, and refuses what is no seed", () => {
  assert.deepEqual([seedFrom(undefined, 1), seedFrom("7", 1)], [1, 7]);
  assert.throws(() => seedFrom("seven", 1), /Cannot use CELLSPACE_SEED=seven: must be a whole number/);
});
