import assert from "node:assert/strict";
import { basename, join, relative } from "node:path";
import { parquetReadObjects } from "hyparquet";
import type { RunResult } from "../../../experiments/study/result.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import { EXPERIMENTS } from "../../../experiments/study/experiment.ts";
import { Study } from "../../../experiments/study/store.ts";
import { EVENT_FILE, runFolderName } from "../../../report/export/tensorboard.ts";
import { DEFAULT_FORMATS } from "../../../report/export/formats.ts";
import { type ExportOptions, writeExport } from "../../../report/export/write_export.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { writeStudy } from "../written_study.ts";

const all = (study: Study, more: Partial<ExportOptions> = {}): ExportOptions => (
  { study, experiment: "01", formats: DEFAULT_FORMATS, ...more }
);

/** The bytes of every file below a folder, by its path from there. */
function filesOf(folder: string): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const walk = (at: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(at)) {
      const path = join(at, name);
      if (isDirectory) walk(path);
      else found.set(relative(folder, path), Deno.readFileSync(path));
    }
  };
  walk(folder);
  return found;
}

const TABLES = ["runs.csv", "curves.csv", "columns.csv", "runs.parquet", "curves.parquet"];

Deno.test("writeExport() writes every run in every format, whatever came of it, and counts them", async () => {
  await using temp = await tempFolder();
  const { study, done, furtherSeed, failed, running, failedLater } = await writeStudy(temp.path);
  const summary = await writeExport(all(study));
  assert.equal(summary.folder, join(temp.path, "export_01_all"));
  assert.deepEqual(summary.paths.map((path) => basename(path)), [...TABLES, "tensorboard"]);
  assert.deepEqual([summary.runs, summary.counts, summary.problems], [6, { done: 3, failed: 2, running: 1 }, []]);

  const runs = [...done, furtherSeed, failed, running, failedLater];
  const events = runs.map((run) => join("tensorboard", runFolderName(run), EVENT_FILE));
  const files = filesOf(summary.folder);
  assert.deepEqual([...files.keys()].sort(), ["export.json", ...TABLES, ...events].sort());
  const rows = await parquetReadObjects({ file: files.get("runs.parquet")!.buffer as ArrayBuffer });
  assert.deepEqual(
    rows.map(({ id, seed }) => runKey(id, Number(seed))),
    runs.map(({ id, seed }) => runKey(id, seed)).sort(),
  );
  // One row a line would be wrong: a text may hold line feeds. Each row has an id and a status.
  const csv = new TextDecoder().decode(files.get("runs.csv"));
  assert.equal(csv.match(/^[0-9a-f]{64},[01],(done|failed|running),/gm)!.length, 6);
});

Deno.test("writeExport() writes the same bytes again, and in another place", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await writeStudy(join(dir, "s"));
  const first = filesOf((await writeExport(all(study))).folder);
  assert.deepEqual(filesOf((await writeExport(all(study))).folder), first);
  const copy = await writeStudy(join(dir, "t"));
  const out = join(dir, "t", "deep", "er");
  assert.deepEqual(filesOf((await writeExport(all(copy.study, { out }))).folder), first);
  assert.ok(first.size > 8);
});

Deno.test("writeExport() writes the formats that are asked for, and leaves nothing unfinished", async () => {
  await using temp = await tempFolder();
  const { study } = await writeStudy(temp.path);
  const { folder, paths } = await writeExport(all(study, { formats: ["parquet"] }));
  assert.deepEqual([...filesOf(folder).keys()].sort(), ["curves.parquet", "export.json", "runs.parquet"]);
  assert.equal(paths.length, 2);
  assert.deepEqual([...Deno.readDirSync(temp.path)].filter(({ name }) => name.endsWith(".tmp")), []);
});

Deno.test(
  "writeExport() takes away the event file of a run that is gone, and nothing that is not its own",
  async () => {
    await using temp = await tempFolder();
    const { study, done: [first, second] } = await writeStudy(temp.path);
    const { folder } = await writeExport(all(study));
    const at = (run: typeof first, name: string) => join(folder, "tensorboard", runFolderName(run), name);
    Deno.writeTextFileSync(at(first, "notes.txt"), "somebody's");
    Deno.writeTextFileSync(join(folder, "tensorboard", "notes.txt"), "somebody's");
    for (const { id } of [first, second]) Deno.removeSync(study.resultPath("01", id));
    await writeExport(all(study));
    const left = [...filesOf(join(folder, "tensorboard")).keys()].filter((path) =>
      path.startsWith(runFolderName(first)) || path.startsWith(runFolderName(second)) || path === "notes.txt"
    );
    assert.deepEqual(left.sort(), [join(runFolderName(first), "notes.txt"), "notes.txt"].sort());
    await assert.rejects(Deno.stat(join(folder, "tensorboard", runFolderName(second))), Deno.errors.NotFound);
  },
);

Deno.test("writeExport() leaves the files of another experiment's export alone, whoever wrote it", async () => {
  await using temp = await tempFolder();
  const { study, done: [first] } = await writeStudy(temp.path);
  await study.makeRunFolders("02");
  await study.writeResult("02", first.id, first);
  const out = join(temp.path, "both"),
    message = (what: string) =>
      `Cannot export experiment 02 to ${out}: it holds ${what}, under the same names; choose another folder with --out`;
  await writeExport(all(study, { out }));
  const before = filesOf(out);
  const refused = async (what: string) => {
    const there = filesOf(out);
    await assert.rejects(writeExport(all(study, { experiment: "02", out })), {
      name: "UserError",
      message: message(what),
    });
    assert.deepEqual(filesOf(out), there);
  };
  await refused("experiment 01");
  // As a version that kept no note has left it.
  Deno.removeSync(join(out, "export.json"));
  await refused("an earlier export");
  Deno.removeSync(out, { recursive: true });
  await writeExport(all(study, { experiment: "02", out }));
  assert.ok(filesOf(out).size < before.size);
});

Deno.test(
  "writeExport() goes on with an export of a version that kept no note, in the experiment's own folder",
  async () => {
    await using temp = await tempFolder();
    const { study, done: [first] } = await writeStudy(temp.path);
    const { folder } = await writeExport(all(study));
    Deno.removeSync(join(folder, "export.json"));
    Deno.removeSync(study.resultPath("01", first.id));
    Deno.writeTextFileSync(join(folder, "tensorboard", "notes.txt"), "somebody's");
    await writeExport(all(study));
    await assert.rejects(Deno.stat(join(folder, "tensorboard", runFolderName(first))), Deno.errors.NotFound);
    assert.equal(Deno.readTextFileSync(join(folder, "tensorboard", "notes.txt")), "somebody's");
  },
);

Deno.test("writeExport() removes nothing that its note does not rightly name", async () => {
  await using temp = await tempFolder();
  const { study } = await writeStudy(temp.path);
  const { folder } = await writeExport(all(study)), mine = join("tensorboard", "mine", EVENT_FILE);
  Deno.mkdirSync(join(folder, "tensorboard", "mine"));
  Deno.writeTextFileSync(join(folder, mine), "somebody's");
  const wanted = [mine, join("..", "study.json"), "runs.csv", join("tensorboard", "..", "..", EVENT_FILE)];
  Deno.writeTextFileSync(join(folder, "export.json"), JSON.stringify({ cellspace_export: "01", files: wanted }));
  await writeExport(all(study));
  assert.equal(Deno.readTextFileSync(join(folder, mine)), "somebody's");
  assert.ok((await Deno.stat(join(temp.path, "study.json"))).isFile);
});

Deno.test("writeExport() refuses a folder outside the study, and those of runs, and writes nothing", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await writeStudy(join(dir, "s"));
  const before = filesOf(dir);
  const refused = async (out: string, message: string) => {
    await assert.rejects(writeExport(all(study, { out })), { name: "UserError", message });
    assert.deepEqual(filesOf(dir), before);
  };
  for (const out of [dir, join(dir, "s2"), join(dir, "s", "..", "x"), "/nowhere"]) {
    await refused(
      out,
      `Cannot export to ${out}: it must be inside the study's folder ${study.dir}, since tasks may write only there`,
    );
  }
  for (const name of ["results_01_all", "models_01_all", "results_02_best"]) {
    const folder = join(dir, "s", name);
    for (const out of [folder, join(folder, "csv")]) {
      await refused(out, `Cannot export to ${out}: ${folder} may hold only files of runs`);
    }
  }
  const out = join(dir, "s", "study.json");
  await assert.rejects(writeExport(all(study, { out })), /^UserError: Cannot make folder .*study.json: /);
  assert.deepEqual(filesOf(dir), before);
  // A name that only begins as one of theirs is nobody's.
  await writeExport(all(study, { out: join(dir, "s", "results_01_all_csv"), formats: ["csv"] }));
});

Deno.test("writeExport() refuses a study of which no run has begun, and writes nothing", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await writeStudy(dir);
  Deno.removeSync(join(dir, "results_01_all"), { recursive: true });
  const before = filesOf(dir);
  // The second has no list either.
  const advice = {
    "01": `train some with 'deno task train --dir ${dir}'`,
    "02": `list some with 'deno task init --dir ${dir} --experiment 02'`,
  };
  for (const experiment of EXPERIMENTS) {
    const message = `Cannot export ${dir}: no run of experiment ${experiment} has begun; ${advice[experiment]}`;
    await assert.rejects(writeExport(all(study, { experiment })), { name: "UserError", message });
  }
  assert.deepEqual(filesOf(dir), before);
});

Deno.test(
  "writeExport() names results that it cannot read, and keys that no column holds, and exports the rest",
  async () => {
    await using temp = await tempFolder();
    const { study, done: [first, second] } = await writeStudy(temp.path);
    await study.writeResult("01", first.id, { ...first, "my note": 1, another: "a" });
    Deno.writeTextFileSync(study.resultPath("01", second.id), "{");
    const { runs, problems } = await writeExport(all(study));
    assert.equal(runs, 5);
    assert.equal(problems.length, 2);
    assert.match(problems[0], /^Cannot read .*: it is not JSON/);
    assert.equal(problems[1], "Left out: results hold keys that this version has no column for: another, my note");
  },
);

Deno.test("writeExport() names each time that is none, and exports the run and all others", async () => {
  await using temp = await tempFolder();
  const { study, done: [first, second] } = await writeStudy(temp.path);
  await study.writeResult("01", first.id, { ...first, "start time": 1e300, "end time": -1e300 });
  await study.writeResult("01", second.id, { ...second, "start time": 8.64e12 + 1 });
  const { runs, problems } = await writeExport(all(study));
  assert.equal(runs, 6);
  const line = ({ id }: RunResult, key: string, seconds: string) =>
    `Left out: '${key}' of run ${id.slice(0, 8)} is ${seconds}, must be a time in Unix seconds`;
  assert.deepEqual(
    new Set(problems),
    new Set([
      line(first, "start time", "1e+300"),
      line(first, "end time", "-1e+300"),
      line(second, "start time", "8640000000001"),
    ]),
  );
});

Deno.test("writeExport() takes the list's word for what is a control of experiment 02", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study, done: [first, second] } = await writeStudy(dir);
  const listed = [first, second].map(({ id }, i) => ({ id, ...(i ? { control: true } : {}) }));
  const configs = JSON.parse(Deno.readTextFileSync(join(dir, "rnn_configs.json")));
  const entries = listed.map((entry) => ({ ...configs.find(({ id }: { id: string }) => id === entry.id), ...entry }));
  Deno.writeTextFileSync(join(dir, "rnn_configs_02.json"), JSON.stringify(entries));
  await study.makeRunFolders("02");
  await study.writeResult("02", first.id, { ...first, control: true });
  await study.writeResult("02", second.id, second);
  const { folder } = await writeExport(all(await Study.open(dir), { experiment: "02", formats: ["parquet"] }));
  assert.equal(folder, join(dir, "export_02_best"));
  const file = Deno.readFileSync(join(folder, "runs.parquet")).buffer as ArrayBuffer;
  const rows = await parquetReadObjects({ file });
  const isControl = (id: string) => rows.find((row) => row.id === id)!.control;
  assert.deepEqual([first, second].map(({ id }) => isControl(id)), [false, true]);
});
