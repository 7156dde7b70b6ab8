/** The page in a real browser. A machine may lack one: then the tests are skipped, with the reason; CI takes that for a failure. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runKey } from "../../experiments/study/run_key.ts";
import { NO_DYNAMICS } from "../../experiments/study/dynamics_among.ts";
import { parseSelection } from "../../experiments/study/selection.ts";
import { csvOf } from "../../report/data/csv.ts";
import { type ReportContent, reportContent } from "../../report/content/report_content.ts";
import { type ReportInput, selectedInput } from "../../report/content/report_input.ts";
import { pageParts } from "../../report/page/parts.ts";
import { runsInFull } from "../../report/page/run_part.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { drawReport } from "../../report/write_report.ts";
import { dynamicsOf } from "../report/measured_results.ts";
import { syntheticResults } from "../report/synthetic_results.ts";
import { RESETS } from "../../train/scoring/state_resets.ts";
import { ORIGINAL_SWITCHES } from "../original_table.ts";
import { tempFolder } from "../experiments/folder.ts";
import { checkPages, lacking, type Outcomes, type PageOnDisk } from "./browser.ts";
import { CHECKS } from "./page_checks.mjs";

if (lacking) console.log(`page in a browser: skipped, ${lacking}`);

/** What the model is said to write: markup and a control character must be shown, not obeyed. */
const TEXT = `</p><script>globalThis.hacked = 1</script>\u0000 &amp; end`;
const sample = { text: TEXT.padEnd(200, "\ufffd"), prompt: "First\n", bytes: 200, temperature: 0.8, seed: 0 };

/** Numbers that have a column each: the table is to be as wide as those of real studies. */
const SCORES = {
  context_order: 1.25,
  gain_over_order_1: -0.25,
  memory: {
    gain: 0.5,
    context: 4,
    bytes: 1000,
    carried: 2,
    reset: RESETS.map((every) => ({ every, bits_per_byte: 2.5 })),
  },
};

/** Two seeds of the configurations, in one layer and in two, that have at most so many switches off. */
const resultsWith = (off: number) =>
  [0, 1].flatMap((seed) => syntheticResults({ layers: [1, 2], state_sizes: [256], seed }))
    .filter((result) => ORIGINAL_SWITCHES.filter(({ key }) => !result[key]).length <= off)
    .map((result) => ({ ...result, ...SCORES, sample }));

/**
 * What pages are made from. One has each two switches on and off in every combination, and measured dynamics: what all parts look like is
 * checked there. To load it takes as long as most checks: what is done with a page is done with a smaller one.
 */
const RESULTS = { whole: resultsWith(2), small: resultsWith(1) };

/** How names of the pictures end that are downloaded. */
const DOWNLOADED = ["_effects", "_test", "_interactions"];

/** What a report of some of the configurations says. */
function filteredBy(input: ReportInput) {
  /** What an export and a report have as files. */
  const filesOf = ({ pictures }: ReportContent) =>
    pictures.filter(({ name }) => DOWNLOADED.some((suffix) => name.endsWith(suffix)))
      .map(({ name, svg, data }) => ({ name, svg, csv: csvOf(data()) }));
  const only = "use_forget_gate=true,n_layers=1";
  const content = reportContent(selectedInput(input, parseSelection(only), "test"), ANY_STUDY.dir);
  const articles = runsInFull(content).runs.map(({ html }) => html);
  const all = filesOf(reportContent(input, ANY_STUDY.dir));
  return {
    only,
    count: content.rows.length,
    parts: pageParts(content),
    articles,
    files: { all, filtered: filesOf(content) },
  };
}

/** A page's input, and what is checked of it. */
function pageOf(name: keyof typeof RESULTS) {
  const results = RESULTS[name], [{ id, corpus_sha1, engine, adapter }] = results;
  const measured = name === "small"
    ? new Map()
    : new Map(results.map((run) => [runKey(run.id, run.seed), dynamicsOf(run)]));
  const input: ReportInput = {
    results,
    unreadable: [],
    experiment: "01",
    below: 1.9,
    dynamics: { ...NO_DYNAMICS, measured },
  };
  const configs = results.filter(({ seed }) => seed === 0).map(({ id, n_layers, use_state_gate }) => (
    { name: id.slice(0, 8), id, n_layers, state_gate: use_state_gate }
  ));
  const told = [id, corpus_sha1, "seed 0:", "seed 1:", "bits per byte", engine, adapter, TEXT.replace("\u0000", "␀")];
  return {
    input,
    facts: { configs, told, filtered: filteredBy(input), axe: import.meta.resolve("axe-core/axe.min.js") },
  };
}

/** One browser does all checks, at the first test that asks. */
let outcomes: Promise<Outcomes> | undefined;

async function checkAll(): Promise<Outcomes> {
  await using temp = await tempFolder();
  const pages: Record<string, PageOnDisk> = {};
  for (const name of ["whole", "small"] as const) {
    const { input, facts } = pageOf(name), path = join(temp.path, `${name}.html`);
    await Deno.writeTextFile(path, drawReport({ ...input, dir: ANY_STUDY.dir }).page.html);
    pages[name] = { path, facts };
  }
  return await checkPages(pages, Deno.env.get("CELLSPACE_PICTURES"));
}

for (const name of Object.keys(CHECKS)) {
  Deno.test({
    name: `the page ${name}`,
    ignore: lacking !== undefined,
    async fn() {
      const outcome = (await (outcomes ??= checkAll()))[name];
      assert.equal(outcome, null, outcome ?? "");
    },
  });
}
