/** The levels that losses are held against, and their lines in pictures. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { ensureBaselines } from "../../../experiments/study/ngram_baselines.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { figureDocument } from "../../../report/figures/svg.ts";
import { figureTrainingRuns } from "../../../report/figures/training_runs.ts";
import { inShort, levelNote, levelsOf } from "../../../report/data/levels.ts";
import { mergeSeeds } from "../../../report/data/merged.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { picturesOf } from "../../../report/figures/pictures.ts";
import { effectsOf } from "../../../report/statistics/effects.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { studyLevels, thresholdAt } from "../../../report/data/study_levels.ts";
import { knownCorpus } from "../../../train/corpus/known.ts";
import { writeReport } from "../../../report/write_report.ts";
import { inFolder } from "../../experiments/folder.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { reportFiles } from "../report_files.ts";

const baselines = [2.9, 1.9, 1.7, 1.65, 1.6, 1.2].map((nats, order) => ({
  order,
  nats,
  bits: nats / Math.LN2,
  hindsight_nats: nats,
}));
const runs = tableOf(syntheticResults()).rows, rows = mergeSeeds(runs);
const levels = levelsOf(baselines, 0.4, 1);

Deno.test("levelsOf() gives baselines and entropy rate per what the models read", () => {
  assert.deepEqual(levelsOf(baselines.slice(0, 2), undefined, 2), [{ label: "order 0", value: 5.8 }, {
    label: "order 1",
    value: 3.8,
  }]);
  assert.deepEqual(levels.at(-1), { label: "entropy rate", value: 0.4 });
  assert.deepEqual(levelsOf(undefined, undefined, 1), []);
});

Deno.test("levelNote() says what the lines are, and names the levels outside", () => {
  assert.deepEqual(levelNote([], [1, 2]), []);
  const [what, outside] = levelNote(levels, [1.5, 2]);
  assert.match(what, /^Dotted: n-gram baselines/);
  assert.match(outside, /: order 0 2\.900, order 5 1\.200, entropy rate 0\.400\.$/);
  assert.equal(levelNote(levels, [5, 6]).length, 1, "no line is drawn, so none is explained");
  assert.equal(levelNote(levels, [0, 6]).length, 1, "nothing is outside");
});

Deno.test("every picture of losses has the levels that lie in it as labelled lines", () => {
  const all = { experiment: "01" as const, rows, effects: effectsOf(runs), below: 1.9 };
  const plain = picturesOf(all), held = picturesOf({ ...all, levels });
  const changed = held.filter(({ svg }, i) => svg !== plain[i].svg);
  assert.deepEqual(changed.map(({ name }) => name), [
    "results_01_all",
    "results_01_all_hyperparameters",
    "filtered_results_01_loss_below_1.9",
    "results_01_all_parallel",
    "results_01_all_best",
    "results_01_all_cost",
    "results_01_all_test",
  ]);
  for (const { name, svg } of changed) assert.match(svg, /n-gram baselines|N-gram baselines/, name);
  const drawn = figureTrainingRuns(figureDocument(), rows, { name: "n", title: "t", subtitle: "s", levels });
  assert.match(drawn, />order 1</);
  assert.match(drawn, />order 2, order 3/, "labels that would touch are one");
});

inFolder(
  "studyLevels() takes the order-1 baseline for a threshold, but the original's on the original's corpus and without baselines",
  async (dir) => {
    const { study, corpus } = await initStudy({ dir, experiment: "01", corpus: "embedded" });
    assert.equal((await studyLevels(study, () => {})).below, 1.9, "it has no baselines yet");
    await ensureBaselines(study, corpus);
    const problems: string[] = [];
    const found = await studyLevels(study, (problem) => problems.push(problem));
    assert.equal(found.below, Number(found.levels[1].value.toFixed(2)));
    assert.equal(found.levels.length, 7, "six orders, and the entropy rate of the embedded corpus");
    const { settings } = study;
    const original = { ...settings, corpus: { ...settings.corpus, sha1: knownCorpus("enwik8")!.sha1 } };
    const other = Object.create(study, { settings: { value: original } }) as Study;
    assert.equal((await studyLevels(other, () => {})).below, 1.9);
    await Deno.writeTextFile(`${study.dir}/entropy_floors.json`, "{");
    assert.equal((await studyLevels(study, (problem) => problems.push(problem))).below, 1.9);
    assert.equal(problems.length, 1);
  },
);

Deno.test("thresholdAt() gives two decimals, or two digits where these would leave nothing, and never what --below refuses", () => {
  const cases: [level: number, threshold: number | undefined][] = [
    [1.8849, 1.88],
    [0.0051, 0.01],
    [0.0049, 0.0049],
    [0.00002075, 0.000021],
    [3e-12, 3e-12],
    [5e-324, 5e-324],
    [0, undefined],
  ];
  for (const [level, threshold] of cases) assert.equal(thresholdAt(level), threshold, `${level}`);
});

inFolder("a report of a text that is one repeated byte has a threshold, and every picture", async (dir) => {
  for (const [name, byte, counts] of [["a", 97, [1, 2, 5]], ["nul", 0, [1]]] as const) {
    await Deno.writeFile(`${dir}/${name}.txt`, new Uint8Array(40_000).fill(byte));
    const { study, corpus } = await initStudy({
      dir: `${dir}/${name}`,
      experiment: "01",
      corpus: `${dir}/${name}.txt`,
    });
    await ensureBaselines(study, corpus);
    const { below, levels } = await studyLevels(study, (problem) => assert.fail(problem));
    assert.ok(below > 0 && below < 0.005, `${below}`);
    const options = { unreadable: [], dir: study.dir, experiment: "01", below, levels } as const;
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
      const { paths } = await writeReport({ ...options, results });
      assert.deepEqual(paths.map((path) => basename(path)).sort(), reportFiles("01", below), `${name}, ${count}`);
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
