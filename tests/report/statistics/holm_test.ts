import assert from "node:assert/strict";
import { holm, signFlipP } from "../../../report/statistics/permutation.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import { exponential } from "../planted_rows.ts";

const p = (...differences: number[]) => signFlipP(differences, { name: "test" });

Deno.test("signFlipP() equals a count by hand when there are three differences", () => {
  // Sums of ±1 ±2 ±4: ±7, ±5, ±3, ±1. With 1, 2, 4 the sum is 7: 2 of 8 reach it; with −1, 2, 4 it is 5: 4 of 8.
  assert.equal(p(1, 2, 4), 2 / 8);
  assert.equal(p(-1, 2, 4), 4 / 8);
  assert.equal(p(1, 2, -4), 8 / 8);
  assert.equal(p(-1, -2, -4), 2 / 8);
});

Deno.test("signFlipP() counts ties as hits when differences are alike or the sums differ by rounding alone", () => {
  // Sums of four ±1: ±4 once each, ±2 four times each, 0 six times.
  assert.equal(p(1, 1, 1, -1), 10 / 16);
  assert.equal(p(0.1, 0.1, 0.1, -0.1), 10 / 16);
  assert.equal(p(0.1, 0.2, -0.3), 1);
  assert.equal(p(0, 0), 1);
  assert.equal(p(0.5), 1);
});

Deno.test("signFlipP() draws about the p of full enumeration when there are more differences than it enumerates", () => {
  const stream = randomStream(0, "differences");
  const differences = Array.from({ length: 15 }, () => exponential(stream) - 0.6);
  let hits = 0;
  const sum = Math.abs(differences.reduce((a, b) => a + b, 0));
  for (let way = 0; way < 2 ** 15; way++) {
    const flipped = differences.reduce((total, value, i) => total + (way & (1 << i) ? value : -value), 0);
    if (Math.abs(flipped) >= sum - 1e-9) hits++;
  }
  const exact = hits / 2 ** 15;
  assert.ok(exact > 0.02 && exact < 0.9, `${exact}`);
  const drawn = p(...differences);
  assert.ok(Math.abs(drawn - exact) < 4 * Math.sqrt(exact * (1 - exact) / 9999), `${drawn}, exactly ${exact}`);
});

Deno.test("signFlipP() is never 0, and flips each of many differences, when they all have one sign", () => {
  assert.equal(signFlipP(Array(60).fill(1), { name: "test", flips: 199 }), 1 / 200);
  // One large difference among many small ones decides the sum's size alone, wherever it stands: every flip is a hit.
  for (const place of [0, 23, 24, 47, 59]) {
    const differences = Array(60).fill(0);
    differences[place] = 1;
    assert.equal(signFlipP(differences, { name: "test", flips: 199 }), 1);
  }
  // Two large ones: half of all flips have them on one side, wherever they stand.
  for (const places of [[0, 24], [23, 24], [1, 2], [0, 48]]) {
    const differences = Array.from({ length: 60 }, (_, i) => (places.includes(i) ? 1 : 0));
    const half = signFlipP(differences, { name: "test" });
    assert.ok(Math.abs(half - 0.5) < 0.02, `${places}: ${half}`);
  }
});

Deno.test("holm() gives the values of the published example of four hypotheses", () => {
  // https://en.wikipedia.org/wiki/Holm–Bonferroni_method rejects the 1st and the 4th of these at 0.05, and neither other one.
  const rounded = (ps: number[]) => holm(ps).map((value) => Number(value.toFixed(10)));
  assert.deepEqual(rounded([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
  assert.deepEqual(rounded([0.5, 0.9]), [1, 1]);
  assert.deepEqual(rounded([0.02]), [0.02]);
  assert.deepEqual(holm([]), []);
});
