/** The levels that losses are held against, and their lines in pictures. */
import assert from "node:assert/strict";
import { ensureBaselines } from "../../../experiments/study/ngram_baselines.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { figureTest } from "../../../report/figures/test_loss.ts";
import { figureTrainingRuns } from "../../../report/figures/training_runs.ts";
import { type Level, levelsOf, levelsOn } from "../../../report/data/levels.ts";
import { belowLoss, filteredRows, type LossFilter, lossFilter } from "../../../report/data/loss_filter.ts";
import { inShort, levelNote } from "../../../report/figures/levels.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { curveFrame } from "../../../report/page/curve.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { studyLevels } from "../../../report/data/study_levels.ts";
import { drawReport } from "../../../report/write_report.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { comparisonsOf } from "../../../report/tables/questions.ts";
import { GATED } from "../../../cells/factors.ts";
import { otherResults } from "../compared_results.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { filesIn, reportFiles } from "../report_files.ts";

const baselines = [2.9, 1.9, 1.7, 1.65, 1.6, 1.2].map((nats, order) => ({
  order,
  nats,
  bits: nats / Math.LN2,
  hindsight_nats: nats,
}));
const runs = tableOf(syntheticResults()).rows, rows = mergeSeeds(runs);
const levels = levelsOf(baselines, 0.4, 1);

Deno.test("levelsOf() gives baselines and entropy rate per what the models read", () => {
  assert.deepEqual(levelsOf(baselines.slice(0, 2), undefined, 2), [{ label: "order 0", value: 5.8, order: 0 }, {
    label: "order 1",
    value: 3.8,
    order: 1,
  }]);
  assert.deepEqual(levels.at(-1), { label: "entropy rate", value: 0.4 });
  assert.deepEqual(levelsOf(undefined, undefined, 1), []);
});

Deno.test("levelNote() says what the lines are, and names the levels outside", () => {
  assert.deepEqual(levelNote([], [1, 2]), []);
  const [what, outside] = levelNote(levels, [1.5, 2]);
  assert.match(what, /^Dotted: n-gram baselines/);
  assert.match(outside, /: order 0: 2\.900, order 5: 1\.200, entropy rate: 0\.400\.$/);
  assert.equal(levelNote(levels, [5, 6]).length, 1, "no line is drawn, so none is explained");
  assert.equal(levelNote(levels, [0, 6]).length, 1, "nothing is outside");
});

Deno.test("levelsOn() puts n-gram baselines on the test score's axis alone, the entropy rate on each, both in its unit", () => {
  const two = [{ label: "order 1", value: 2 * Math.LN2, order: 1 }, { label: "entropy rate", value: Math.LN2 }];
  const on = (axis: "training" | "validation" | "test") => levelsOn(axis, two, { bytes_per_token: 2 });
  assert.deepEqual(on("training"), [two[1]]);
  assert.deepEqual(on("validation"), [{ label: "entropy rate", value: 0.5 }]);
  assert.deepEqual(on("test"), [{ ...two[0], value: 1 }, { label: "entropy rate", value: 0.5 }]);
  assert.deepEqual(levelsOn("test", undefined, { bytes_per_token: 1 }), []);
});

Deno.test("n-gram baselines are drawn beside test scores, and beside no training loss", () => {
  const other = otherResults("gru", { loss: 1.5, layers: 1, seeds: [0] }).map((run) => ({
    ...run,
    steps_done: 10_000,
  }));
  const mixed = tableOf([...syntheticResults({ layers: [1], state_sizes: [256] }), ...other]).rows;
  const rows = mergeSeeds(mixed), comparisons = comparisonsOf(rows, GATED);
  const all = {
    experiment: "01" as const,
    rows,
    effects: effectsOf(mixed),
    comparisons,
    filter: belowLoss(1.9, "byte"),
  };
  const ofNgrams = levels.filter(({ order }) => order !== undefined);
  const names = (levels: readonly Level[]) => {
    const plain = picturesOf(all);
    return picturesOf({ ...all, levels }).filter(({ svg }, i) => svg !== plain[i].svg).map(({ name, svg }) => {
      assert.match(svg, /n-gram baselines|N-gram baselines|entropy rate/, name);
      return name;
    });
  };
  assert.deepEqual(names(ofNgrams), ["results_01_all_cells", "results_01_all_test"]);
  assert.deepEqual(names(levels.slice(-1)), [
    "results_01_all_cells",
    "results_01_all",
    "results_01_all_hyperparameters",
    "filtered_results_01_loss_below_1.9",
    "results_01_all_parallel",
    "results_01_all_best",
    "results_01_all_cost",
    "results_01_all_test",
  ]);
});

Deno.test("a level that lies in a picture is a labelled line, and labels that would touch are one", () => {
  const draw = (levels: readonly Level[]) =>
    figureTest(figureDocument(), rows, { name: "n", title: "t", subtitle: "s", levels });
  const near = { label: "order 3", value: baselines[2].nats - 0.01, order: 3 };
  const drawn = draw([...levels.slice(0, 3), near]);
  assert.match(drawn, />order 1</);
  assert.match(drawn, />order 2, order 3/);
  assert.match(
    figureTrainingRuns(figureDocument(), rows, {
      name: "n",
      title: "t",
      subtitle: "s",
      levels: [...levels, { label: "entropy rate", value: rows[0].min_loss.mean + 0.1 }],
    }),
    />entropy rate</,
  );
});

Deno.test("studyLevels() has what the study counted, and says where it cannot be read", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study, corpus } = await initStudy({ dir, experiment: "01", corpus: "embedded" });
  const labels = async (problems: string[] = []) =>
    (await studyLevels(study, (problem) => problems.push(problem))).map(({ label }) => label);
  assert.deepEqual(await labels(), ["entropy rate"], "it has no baselines yet");
  await ensureBaselines(study, corpus);
  assert.deepEqual(await labels(), [..."012345"].map((order) => `order ${order}`).concat("entropy rate"));
  await Deno.writeTextFile(`${study.dir}/entropy_floors.json`, "{");
  const problems: string[] = [];
  assert.deepEqual(await labels(problems), ["entropy rate"]);
  assert.equal(problems.length, 1);
});

Deno.test("lossFilter() is the test loss below order 1, unless another is asked for or that is unknown", () => {
  const told = ({ measure, threshold, name }: LossFilter) => [measure, threshold, name];
  const byLoss = (threshold: number) => ["min_loss", threshold, `loss_below_${threshold}`];
  assert.deepEqual(told(lossFilter(undefined, levels, rows)), ["test_loss", 1.9, "test_loss_below_order_1"]);
  assert.deepEqual(told(lossFilter(1.4, levels, rows)), byLoss(1.4));
  assert.deepEqual(told(lossFilter(undefined, levels.slice(-1), rows)), byLoss(1.9), "no baselines");
  const unscored = rows.map((row) => ({ ...row, test_loss: undefined }));
  assert.deepEqual(told(lossFilter(undefined, levels, unscored)), byLoss(1.9), "no test score");
});

Deno.test("filteredRows() compares means with the threshold, and leaves out what has none", () => {
  const filter = lossFilter(undefined, levels, rows), [first, second] = rows;
  const at = (row: MergedRow, mean: number) => ({ ...row, test_loss: { ...row.test_loss!, mean } });
  const given = [at(first, 1.8999), at(second, 1.9), { ...first, test_loss: undefined }];
  assert.deepEqual(filteredRows(given, filter), given.slice(0, 1));
});

Deno.test("a report of a text that is one repeated byte has every picture", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  for (const [name, byte, counts] of [["a", 97, [1, 2, 5]], ["nul", 0, [1]]] as const) {
    await Deno.writeFile(`${dir}/${name}.txt`, new Uint8Array(40_000).fill(byte));
    const { study, corpus } = await initStudy({
      dir: `${dir}/${name}`,
      experiment: "01",
      corpus: `${dir}/${name}.txt`,
    });
    await ensureBaselines(study, corpus);
    const levels = await studyLevels(study, (problem) => assert.fail(problem));
    const options = { unreadable: [], dir: study.dir, experiment: "01", levels } as const;
    for (const count of counts) {
      // All alike in their loss, which is what a text without entropy comes to.
      const results = syntheticResults({ layers: [1], state_sizes: [256] }).slice(0, count).map((
        result,
      ): RunResult => ({
        ...result,
        loss: result.loss!.map(() => 0),
        "min loss": 0,
        test_loss: 0,
        test_bits_per_byte: 0,
      }));
      assert.deepEqual(
        filesIn(drawReport({ ...options, results })),
        // Where nothing differs, there is nothing to share.
        reportFiles("01", "test_loss_below_order_1").filter((file) => !file.includes("_shares")),
        `${name}, ${count}`,
      );
    }
  }
});

Deno.test("inShort() joins three or more orders in a row", () => {
  const orders = (...all: number[]) => all.map((order) => `order ${order}`);
  assert.equal(inShort(orders(0, 1, 2, 3)), "order 0–3");
  assert.equal(inShort([...orders(2, 3), "entropy rate"]), "order 2, order 3, entropy rate");
  assert.equal(inShort([...orders(1), "entropy rate", ...orders(3, 4, 5)]), "order 1, entropy rate, order 3–5");
  assert.equal(inShort([]), "");
});

Deno.test("curveFrame() escapes the label of a level on the page, and has no n-gram baseline beside a training loss", () => {
  // Curves have seven digits, so their lowest value may lie somewhat above.
  const value = rows[0].min_loss.mean + 1e-5, { symbol } = curveFrame(rows, [{ label: "<b>&", value }]);
  assert.ok(symbol.includes(">&lt;b&gt;&amp;</text>") && !symbol.includes("<b>"));
  assert.ok(!curveFrame(rows, [{ label: "order 1", value, order: 1 }]).symbol.includes("order 1"));
});
