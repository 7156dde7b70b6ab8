/** `export` of a study: the data of each picture that its report has, beside its runs. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { parseSelection } from "../../experiments/study/selection.ts";
import type { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { reportContent } from "../../report/content/report_content.ts";
import { csvOf } from "../../report/data/csv.ts";
import { exportStudy } from "../../report/export_study.ts";
import { readInput } from "../../report/read_input.ts";
import { tempFolder } from "../experiments/folder.ts";
import { ORIGINAL_SWITCHES } from "../original_table.ts";
import { csvRows } from "./csv_rows.ts";
import { syntheticResults, unfinished } from "./synthetic_results.ts";

/** A study of one layer and the first of these configurations, with two seeds. */
async function written(dir: string, isFinished = true): Promise<Study> {
  const { study } = await initStudy({ dir, experiment: "01", levels: { n_layers: [1], state_size: [256] }, seeds: 2 });
  await study.makeRunFolders("01");
  const { corpus } = study.settings;
  for (const seed of [0, 1]) {
    for (const made of syntheticResults({ layers: [1], state_sizes: [256], steps: 1000, seed }).slice(0, 24)) {
      const result = { ...made, dataset: corpus.name, corpus_sha1: corpus.sha1 };
      await study.writeResult("01", runKey(result.id, seed), isFinished ? result : unfinished(result));
    }
  }
  return study;
}

const csvIn = (folder: string) => [...Deno.readDirSync(join(folder, "pictures"))].map(({ name }) => name).sort();
const csv = { experiment: "01", formats: ["csv"] } as const;

/** What a report of these configurations has to download. */
async function downloads(study: Study, only?: ReturnType<typeof parseSelection>): Promise<Map<string, string>> {
  const { pictures } = reportContent(await readInput(study, { experiment: "01", only }), study.dir);
  return new Map(pictures.map(({ name, data }) => [`${name}.csv`, csvOf(data())]));
}

function assertSame(folder: string, expected: ReadonlyMap<string, string>): void {
  assert.deepEqual(csvIn(folder), [...expected.keys()].sort());
  for (const [name, text] of expected) assert.equal(Deno.readTextFileSync(join(folder, "pictures", name)), text, name);
}

Deno.test(
  "exportStudy() writes the data of each picture of the report, notes them, and says what their columns are",
  async () => {
    await using temp = await tempFolder();
    const study = await written(temp.path), { folder, paths } = await exportStudy(study, csv);
    assert.deepEqual(paths.map((path) => basename(path)), ["runs.csv", "curves.csv", "pictures", "columns.csv"]);
    const expected = await downloads(study);
    assert.ok(expected.size > 6 && expected.has("results_01_all_effects.csv"), `${[...expected.keys()]}`);
    assertSame(folder, expected);
    const noted: string[] = JSON.parse(Deno.readTextFileSync(join(folder, "export.json"))).files;
    for (const name of expected.keys()) assert.ok(noted.includes(join("pictures", name)), name);
    const described = csvRows(Deno.readTextFileSync(join(folder, "columns.csv")));
    for (const [name, text] of expected) {
      const own = described.filter(({ table }) => table === `pictures/${basename(name, ".csv")}`);
      assert.deepEqual(own.map(({ column }) => column), text.split("\r\n")[0].split(","));
    }
  },
);

Deno.test(
  "exportStudy() writes the pictures of what is selected, and takes away those that it has no longer",
  async () => {
    await using temp = await tempFolder();
    const study = await written(temp.path), [first] = syntheticResults({ layers: [1], state_sizes: [256] });
    const only = parseSelection(ORIGINAL_SWITCHES.map(({ key }) => `${key}=${first[key]}`).join());
    const { folder } = await exportStudy(study, csv), all = csvIn(folder);
    await exportStudy(study, { ...csv, only });
    const expected = await downloads(study, only);
    assertSame(folder, expected);
    assert.ok(all.includes("results_01_all_shares.csv") && !expected.has("results_01_all_shares.csv"), `${all}`);
  },
);

Deno.test("exportStudy() joins with the table of runs: by id, and of a curve by step", async () => {
  await using temp = await tempFolder();
  const { folder } = await exportStudy(await written(temp.path), csv);
  const rowsOf = (name: string) => csvRows(Deno.readTextFileSync(join(folder, name)));
  const runs = rowsOf("runs.csv"), logged = rowsOf("curves.csv");
  const meanOf = (values: readonly string[]) => values.reduce((sum, one) => sum + Number(one), 0) / values.length;
  const points = rowsOf(join("pictures", "results_01_all.csv"));
  // A report has seven digits of each logged loss.
  for (const { id, step, loss_nats_per_byte } of points) {
    const same = logged.filter((one) => one.id === id && one.step === step).map(({ smoothed_loss }) => smoothed_loss);
    assert.ok(
      same.length === 2 && Math.abs(meanOf(same) - Number(loss_nats_per_byte)) < 1e-6,
      `${id} at ${step}: ${same}, ${loss_nats_per_byte}`,
    );
  }
  for (const dot of rowsOf(join("pictures", "results_01_all_test.csv"))) {
    const own = runs.filter(({ id }) => id === dot.id);
    assert.ok(Math.abs(meanOf(own.map((run) => run.test_bits_per_byte)) - Number(dot.test_bits_per_byte)) < 1e-12);
    for (const key of ["use_residual", "n_layers", "learning_rate"]) assert.equal(dot[key], own[0][key]);
  }
});

Deno.test("exportStudy() has no pictures where no run has finished, and in other formats than CSV", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const begun = await written(join(dir, "begun"), false), done = await written(join(dir, "done"));
  const exports = [await exportStudy(begun, csv), await exportStudy(done, { experiment: "01", formats: ["parquet"] })];
  for (const { folder, paths } of exports) {
    assert.ok(paths.length && !paths.some((path) => basename(path) === "pictures"));
    await assert.rejects(Deno.stat(join(folder, "pictures")), Deno.errors.NotFound);
  }
});
