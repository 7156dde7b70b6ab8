import assert from "node:assert/strict";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { KNOWN_KEYS, type RunResult, TIME_KEYS } from "../../../experiments/study/result.ts";
import { csvOf } from "../../../report/data/csv.ts";
import type { Column, ColumnType, Table, Value } from "../../../report/data/table.ts";
import { runColumns, statusOf } from "../../../report/export/columns.ts";
import { columnsTable, longestCurve, tablesOf } from "../../../report/export/tables.ts";
import { sortRuns } from "../../../report/data/rows.ts";
import { parquetOf } from "../../../report/export/parquet.ts";
import { RESETS } from "../../../train/scoring/state_resets.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { syntheticResults, unfinished } from "../synthetic_results.ts";
import { TEXT, writeStudy } from "../written_study.ts";

/** Keys of a result that are not one column of the same name: what is in their place. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  loss: ["smoothed_loss"],
  loss_before_failure: ["smoothed_loss"],
  sample: ["sample_text", "sample_prompt", "sample_bytes", "sample_temperature", "sample_seed"],
  memory: [
    "memory_gain",
    "memory_context",
    "memory_bytes",
    "memory_carried",
    ...RESETS.map((every) => `memory_reset_${every}`),
  ],
};

Deno.test("the tables have a column for each key of a result, each of a name of its own, with a line on what it means", () => {
  const { runs, curves } = tablesOf([]);
  for (const { columns } of [runs, curves]) {
    const names = columns.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, about } of columns) assert.match(about, /^[^\n]{5,120}$/, name);
  }
  const all = [...runs.columns, ...curves.columns].map(({ name }) => name);
  for (const key of KNOWN_KEYS) {
    for (const name of ELSEWHERE[key] ?? [key]) assert.ok(all.includes(name), `'${key}' has no column '${name}'`);
  }
  assert.deepEqual(all.slice(0, 3), ["id", "seed", "status"]);
});

Deno.test("tablesOf() has a row for each run, whatever came of it, and a point for each logged loss", async () => {
  await using temp = await tempFolder();
  const { study, done, furtherSeed, failed, running, failedLater } = await writeStudy(temp.path);
  const { results } = await study.readResults("01");
  const { runs, curves } = tablesOf(sortRuns(results));
  const cell = (id: string, seed: number, name: string) => {
    const row = runs.rows.find((run) => run.id === id && run.seed === seed)!;
    return runs.columns.find((column) => column.name === name)!.of(row);
  };
  assert.equal(runs.rows.length, 6);
  const states = [...done, furtherSeed, failed, running, failedLater];
  assert.deepEqual(states.map(({ id, seed }) => cell(id, seed, "status")), [
    "done",
    "done",
    "done",
    "failed",
    "running",
    "failed",
  ]);
  assert.equal(cell(done[0].id, 0, "sample_text"), TEXT);
  assert.equal(cell(done[1].id, 0, "sample_text"), null);
  assert.equal(
    cell(done[1].id, 0, "earlier_engines"),
    '[{"engine":"webgpu","adapter":"llvmpipe","steps":300}]',
  );
  assert.deepEqual([cell(done[0].id, 0, "gate_inputs"), cell(done[0].id, 0, "cell")], ["x,h,n", "gated"]);
  assert.deepEqual([cell(running.id, 0, "min loss"), cell(running.id, 0, "control")], [null, false]);
  assert.deepEqual(cell(failed.id, 0, "failed_time"), new Date(1_790_000_100_500));
  assert.equal(cell(failedLater.id, 0, "min loss"), failedLater["min loss"]);

  const curve = (id: string, seed: number) =>
    curves.rows.filter((point) => point.id === id && point.seed === seed)
      .map(({ step, smoothed_loss }) => [step, smoothed_loss]);
  assert.deepEqual(curve(done[0].id, 1), furtherSeed.loss!.map((loss, i) => [50 * (i + 1), loss]));
  assert.deepEqual(curve(failed.id, 0), [[50, 3.1], [100, 2.9]]);
  assert.deepEqual(curve(running.id, 0), []);
  assert.deepEqual(curve(failedLater.id, 0).slice(-2), [[1100, 1.25], [1150, 1.75]]);
});

Deno.test("a run's tokens_read is what it has read: updates × steps back × batch size; nothing before its end", () => {
  const [result] = syntheticResults({ steps: 1000 }), { of } = runColumns().find(({ name }) => name === "tokens_read")!;
  assert.deepEqual([result, { ...result, bptt: 16, steps_done: 62 }, unfinished(result)].map(of), [
    256_000,
    62 * 16 * 256,
    null,
  ]);
});

Deno.test("longestCurve() keeps a done run's whole curve where a later try from the beginning failed earlier", () => {
  const [result] = syntheticResults({ steps: 1000 });
  const later = { ...result, failed: "x", failed_at_step: 70, failed_time: 5, loss_before_failure: [3] };
  assert.deepEqual(longestCurve(later), { loss: result.loss, steps: 1000, end: "end time" });
});

Deno.test("statusOf() goes by the result alone", () => {
  const [result] = syntheticResults();
  assert.deepEqual([result, { ...result, failed: "x" }, unfinished(result)].map(statusOf), [
    "done",
    "failed",
    "running",
  ]);
});

Deno.test("a time that is none is left out, and those beside it stay", () => {
  const [result] = syntheticResults();
  const timesOf = (times: Partial<RunResult>) =>
    TIME_KEYS.map((key) => runColumns().find(({ name }) => name === key)!.of({ ...result, ...times }));
  assert.deepEqual(timesOf({ "start time": 1e20, failed_time: -1e300 }), [
    null,
    new Date(Math.round(1000 * result["end time"]!)),
    null,
  ]);
  assert.deepEqual(timesOf({ "start time": -1.5, "end time": 8.64e12, failed_time: undefined }), [
    new Date(-1500),
    new Date(8.64e15),
    null,
  ]);
});

/** A table of one column of each type; rows are lists of values. */
const TYPES: readonly ColumnType[] = ["string", "int", "double", "boolean", "time"];
const columns = TYPES.map((name, i): Column<readonly Value[]> => ({
  name,
  type: name,
  about: name,
  of: (row) => row[i],
}));
const time = new Date("2026-09-22T01:02:03.004Z");
const table: Table<readonly Value[]> = {
  columns,
  rows: [
    ['a "b", c\r\nd\0', 2 ** 53 - 1, 1.1e-7, true, time],
    [null, null, null, null, null],
    ["", 0, -0.5, false, new Date(0)],
    ["a\nb", 1, 2, true, time],
  ],
};

Deno.test("csvOf() quotes as RFC 4180 has it, tells an empty text from none, and draws control characters", () => {
  assert.equal(
    csvOf(table),
    [
      "string,int,double,boolean,time",
      '"a ""b"", c␍\nd␀",9007199254740991,1.1e-7,true,2026-09-22T01:02:03.004Z',
      ",,,,",
      '"",0,-0.5,false,1970-01-01T00:00:00.000Z',
      '"a\nb",1,2,true,2026-09-22T01:02:03.004Z',
      "",
    ].join("\r\n"),
  );
  assert.equal(csvOf({ ...table, rows: [] }), "string,int,double,boolean,time\r\n");
});

Deno.test("parquetOf() gives back types, nulls and values when hyparquet reads it", async () => {
  const file = parquetOf(table).buffer as ArrayBuffer;
  const rows = await parquetReadObjects({ file });
  assert.deepEqual(
    rows.map((row) => TYPES.map((name) => row[name])),
    [
      ['a "b", c\r\nd\0', 2n ** 53n - 1n, 1.1e-7, true, time],
      [null, null, null, null, null].map(() => undefined),
      ["", 0n, -0.5, false, new Date(0)],
      ["a\nb", 1n, 2, true, time],
    ].map((row) => row.map((value) => value ?? null)),
  );
  const { schema, key_value_metadata, num_rows } = await parquetMetadataAsync(file);
  assert.equal(num_rows, 4n);
  assert.deepEqual(schema.slice(1).map(({ type, converted_type }) => converted_type ?? type), [
    "UTF8",
    "INT64",
    "DOUBLE",
    "BOOLEAN",
    "TIMESTAMP_MILLIS",
  ]);
  assert.deepEqual(schema[5].logical_type, { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" });
  assert.ok(schema.slice(1).every(({ repetition_type }) => repetition_type === "OPTIONAL"));
  assert.deepEqual(key_value_metadata, TYPES.map((name) => ({ key: name, value: name })));
});

Deno.test("parquetOf() keeps the types where a column has no value, and where there is no row", async () => {
  for (const rows of [[], [table.rows[1]]]) {
    const { schema, num_rows } = await parquetMetadataAsync(parquetOf({ columns, rows }).buffer as ArrayBuffer);
    assert.equal(Number(num_rows), rows.length);
    assert.deepEqual(schema.slice(1).map(({ type }) => type), ["BYTE_ARRAY", "INT64", "DOUBLE", "BOOLEAN", "INT64"]);
  }
});

Deno.test("CSV and Parquet have the same columns in the same order", async () => {
  const tables = tablesOf(syntheticResults({ layers: [1], steps: 100 }));
  for (const table of Object.values(tables) as Table<unknown>[]) {
    const [heading] = csvOf(table).split("\r\n");
    const { schema } = await parquetMetadataAsync(parquetOf(table).buffer as ArrayBuffer);
    assert.equal(heading, schema.slice(1).map(({ name }) => name).join(","));
  }
  const about = columnsTable(tables).rows.map(([table, name]) => `${table} ${name}`);
  assert.equal(about.length, tables.runs.columns.length + tables.curves.columns.length);
});
