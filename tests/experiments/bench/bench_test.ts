/** `bench` and `bench:claims`, small: what they measure, whom they leave out and why, and what they print. How long anything takes is not looked at. */
import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { peerLines } from "../../../experiments/bench/beside_peers.ts";
import { type Row, rowLines, rowOf } from "../../../experiments/bench/on_cpu.ts";
import { type TempFolder, tempFolder } from "../folder.ts";
import { ROOT, runAs } from "../tasks.ts";

const SMALL_BENCH = fileURLToPath(new URL("small_bench.ts", import.meta.url));
const CLAIMS = join(ROOT, "experiments", "bench", "claims.ts");

/** A script with a task's permissions, where it writes in a temporary folder alone. */
function run({ path: cwd }: TempFolder, task: "bench" | "bench:claims", script: string, ...flags: readonly string[]) {
  return runAs(task, script, flags, { cwd, env: { PATH: `${cwd}${delimiter}${Deno.env.get("PATH")}` } });
}

/** A `python3` without PyTorch: it reads nothing and ends. */
async function withoutTorch(temp: TempFolder): Promise<void> {
  const message = "ModuleNotFoundError: No module named 'torch'";
  const script = `#!/bin/sh\necho Traceback >&2\necho "${message}" >&2\nexit 1\n`;
  await Deno.writeTextFile(join(temp.path, "python3"), script, { mode: 0o755 });
}

const ABSENT = {
  "wrong 1.0": /^its losses disagree with ours: run 0, step 0: \d\.\d{6}, must be \d\.\d{6} within 0\.0001$/,
  "on a GPU": /^no adapter was measured with ours$/,
  "not here": /^it is not installed$/,
  "broken": /^it broke$/,
  "PyTorch eager": /^ModuleNotFoundError: No module named 'torch'$/,
};

const cores = navigator.hardwareConcurrency, threads = cores === 1 ? ["1 thread"] : [`${cores} threads`, "1 thread"];
const ROWS = [
  ...threads.flatMap((on) => [`onnx: best configuration, ${on}`, `onnx: bare products of that step, ${on}`]),
  `onnx: best configuration, ${cores} parallel runs`,
  "onnx: one of these alone",
  "onnx: 1 layer × 4, 1 thread",
  `onnx: 1 layer × 4, ${cores} threads`,
];

Deno.test("bench --json measures onnx, and names each peer that is absent or wrong with the reason and no time", async () => {
  await using temp = await tempFolder();
  await withoutTorch(temp);
  const all = JSON.parse(await run(temp, "bench", SMALL_BENCH, "--engine", "onnx", "--peers", "--json"));
  for (const [what, why] of Object.entries(ABSENT)) assert.match(all[`${what}, not measured`], why, what);
  assert.equal(all.webgpu_adapter, "not asked for");
  assert.deepEqual(all.rows.map(({ what }: Row) => what), ROWS);
  for (const { ms_per_step: ms, run_steps_per_second, gflop_per_second, what, beside } of all.rows as Row[]) {
    const runs = /parallel/.test(what) ? cores : 1;
    assert.ok(ms > 0 && gflop_per_second > 0 && Math.abs(run_steps_per_second * ms / 1000 - runs) < 1e-9, what);
    assert.equal(beside !== undefined, /best configuration/.test(what), what);
    assert.ok(beside === undefined || beside.ratio > 0, what);
  }
  assert.deepEqual(all.steps_back.map(({ steps_back }: { steps_back: number }) => steps_back), [1, 4, 16]);
  assert.deepEqual([all.scoring.bytes, all.scoring.threads], [5000, cores]);
  const [{ ratio, ours_ms_per_step, ...right }, ...rest] = all.peers;
  assert.deepEqual(rest, []);
  assert.deepEqual(right, { what: "right 1.0", runs: 1, ms_per_step: 2, model: "1 layer × 8", ours: "onnx, 1 thread" });
  assert.ok(ratio > 0 && ours_ms_per_step > 0);
  assert.equal(all.experiment_01, "not estimated: onnx is a test's");
});

Deno.test("bench prints the same as tables, and measures no peer that was not asked for", async () => {
  await using temp = await tempFolder();
  const lines = (await run(temp, "bench", SMALL_BENCH, "--engine", "onnx")).split("\n");
  assert.deepEqual(lines.filter((line) => /not measured|theirs/.test(line)), []);
  const head = lines.findIndex((line) => /^ +ms\/step {2}run-steps\/s {2}GFLOP\/s$/.test(line));
  for (const [i, what] of ROWS.entries()) {
    const line = lines[head + 1 + i];
    assert.ok(line.startsWith(what), line);
    assert.match(line.slice(what.length), /^ +\d+\.\d\d +\d+\.\d +\d+\.\d( {2}\d+\.\d\d × .+)?$/);
  }
  assert.equal(lines.filter((line) => / × that with one step back$/.test(line)).length, 2);
  assert.match(lines.at(-1)!, /^Batch 256; best configuration: 1 layer × 8, .* GFLOP of products per step$/);
});

Deno.test("rowOf() turns the time of a group's step into run-steps and products a second", () => {
  const beside = { of: "its bare products", ratio: 1.25 };
  const row = rowOf("two runs", 20, 4e9, 2, beside);
  assert.deepEqual(row, {
    what: "two runs",
    ms_per_step: 20,
    run_steps_per_second: 100,
    gflop_per_second: 400,
    beside,
  });
  assert.deepEqual(rowLines([row, rowOf("one", 8, 1e9)]), [
    "           ms/step  run-steps/s  GFLOP/s",
    "two runs     20.00        100.0    400.0  1.25 × its bare products",
    "one           8.00        125.0    125.0",
  ]);
});

Deno.test("peerLines() has theirs, ours, and how many times ours theirs is", () => {
  const row = { what: "tfjs 4", runs: 1, ms_per_step: 30, ours_ms_per_step: 20, ratio: 1.5, model: "1 layer × 32" };
  assert.deepEqual(peerLines([{ ...row, ours: "onnx, 1 thread" }]), [
    "alternating with ours        ms/step     ours  theirs / ours",
    "tfjs 4: 1 × (1 layer × 32)     30.00    20.00      1.50 × onnx, 1 thread",
  ]);
});

Deno.test("bench:claims measures a few runs on SQLite, says so in JSON, and leaves no queue", async () => {
  await using temp = await tempFolder();
  const flags = ["--workers", "2", "--runs", "6", "--json"];
  const [{ where, workers, runs, claims, releases }, ...rest] = JSON.parse(
    await run(temp, "bench:claims", CLAIMS, ...flags),
  );
  assert.deepEqual([where, workers, runs, claims.count, rest], ["SQLite", 2, 6, 12, []]);
  assert.ok(releases.count >= 6);
  assert.deepEqual([...Deno.readDirSync(join(temp.path, ".bench"))], []);
});
