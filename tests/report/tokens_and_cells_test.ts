/** A study whose models are GRUs and LSTMs and read byte-pair tokens: page, pictures and exports say so, in the right units. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { initStudy } from "../../experiments/study/init_study.ts";
import type { FinishedResult } from "../../experiments/study/result.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { exportStudy } from "../../report/export_study.ts";
import { reportOnStudy } from "../../report/report_study.ts";
import { tempFolder } from "../experiments/folder.ts";
import { otherResults } from "./compared_results.ts";
import { type CsvRow, csvRows } from "./csv_rows.ts";
import { readPage } from "./report_files.ts";

/** Nats per token that training comes to, by cell. */
const LOSSES = { gru: 2.4, lstm: 2.1 } as const;
const BYTES_PER_TOKEN = 2.5;

Deno.test("GRUs and LSTMs that read tokens are called so, their losses are per token and their scores per byte", async () => {
  await using temp = await tempFolder();
  const text = join(temp.path, "words");
  await Deno.writeTextFile(text, Array.from({ length: 6000 }, (_, i) => `w${i * i % 97} `).join(""));
  const { study } = await initStudy({
    dir: join(temp.path, "study"),
    experiment: "01",
    corpus: text,
    cells: Object.keys(LOSSES),
    levels: { n_layers: [2], state_size: [256] },
    seeds: 3,
    tokens: 270,
  });
  const { corpus, training, tokens } = study.settings, made: FinishedResult[] = [];
  await study.makeRunFolders("01");
  for (const [cell, loss] of Object.entries(LOSSES)) {
    for (const run of otherResults(cell, { loss })) {
      const test_loss = run.test_loss!;
      const result = {
        ...run,
        dataset: corpus.name,
        corpus_sha1: corpus.sha1,
        "batch size": training.batch,
        "history size": training.history,
        tokens: tokens!.name,
        vocabulary: tokens!.vocabulary,
        tokenizer_sha1: tokens!.sha1,
        bytes_per_token: BYTES_PER_TOKEN,
        test_bits_per_byte: test_loss / Math.LN2 / BYTES_PER_TOKEN,
      } as FinishedResult;
      await study.writeResult("01", runKey(result.id, result.seed), result);
      made.push(result);
    }
  }
  const { headline, tables, paths } = await reportOnStudy(study, { experiment: "01", onProblem: assert.fail });
  assert.match(
    headline,
    /^Of 2 configurations, LSTM, 2 layers × 256 has the lowest training loss, 2\.101 ± 0\.003 nats per token .*1\.270 ± 0\.002 bits per byte\.$/,
  );
  const [heading, lstm, gru, units] = tables.best_runs.split("\n");
  assert.match(heading, / state {2}cell +min loss +test +time$/);
  assert.match(lstm, / 256 {2}LSTM {2}2\.101 ± 0\.003 {2}1\.270 ± 0\.002 /);
  assert.match(gru, / 256 {2}GRU {3}2\.401 ± 0\.003 {2}1\.443 ± 0\.002 /);
  assert.equal(units, "min loss in nats/token; test in bits/byte");

  const page = await readPage(study.dir);
  for (
    const wanted of [
      "Experiment 01: LSTM, GRU",
      "trained on words (bpe:270), 5,000 training steps each, with batches of 256 sequences in passes of 1,000 tokens,",
      // (2.1 − 2.4) nats per token, in bits, over 2.5 bytes.
      "the best LSTM one is better, −0.173 bits per byte",
      'aria-label="Cell: LSTM"',
      "the cell is GRU: gated recurrent unit",
      "to the logits of the next token",
    ]
  ) assert.ok(page.includes(wanted), wanted);
  const pictures = paths.filter((path) => path.endsWith(".svg")).map((
    path,
  ) => [basename(path), Deno.readTextFileSync(path)]);
  // Neither has switches: there is nothing to compare between their settings.
  assert.deepEqual(pictures.map(([name]) => name).filter((name) => /effects|interactions|shares/.test(name)), []);
  for (const [name, text] of [...pictures, ["the page", page]]) {
    assert.doesNotMatch(text, /nats per byte|nats\/byte/, name);
    assert.match(text, /on words \(bpe:270\), 5,000 training steps each/, name);
    if (!name.startsWith("filtered")) assert.ok(["GRU", "LSTM"].every((cell) => text.includes(cell)), name);
  }
  const axes = (name: string) =>
    [...pictures.find((one) => one[0] === name)![1].matchAll(/>([^<>]*\((?:nats|bits) per [^<>]*)</g)].map(([, text]) =>
      text
    );
  assert.deepEqual(axes("results_01_all.svg"), ["smoothed training loss (nats per token)"]);
  assert.deepEqual(axes("results_01_all_cells.svg"), ["test split (bits per byte)"]);
  assert.deepEqual(axes("results_01_all_test.svg").sort(), [
    "lowest smoothed training loss (nats per token)",
    "test split (bits per byte)",
  ]);

  const { folder } = await exportStudy(study, { experiment: "01", formats: ["csv"] });
  const rowsOf = (...name: string[]) => csvRows(Deno.readTextFileSync(join(folder, ...name)));
  const numbers = (row: CsvRow, ...columns: string[]) => columns.map((column) => Number(row[column]));
  const runs = new Map(rowsOf("runs.csv").map((row) => [runKey(row.id, Number(row.seed)), row]));
  assert.equal(runs.size, made.length);
  for (const run of made) {
    const row = runs.get(runKey(run.id, run.seed))!;
    assert.deepEqual([row.cell, row.tokens, row.dataset], [run.cell, "bpe:270", "words"]);
    assert.deepEqual(
      numbers(row, "vocabulary", "bytes_per_token", "min loss", "test_bits_per_byte"),
      [270, BYTES_PER_TOKEN, run["min loss"], run.test_bits_per_byte],
    );
  }
  for (const { name } of Deno.readDirSync(join(folder, "pictures"))) {
    const [columns] = Deno.readTextFileSync(join(folder, "pictures", name)).split("\r\n");
    assert.doesNotMatch(columns, /nats_per_byte/, name);
  }
  const of = (measure: string) =>
    rowsOf("pictures", "results_01_all_cells.csv").filter(({ shown }) => shown === measure);
  assert.deepEqual(of("mean").map(({ cell_name, cell }) => [cell_name, cell]), [["LSTM", "lstm"], ["GRU", "gru"]]);
  const [, { difference, unit }] = of("mean"), expected = (LOSSES.lstm - LOSSES.gru) / Math.LN2 / BYTES_PER_TOKEN;
  assert.equal(unit, "bits per byte");
  assert.ok(Math.abs(Number(difference) - expected) < 1e-12, difference);
});
