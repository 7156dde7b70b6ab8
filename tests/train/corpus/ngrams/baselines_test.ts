import assert from "node:assert/strict";
import { loadCorpus } from "../../../../train/corpus/corpus.ts";
import {
  contextOrder,
  HIGHEST_ORDER,
  type NgramBaseline,
  ngramBaselines,
} from "../../../../train/corpus/ngrams/baselines.ts";
import { countGrams } from "../../../../train/corpus/ngrams/gram_counts.ts";
import { gramKey, gramTables, indexOfGram, LONGEST } from "../../../../train/corpus/ngrams/gram_table.ts";
import { discountsOf, kneserNey } from "../../../../train/corpus/ngrams/kneser_ney.ts";
import { randomStream } from "../../../../train/corpus/random.ts";
import { generateEmbedded } from "../../../../train/corpus/embedded.ts";
import { asText, hindsight, KneserNeyOracle } from "./kneser_ney_oracle.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Bytes drawn from some, each second one as its neighbour was, so that grams of all lengths come again. */
function drawn(name: string, length: number, from: readonly number[]): Uint8Array {
  const stream = randomStream(1, `floors/${name}`);
  const text = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const again = i > 8 && stream.uniform() < 0.5;
    text[i] = again ? text[i - stream.integer(1, 8)] : from[stream.integer(0, from.length - 1)];
  }
  return text;
}

const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => byte);
const embedded = generateEmbedded(1, 6000).text;

/** Training and test texts. */
const TEXTS: Readonly<Record<string, readonly [Uint8Array, Uint8Array]>> = {
  "embedded text": [embedded.subarray(0, 5000), embedded.subarray(5000, 5400)],
  "few different bytes, the least and the most among them": [
    drawn("few", 2000, [0, 1, 254, 255]),
    drawn("few, test", 400, [0, 1, 255]),
  ],
  "all bytes": [drawn("all", 2000, EVERY_BYTE), drawn("all, test", 300, EVERY_BYTE)],
  "one byte over and over": [new Uint8Array(500), new Uint8Array(20)],
  "texts that have nothing in common": [bytesOf("abcabcabd".repeat(9)), bytesOf("xyzzyx")],
  "texts shorter than the longest gram": [bytesOf("aab"), bytesOf("ab")],
  "a training text of one byte": [bytesOf("a"), bytesOf("aba")],
};

for (const [name, [train, test]] of Object.entries(TEXTS)) {
  Deno.test(`ngramBaselines() agrees with a slow count by the formula on ${name}`, async () => {
    const oracle = new KneserNeyOracle(train, LONGEST);
    for (const part of [undefined, 50]) {
      const baselines = await ngramBaselines(train, test, { part });
      assert.deepEqual(baselines.map(({ order }) => order), [0, 1, 2, 3, 4, 5]);
      for (const { order, nats, bits, hindsight_nats } of baselines) {
        close(nats, oracle.crossEntropy(test, order), `order ${order}`);
        close(bits * Math.LN2, nats, "bits");
        close(hindsight_nats, hindsight(test, order), `hindsight of order ${order}`);
        assert.ok(hindsight_nats <= nats, `order ${order}: ${hindsight_nats} > ${nats}`);
      }
    }
  });
}

function close(value: number, must: number, what: string, tolerance = 1e-12): void {
  assert.ok(Math.abs(value - must) <= tolerance * Math.max(1, Math.abs(must)), `${what}: ${value}, must be ${must}`);
}

Deno.test("kneserNey() gives the 256 bytes after any context probabilities that sum to one", async () => {
  const [train, test] = TEXTS["embedded text"];
  for (let order = 0; order <= HIGHEST_ORDER; order++) {
    // Contexts that the training text has, others' beginnings, and some that it has not.
    for (
      const context of [
        test.subarray(17, 17 + order),
        train.subarray(train.length - order),
        drawn("any", order, EVERY_BYTE),
      ]
    ) {
      const queries = new Uint8Array(256 * (order + 1));
      for (const byte of EVERY_BYTE) {
        queries.set(context, byte * (order + 1));
        queries[byte * (order + 1) + order] = byte;
      }
      const tables = gramTables(queries);
      const probabilities = kneserNey(tables, await countGrams(train, tables))[order];
      const own = EVERY_BYTE.map((byte) =>
        probabilities[indexOfGram(tables[order + 1], gramKey(Uint8Array.of(...context, byte)))]
      );
      assert.ok(own.every((p) => p > 0));
      close(own.reduce((sum, p) => sum + p, 0), 1, `after ${JSON.stringify(asText(context))}`);
    }
  }
});

Deno.test("ngramBaselines() gives what a hand works out when the training text is 'aab' and the test 'ab'", async () => {
  const [train, test] = TEXTS["texts shorter than the longest gram"];
  const baselines = await ngramBaselines(train, test);
  // 'a' twice and 'b' once: no gram stands there three times, so 0.5 and 1 are taken off; of three counts, 1.5 is left to 1/256 each.
  const without = (1 - 0.5 + 1.5 / 256) / 3;
  // 'a' and 'b' each have been seen after one byte, 'a': one half, less 0.5 of each.
  const continued = (1 - 0.5 + 2 * 0.5 / 256) / 2;
  const after = (1 - 0.5 + 2 * 0.5 * continued) / 2;
  const costs = [without, after, after, after, after, after];
  for (const { order, nats } of baselines) close(nats, -Math.log(costs[order]), `order ${order}`);
});

Deno.test("discountsOf() follows the formula, and falls back where a count is missing or a discount is too large", () => {
  // Y = 40/(40 + 2·20) = 1/2: 1 − 2·½·20/40, 2 − 3·½·12/20, 3 − 4·½·9/12.
  assert.deepEqual(discountsOf([0, 40, 20, 12, 9]).map((d) => Number(d.toFixed(12))), [0, 0.5, 1.1, 1.5]);
  const fallback = [0, 0.5, 1, 1.5];
  for (const counts of [[0, 0, 0, 0, 0], [0, 4, 3, 2, 0], [0, 5, 0, 1, 1], [0, 10, 1, 90, 1]]) {
    assert.deepEqual(discountsOf(counts), fallback, `${counts}`);
  }
});

/**
 * Mean nats that IRSTLM 6.00.05 gives the test split of the embedded corpus with five bytes of context:
 * `tlm -lm=ikn -bo=no -ps=no -pts=no -n=6` with a word per byte, LP 26850.21126 over 50,000 words. It counts the line's first word,
 * and knows no bytes but those of the text. It has no fallback for the discounts that models of less context need here.
 */
const IRSTLM_NATS = 26850.21126 / 50_000;

Deno.test("ngramBaselines() of the embedded corpus lie above its entropy rate, fall with the order, and agree with IRSTLM", async () => {
  const { train, test, entropy_rate } = await loadCorpus("embedded", 2);
  const baselines = await ngramBaselines(train, test);
  for (const [i, { nats }] of baselines.entries()) {
    assert.ok(nats > entropy_rate!, `order ${i}`);
    if (i) assert.ok(nats < baselines[i - 1].nats, `order ${i}`);
  }
  // No model that sees one byte can do better on this very text, and counts come near.
  assert.ok(
    baselines[1].nats - baselines[1].hindsight_nats < 0.005,
    `${baselines[1].nats} ${baselines[1].hindsight_nats}`,
  );
  close(baselines[5].nats, IRSTLM_NATS, "IRSTLM", 0.0005);
});

Deno.test("countGrams() says how far it is, and stops when it is told to", async () => {
  const [train, test] = TEXTS["all bytes"];
  const told: number[] = [];
  await countGrams(train, gramTables(test), { part: 500, onProgress: (done) => void told.push(done) });
  assert.equal(told.at(-1), train.length);
  assert.ok(told.length >= 4 && told.every((done, i) => i === 0 || done > told[i - 1]), `${told}`);
  const stop = new AbortController();
  const counted: number[] = [];
  const onProgress = (done: number) => {
    counted.push(done);
    stop.abort(new Error("enough"));
  };
  await assert.rejects(countGrams(train, gramTables(test), { part: 500, signal: stop.signal, onProgress }), /enough/);
  assert.equal(counted.length, 1);
});

Deno.test("contextOrder() is linear between baselines, ends at −1 and at the last order, and passes over baselines that are not lower", () => {
  const baselines = [3, 2, 1.5, 1.25, 1.25, 1.2].map((nats, order) => ({ order, nats }));
  const orders = [9, Math.log(256), (Math.log(256) + 3) / 2, 3, 2.5, 2, 1.75, 1.375].map((nats) =>
    contextOrder(nats, baselines)
  );
  const must = [-1, -1, -0.5, 0, 0.5, 1, 1.5, 2.5];
  for (const [i, order] of orders.entries()) close(order, must[i], `${i}`);
  // The baseline of order 4 is that of order 3: what lies below them is on its way to order 5.
  assert.equal(contextOrder(1.25, baselines), 3);
  close(contextOrder(1.225, baselines), 4, "between 3 and 5");
  assert.deepEqual([1.2, 1, 0].map((nats) => contextOrder(nats, baselines)), [5, 5, 5]);
  const rising: Pick<NgramBaseline, "order" | "nats">[] = [{ order: 0, nats: 3 }, { order: 1, nats: 4 }];
  assert.equal(contextOrder(2.9, rising), HIGHEST_ORDER);
  assert.equal(contextOrder(NaN, baselines), -1);
});
