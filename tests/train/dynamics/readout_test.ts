/** A linear readout against a channel whose information is known. */
import assert from "node:assert/strict";
import { randomStream } from "../../../train/corpus/random.ts";
import { ReadoutFit, type ReadoutRows } from "../../../train/dynamics/readout.ts";

const FITTED = 8192, VALIDATED = 1024, STREAMS = 2, SCORED = 4096;
const random = randomStream(0, "readout test");
/** From two uniform numbers. Source: Box and Muller, 1958. */
const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

/** Rows `±1 + n` and `n′` with independent normal `n` and `n′`, and whether it was −1 or 1; whitened. */
function channel(): { rows: ReadoutRows; classes: Float64Array } {
  const count = FITTED + VALIDATED + STREAMS * SCORED, states = new Float64Array(2 * count);
  const classes = Float64Array.from({ length: count }, () => random.integer(0, 1));
  classes.forEach((each, row) => states.set([(2 * each - 1 + normal()) / Math.SQRT2, normal()], 2 * row));
  const rows = { states, size: 2, fitted: FITTED, validated: VALIDATED, streams: STREAMS, scored: SCORED };
  return { rows, classes };
}

/**
 * What the channel tells on average, nats: `ln 2 − E ln(1 + e^(−2y))` where y is normal around 1. By the rectangle rule, whose error falls
 * exponentially with the width for such a curve.
 */
const CAPACITY = (() => {
  const width = 0.01;
  let lost = 0;
  for (let n = -8; n < 8; n += width) {
    lost += width * Math.exp(-n * n / 2) / Math.sqrt(2 * Math.PI) * Math.log1p(Math.exp(-2 * (1 + n)));
  }
  return Math.LN2 - lost;
})();

/** What the best readout gains, nats per row: after a number `y` that was sent through the channel, the two inputs' odds are `e^(2y)`. */
function bestGain({ states, size }: ReadoutRows, classes: Float64Array, first: number): number {
  let lost = 0;
  for (let row = first; row < first + SCORED; row++) {
    const y = Math.SQRT2 * states[row * size];
    lost += Math.log1p(Math.exp(classes[row] ? -2 * y : 2 * y)) / SCORED;
  }
  return Math.LN2 - lost;
}

Deno.test("ReadoutFit.score() finds what a binary input tells through a noisy channel", async () => {
  const { rows, classes } = channel();
  await using fit = await ReadoutFit.open(rows, 2);
  const { gains, coded } = await fit.score(classes);
  for (const [stream, gain] of gains.entries()) {
    const best = bestGain(rows, classes, FITTED + VALIDATED + stream * SCORED);
    // Weights of 90 noisy updates, and a scale that is found within 0.18, lose some thousandths of a nat.
    assert.ok(Math.abs(gain - best) < 0.008, `gain is ${gain}, must be ${best}`);
    // Four standard errors of 4,096 rows.
    assert.ok(Math.abs(best - CAPACITY) < 0.04, `the best gain is ${best}`);
  }
  for (const nats of coded) assert.ok(Math.abs(nats - Math.LN2) < 0.001, `code is ${nats}, must be ln 2`);
});

Deno.test("ReadoutFit.score() gives a class that was not fitted to half a count", async () => {
  const { rows, classes } = channel();
  classes.fill(2, FITTED + VALIDATED, FITTED + VALIDATED + 1);
  const shareOf = (each: number) =>
    (classes.subarray(0, FITTED).filter((own) => own === each).length + 0.5) / (FITTED + 1.5);
  await using fit = await ReadoutFit.open(rows, 3);
  const { coded } = await fit.score(classes);
  // The one row of the new class is the first of the first stream.
  const shares = [0, 1, 2].map(shareOf);
  const codes = classes.subarray(FITTED + VALIDATED).map((each) => -Math.log(shares[each]));
  for (const [stream, nats] of coded.entries()) {
    const own = codes.subarray(stream * SCORED, (stream + 1) * SCORED);
    const wanted = own.reduce((sum, code) => sum + code, 0) / SCORED;
    assert.ok(Math.abs(nats - wanted) < 1e-12, `code is ${nats}, must be ${wanted}`);
  }
  assert.equal(codes[0], -Math.log(0.5 / (FITTED + 1.5)));
});
