/**
 * The table of metrics alone decides: a metric more, in memory, has a key in results, columns in tables and exports, a mean over seeds and a
 * scalar. Nothing else of the project knows it.
 */
import { GATED_SPACE } from "../cells/catalog/catalog.ts";
import assert from "node:assert/strict";
import * as z from "zod";
import { GATED } from "../cells/factors.ts";
import { isWhole, type Metric } from "../experiments/study/metric.ts";
import { METRICS } from "../experiments/study/metrics.ts";
import { isFinished, resultFields, resultFieldsOf, type RunResult, withoutScore } from "../experiments/study/result.ts";
import { mergeSeeds } from "../report/data/merged.ts";
import { metricName, type RunRow, tableOf } from "../report/data/rows.ts";
import type { Column } from "../report/data/table.ts";
import { runColumns } from "../report/export/columns.ts";
import { runsTable } from "../report/page/runs.ts";
import { bestRunsTable } from "../report/tables/tables.ts";
import { eventsOf } from "./report/export/event_files.ts";
import { syntheticResults } from "./report/synthetic_results.ts";

/** Share of test bytes whose most likely next byte is right, as somebody would add it. */
const ACCURACY: Metric = {
  key: "test_accuracy",
  stage: "score",
  kind: "quality",
  schema: z.number().min(0).max(1),
  about: "share of test bytes whose most likely next byte is right",
  column: { heading: "accuracy", terminal: "right", format: { decimals: 3 }, turn: true },
  scalar: "test/accuracy",
};
const EXTENDED: readonly Metric[] = [...METRICS, ACCURACY];

const [plain] = syntheticResults({ layers: [1], state_sizes: [256], steps: 400 });
const scored = (test_accuracy: number, seed: number): RunResult => ({ ...plain, seed, test_accuracy });
const rowsOf = (results: readonly RunResult[]) => mergeSeeds(tableOf(results, GATED, EXTENDED).rows, EXTENDED);

function headings(page: string): string[] {
  return [...page.matchAll(/<th[^>]*>([^<]*)<\/th>/g)].map(([, heading]) => heading);
}

Deno.test("results have a key for a metric more, behind the others and before the sample, and need not have it", () => {
  const schema = resultFieldsOf(GATED_SPACE, EXTENDED), keys = Object.keys(schema.shape);
  assert.deepEqual(keys.filter((key) => !Object.hasOwn(resultFields.shape, key)), [ACCURACY.key]);
  assert.deepEqual(keys.slice(-5), [ACCURACY.key, "sample", "memory", "scored_on", "test_bytes_asked"]);
  assert.ok(schema.safeParse(plain).success);
  assert.ok(schema.safeParse(scored(0.5, 0)).success);
  const { error } = schema.safeParse(scored(1.5, 0));
  assert.deepEqual(error?.issues.map(({ path }) => path), [[ACCURACY.key]]);
});

Deno.test("exports have a column for a metric more, behind those of its kind", () => {
  const columns = runColumns(GATED, EXTENDED), names = columns.map(({ name }) => name);
  const at = names.indexOf(ACCURACY.key), { type, about, of }: Column<RunResult> = columns[at];
  assert.equal(names[at + 1], METRICS.find(({ kind }) => kind === "extent")!.key);
  assert.deepEqual([type, about], ["double", ACCURACY.about]);
  assert.deepEqual([of(scored(0.25, 0)), of(plain)], [0.25, null]);
  assert.deepEqual(names.toSpliced(at, 1), runColumns().map(({ name }) => name));
});

Deno.test("the page shows a metric's mean over the seeds that have it, where some run has it", () => {
  const page = runsTable(rowsOf([scored(0.25, 0), scored(0.5, 1), { ...plain, seed: 2 }]), GATED, EXTENDED);
  const shown = headings(page), hidden = headings(runsTable(rowsOf([plain]), GATED, EXTENDED));
  assert.ok(shown.indexOf("test, bits/byte") < shown.indexOf("accuracy"));
  assert.ok(shown.indexOf("accuracy") < shown.indexOf("parameters"));
  const cells = [...page.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell);
  assert.equal(cells[shown.indexOf("accuracy")], "0.375");
  assert.ok(!hidden.includes("accuracy"));
});

Deno.test("the terminal's table shows a metric that has a heading there", () => {
  const [head, first] = bestRunsTable(rowsOf([scored(0.25, 0)]), GATED, 10, EXTENDED).split("\n");
  assert.match(head, / test .*right +time$/);
  assert.match(first, / 0\.250 +\S+ s$/);
  assert.doesNotMatch(bestRunsTable(rowsOf([scored(0.25, 0)])), /right/);
});

Deno.test("TensorBoard gets a scalar for a metric that has a tag, where a run has the metric", () => {
  const tags = (result: RunResult) =>
    eventsOf(result, GATED, EXTENDED).flatMap(({ summary }) => summary?.value ?? [])
      .filter(({ tag }) => tag !== "loss/smoothed" && !tag!.startsWith("_")).map(({ tag, simple_value }) => [
        tag,
        simple_value,
      ]);
  assert.deepEqual(tags(scored(0.25, 0)).slice(-1), [[ACCURACY.scalar, 0.25]]);
  assert.deepEqual(
    tags(plain),
    [["loss/min", plain["min loss"]], ["test/bits_per_byte", plain.test_bits_per_byte]].map(
      ([tag, value]) => [tag, Math.fround(value as number)],
    ),
  );
});

Deno.test("each metric is a key of results, of rows and of merged rows, by a name of its own", () => {
  const [run] = tableOf([plain]).rows, [row] = mergeSeeds([run]);
  const known = Object.keys(resultFields.shape), columns = runColumns().map(({ name }) => name);
  assert.equal(new Set(METRICS.map(({ key }) => key)).size, METRICS.length);
  assert.equal(metricName({ ...ACCURACY, key: "mean test loss" }), "mean_test_loss");
  for (const metric of METRICS) {
    const { key } = metric, name = metricName(metric) as keyof RunRow;
    assert.ok(known.includes(key) && columns.includes(key), key);
    assert.ok(name in run && name in row, name);
    assert.equal(run[name], plain[key], name);
  }
});

Deno.test("a metric is whole in exports if its schema takes whole numbers alone, in any of zod's formats", () => {
  const typeOf = (schema: Metric["schema"]) =>
    runColumns(GATED, [{ ...ACCURACY, schema }]).find(({ name }) => name === ACCURACY.key)!.type;
  const whole = [z.number().int(), z.number().int().positive().max(9), z.int(), z.int32(), z.uint32().min(2)];
  assert.deepEqual(whole.map(typeOf), whole.map(() => "int"));
  assert.deepEqual([z.number(), z.number().min(0), z.float32()].map(typeOf), ["double", "double", "double"]);
  assert.deepEqual(METRICS.filter(isWhole).map(({ key }) => key).slice(0, 2), ["parameters", "steps_done"]);
});

Deno.test("withoutScore() takes away all metrics of the score, and none of training", () => {
  const result: RunResult = { ...plain, ...Object.fromEntries(METRICS.map(({ key }) => [key, 1])) };
  assert.ok(isFinished(result));
  const left = Object.keys(withoutScore(result));
  for (const { key, stage } of METRICS) assert.equal(left.includes(key), stage !== "score", key);
});
