/** Byte recall against cells that are known to remember, or not. */
import assert from "node:assert/strict";
import { gruCell } from "../../../cells/catalog/catalog.ts";
import type { Cell } from "../../../cells/cell.ts";
import { defineCell } from "../../../cells/cell.ts";
import { add, mul } from "../../../cells/graph/builder.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { byteRecall, type ByteRecallOptions } from "../../../train/dynamics/byte_recall.ts";
import { randomStream } from "../../../train/corpus/random.ts";
import type { WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { drawnWeights } from "../../cells/models.ts";

const VOCABULARY = 6, DELAY = 3;
const random = randomStream(0, "byte recall test");
/** Independent tokens, each equally likely. */
const TEXT = Uint8Array.from({ length: 4 * (32 + 1024) + 1 }, () => random.integer(0, VOCABULARY - 1));
const CUT = { streams: 4, tokens: 1024, warm_up: 32 };

/** States `a`, `b` and `c`: the codes of the token that was read last, of the one before it, and of the one before that. */
const delayLine = defineCell({
  name: "delay_line",
  states: ["a", "b", "c"],
  forward: (_, x, { a, b, c }) => ({ output: add(x, c), states: { a: x, b: a, c: b } }),
});

/** Its state is the code of the token that was read last. */
const lastCell = defineCell({
  name: "last",
  states: ["h"],
  forward: (_, x, { h }) => ({ output: add(x, h), states: { h: x } }),
});

/** Its state is 1. */
const constantCell = defineCell({
  name: "constant",
  states: ["h"],
  forward: (_, x, { h }) => ({ output: add(x, h), states: { h: add(mul(x, 0), 1) } }),
});

/** Its state is read by nothing, so a model carries none. */
const statelessCell = defineCell({
  name: "stateless",
  states: ["h"],
  forward: (_, x) => ({ output: x, states: { h: x } }),
});

/** A model whose input embedding gives each token a unit of its own. */
function oneHotModel(cell: Cell): WeightedModel {
  const sizes = { n_layers: 1, state_size: VOCABULARY, vocabulary: VOCABULARY };
  const weights = new Map(
    evaluationModel(cell, sizes).parameters.map(({ name, shape }) => {
      const [rows, columns = 1] = shape, values = new Float64Array(rows * columns);
      if (name === "input_embedding.weight") { for (let i = 0; i < rows; i++) values[i * columns + i] = 1; }
      return [name, values] as const;
    }),
  );
  return { cell, sizes, weights };
}

/** Whole bits that are known, within what 768 fitted and 256 scored pairs of each of 4 streams leave: a few hundredths of one. */
const TOLERANCE = 0.03;

const near = (found: number | null, wanted: number, what: string, limit = TOLERANCE) =>
  assert.ok(
    found !== null && Math.abs(found - wanted) <= limit,
    `${what} is ${found}, must be ${wanted} within ${limit}`,
  );

Deno.test("byteRecall() gives H for each lag of a delay line, and nothing beyond", async () => {
  const { lags, entropy, total, horizon, ...read } = await byteRecall(oneHotModel(delayLine), TEXT, CUT);
  near(entropy, Math.log2(VOCABULARY), "entropy");
  for (const { lag, bits } of lags) near(bits.value, lag < DELAY ? entropy : 0, `recall at lag ${lag}`);
  assert.deepEqual(lags.map(({ lag }) => lag), [0, 1, 2, 3, 4]);
  near(total.value, DELAY * entropy, "total", DELAY * TOLERANCE);
  assert.equal(horizon, DELAY - 1);
  assert.deepEqual(read, { ...CUT, fitted: 4 * 768, scored: 4 * 256 });
});

Deno.test("byteRecall() scores the last quarter of each stream, which nothing was fitted to", async () => {
  // Each token is the one before it plus one, and where states are scored plus two: what a readout learns of the token before is wrong there.
  const streams = 2, tokens = 256, warm_up = 8, length = warm_up + tokens, changed = warm_up + 0.75 * tokens - 1;
  const text = new Uint8Array(streams * length + 1);
  for (let at = 1; at < text.length; at++) {
    text[at] = (text[at - 1] + (at % length < changed ? 1 : 2)) % VOCABULARY;
  }
  const { lags, entropy } = await byteRecall(oneHotModel(lastCell), text, { streams, tokens, warm_up, lags: 1 });
  near(lags[0].bits.value, entropy, "recall at lag 0", 0.1);
  assert.ok(lags[1].bits.value! < -entropy, `recall at lag 1 is ${lags[1].bits.value}`);
});

for (const [what, cell] of [["is a constant", constantCell], ["is not there", statelessCell]] as const) {
  Deno.test(`byteRecall() gives nothing when the state ${what}`, async () => {
    const { lags, total, horizon } = await byteRecall(oneHotModel(cell), TEXT, CUT);
    for (const { lag, bits, shuffled } of lags) {
      near(bits.value, 0, `recall at lag ${lag}`, 0.005);
      near(shuffled, 0, `what shuffled pairs tell at lag ${lag}`, 0.01);
    }
    assert.equal(horizon, null);
    near(total.value, 0, "total", 0.01);
  });
}

const RANDOM_MODEL = (() => {
  const sizes = { n_layers: 2, state_size: 3, vocabulary: VOCABULARY };
  return { cell: gruCell, sizes, weights: drawnWeights(evaluationModel(gruCell, sizes).parameters) };
})();
const SMALL = { streams: 2, tokens: 64, warm_up: 8, lags: 3 };

Deno.test("byteRecall() reads as many lags as it is told to when there is one stream, without errors and horizon", async () => {
  const { lags, total, horizon } = await byteRecall(RANDOM_MODEL, TEXT, { ...SMALL, streams: 1 });
  assert.deepEqual(lags.map(({ lag, bits }) => [lag, bits.standard_error]), [[0, null], [1, null], [2, null], [
    3,
    null,
  ]]);
  assert.equal(total.standard_error, null);
  assert.equal(horizon, null);
});

Deno.test("byteRecall() leaves out states that have not read enough tokens when there is no warm-up", async () => {
  const { fitted, scored } = await byteRecall(RANDOM_MODEL, TEXT, { ...SMALL, warm_up: 0 });
  // The states before tokens 4 to 63 of each stream.
  assert.equal(fitted + scored, 2 * 60);
});

Deno.test("byteRecall() costs no infinite loss when scored bytes were not fitted to", async () => {
  const text = TEXT.slice(0, 73);
  text.fill(5, 60);
  text.forEach((token, i) => text[i] = i < 60 && token === 5 ? 0 : token);
  const { lags } = await byteRecall(RANDOM_MODEL, text, { ...SMALL, streams: 1 });
  assert.ok(lags.every(({ bits, shuffled }) => Number.isFinite(bits.value) && Number.isFinite(shuffled)));
});

Deno.test("byteRecall() gives the same numbers when it is called again", async () => {
  assert.deepEqual(await byteRecall(RANDOM_MODEL, TEXT, SMALL), await byteRecall(RANDOM_MODEL, TEXT, SMALL));
});

Deno.test("byteRecall() tells how far it is, and stops when it is told to", async () => {
  const told: number[][] = [], aborted = new AbortController();
  await byteRecall(RANDOM_MODEL, TEXT, { ...SMALL, streams: 1, onProgress: (...progress) => void told.push(progress) });
  assert.deepEqual(told, [1, 2, 3, 4, 5].map((done) => [done, 5]));
  const onProgress = () => aborted.abort(new Error("enough"));
  const stopped = byteRecall(RANDOM_MODEL, TEXT, { ...SMALL, onProgress, signal: aborted.signal });
  await assert.rejects(stopped, { message: "enough" });
});

const BAD_OPTIONS: readonly (readonly [what: string, options: ByteRecallOptions, message: string])[] = [
  ["half a lag", { lags: 0.5 }, "lags is 0.5, must be a whole number of at least 0, and below 2^53"],
  ["no stream", { streams: 0 }, "streams is 0, must be a whole number of at least 1, and below 2^53"],
  ["too few tokens", { tokens: 3 }, "tokens is 3, must be at least 4 for lags to 3 and a warm-up of 8"],
  ["too many lags", { lags: 68 }, "tokens is 64, must be at least 65 for lags to 68 and a warm-up of 8"],
  [
    "more than the text has",
    { tokens: 4096 },
    "the text has 4225 tokens, must have at least 8209 for 2 streams of 8 + 4096",
  ],
];
for (const [what, options, message] of BAD_OPTIONS) {
  Deno.test(`byteRecall() refuses ${what}`, async () => {
    const measured = byteRecall(RANDOM_MODEL, TEXT, { ...SMALL, ...options });
    await assert.rejects(measured, { name: "RangeError", message: `Cannot measure byte recall: ${message}` });
  });
}

/** Its state grows a billion times with each token. */
const growingCell = defineCell({
  name: "growing",
  states: ["h"],
  forward: (_, x, { h }) => ({ output: x, states: { h: add(add(mul(h, 1e9), x), 1) } }),
});

Deno.test("byteRecall() refuses a model whose state becomes infinite", async () => {
  const measured = byteRecall(oneHotModel(growingCell), TEXT, SMALL);
  const message = "Cannot measure byte recall: 'layers.0.h' is Infinity after 36 tokens of its stream, must be finite";
  await assert.rejects(measured, { name: "UserError", message });
});
