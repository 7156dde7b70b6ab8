import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { DYNAMICS_METRICS } from "../../../experiments/study/dynamics_metrics.ts";
import type { RunDynamics } from "../../../experiments/study/dynamics_file.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { csvOf } from "../../../report/data/csv.ts";
import { parquetOf } from "../../../report/export/parquet.ts";
import { columnsTable, tablesOf } from "../../../report/export/tables.ts";
import { type ExportOptions, writeExport } from "../../../report/export/write_export.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { syntheticDynamics } from "../synthetic_dynamics.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { writeStudy } from "../written_study.ts";

const RESULTS = syntheticResults({ layers: [1], state_sizes: [32], steps: 100 }).slice(0, 3);
const keyOf = ({ id, seed }: RunResult) => runKey(id, seed);
/** The first two runs are measured. */
const MEASURED = new Map(
  RESULTS.slice(0, 2).map((result, i) => [
    keyOf(result),
    syntheticDynamics(result, { largest: i ? null : -0.25, layers: 2, gates: ["z", "f"] }),
  ]),
);
const TABLES = tablesOf(RESULTS, undefined, MEASURED);

const read = (bytes: Uint8Array) => parquetReadObjects({ file: bytes.buffer as ArrayBuffer });

Deno.test("tablesOf() has no table, no column and no byte more where nothing was measured", () => {
  const without = tablesOf(RESULTS);
  assert.deepEqual(Object.keys(without), ["runs", "curves"]);
  assert.equal(csvOf(tablesOf(RESULTS, undefined, new Map()).runs), csvOf(without.runs));
  const own = new Set(DYNAMICS_METRICS.map(({ key }) => key));
  assert.ok(without.runs.columns.every(({ name }) => !own.has(name) && !name.startsWith("dynamics")));
  assert.ok(csvOf(TABLES.runs).startsWith(csvOf({ ...without.runs, rows: [] }).trimEnd()), "new columns come last");
});

Deno.test("runs have a column for each number on dynamics, and for its standard error, when hyparquet reads them", async () => {
  const [first, second, third] = await read(parquetOf(TABLES.runs));
  assert.deepEqual(
    [first.lyapunov_largest, first.lyapunov_largest_standard_error, first.forgetting_time],
    [-0.25, 0.01, 4],
  );
  // −∞ is not a number: the time is 0.
  assert.deepEqual([second.lyapunov_largest, second.forgetting_time], [null, 0]);
  // By their share of the text: (0.15 · 1 + 0.05 · 2) / 0.2, and 0.15 / 0.2.
  assert.ok(Math.abs(first.fixed_points - 1.25) < 1e-12 && Math.abs(first.stable_share - 0.75) < 1e-12);
  assert.deepEqual([first.recall_bits, first.recall_horizon, first.participation_ratio], [7, 2, 5]);
  assert.deepEqual([first.truncation_cosine_16, first.truncation_cosine_16_standard_error], [0.7, 0.02]);
  assert.deepEqual([first.gates_shut, first.gates_open, first.dynamics_tokens], [0.2, 0.3, 4096n]);
  assert.ok(DYNAMICS_METRICS.every(({ key }) => third[key] === null));
});

Deno.test("dynamics has a row for each number, with its place and unit, when hyparquet reads it", async () => {
  const rows = await read(parquetOf(TABLES.dynamics!));
  assert.equal(rows.length, csvOf(TABLES.dynamics!).trimEnd().split("\r\n").length - 1);
  const [{ id }] = RESULTS;
  const found = (wanted: Readonly<Record<string, unknown>>) =>
    rows.filter((row) => row.id === id && Object.entries(wanted).every(([key, value]) => row[key] === value));
  const only = (wanted: Readonly<Record<string, unknown>>) => {
    const [row, ...more] = found(wanted);
    assert.equal(more.length, 0, JSON.stringify(Object.keys(wanted)));
    return [row.value, row.standard_error, row.unit];
  };
  assert.deepEqual(only({ quantity: "largest_exponent" }), [-0.25, 0.01, "nats per byte"]);
  assert.deepEqual(only({ quantity: "exponent", layer: 1n, exponent: 1n }), [-1.25, 0.01, "nats per byte"]);
  assert.deepEqual(only({ quantity: "exponent", layer: 1n, exponent: 2n }), [null, null, "nats per byte"]);
  assert.deepEqual(only({ measure: "byte_recall", quantity: "bits", lag: 1n }), [2, 0.01, "bits"]);
  assert.deepEqual(only({ measure: "fixed_points", quantity: "fixed_points", token: 101n }), [2, null, "1"]);
  assert.deepEqual(only({ quantity: "spectral_radius", token: 101n, point: 2n }), [1.1, null, "1"]);
  assert.deepEqual(only({ quantity: "share_below_0.1", layer: 1n, gate: "f" }), [0.2, 0.01, "1"]);
  assert.deepEqual(only({ quantity: "cosine", steps_back: 16n, weight: null }), [0.7, 0.02, "1"]);
  assert.equal(found({ quantity: "cosine", steps_back: 16n }).length, 2);
  assert.deepEqual(only({ quantity: "participation_ratio", layer: null }), [5, 0.1, "dimensions"]);
});

Deno.test("the column of quantities explains names that do not say what they are, all of which are there", async () => {
  const quantities = new Set((await read(parquetOf(TABLES.dynamics!))).map(({ quantity }) => quantity));
  const { about } = TABLES.dynamics!.columns.find(({ name }) => name === "quantity")!;
  const explained = about.split("; ").flatMap((part) => part.match(/^(\w+):/)?.[1] ?? []);
  assert.deepEqual(explained, ["diverged", "horizon", "shuffled_bits", "found_from", "slow"]);
  for (const name of explained) assert.ok(quantities.has(name), name);
});

Deno.test("each number of dynamics has one place, and each column is described", async () => {
  const places = (await read(parquetOf(TABLES.dynamics!))).map((row) => {
    const { value: _, standard_error: __, unit: ___, ...place } = row;
    return JSON.stringify(place, (_, one) => typeof one === "bigint" ? Number(one) : one);
  });
  assert.equal(new Set(places).size, places.length);
  const about = columnsTable(TABLES).rows;
  assert.equal(about.filter(([table]) => table === "dynamics").length, TABLES.dynamics!.columns.length);
  assert.ok(about.every(([, , , text]) => text.length > 0));
  const { key_value_metadata } = await parquetMetadataAsync(parquetOf(TABLES.dynamics!).buffer as ArrayBuffer);
  assert.equal(key_value_metadata!.length, TABLES.dynamics!.columns.length);
});

const MODEL = new Uint8Array([7]), MODEL_SUM = createHash("sha256").update(MODEL).digest("hex");

/** Gives a run a model, and a file of what was measured of it, or of another one. */
async function measureRun(study: Study, result: RunResult, more: Partial<RunDynamics> = {}): Promise<void> {
  await Deno.writeFile(study.modelPath("01", keyOf(result)), MODEL);
  const path = study.dynamicsPath("01", keyOf(result));
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(syntheticDynamics(result, {}, more)));
}

const exported = (study: Study, more: Partial<ExportOptions> = {}) =>
  writeExport({ study, experiment: "01", formats: ["csv", "parquet"], ...more });

Deno.test("writeExport() writes dynamics of models that are there, and names those of earlier ones", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study, done: [first, second] } = await writeStudy(dir);
  await measureRun(study, first, { model_sha256: MODEL_SUM });
  await measureRun(study, second);
  const { paths, problems, folder } = await exported(study);
  assert.deepEqual(paths.map((path) => basename(path)), [
    "runs.csv",
    "curves.csv",
    "dynamics.csv",
    "columns.csv",
    "runs.parquet",
    "curves.parquet",
    "dynamics.parquet",
  ]);
  assert.deepEqual(problems, [
    `1 measurement of dynamics is of an earlier model and left out ('deno task dynamics --dir ${dir} --exponents 2' measures again): ` +
    second.id.slice(0, 8),
  ]);
  const rows = await read(Deno.readFileSync(join(folder, "dynamics.parquet")));
  assert.deepEqual([...new Set(rows.map(({ id, seed }) => runKey(id, Number(seed))))], [first.id]);
});

Deno.test("writeExport() replaces its tables of dynamics, and takes away those that it no longer has", async () => {
  await using temp = await tempFolder();
  const { study, done: [first] } = await writeStudy(temp.path), tables = ["dynamics.csv", "dynamics.parquet"];
  await measureRun(study, first, { model_sha256: MODEL_SUM });
  const { folder } = await exported(study), there = () => tables.filter((name) => existsSync(join(folder, name)));
  await exported(study);
  assert.deepEqual(there(), tables);
  Deno.removeSync(study.dynamicsPath("01", keyOf(first)));
  await exported(study, { formats: ["csv"] });
  assert.deepEqual(there(), ["dynamics.parquet"], "what is not asked for stays as it was");
  Deno.writeTextFileSync(join(folder, "dynamics.parquet"), "mine");
  await exported(study);
  assert.deepEqual(there(), ["dynamics.parquet"], "a file of somebody's stays");
  await measureRun(study, first, { model_sha256: MODEL_SUM });
  await assert.rejects(
    exported(study),
    /^UserError: Cannot export to .*: .*dynamics\.parquet exists, and cellspace did not write it; move it away, or /,
  );
});
