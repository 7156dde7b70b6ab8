/** A study as a data set: what it holds, and that a model's score follows from its folder alone. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetReadObjects } from "hyparquet";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { Study } from "../../../experiments/study/store.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { decodeTokenizer, evaluateModel } from "../../../mod.ts";
import { exportStudy } from "../../../report/export_study.ts";
import type { Inclusion } from "../../../report/export/formats.ts";
import { corpusFile } from "../../experiments/corpus_file.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { copiesOfSmallStudy, SMALL, TRAINED } from "../../experiments/small_study.ts";
import { drawsOf } from "../../faults/draws.ts";

const copyStudy = copiesOfSmallStudy();
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

async function exportOf(dir: string, include: readonly Inclusion[] = [], license?: string) {
  const made = await exportStudy(await Study.open(dir), { experiment: "01", formats: ["dataset"], include, license });
  return { ...made, dataset: join(made.folder, "dataset") };
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const PLAIN = [
  "LICENSE",
  "README.md",
  "SHA256SUMS",
  "columns.csv",
  "curves.parquet",
  "entropy_floors.json",
  "rnn_configs.json",
  "runs.parquet",
  "study.json",
];

/** Copies the data set alone, and removes its study. */
function takeAway(dataset: string, to: string, study: string): string {
  cpSync(dataset, to, { recursive: true });
  Deno.removeSync(study, { recursive: true });
  return to;
}

/** Checks each file against the sums, and that each has one. */
function assertSums(folder: string): void {
  const lines = Deno.readTextFileSync(join(folder, "SHA256SUMS")).trimEnd().split("\n");
  const walk = (at: string): string[] =>
    [...Deno.readDirSync(join(folder, at))].flatMap(({ name, isDirectory }) =>
      isDirectory ? walk(`${at}${name}/`) : [`${at}${name}`]
    );
  assert.deepEqual(
    lines,
    walk("").filter((path) => path !== "SHA256SUMS").sort().map((path) =>
      `${createHash("sha256").update(Deno.readFileSync(join(folder, path))).digest("hex")}  ${path}`
    ),
  );
}

/** Scores a run that is drawn at random from what lies in the folder. */
async function scoreAgain(folder: string): Promise<void> {
  const draws = drawsOf("data set");
  const rows = await parquetReadObjects({ file: Deno.readFileSync(join(folder, "runs.parquet")).buffer });
  const scored = rows.filter(({ test_bits_per_byte }) => test_bits_per_byte !== null);
  const run = scored[Math.floor(draws.random() * scored.length)];
  const model = Deno.readFileSync(join(folder, "models", `${run.id}${run.seed ? `_seed${run.seed}` : ""}.onnx`));
  const bytes = Deno.readFileSync(join(folder, "test.txt")), path = join(folder, "tokenizer.json");
  const tokenizer = existsSync(path) ? decodeTokenizer(Deno.readTextFileSync(path), path) : undefined;
  const { bits_per_byte } = await evaluateModel(model, tokenizer?.encode(bytes) ?? bytes, 1, undefined, { tokenizer });
  assert.equal(bits_per_byte, run.test_bits_per_byte, draws.note);
}

Deno.test("a random model of a data set has its stored score again, from that folder alone", async () => {
  await using temp = await tempFolder();
  const { dir } = await copyStudy(), { dataset, problems } = await exportOf(dir, ["models", "test"]);
  assert.deepEqual(problems, []);
  const folder = takeAway(dataset, join(temp.path, "alone"), dir);
  assert.deepEqual(names(folder), [...PLAIN, "models", "test.txt"].sort());
  assert.equal(names(join(folder, "models")).length, TRAINED);
  assertSums(folder);
  await scoreAgain(folder);
  // As its page tells a reader.
  const [, script] = /^```ts\n(.*?)^```$/ms.exec(Deno.readTextFileSync(join(folder, "README.md")))!;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-ffi", "--allow-env=ORT_DISABLE_TELEMETRY", "-", folder],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  const [, stored, again] = /stored (\S+) again (\S+)/.exec(new TextDecoder().decode(stdout))!;
  assert.equal(again, stored);
});

Deno.test("a random model that reads tokens has its stored score again", async () => {
  await using temp = await tempFolder();
  const dir = join(temp.path, "study");
  const corpus = corpusFile(temp.path, { bytes: 20_000 });
  await initStudy({ dir, experiment: "01", corpus, ...SMALL, tokens: 300 });
  await trainStudy({ dir, experiment: "01", engine: "onnx", parallel: 1, limit: 2 });
  const { dataset } = await exportOf(dir, ["models", "test"]);
  const folder = takeAway(dataset, join(temp.path, "alone"), dir);
  assertSums(folder);
  await scoreAgain(folder);
});

Deno.test("a data set names no folder of this machine, and has the same bytes again", async () => {
  const { dir } = await copyStudy(), { dataset } = await exportOf(dir, [], "MIT");
  assert.deepEqual(names(dataset), PLAIN);
  const read = () => PLAIN.map((name) => Deno.readTextFileSync(join(dataset, name)));
  const before = read();
  for (const [i, text] of before.entries()) assert.ok(!text.includes(dir), PLAIN[i]);
  assert.equal(JSON.parse(Deno.readTextFileSync(join(dataset, "study.json"))).corpus.source, "corpus.txt");
  assert.match(before[0], /^SPDX-License-Identifier: MIT\n/);
  assert.match(before[1], /^---\nlicense: "mit"\n/);
  await exportOf(dir, [], "MIT");
  assert.deepEqual(read(), before);
});

Deno.test("models and text go when they are not asked for again, and somebody's files stay", async () => {
  const { dir } = await copyStudy(), { dataset } = await exportOf(dir, ["models", "test"]);
  Deno.writeTextFileSync(join(dataset, "notes.txt"), "somebody's");
  await exportOf(dir);
  assert.deepEqual(names(dataset), [...PLAIN, "notes.txt"].sort());
  // So is a page that somebody has edited, and a text that is not the one that was written.
  Deno.writeTextFileSync(join(dataset, "README.md"), "and more", { append: true });
  await assert.rejects(exportOf(dir), /README\.md exists, and cellspace did not write it; move it away/);
  Deno.removeSync(join(dataset, "README.md"));
  Deno.writeTextFileSync(join(dataset, "test.txt"), "somebody's");
  await assert.rejects(exportOf(dir, ["test"]), /test\.txt exists, and cellspace did not write it; move it away/);
  await exportOf(dir);
  assert.equal(Deno.readTextFileSync(join(dataset, "test.txt")), "somebody's");
});

Deno.test("a model that is missing is told in one line, and the others come", async () => {
  const small = await copyStudy();
  Deno.removeSync(small.model(0));
  const { dataset, problems } = await exportOf(small.dir, ["models"]);
  assert.equal(problems.length, 1);
  assert.match(
    problems[0],
    /^Left out: 1 model .* of [0-9a-f]{64}; make them again with 'deno task evaluate .*--again'$/,
  );
  assert.equal(names(join(dataset, "models")).length, TRAINED - 1);
  assertSums(dataset);
});
