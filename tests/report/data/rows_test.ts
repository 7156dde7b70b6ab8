import assert from "node:assert/strict";
import { isFinished } from "../../../experiments/study/result.ts";
import { distinct, levelsIn, tableOf } from "../../../report/data/rows.ts";
import { type Configuration, factorOf } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { syntheticResults, unfinished } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";

Deno.test("syntheticResults() makes the 432 configurations of experiment 01 by default", () => {
  const results = syntheticResults();
  assert.equal(results.length, 432);
  assert.equal(new Set(results.map((result) => result.id)).size, 432);
});

Deno.test("tableOf() lists finished runs best first and hands on the unfinished ones when given both", () => {
  const results = syntheticResults({ layers: [1], state_sizes: [256] });
  const given = [unfinished(results[0]), ...results.slice(1)];
  const { rows, unfinished: waiting } = tableOf(given);
  assert.equal(rows.length, results.length - 1);
  assert.deepEqual(waiting.map((result) => result.id), [results[0].id]);
  assert.ok(rows.every((row, i) => i === 0 || rows[i - 1].min_loss <= row.min_loss));
  assert.ok(!isFinished(given[0]));
});

Deno.test("tableOf() lists runs by their validation scores where all that are scored have one", () => {
  const results = syntheticResults({ layers: [1], state_sizes: [256] });
  // The reverse of the order of training losses.
  const { rows } = tableOf(validated(results, (result) => 9 - result["min loss"]!));
  assert.deepEqual(rows.map(({ id }) => id), tableOf(results).rows.map(({ id }) => id).reverse());
});

Deno.test("tableOf() gives the same table when the results come in another order", () => {
  const results = [...syntheticResults({ layers: [1] }), ...syntheticResults({ layers: [1], seed: 1 })];
  assert.deepEqual(tableOf(results.toReversed()), tableOf(results));
});

Deno.test("tableOf() keeps one row per seed when a configuration was trained twice", () => {
  const [first] = syntheticResults({ layers: [1] });
  const { rows } = tableOf([first, { ...first, seed: 1 }]);
  assert.deepEqual(rows.map(({ id, seed }) => [id, seed]), [[first.id, 0], [first.id, 1]]);
});

Deno.test("tableOf() says what models read, and how many bytes that is, with bytes where a result says nothing", () => {
  const [first] = syntheticResults({ layers: [1] });
  const { rows } = tableOf([first, { ...first, seed: 1, tokens: "bpe:300", vocabulary: 300, bytes_per_token: 1.5 }]);
  const read = rows.map(({ tokens, reads, bytes_per_token }) => [tokens, reads, bytes_per_token]);
  assert.deepEqual(read, [["bytes", "byte", 1], ["bpe:300", "token", 1.5]]);
});

Deno.test("distinct() sorts numbers by size when they have different lengths", () => {
  const { rows } = tableOf(syntheticResults({ layers: [10, 2, 1], state_sizes: [256] }));
  assert.deepEqual(distinct(rows, (row) => row.config.n_layers), [1, 2, 10]);
});

Deno.test("levelsIn() has off before on, numbers ascending, and choices in their own order", () => {
  const levels = (key: string, values: readonly unknown[]) =>
    levelsIn(factorOf(GATED, key), values.map((value) => ({ config: { [key]: value } as Configuration })));
  assert.deepEqual(levels("use_residual", [true, false, true]), [false, true]);
  assert.deepEqual(levels("n_layers", [10, 9, 9]), [9, 10]);
  // An absent value is the default.
  assert.deepEqual(levels("gate_inputs", ["x,h", undefined, "x,h,n"]), ["x,h,n", "x,h"]);
  assert.deepEqual(levels("cell", ["lstm", undefined, "gru"]), ["gated", "gru", "lstm"]);
});

Deno.test("tableOf() keeps the test scores of one part of the split and one cut, those of most runs, and all else of the others", () => {
  const results = validated(syntheticResults({ layers: [1], state_sizes: [256] })), [first, second, third] = results;
  const part = { ...first, test_bytes_asked: 5000, test_bits_per_byte: 1 }, cut = { ...second, test_warm_up: 1024 };
  const { rows, scored_otherwise, test_bytes_asked } = tableOf([part, cut, ...results.slice(2)]);
  assert.deepEqual(scored_otherwise.map(({ id }) => id), [first.id, second.id].sort());
  assert.equal(test_bytes_asked, undefined);
  const rowOf = (id: string) => rows.find((row) => row.id === id)!;
  for (const { id, validation_bits_per_byte } of [first, second]) {
    const { test_bits_per_byte, test_loss, context_order, ...row } = rowOf(id);
    assert.deepEqual([test_bits_per_byte, test_loss, context_order], [undefined, undefined, undefined]);
    assert.equal(row.validation_bits_per_byte, validation_bits_per_byte);
  }
  assert.equal(rowOf(third.id).test_bits_per_byte, third.test_bits_per_byte);
  // Where all are of one part, that is what is compared.
  const parts = tableOf(results.map((result) => ({ ...result, test_bytes_asked: 5000 })));
  assert.deepEqual([parts.scored_otherwise.length, parts.test_bytes_asked], [0, 5000]);
  assert.ok(parts.rows.every(({ test_bits_per_byte }) => test_bits_per_byte !== undefined));
});
