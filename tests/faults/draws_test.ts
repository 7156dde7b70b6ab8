import assert from "node:assert/strict";
import { drawsOf, testSeed } from "./draws.ts";

const drawn = (name: string, seed?: number) => {
  const { note, random } = drawsOf(name, seed);
  return { note, numbers: Array.from({ length: 20 }, random) };
};

Deno.test("a printed seed, given back, draws the same numbers, and another seed or name draws others", () => {
  const any = testSeed(undefined, ""), first = drawn("kills", any);
  const [, printed] = /^kills, CELLSPACE_SEED=(\d+)$/.exec(first.note)!;
  const seed = testSeed(undefined, printed);
  assert.equal(seed, any);
  assert.deepEqual(drawn("kills", seed), first);
  assert.notDeepEqual(drawn("others", seed).numbers, first.numbers);
  assert.notDeepEqual(drawn("kills", seed + 1).numbers, first.numbers);
});

Deno.test("testSeed() takes the variable's seed for every default, draws one where there is none, and refuses what is no seed", () => {
  assert.deepEqual([testSeed(1, ""), testSeed(1, "7")], [1, 7]);
  assert.notEqual(testSeed(undefined, ""), testSeed(undefined, ""));
  assert.throws(() => testSeed(1, "seven"), /Cannot use CELLSPACE_SEED=seven: must be a whole number/);
});
