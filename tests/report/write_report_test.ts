import assert from "node:assert/strict";
import { basename, join } from "node:path";
import type { RunResult } from "../../experiments/study/result.ts";
import { EXPERIMENTS } from "../../experiments/study/experiment.ts";
import { FEWEST_CONTROLS } from "../../report/statistics/promotion_audit.ts";
import { type DrawnReport, drawReport, type ReportOptions, writeReport } from "../../report/write_report.ts";
import { stepsBackResults } from "./steps_back_results.ts";
import { syntheticResults, unfinished } from "./synthetic_results.ts";
import { validated } from "./validated_results.ts";
import { assertSame, filesIn, pictureNames, reportFiles, withoutScripts } from "./report_files.ts";
import { tempFolder } from "../experiments/folder.ts";
import { isOurs } from "../../experiments/study/ownership.ts";

const results = syntheticResults({ layers: [1, 2], state_sizes: [256], steps: 1000 });

function options(dir: string, changes: Partial<ReportOptions> = {}): ReportOptions {
  return { results, unreadable: [], dir, experiment: "01", below: 1.9, ...changes };
}

let drawn: DrawnReport | undefined;
/** What these results come to, once for all tests that look at it: of a study `STUDY`. */
const plain = () => drawn ??= drawReport(options("STUDY"));

/** The commands that a text gives, without what they all begin with. */
function commandsIn(text: string): string[] {
  return [...text.replaceAll("&#39;", "'").replaceAll("&quot;", '"').matchAll(/deno task (.*?)'/g)].map(([, words]) =>
    words
  );
}

/** The text files that a report would write are known as ours; of PNGs, which have the same names and one mark, the first test says it. */
async function checkOurs({ pictures, page }: DrawnReport): Promise<void> {
  await using temp = await tempFolder();
  for (const [name, text] of [...pictures.map(({ name, svg }) => [`${name}.svg`, svg]), [page.name, page.html]]) {
    const path = join(temp.path, name);
    await Deno.writeTextFile(path, text);
    assert.ok(isOurs(path), name);
  }
}

function filesOf(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map((entry) => entry.name).sort();
}

Deno.test("writeReport() writes the named files and nothing else when experiment 01 has runs", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const summary = await writeReport(options(dir, { results: [...results, unfinished(results[0])] }));
  assert.deepEqual(filesOf(dir), reportFiles("01"));
  assert.deepEqual(summary.paths.map((path) => basename(path)).sort(), reportFiles("01"));
  for (const path of summary.paths) assert.ok(isOurs(path), path);
  assert.deepEqual([summary.finished, summary.unfinished, summary.unreadable], [results.length, 1, 0]);
  assert.equal(summary.best.min_loss.mean, Math.min(...results.map((result) => result["min loss"]!)));
});

Deno.test("drawReport() has no filtered picture when it draws experiment 02", () => {
  assert.deepEqual(filesIn(drawReport(options("STUDY", { experiment: "02" }))), reportFiles("02"));
});

Deno.test("drawReport() draws the same when the same results come in another order", () => {
  assertSame(drawReport(options("STUDY", { results: results.toReversed() })), plain());
});

Deno.test("writeReport() refuses and writes nothing when no run has finished", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const message = `Cannot draw a report of ${dir}: no run of experiment 01 has finished; ` +
    `train some with 'deno task train --dir ${dir}'`;
  await assert.rejects(writeReport(options(dir, { results: [unfinished(results[0])] })), {
    name: "UserError",
    message,
  });
  assert.deepEqual(filesOf(dir), []);
});

Deno.test("drawReport() names the study in each command for the terminal, and STUDY on what it writes", () => {
  const unscored = results.map((result): RunResult => {
    const { test_loss: _loss, test_bits_per_byte: _bits, ...rest } = result;
    return rest;
  });
  for (const experiment of EXPERIMENTS) {
    const dir = `my ${experiment}`;
    const chosenBy = experiment === "02" ? { short: unscored, entries: [] } : undefined;
    const { pictures, page, summary: { tables } } = drawReport(
      options(dir, { results: unscored, experiment, chosenBy }),
    );
    const said = Object.values(tables).join("\n");
    const on = experiment === "01" ? "" : " --experiment 02";
    assert.deepEqual(commandsIn(said), [
      ...(chosenBy ? [`init --dir "${dir}" --experiment 02 --controls ${FEWEST_CONTROLS}`] : []),
      `init --dir "${dir}"${on} --seeds 3`,
    ]);
    const written = new Set<string>();
    for (const text of [...pictures.map(({ svg }) => svg), page.html]) {
      for (const command of commandsIn(text)) written.add(command);
    }
    assert.deepEqual([...written].sort(), [
      `evaluate --dir STUDY${on}`,
      `evaluate --dir STUDY${on} --again`,
      ...(chosenBy ? [`init --dir STUDY --experiment 02 --controls ${FEWEST_CONTROLS}`] : []),
      `init --dir STUDY${on} --seeds 3`,
    ]);
  }
});

Deno.test("drawReport() says in terminal, page and pictures that the best is chosen by validation, and filters by the test loss", async () => {
  // The reverse of what the training losses say.
  const runs = validated(results, (result) => 9 - result["min loss"]!).map((result) => ({
    ...result,
    gain_over_order_1: 3.5 - result.test_bits_per_byte!,
    memory: { bytes: 1000, carried: 2, reset: [], gain: 0.75, context: 4 },
  }));
  const levels = [{ label: "order 1", value: 2.4, order: 1 }];
  const report = drawReport(options("STUDY", { results: runs, below: undefined, levels })), { summary } = report;
  assert.equal(summary.best.min_loss.mean, Math.max(...results.map((result) => result["min loss"]!)));
  assert.deepEqual(filesIn(report), reportFiles("01", "test_loss_below_order_1"));
  await checkOurs(report);
  assert.match(
    summary.tables.best_runs,
    /validation +time\n.*\nranked by the lowest score on the validation split/s,
  );
  const page = withoutScripts(report.page.html);
  assert.ok(
    page.includes("<p>Ranked by the lowest score on the validation split. “Below order 1” is the n-gram baseline"),
  );
  assert.ok(page.includes("“Loss increase under state resets” is how much the score worsens"));
  for (
    const heading of [
      "validation, bits/byte",
      "below order 1, bits/byte",
      "loss increase under state resets, bits/byte",
    ]
  ) {
    assert.match(page, RegExp(`<th[^>]*>${heading}</th>`), heading);
  }
  assert.doesNotMatch(page, /memory gain/);
  const best = summary.best.validation_bits_per_byte!.mean.toFixed(3);
  assert.match(page, RegExp(`<h3>Rank 1: [^<]*, validation ${best} bits per byte</h3>`));
  const svg = (wanted: string) => report.pictures.find(({ name }) => name === wanted)!.svg;
  assert.match(svg("results_01_all_cost"), />score on the validation split \(bits per byte\)</);
  assert.match(svg("results_01_all_parallel"), />validation,<.*>bits per byte</s);
  assert.match(
    svg("results_01_all_best"),
    />Ranked by the lowest score on the validation split\.<.*>validation \d\.\d{3}</s,
  );
  assert.match(
    svg("results_01_all_test"),
    /The ring marks the best one by the lowest score on the validation split\./,
  );
  assert.match(
    svg("results_01_all"),
    RegExp(`>Black: best by the lowest score on the validation split, validation ${best} bits per byte\\.<`),
  );
  const count = results.filter(({ test_loss }) => test_loss! < 2.4).length;
  assert.ok(count > 0 && count < results.length);
  const filtered = svg("filtered_results_01_test_loss_below_order_1");
  assert.ok(
    filtered.includes(
      `>${count} of ${results.length} configurations with a test loss below order 1 (2.4), on`,
    ),
  );
});

Deno.test("writeReport() refuses and writes nothing when the threshold is not a positive number", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  for (const below of [0, -1, NaN, Infinity]) {
    await assert.rejects(writeReport(options(dir, { below })), { name: "UserError" });
  }
  assert.deepEqual(filesOf(dir), []);
});

Deno.test("drawReport() makes a page that needs no network or second id when it has every picture", () => {
  const page = withoutScripts(plain().page.html);
  const addresses = page.match(/https?:\/\/[^"'\s<]*/g)!;
  assert.deepEqual([...new Set(addresses)], ["http://www.w3.org/2000/svg"]);
  assert.doesNotMatch(page, /<script [^>]|<link|<img|@import|src=|url\((?!#)/);
  const targets = [...page.matchAll(/href="([^"]*)"/g)].map(([, target]) => target);
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  // Files of the report lie beside the page; all else is on it.
  const files = targets.filter((target) => !target.startsWith("#")), there = reportFiles("01");
  assert.deepEqual(files.filter((file) => !there.includes(file)), []);
  assert.equal(files.length, 2 * pictureNames("01").length);
  assert.deepEqual(targets.filter((target) => target.startsWith("#") && !ids.includes(target.slice(1))), []);
  assert.equal(page.match(/<figure /g)!.length, pictureNames("01").length);
});

Deno.test("drawReport() makes a page of less than 4 MB when 432 configurations have their samples", () => {
  // Bytes that are no UTF-8 take the most room.
  const sample = { text: "\ufffd".repeat(200), prompt: "\ufffd".repeat(64), bytes: 200, temperature: 0.8, seed: 0 };
  const { page } = drawReport(
    options("STUDY", { results: syntheticResults().map((result) => ({ ...result, sample })) }),
  );
  const size = new TextEncoder().encode(page.html).length;
  // More than a megabyte of it is what the page works on where somebody selects: the runs, and the scripts.
  assert.ok(size < 4e6, `${size}`);
});

Deno.test("drawReport() escapes all text from outside, and counts what is missing, when a page names it", () => {
  const evil = `<b onclick="x">&'`;
  const renamed = results.map((result) => ({ ...result, dataset: evil, engine: evil }));
  const { page: { html } } = drawReport(
    options("STUDY", { results: [...renamed, unfinished(results[0])], unreadable: [`bad ${evil}`] }),
  );
  const page = withoutScripts(html);
  assert.ok(!page.includes("<b onclick"));
  assert.ok(page.includes("bad &lt;b onclick=&quot;x&quot;&gt;&amp;&#39;"));
  assert.ok(page.includes("1 result file could not be read"));
  assert.ok(page.includes(`1 run has not finished`) && page.includes(results[0].id.slice(0, 8)));
});

Deno.test("drawReport() answers which switches matter, in the page and in print, when there are pairs", () => {
  const { page: { html }, summary: { tables } } = plain(), page = withoutScripts(html);
  const lead =
    /<h2 id="answer">Which switches matter<\/h2>\n<p>In this one seed&#39;s runs 7 switches can be compared by the test score/;
  assert.match(page, lead);
  assert.ok(page.includes("One seed gives no interval and no p") && page.includes("R² is"));
  assert.ok(tables.switches.includes("seed noise is unknown") && !tables.switches.includes("95 % interval"));
  assert.ok(
    tables.switches.includes("Share of each factor in the variance between configurations") &&
      page.includes("<h3>Share of each factor in the variance between configurations</h3>"),
  );
});

Deno.test("drawReport() draws everything and says what cannot be compared when two runs have nothing in common", () => {
  const two = [results[0], results.at(-1)!].map((result) => ({ ...result, test_bits_per_byte: undefined }));
  const report = drawReport(options("STUDY", { results: two }));
  // A grid of two runs has no shares.
  assert.deepEqual(filesIn(report), reportFiles("01").filter((name) => !name.includes("_shares")));
  assert.match(
    report.summary.tables.switches,
    /^Cannot tell which switches matter: no two finished runs differ in only one switch\./,
  );
});

Deno.test("drawReport() says in terminal and page what more steps back change, with a picture, and draws the same again", async () => {
  const asked = options("STUDY", { results: stepsBackResults() }), report = drawReport(asked);
  const { summary: { tables, headline }, page: { html: page } } = report, names = filesIn(report);
  const sentence = "At equal bytes read, the test score is lower by 0.375 bits per byte with 16 steps back than with 1";
  assert.ok(headline.includes(sentence) && page.includes(sentence));
  const picture = '<figure id="results_01_all_steps_back">', parts = page.split(picture);
  assert.ok(parts[0].includes("at equal updates?</h3>") && !parts[0].includes('<h2 id="pictures">'));
  assert.equal(parts.length, 2, "once, behind its tables");
  assert.ok(names.includes("results_01_all_steps_back.svg") && names.includes("results_01_all_effects_by_bptt.svg"));
  for (const equal of ["equal bytes read", "equal updates"]) {
    const heading = `What is the effect of more steps back at ${equal}?`;
    assert.ok(tables.questions!.includes(`${heading}\n  - `) && page.includes(`<h3>${heading}</h3>`), heading);
  }
  assert.ok(
    page.includes("16 steps back instead of 1, at equal bytes read: the test score is lower by 0.375 bits per byte"),
  );
  assert.match(page, /<th scope="row" class="text turn">2 layers/, "long names break into lines");
  assert.match(page, />2,813,184 bytes read<\/text>/, "the frame of small curves ends where the longest run does");
  await checkOurs(report);
  assertSame(drawReport({ ...asked, results: asked.results.toReversed() }), report);
});
