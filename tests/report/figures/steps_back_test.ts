import assert from "node:assert/strict";
import { GATED } from "../../../cells/factors.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { figureBest } from "../../../report/figures/best.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { pngOf } from "../../../report/figures/png.ts";
import { figureStepsBack } from "../../../report/figures/steps_back.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { figureTrainingRuns } from "../../../report/figures/training_runs.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { stepsBackAnswers } from "../../../report/statistics/steps_back.ts";
import { comparisonsOf } from "../../../report/tables/questions.ts";
import { stepsBackResults, trainedAt, withoutCommonPoint } from "../steps_back_results.ts";

const NAMES = { name: "picture", title: "A title", subtitle: "Some runs on a <corpus> & more." };
const rowsOf = (results: readonly RunResult[]) => mergeSeeds(tableOf(results).rows);
const draw = (results: readonly RunResult[]) =>
  figureStepsBack(figureDocument(), stepsBackAnswers(rowsOf(results), GATED)!, NAMES);
const textsOf = (svg: string) => [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text);

Deno.test("figureStepsBack() has a panel for equal bytes and one for equal updates, each with what it compares", () => {
  const svg = draw(stepsBackResults()), texts = textsOf(svg);
  assert.equal(draw(stepsBackResults()), svg);
  assert.doesNotMatch(svg, /plot-|NaN|Infinity|undefined|currentColor|<style/);
  assert.ok(pngOf(svg).length > 1000);
  for (
    const text of [
      "At equal bytes read: test score (bits per byte)",
      "At equal updates: training loss (nats per byte)",
      "Equal bytes read: final scores on the test split, after 682 to 10,989 updates.",
      "Equal updates: smoothed training losses after 650 updates (6 % of those with 1 step back); no scores.",
      "best: 2 layers × 256, state gate + new state",
      "GRU, 2 layers × 200",
    ]
  ) assert.ok(texts.includes(text), text);
  // Twice: a panel each.
  for (const label of ["GRU", "LSTM", "1", "4", "16"]) {
    assert.equal(texts.filter((text) => text === label).length, 2, label);
  }
});

Deno.test("figureStepsBack() has steps back on a logarithmic axis, and higher scores higher up", () => {
  const rows = rowsOf(stepsBackResults({ gated: 1, cells: [] })), { best } = stepsBackAnswers(rows, GATED)!.chosen[0];
  const svg = draw(stepsBackResults({ gated: 1, cells: [] }));
  const dots = [...svg.matchAll(RegExp(`<circle data-run="${best.name}"[^>]*>`, "g"))].map(([dot]) =>
    ["cx", "cy"].map((key) => Number(RegExp(` ${key}="([^"]*)"`).exec(dot)![1]))
  );
  assert.equal(dots.length, 6, svg.slice(0, 200));
  const [[x1, y1], [x4, y4], [x16, y16]] = dots;
  assert.ok(Math.abs((x16 - x4) - (x4 - x1)) < 0.3, `${dots}`);
  // Planted: 0.25 lower with 4 steps back, 0.375 with 16.
  assert.ok(Math.abs((y16 - y1) / (y4 - y1) - 1.5) < 0.02 && y4 > y1, `${dots}`);
});

Deno.test("figureStepsBack() swaps what is compared when runs have made as many updates, and says where nothing can be", () => {
  const swapped = textsOf(draw(stepsBackResults({ budget: "updates" })));
  assert.ok(swapped.includes("At equal bytes read: training loss (nats per byte)"));
  assert.ok(swapped.includes("At equal updates: test score (bits per byte)"));
  const short = withoutCommonPoint(stepsBackResults({ levels: [1, 16] }));
  const texts = textsOf(draw(short));
  assert.ok(texts.includes("no point in common") && texts.includes("Equal bytes read: nothing can be compared."));
});

Deno.test("figureStepsBack() tells baselines apart by dashes and by the shape of their dots, in the legend as in the panels", () => {
  const svg = draw(stepsBackResults({ cells: ["gru", "lstm"] }));
  const dashes = [...svg.matchAll(/stroke-dasharray="([^"]*)"/g)].map(([, found]) => found);
  for (const each of ["8,3,2,3", "12,4"]) {
    assert.equal(dashes.filter((found) => found === each).length, 3, `${each}: two panels and the legend`);
  }
  const answers = stepsBackAnswers(rowsOf(stepsBackResults()), GATED)!;
  const shapes = answers.chosen.filter(({ isBaseline }) => isBaseline).map(({ best }) => {
    const paths = [...svg.matchAll(RegExp(`<path data-run="${best.name}"[^>]* d="([^"]*)"`, "g"))].map(([, path]) =>
      path
    );
    return new Set(paths.filter((path) => path.endsWith("Z")));
  });
  assert.deepEqual(shapes.map(({ size }) => size), [1, 1]);
  assert.notDeepEqual(shapes[0], shapes[1]);
});

Deno.test("figureStepsBack() uses no letter twice: what an n-gram model's order is, is not called as steps back are", () => {
  const levels = [1, 2, 3].map((order) => ({ label: `order ${order}`, value: (2.6 - 0.1 * order) * Math.LN2, order }))
    .concat({ label: "order 4", value: Math.LN2, order: 4 });
  const answers = stepsBackAnswers(rowsOf(stepsBackResults()), GATED)!;
  const texts = textsOf(figureStepsBack(figureDocument(), answers, { ...NAMES, levels }));
  assert.ok(
    texts.includes(
      "Dotted: n-gram baselines of the test split; order n: loss of a model that sees the last n bytes.",
    ),
  );
  assert.ok(
    texts.includes("Beyond the axis: order 4: 1.000."),
    "a colon parts two numbers",
  );
  assert.ok(texts.every((text) => !/\bk\b/.test(text)));
});

Deno.test("figureStepsBack() shows the best six of many, and has no mean of one seed", () => {
  const texts = textsOf(draw(stepsBackResults({ gated: 8, seeds: [0] })));
  assert.ok(
    texts.includes(
      "Of 8 configurations the best 6 by the lowest score on the validation split, with any number of steps back.",
    ),
  );
  assert.ok(texts.includes("One seed; lower is better."));
  assert.equal(texts.filter((text) => text.startsWith("best: ") || text.startsWith("2 layers × 256")).length, 6);
});

Deno.test("picturesOf() has the picture when a configuration has several numbers of steps back, else none", () => {
  const named = (results: readonly RunResult[]) => {
    const runs = tableOf(results).rows, rows = mergeSeeds(runs);
    return picturesOf({
      experiment: "01",
      filter: belowLoss(9, "byte"),
      rows,
      effects: effectsOf(runs),
      comparisons: comparisonsOf(rows, GATED),
    }).map(({ name }) => name);
  };
  assert.ok(named(stepsBackResults()).includes("results_01_all_steps_back"));
  assert.ok(!named(stepsBackResults({ levels: [16] })).includes("results_01_all_steps_back"));
});

Deno.test("training curves are drawn over what was read when runs go back by several numbers of steps, else over steps", () => {
  for (const figure of [figureTrainingRuns, figureBest]) {
    const several = figure(figureDocument(), rowsOf(stepsBackResults()), NAMES);
    assert.match(several, />bytes read: training steps × steps back × batch size</);
    // 10,989 updates of 256 sequences; on an axis of updates the run with 16 steps back would end after a sixteenth of it.
    assert.match(several, />2,000,000</);
    for (const levels of [[1], [16]]) {
      const one = figure(figureDocument(), rowsOf(stepsBackResults({ levels })), NAMES);
      assert.match(one, />training steps</);
      assert.doesNotMatch(one, /bytes read/);
    }
  }
});

Deno.test("figureStepsBack() says what is found at own best rates, which its lines do not show", () => {
  const results = stepsBackResults({ levels: [1, 16], cells: [], gated: 2 });
  const larger = trainedAt(results, { learning_rate: 0.003 }, { validation: { 1: 0.5, 16: -0.25 } });
  const drawn = (all: readonly RunResult[]) => textsOf(draw(all)).join(" ");
  assert.match(
    drawn([...results, ...larger]),
    /each at its own best learning rate, the test score is lower by 0\.625 /,
  );
  assert.doesNotMatch(drawn(results), /own best/);
});
