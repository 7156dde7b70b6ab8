import assert from "node:assert/strict";
import { isFinished } from "../../experiments/result.ts";
import { curveOf, distinct, tableOf } from "../../report/rows.ts";
import { syntheticResults, unfinished } from "./synthetic_results.ts";

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

Deno.test("tableOf() gives the same table when the results come in another order", () => {
  const results = [...syntheticResults({ layers: [1] }), ...syntheticResults({ layers: [1], seed: 1 })];
  assert.deepEqual(tableOf(results.toReversed()), tableOf(results));
});

Deno.test("tableOf() keeps one row per seed when a configuration was trained twice", () => {
  const [first] = syntheticResults({ layers: [1] });
  const { rows } = tableOf([first, { ...first, seed: 1 }]);
  assert.deepEqual(rows.map(({ id, seed }) => [id, seed]), [[first.id, 0], [first.id, 1]]);
});

Deno.test("curveOf() starts at log_every steps when nothing is thinned", () => {
  const [row] = tableOf([{ ...syntheticResults()[0], loss: [3, 2.5, 2.75], log_every: 50 }]).rows;
  assert.deepEqual(curveOf(row), [{ step: 50, loss: 3 }, { step: 100, loss: 2.5 }, { step: 150, loss: 2.75 }]);
});

Deno.test("curveOf() keeps first, lowest and last point when it thins", () => {
  const loss = [3, 2.9, 2.8, 2.0, 2.5, 2.4, 2.3, 2.2];
  const [row] = tableOf([{ ...syntheticResults()[0], loss, log_every: 10 }]).rows;
  assert.deepEqual(curveOf(row, 2).map(({ step }) => step), [10, 40, 50, 80]);
});

Deno.test("distinct() sorts numbers by size when they have different lengths", () => {
  const { rows } = tableOf(syntheticResults({ layers: [10, 2, 1], state_sizes: [256] }));
  assert.deepEqual(distinct(rows, (row) => row.config.n_layers), [1, 2, 10]);
});
