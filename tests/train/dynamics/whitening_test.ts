/** Whitened rows have no correlation, and directions that are not there stay away. */
import assert from "node:assert/strict";
import { randomStream } from "../../../train/corpus/random.ts";
import { whiten } from "../../../train/dynamics/whitening.ts";

const SIZE = 4, KNOWN = 300, ROWS = 310;

/** `[a, 1000 + b/1000 + a, a + b/1000, 7]`: numbers of unlike size, of which one follows from two others, and one never varies. */
function rows(): Float64Array {
  const random = randomStream(0, "whitening test"), all = new Float64Array(ROWS * SIZE);
  for (let row = 0; row < ROWS; row++) {
    const a = random.uniform(), b = random.uniform();
    all.set([a, 1000 + b / 1000 + a, a + b / 1000, 7], row * SIZE);
  }
  return all;
}

Deno.test("whiten() leaves mean 0, and a variance of 1 in each direction that varies", async () => {
  const all = rows();
  await whiten(all, SIZE, KNOWN);
  const moment = (i: number, j?: number) => {
    let sum = 0;
    for (let row = 0; row < KNOWN; row++) sum += all[row * SIZE + i] * (j === undefined ? 1 : all[row * SIZE + j]);
    return sum / KNOWN;
  };
  for (let i = 0; i < SIZE; i++) {
    assert.ok(Math.abs(moment(i)) < 1e-6, `mean ${i} is ${moment(i)}`);
    for (let j = 0; j < SIZE; j++) {
      // The third number follows from those before it, the fourth is constant. 0.01: what 1e-10 that is added to variances makes of 1e-6.
      const wanted = i === j && i < 2 ? 1 : 0;
      assert.ok(Math.abs(moment(i, j) - wanted) < 0.01, `moment ${i}, ${j} is ${moment(i, j)}, must be ${wanted}`);
    }
  }
});

Deno.test("whiten() does the same to rows that it does not know", async () => {
  const all = rows(), again = rows();
  again.copyWithin(KNOWN * SIZE, 0, (ROWS - KNOWN) * SIZE);
  await whiten(all, SIZE, KNOWN);
  await whiten(again, SIZE, KNOWN);
  assert.deepEqual(again.subarray(KNOWN * SIZE), all.subarray(0, (ROWS - KNOWN) * SIZE));
});
