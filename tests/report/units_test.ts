/** Counts and losses name what models read; what is measured on the text stays in bytes. */
import { GATED } from "../../cells/factors.ts";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { join } from "node:path";
import { unitOf } from "../../cells/unit.ts";
import { overviewOf } from "../../experiments/queue/overview.ts";
import type { Metric } from "../../experiments/study/metric.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { configOf, type RunResult } from "../../experiments/study/result.ts";
import { statusLines } from "../../experiments/status.ts";
import { NO_DYNAMICS } from "../../experiments/study/dynamics_among.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { Study } from "../../experiments/study/store.ts";
import { initStudy } from "../../experiments/study/init_study.ts";
import { CURVE_COLUMNS, runColumns } from "../../report/export/columns.ts";
import { contextInWords } from "../../report/page/run_part.ts";
import { wordsIn } from "../../report/tables/dynamics_text.ts";
import { writeReport } from "../../report/write_report.ts";
import { RESETS } from "../../train/scoring/state_resets.ts";
import { tempFolder } from "../experiments/folder.ts";
import { dynamicsOf } from "./measured_results.ts";
import { syntheticResults } from "./synthetic_results.ts";

/** What is in bytes whatever models read: scores, baselines, lengths of samples. */
const ALWAYS_BYTES = [
  /\w+_bits_per_byte/g,
  /bits per byte/g,
  /bits\/byte/g,
  /\d bytes of context \(n-gram baselines\)/g,
  /tokens of context \(n-gram baselines, 2\.50 bytes\)/g,
  /order n: loss of a model that sees the last n bytes/g,
  /n-gram baseline of the test split that sees the last byte/g,
  /context order, bytes/g,
  /\b\d+ bytes that seed \d+ writes/g,
];

/** Where a text names what its models do not read, with what stands around it. */
function wrongUnits(text: string, reads: "byte" | "token"): string[] {
  const visible = text.replace(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, "");
  const left = ALWAYS_BYTES.reduce((rest, allowed) => rest.replace(allowed, ""), visible);
  const other = reads === "byte" ? /token/gi : /byte/gi;
  return [...left.matchAll(other)].map(({ index }) => left.slice(Math.max(0, index - 60), index + 20));
}

/** Results with all that has a unit: scores, orders of context, memory of each kind, samples. */
function results(more: Partial<RunResult>): RunResult[] {
  return syntheticResults({ layers: [1], state_sizes: [256], dataset: "text" }).slice(0, 24).map((result, i) => ({
    ...result,
    context_order: 2.5,
    sample: { text: "and so", prompt: "The ", bytes: 200, temperature: 0.8, seed: 0 },
    memory: {
      gain: 0.5,
      context: [0, 1, 16, null][i % 4],
      bytes: 1000,
      carried: 2,
      reset: RESETS.map((every) => ({ every, bits_per_byte: 2.5 })),
    },
    ...more,
  }));
}

for (const reads of ["byte", "token"] as const) {
  Deno.test(`page, pictures, tables and status of models that read ${reads}s name no other unit`, async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    // The words of baselines come with levels; a text of 40 kB has tokens to learn.
    const text = Array.from({ length: 6000 }, (_, i) => `w${i * i % 97} `).join("");
    await Deno.writeTextFile(join(dir, "text"), text);
    const { study } = await initStudy({
      dir: join(dir, "study"),
      experiment: "01",
      corpus: join(dir, "text"),
      levels: { n_layers: [1], state_size: [256] },
      seeds: 1,
      tokens: reads === "token" ? 270 : undefined,
    });
    const { corpus, training, tokens } = study.settings;
    assert.equal(unitOf(study.settings), reads);
    const made = results({
      corpus_sha1: corpus.sha1,
      "batch size": training.batch,
      "history size": training.history,
      ...(tokens
        ? { tokens: tokens.name, vocabulary: tokens.vocabulary, tokenizer_sha1: tokens.sha1, bytes_per_token: 1.5 }
        : {}),
    });
    await study.makeRunFolders("01");
    for (const result of made) await study.writeResult("01", runKey(result.id, result.seed), result);
    const read = await (await Study.open(study.dir)).readResults("01");
    assert.deepEqual([read.unreadable, read.results.length], [[], 24]);
    assert.equal(unitOf(read.results[0]), reads);

    const texts = [...statusLines(await overviewOf(study.dir, "01"), study.dir)];
    assert.ok(texts.some((line) => line.includes(`nats/${reads}`)), texts.join("\n"));
    for (const experiment of ["01", "02"] as const) {
      const entries = made.map((result, i) => ({
        id: result.id,
        config: configOf(result, GATED),
        ...(i % 2 ? { control: true as const } : {}),
      }));
      const { paths, headline, account, tables } = await writeReport({
        results: read.results,
        unreadable: [],
        dir: study.dir,
        experiment,
        below: 1.9,
        levels: [{ label: "order 1", value: 1.8 }, { label: "order 2", value: 0.1 }],
        dynamics: { ...NO_DYNAMICS, measured: new Map(made.map((run) => [runKey(run.id, run.seed), dynamicsOf(run)])) },
        chosenBy: experiment === "02" ? { short: read.results, entries } : undefined,
      });
      const files = paths.filter((path) => /\.(svg|html)$/.test(path)).map((path) => Deno.readTextFileSync(path));
      texts.push(headline, account, ...Object.values(tables), ...files);
      const page = files.at(-1)!;
      for (
        const wanted of [`more than 16 ${reads}s of context do not help`, `more than 128 ${reads}s of context help`]
      ) {
        assert.ok(page.includes(wanted), wanted);
      }
      for (
        const wanted of [
          reads === "byte"
            ? "as good as 2.50 bytes of context (n-gram baselines)"
            : "as good as about 1.67 tokens of context (n-gram baselines, 2.50 bytes)",
          `context order, bytes`,
          `the ${reads} at this lag`,
          `share of units and ${reads}s`,
          `${reads} recall by lag, bits`,
          `most frequent ${reads}s`,
          "200 bytes that seed 0",
          `nats per ${reads}`,
          `the next ${reads}`,
        ]
      ) {
        assert.ok(page.includes(wanted), wanted);
      }
    }
    const page = texts.at(-1)!;
    assert.ok(
      page.includes(reads === "token" ? "text (bpe:270)" : "on text,"),
      "the corpus, with tokens where there are any",
    );
    // The name of the tokens is theirs: `bpe:270`.
    assert.deepEqual(texts.flatMap((one) => wrongUnits(one.replaceAll("tokens bpe:270", ""), reads)), []);
  });
}

Deno.test("columns of the export name both units where a count or a loss is of what models read, and no unit elsewhere", () => {
  const counted =
    /^(min loss|test_loss|test_warm_up|history size|vocabulary|memory_gain|memory_context|memory_reset_\d+|smoothed_loss|tokens_read)$/;
  const measured =
    /^(context_order|test_bytes|test_bytes_asked|validation_bytes|test_tokens|sample_bytes|memory_bytes|memory_carried|tokens|bytes_per_token|tokenizer_sha1)$/;
  const perByte = new Set(
    (METRICS as readonly Metric[]).filter(({ column }) => column?.unit === "bits/byte").map(({ key }) => key),
  );
  assert.ok(perByte.has("test_bits_per_byte"));
  for (const { name, about } of [...runColumns(), ...CURVE_COLUMNS]) {
    if (perByte.has(name)) continue;
    if (counted.test(name)) assert.match(about, /bytes? or tokens?/, name);
    else if (!measured.test(name)) assert.doesNotMatch(about, /byte|token/, name);
  }
});

Deno.test("the unit's word comes from unitOf() alone", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const wrong = ["cells", "train", "experiments", "report"].flatMap((folder) =>
    [...sources(join(root, folder))].filter((path) => !path.endsWith("cells/unit.ts")).flatMap((path) =>
      Deno.readTextFileSync(path).split("\n").filter((line) =>
        /\? "tokens?" : "bytes?"|"bytes?" : "tokens?"/.test(line)
      )
        .filter((line) => !line.includes("LAYOUT_VERSION["))
    )
  );
  assert.deepEqual(wrong, []);
});

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("contextInWords() is in the unit of the run, and says what lies outside of the baselines", () => {
  const of = (order: number, reads: "byte" | "token", bytes_per_token: number) =>
    contextInWords(order, { reads, bytes_per_token });
  assert.equal(of(2.5, "byte", 1), "as good as 2.50 bytes of context (n-gram baselines)");
  assert.equal(of(3, "token", 1.5), "as good as about 2.00 tokens of context (n-gram baselines, 3.00 bytes)");
  assert.equal(of(5, "byte", 1), "as good as at least 5.00 bytes of context (n-gram baselines)");
  assert.match(of(-0.5, "token", 1.5), /^worse than the n-gram baseline of order 0/);
});

Deno.test("wordsIn() puts what models read in the place of bytes, and leaves bits per byte", () => {
  const words = "Byte recall: the byte read; most frequent bytes; test score, bits per byte";
  assert.equal(wordsIn("byte", words), words);
  assert.equal(
    wordsIn("token", words),
    "Token recall: the token read; most frequent tokens; test score, bits per byte",
  );
});
