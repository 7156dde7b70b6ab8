/** A report and an export over a table with two factors more show both, where the runs vary them; nothing of report/ names a factor. */
import assert from "node:assert/strict";
import { parquetReadObjects } from "hyparquet";
import { type Factor, type SwitchFactor, valueOf } from "../../cells/factor.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import { belowLoss } from "../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../report/data/merged.ts";
import { tableOf } from "../../report/data/rows.ts";
import { csvOf } from "../../report/data/csv.ts";
import { parquetOf } from "../../report/export/parquet.ts";
import { tablesOf } from "../../report/export/tables.ts";
import { runFolderName } from "../../report/export/tensorboard.ts";
import { type PictureData, picturesOf } from "../../report/figures/pictures.ts";
import { wrapped } from "../../report/figures/text.ts";
import { effectsOf } from "../../report/statistics/effects.ts";
import { groupings } from "../../report/statistics/means.ts";
import { effectTables } from "../../report/tables/effect_tables.ts";
import { effectText, regressionWords } from "../../report/tables/effect_words.ts";
import { bestRunsTable } from "../../report/tables/tables.ts";
import { drawReport } from "../../report/write_report.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { EXTENDED } from "../extended_table.ts";
import type { Space } from "../../cells/space.ts";
import { ORIGINAL } from "../original_table.ts";
import { eventsOf, hparams } from "./export/event_files.ts";
import { extendedResults, NUMBER, PLANTED, SWITCH } from "./extended_results.ts";
import { withoutScripts } from "./report_files.ts";

const results = extendedResults(), plain = extendedResults(false);
const runs = tableOf(results, EXTENDED).rows, rows = mergeSeeds(runs), effects = effectsOf(runs, EXTENDED);
const plainRuns = tableOf(plain, EXTENDED).rows, plainRows = mergeSeeds(plainRuns);
const OWN = [SWITCH, NUMBER];
const keys = (factors: readonly Factor[]) => factors.map(({ key }) => key);
const labels = (factors: readonly Factor[]) => factors.map(({ label }) => label);
/** What is shown where neither factor varies: the original nine. */
const USUAL = labels(ORIGINAL.factors.filter((factor) => factor.default === undefined));

function near(actual: number | undefined, expected: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${what}: ${actual}, must be ${expected}`);
}

Deno.test("effectsOf() finds the planted effects of a further switch and a number, and their interaction", () => {
  assert.deepEqual(keys(effects.min_loss.map(({ factor }) => factor)).slice(-2), keys(OWN));
  const [on, high] = effects.min_loss.slice(-2);
  near(on.difference, PLANTED.switch, SWITCH.key);
  near(high.difference, PLANTED.number, NUMBER.key);
  assert.deepEqual([on.pairs, on.lower, high.pairs, high.lower], [288, 288, 288, 0]);
  const [test] = effects.test_bits_per_byte.slice(-1);
  near(test.difference, PLANTED.number / Math.LN2, "test");

  assert.equal(effects.interactions.length, 9 * 8 / 2);
  const both = effects.interactions.at(-1)!;
  assert.deepEqual(keys(both.factors.map(({ factor }) => factor)), keys(OWN));
  near(both.difference, PLANTED.both / Math.LN2, "interaction, test");
});

Deno.test("the regression has a term for each further factor, of the planted sign, and says how many it has", () => {
  const { terms, without_term } = effects.regression!;
  assert.deepEqual(labels(terms.map(({ factor }) => factor)), [...USUAL, ...labels(OWN)]);
  const [on, high] = terms.slice(-2);
  // Without noise in them: the larger of two planted effects has the larger coefficient.
  assert.ok(on.coefficient! < 0 && high.coefficient! > 0 && -on.coefficient! > high.coefficient!);
  assert.deepEqual(without_term, []);
  assert.match(regressionWords(effects.regression), /on all eleven hyperparameters, 576 runs/);
});

Deno.test("the regression leaves out, and names, a factor whose values have no order", () => {
  const table: Space = {
    ...ORIGINAL,
    factors: [...ORIGINAL.factors, {
      key: "kind",
      kind: "choice",
      label: "kind",
      about: "a name",
      levels: [],
      default: "a",
    }],
  };
  const named = plain.map((result, i) => ({ ...result, ...(i % 3 ? { kind: ["b", "c"][i % 2] } : {}) }));
  const { regression } = effectsOf(tableOf(named, table).rows, table);
  assert.deepEqual(labels(regression!.terms.map(({ factor }) => factor)), USUAL);
  assert.match(
    regressionWords(regression),
    /on nine hyperparameters \(not on kind, whose values have no order\), 144 runs/,
  );
});

Deno.test("words and tables name the values of a number, and both of a switch", () => {
  const text = effectText(effects, ANY_STUDY);
  assert.match(text, /^In this one seed's runs 9 factors can be compared by the test score, without/);
  const escaped = (text: string) => RegExp.escape(text);
  assert.match(
    text,
    RegExp(`- ${escaped(NUMBER.label)}: higher with 0\\.01 instead of 0\\.001, \\+0\\.065 bits per byte`),
  );
  assert.match(text, RegExp(`- ${escaped(SWITCH.label)}: lower with it on, −0\\.195 bits per byte`));
  const alike = ORIGINAL.factors.filter((factor) => factor.default === undefined), [{ config: one }] = runs;
  const few = runs.filter(({ config }) => alike.every((factor) => valueOf(factor, config) === valueOf(factor, one)));
  const ofFour = effectText(effectsOf(few, EXTENDED), ANY_STUDY);
  assert.match(ofFour, RegExp(`- ${escaped(NUMBER.label)}: higher with 0\\.01 instead of 0\\.001, \\+`));
  assert.match(ofFour, RegExp(`- ${escaped(SWITCH.label)}: lower with it on, −`));
  const [table] = effectTables(effects).split("\n\n");
  assert.match(table, /^test score, bits per byte:\nfactor +compared +difference, seed 0 /);
  assert.match(table, RegExp(`\\n${escaped(NUMBER.label)} +0\\.01 − 0\\.001 +\\+0\\.065 `));
  const [head, first] = bestRunsTable(rows, EXTENDED).split("\n");
  assert.ok(head.includes(`  switches  ${NUMBER.heading ?? NUMBER.label}  min loss`), head);
  assert.match(first, / [·\d]{7}8 +0\.001 /);
  assert.ok(!bestRunsTable(plainRows, EXTENDED).includes(NUMBER.label));
});

Deno.test("pictures have an axis and a panel for each further factor that varies", () => {
  const draw = (data: Pick<PictureData, "rows" | "effects">) =>
    new Map(
      picturesOf({ experiment: "01", filter: belowLoss(1.9, "byte"), table: EXTENDED, ...data }).map((
        { name, svg },
      ) => [name, svg]),
    );
  const shown = draw({ rows, effects });
  const hidden = draw({ rows: plainRows, effects: effectsOf(plainRuns, EXTENDED) });
  const count = (svg: string, text: string) => svg.split(`>${text}<`).length - 1;
  for (const { label } of OWN) {
    // A panel of each picture of groups has the label as it is, an axis in one or two lines.
    const pictures: [name: string, lines: readonly string[]][] = [
      ["results_01_all_hyperparameters", [label]],
      ["filtered_results_01_loss_below_1.9", [label]],
      ["results_01_all_parallel", wrapped(label, 2).split("\n")],
    ];
    for (const [name, lines] of pictures) {
      for (const line of lines) {
        // Another label may have a line of it too.
        assert.equal(count(shown.get(name)!, line), count(hidden.get(name)!, line) + 1, `${line} in ${name}`);
      }
    }
    for (const [, svg] of hidden) assert.ok(!svg.includes(label), label);
  }
  assert.equal(count(shown.get("results_01_all_effects")!, SWITCH.label), 2);
  assert.equal(count(shown.get("results_01_all_effects")!, "0.01 − 0.001"), 2);
  assert.match(shown.get("results_01_all_interactions")!, RegExp(`Compared: ${NUMBER.label} 0\\.01 − 0\\.001`));
  assert.match(shown.get("results_01_all_best")!, RegExp(`>${NUMBER.label} 0\\.01<`));
  assert.deepEqual(labels(groupings(rows, EXTENDED).map(({ factor }) => factor)), [...USUAL, ...labels(OWN)]);
  assert.deepEqual(labels(groupings(plainRows, EXTENDED).map(({ factor }) => factor)), USUAL);
  const few = rows.filter(({ config }) => valueOf(NUMBER, config) === 0.001).slice(0, 5);
  assert.equal(groupings(few, EXTENDED, rows).length, 11, "a picture of some has the panels of all");
});

Deno.test(
  "the page has columns and filters for further factors that vary, and its cells say what they do",
  () => {
    const pageOf = (results: readonly RunResult[]) => {
      const { page } = drawReport({
        results,
        unreadable: [],
        dir: ANY_STUDY.dir,
        experiment: "01",
        below: 1.9,
        table: EXTENDED,
      });
      return withoutScripts(page.html);
    };
    const page = pageOf(results.slice(-96)), usual = pageOf(plain.slice(-24));
    assert.match(
      page,
      RegExp(`<th scope="col"[^>]* class="tick turn">${SWITCH.label}</th><th scope="col"[^>]*>${NUMBER.label}</th>`),
    );
    const filter = (label: string, ...values: string[]) =>
      RegExp(
        `<label>${label} <select [^>]*><option value="">any</option>${
          values.map((value) => `<option value="[^"]*">${value}</option>`).join("")
        }</select>`,
      );
    assert.match(page, filter(SWITCH.label, "off", "on"));
    assert.match(page, filter(NUMBER.label, "0.001", "0.01"));
    assert.match(page, RegExp(`<li>${(SWITCH as SwitchFactor).on}</li>`));
    // How a cell is trained makes no part of its own: its runs say it.
    assert.match(page, RegExp(`<summary><b>[^<]*residual \\+ ${SWITCH.label}</b>`));
    assert.match(page, RegExp(`<h3>Rank \\d+: 1 layer × 256, ${NUMBER.label} 0\\.01, `));
    assert.match(page, /<h2 id="answer">Which factors matter<\/h2>/);
    assert.match(usual, /<h2 id="answer">Which switches matter<\/h2>/);
    // The headline alone names how everything was trained, defaults too.
    const rest = usual.replace(/<p class="lead">.*?<\/p>/, "");
    for (const { label } of OWN) {
      assert.ok(!rest.includes(label), label);
    }
  },
);

Deno.test("exports have a column for each factor, whether or not it varies", async () => {
  for (const [some, varied] of [[results, true], [plain, false]] as const) {
    const { runs } = tablesOf(some, EXTENDED);
    const names = runs.columns.map(({ name }) => name);
    const from = names.indexOf(EXTENDED.factors[0].key);
    assert.deepEqual(names.slice(from, from + EXTENDED.factors.length), keys(EXTENDED.factors));
    assert.deepEqual(
      runs.columns.filter(({ name }) => keys(OWN).includes(name)).map(({ type, about }) => [type, about]),
      [["boolean", SWITCH.about], ["double", NUMBER.about]],
    );
    const [head, first] = csvOf({ ...runs, rows: runs.rows.slice(-1) }).split("\r\n").map((line) => line.split(","));
    // The gate inputs are the one text with commas, and it stands before.
    const fromEnd = (key: string) => first[first.length - (head.length - head.indexOf(key))];
    assert.deepEqual(keys(OWN).map(fromEnd), varied ? ["true", "0.01"] : ["false", "0.001"]);
    const bytes = parquetOf(runs);
    const read = await parquetReadObjects({ file: bytes.buffer as ArrayBuffer, columns: keys(OWN) });
    assert.deepEqual(
      new Set(read.map((row) => keys(OWN).map((key) => row[key]).join())),
      new Set(varied ? ["false,0.001", "false,0.01", "true,0.001", "true,0.01"] : ["false,0.001"]),
    );
  }
});

Deno.test("TensorBoard's hyperparameters and folders tell runs apart that differ in a further factor", () => {
  const hparamsOf = (result: RunResult) => {
    const [start] = hparams(eventsOf(result, EXTENDED), "_hparams_/session_start_info");
    return keys(OWN).map((key) => Object.values(start.session_start_info!.hparams[key])[0]);
  };
  const four = results.slice(0, 4);
  assert.deepEqual(four.map(hparamsOf), [[false, 0.001], [false, 0.01], [true, 0.001], [true, 0.01]]);
  assert.deepEqual(hparamsOf(plain[0]), [false, 0.001]);
  const word = SWITCH.key.replace("use_", "");
  const [, cell] = runFolderName(four[0], EXTENDED).split("_");
  assert.deepEqual(four.map((result) => runFolderName(result, EXTENDED).split("_seed")[0].split(/_(.*)/)[1]), [
    cell,
    `${cell}-${NUMBER.key}0.01`,
    `${cell}-${word}`,
    `${cell}-${word}-${NUMBER.key}0.01`,
  ]);
});

Deno.test("rows are labelled with what differs from a default, and with nothing else", () => {
  const label = ({ id }: RunResult) => runs.find((run) => run.id === id)!.label;
  const [none, high, on, both] = results.slice(0, 4).map(label);
  assert.equal(high, `${none}, ${NUMBER.label} 0.01`);
  assert.equal(on, `${none} + ${SWITCH.label}`);
  assert.equal(both, `${none} + ${SWITCH.label}, ${NUMBER.label} 0.01`);
  assert.equal(none, plainRuns.find(({ id }) => id === plain[0].id)!.label);
});
