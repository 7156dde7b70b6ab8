import assert from "node:assert/strict";
import { criterionOfRows, curveOf, mergeSeeds, mostSeeds, rankedBy, spreadOf } from "../../../report/data/merged.ts";
import { type RunRow, tableOf } from "../../../report/data/rows.ts";
import { formatSpread } from "../../../report/tables/format.ts";
import { syntheticResults } from "../synthetic_results.ts";

const [first, second, third] = tableOf(syntheticResults({ layers: [1], state_sizes: [256], steps: 400 })).rows;

Deno.test("spreadOf() gives hand-computed numbers, and no deviation when there is one value", () => {
  assert.deepEqual(spreadOf([1, 2, 6]), { mean: 3, deviation: Math.sqrt(7), least: 1, most: 6, count: 3 });
  assert.deepEqual(spreadOf([2]), { mean: 2, deviation: undefined, least: 2, most: 2, count: 1 });
});

Deno.test("mergeSeeds() ranks by the mean over seeds when one seed alone would rank otherwise", () => {
  const rows = [
    { ...first, seed: 1, min_loss: 3, test_bits_per_byte: undefined },
    { ...first, seed: 0, min_loss: 1, test_bits_per_byte: 4 },
    { ...second, seed: 0, min_loss: 1.5 },
  ];
  const merged = mergeSeeds(rows);
  assert.deepEqual(merged.map(({ id }) => id), [second.id, first.id]);
  const [, own] = merged;
  assert.deepEqual(own.runs.map(({ seed }) => seed), [0, 1]);
  assert.equal(own.min_loss.mean, 2);
  assert.deepEqual([own.test_bits_per_byte?.mean, own.test_bits_per_byte?.count], [4, 1]);
  assert.equal(mostSeeds(merged), 2);
  assert.deepEqual(mergeSeeds(rows.toReversed()), merged);
});

Deno.test("mergeSeeds() ranks by the validation score where each scored run has it, those without a score last", () => {
  const at = (row: RunRow, min_loss: number, validation_bits_per_byte: number | undefined): RunRow => (
    { ...row, min_loss, validation_bits_per_byte }
  );
  const unscored = { ...at(third, 0.5, undefined), test_bits_per_byte: undefined };
  const rows = [at(first, 1, 3), at({ ...first, seed: 1 }, 1, 2), at(second, 2, 2.25), unscored];
  const ranked = (rows: readonly RunRow[]) => mergeSeeds(rows).map(({ id }) => id);
  assert.deepEqual(ranked(rows), [second.id, first.id, third.id]);
  const merged = mergeSeeds(rows), criterion = criterionOfRows(merged);
  assert.equal(criterion, "validation_bits_per_byte");
  assert.deepEqual(merged.map((row) => rankedBy(row, criterion)?.mean), [2.25, 2.5, undefined]);
  // One seed of an earlier version, and nothing is chosen by what it lacks.
  const older = [...rows, at({ ...second, seed: 1 }, 2, undefined)];
  assert.deepEqual([ranked(older), criterionOfRows(mergeSeeds(older))], [[third.id, first.id, second.id], "min loss"]);
});

Deno.test("mergeSeeds() keeps runs of one configuration apart when their losses were logged at other steps", () => {
  const merged = mergeSeeds([first, { ...first, seed: 1, log_every: 2 * first.log_every }]);
  assert.deepEqual(merged.map(({ runs }) => runs.length), [1, 1]);
});

Deno.test("mergeSeeds() keeps runs of one configuration apart when they were trained for different steps", () => {
  const merged = mergeSeeds([first, { ...first, seed: 1, steps_done: 2 * first.steps_done, min_loss: 0.5 }]);
  assert.deepEqual(merged.map(({ runs }) => runs.length), [1, 1]);
  assert.deepEqual(merged.map(({ name }) => name).sort(), [first.id.slice(0, 8), `${first.id.slice(0, 8)}-2`]);
});

Deno.test("mergeSeeds() lengthens names when two ids begin alike", () => {
  const ids = ["a".repeat(64), "a".repeat(11) + "b".repeat(53)];
  const merged = mergeSeeds(ids.map((id) => ({ ...first, id })));
  assert.deepEqual(merged.map(({ name }) => name), ["a".repeat(12), "a".repeat(11) + "b"]);
});

Deno.test("curveOf() gives mean, least and most over the seeds, from log_every steps on, when nothing is thinned", () => {
  const [row] = mergeSeeds([
    { ...first, loss: [3, 2.5, 2.75], log_every: 50 },
    { ...first, seed: 1, loss: [2, 2.25, 2.25], log_every: 50 },
  ]);
  assert.deepEqual(curveOf(row), [
    { step: 50, loss: 2.5, least: 2, most: 3 },
    { step: 100, loss: 2.375, least: 2.25, most: 2.5 },
    { step: 150, loss: 2.5, least: 2.25, most: 2.75 },
  ]);
});

Deno.test("curveOf() keeps first, lowest and last point when it thins", () => {
  const [row] = mergeSeeds([{ ...first, loss: [3, 2.9, 2.8, 2.0, 2.5, 2.4, 2.3, 2.2], log_every: 10 }]);
  assert.deepEqual(curveOf(row, 2).map(({ step }) => step), [10, 40, 50, 80]);
});

Deno.test("formatSpread() says the deviation when there are several seeds", () => {
  assert.equal(formatSpread(spreadOf([1, 2, 3])), "2.000 ± 1.000");
  assert.equal(formatSpread(spreadOf([2])), "2.000");
});
