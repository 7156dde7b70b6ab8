/** What baselines and other rates change in a report, and what they must not change. */
import assert from "node:assert/strict";
import { configOf, type RunResult } from "../../experiments/study/result.ts";
import { GATED } from "../../cells/factors.ts";
import { belowLoss } from "../../report/data/loss_filter.ts";
import { type MergedRow, mergeSeeds } from "../../report/data/merged.ts";
import { tableOf } from "../../report/data/rows.ts";
import { type Picture, picturesOf } from "../../report/figures/pictures.ts";
import { type Effects, effectsOf } from "../../report/statistics/effects.ts";
import { groupings } from "../../report/statistics/means.ts";
import { auditPromotion } from "../../report/statistics/promotion_audit.ts";
import { bestWords } from "../../report/tables/headline.ts";
import { comparisonsOf, moreLines, questionsOf, questionsText } from "../../report/tables/questions.ts";
import { finishedRuns } from "../../report/tables/report_words.ts";
import { bestRunsTable } from "../../report/tables/tables.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { drawReport } from "../../report/write_report.ts";
import { baselineResults, comparedResults, gatedResults, otherResults } from "./compared_results.ts";
import { withoutScripts } from "./report_files.ts";

const gated = gatedResults(), plainGru = otherResults("gru", { loss: 1.7, state_size: 204 });
const others = [...plainGru, ...otherResults("lstm", { loss: 1.2, layers: 1, state_size: 176 })];
const rowsOf = (results: readonly RunResult[]) => mergeSeeds(tableOf(results).rows);
const runsOf = (results: readonly RunResult[]) => tableOf(results).rows;

function drawn(results: readonly RunResult[], below = 1.6): Map<string, Picture> {
  const rows = rowsOf(results), effects = effectsOf(runsOf(results)), comparisons = comparisonsOf(rows, GATED);
  return new Map(
    picturesOf({ experiment: "01", filter: belowLoss(below, "byte"), rows, effects, comparisons }).map((
      picture,
    ) => [picture.name, picture]),
  );
}

/** All but how many runs were left out of the regression. */
function numbersIn({ regression, ...rest }: Effects): unknown {
  return { ...rest, regression: { ...regression, baselines: 0 } };
}

Deno.test("baselines change no effect, interaction, seed noise and regression, and no panel's mean, to the last bit", () => {
  const own = effectsOf(runsOf(gated)), both = effectsOf(runsOf([...gated, ...others]));
  assert.deepEqual(numbersIn(both), numbersIn(own));
  assert.deepEqual([own.regression!.baselines, both.regression!.baselines], [0, 6]);
  const means = (results: readonly RunResult[]) =>
    groupings(rowsOf(results)).map(({ factor, groups }) => [
      factor.key,
      groups.map(({ name, mean, rows }) => [name, mean, rows.length]),
    ]);
  assert.deepEqual(means([...gated, ...others]), means(gated));
});

Deno.test("the words count gated configurations and baselines apart, and say which of both is best", () => {
  const rows = rowsOf([...gated, ...others]);
  assert.equal(finishedRuns(rows), "48 gated and 2 baseline configurations, 3 seeds each (150 runs),");
  assert.equal(
    finishedRuns(rowsOf([...gated, ...plainGru])),
    "48 gated and 1 baseline configuration, 3 seeds each (147 runs),",
  );
  assert.match(
    bestWords(rows),
    /^Of 48 gated configurations, 2 layers × 256, .* has the lowest .* The best baseline, LSTM, 1 layer × 176, is lower: 1\.201 /,
  );
  assert.match(bestWords(rowsOf([...gated, ...plainGru])), /The baseline, GRU, 2 layers × 204, is higher: 1\.701 /);
  assert.doesNotMatch(bestWords(rowsOf(gated)), /gated|baseline/);
  // What is higher by what it was chosen by may be lower on the test split.
  const turned = plainGru.map((result) => ({ ...result, test_loss: 0.1, test_bits_per_byte: 0.1 / Math.LN2 }));
  assert.match(
    bestWords(rowsOf([...gated, ...turned])),
    /The baseline, GRU, .*, is higher: 1\.701 .*; its test score is lower: 0\.144 .* bits per byte \(difference −\d\.\d{3}, 95 % interval −.* to −.*\)\.$/,
  );
});

Deno.test("a baseline that is higher by what the best is chosen by, and lower on the test split, is said to be so", () => {
  const better = (run: RunResult) => ({ ...run, test_bits_per_byte: 0.5 });
  assert.match(
    bestWords(rowsOf([...gated, ...plainGru.map(better)])),
    /The baseline, GRU, .*, is higher: 1\.701 .* nats per byte; its test score is lower: 0\.500 .* bits per byte \(difference −1\.811, 95 % interval −1\.856 to −1\.766\)\.$/,
  );
});

Deno.test("baselines are ranked, and stand in the table of the best with their ranks though they are not among them", () => {
  const lines = bestRunsTable(rowsOf([...gated, ...others])).split("\n");
  assert.match(lines[1], /^ +1 .* LSTM /);
  const gru = lines.find((line) => line.includes(" GRU "))!;
  const rank = rowsOf([...gated, ...others]).findIndex(({ id }) => id === plainGru[0].id) + 1;
  assert.ok(rank > 11 && gru.startsWith(`${rank}`.padStart(4)), `${rank}: ${gru}`);
  // Below the ten: the legend of the switches, units, what ranks, what ± is.
  assert.equal(bestRunsTable(rowsOf(gated)).split("\n").length, 1 + 10 + 4);
});

Deno.test("every picture of losses names baselines, and has their marks apart", () => {
  const pictures = drawn(comparedResults());
  const names = ["", "_hyperparameters", "_parallel", "_cost", "_test", "_cells"].map((end) => `results_01_all${end}`);
  for (const name of [...names, "filtered_results_01_loss_below_1.6"]) {
    for (const label of ["GRU", "LSTM", "minGRU"]) assert.match(pictures.get(name)!.svg, RegExp(`>${label}<`), name);
  }
  const best = pictures.get("results_01_all_best")!.svg;
  assert.match(best, />1\. [0-9a-f]{8}: GRU</);
  assert.match(best, />Dashed: the best baseline, GRU, 2 layers × 204, learning rate 0\.003, /);
  // A line across each of the ten panels, for each of three cells.
  const [, bestGru] = best.match(/>1\. ([0-9a-f]{8}): GRU</)!;
  const panels = pictures.get("results_01_all_hyperparameters")!.svg;
  assert.equal(panels.split(`data-run="${bestGru}"`).length - 1, 10);
});

Deno.test("pictures and words of a study without other cells and with one rate speak of none", () => {
  const rows = rowsOf(gated);
  assert.equal(questionsText(questionsOf(comparisonsOf(rows, GATED), GATED)), "");
  const pictures = drawn(gated);
  assert.ok(!pictures.has("results_01_all_cells"));
  for (const { svg, caption } of pictures.values()) {
    assert.doesNotMatch(`${svg}${caption}`, /baselines?[ ,:.](?!what)|#6a3d9a|other cells/);
  }
});

Deno.test("the best is called better or worse where the interval says so, lower or higher with one seed", () => {
  const textOf = (results: readonly RunResult[]) =>
    questionsText(questionsOf(comparisonsOf(rowsOf(results), GATED), GATED));
  const text = textOf([...gated, ...others]);
  assert.match(text, /^Is the best gated cell better than the baselines\?\n/);
  assert.match(
    text,
    /LSTM \(1 layer × 176, .*: the best gated one is worse, \+0\.\d{3} bits per byte \(95 % interval \+/,
  );
  assert.match(
    text,
    /GRU \(2 layers × 204, .*: the best gated one is better, −0\.\d{3} bits per byte \(95 % interval −/,
  );
  assert.match(text, /It is the best of 48, so its lead is slightly overestimated/);
  const one = textOf([...gated, ...others].filter(({ seed }) => seed === 0));
  assert.match(one, /the best gated one is lower, −0\.\d{3} bits per byte \(one seed: no interval\)/);
  assert.doesNotMatch(one, /is better|is worse|95 % interval [+−]|Student/);
});

Deno.test("where each is at its own best rate, the words say of how many ways that is the best", () => {
  const results = comparedResults().filter(({ cell, learning_rate }) => cell !== "lstm" || learning_rate === undefined);
  const text = questionsText(questionsOf(comparisonsOf(rowsOf(results), GATED), GATED));
  const [, tuned] = text.split("each at its own best learning rate?");
  assert.match(tuned, /GRU \(2 layers × 204, learning rate 0\.003, the best of 3 training settings, /);
  assert.match(tuned, /LSTM \(2 layers × 176, learning rate 0\.001, trained with one setting, /);
  assert.match(tuned, /Of the 48, 5 were trained with several settings\./);
});

Deno.test("tables of questions hold all baselines, and say how many lines they leave out", () => {
  const many = Array.from({ length: 30 }, (_, i) => otherResults("gru", { loss: 1.5, state_size: 4 * (i + 1) })).flat();
  const [question] = questionsOf(comparisonsOf(rowsOf([...gated, ...many]), GATED), GATED);
  assert.equal(question.cells!.lines.length, 24);
  assert.deepEqual(moreLines(question), ["and 7 more lines, all worse"]);
});

Deno.test("the promotion audit is of gated configurations alone", () => {
  const entries = (results: readonly RunResult[]) =>
    [...new Map(results.map((result) => [result.id, result])).values()].map((result, i) => ({
      id: result.id,
      config: configOf(result, GATED),
      ...(i % 3 ? { control: true as const } : {}),
    }));
  const audit = (results: readonly RunResult[]) =>
    auditPromotion({ short: results, long: results, entries: entries(results) }, rowsOf(results));
  assert.deepEqual(audit([...gated, ...others]), audit(gated));
});

function sectionOf(page: string): string {
  return page.slice(page.indexOf('<h2 id="questions">'), page.indexOf('<h2 id="answer">'));
}

Deno.test("the page and the terminal answer four questions in words with numbers", () => {
  const { summary: { tables }, page: { html } } = drawReport({
    results: comparedResults(),
    unreadable: [],
    dir: ANY_STUDY.dir,
    experiment: "01",
    below: 1.6,
  });
  const page = withoutScripts(html), section = sectionOf(page);
  const questions = [
    "Is the best gated cell better than the baselines?",
    "Does the ranking hold at another learning rate?",
    "Is the best gated cell better than the baselines, each at its own best learning rate?",
    "Do the effects hold at another learning rate?",
  ];
  assert.deepEqual([...section.matchAll(/<h3>(.*?)<\/h3>/g)].map(([, text]) => text), questions);
  for (const text of questions) assert.ok(tables.questions!.includes(text), text);
  assert.match(page, /<a href="#questions">/);
  assert.match(page, /<option value="gru">GRU<\/option>/);
  // One part for a cell, at whatever rate its runs were trained.
  assert.equal(page.match(/<summary><b>GRU<\/b>: 3 configurations/g)!.length, 1);
  assert.match(page, /<h3>Rank 1: 2 layers × 204, learning rate 0\.003, /);
});

for (
  const [what, results] of [
    ["baselines alone", baselineResults()],
    ["one cell alone", plainGru],
    ["one baseline of one seed", [...gated.filter(({ seed }) => seed === 0), ...plainGru.slice(0, 1)]],
    ["one run of each", [...gated.slice(0, 1), ...plainGru.slice(0, 1)]],
  ] as const
) {
  Deno.test(`a report of ${what} has no empty panel, and says nothing wrong`, () => {
    const { summary: { headline, tables }, page: { html } } = drawReport(
      { results, unreadable: [], dir: ANY_STUDY.dir, experiment: "01", below: 1.6 },
    );
    const visible = [html.replace(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, ""), headline, ...Object.values(tables)].join(
      "\n",
    );
    assert.doesNotMatch(visible, /NaN|Infinity|undefined|<ul>\s*<\/ul>|<tbody>\s*<\/tbody>| of 0 |, ,|\( /);
  });
}

Deno.test("the best of a study with other cells alone is compared with the rest, and no gated cell is claimed", () => {
  const questions = questionsOf(comparisonsOf(rowsOf(baselineResults()), GATED), GATED);
  assert.deepEqual(questions.map(({ heading }) => heading), [
    "Which cell is best?",
    "Does the ranking hold at another learning rate?",
    "Which cell is best, each at its own best learning rate?",
  ]);
  assert.match(
    questions[0].lines[0],
    /^The cells are compared with the best of them\. The only GRU configuration /,
  );
  assert.doesNotMatch(questionsText(questions), /gated/);
  assert.match(questions[1].lines[0], /: 3 configurations trained at both/);
  assert.ok(rowsOf(baselineResults()).every(({ label }: MergedRow) => /^(GRU|LSTM|minGRU), 2 layers/.test(label)));
});
