/** The levels that losses are held against, and their lines in pictures. */
import assert from "node:assert/strict";
import { ensureFloors } from "../../experiments/floors.ts";
import type { Study } from "../../experiments/store.ts";
import { initStudy } from "../../experiments/study.ts";
import { figureDocument } from "../../report/svg.ts";
import { figureTrainingRuns } from "../../report/figure_training_runs.ts";
import { levelNote, levelsOf } from "../../report/levels.ts";
import { mergeSeeds } from "../../report/merged.ts";
import { picturesOf } from "../../report/pictures.ts";
import { effectsOf } from "../../report/effects.ts";
import { tableOf } from "../../report/rows.ts";
import { studyLevels } from "../../report/study_levels.ts";
import { knownCorpus } from "../../train/corpus/known.ts";
import { inFolder } from "../experiments/folder.ts";
import { syntheticResults } from "./synthetic_results.ts";

const floors = [2.9, 1.9, 1.7, 1.65, 1.6, 1.2].map((nats, order) => ({
  order,
  nats,
  bits: nats / Math.LN2,
  hindsight_nats: nats,
}));
const runs = tableOf(syntheticResults()).rows, rows = mergeSeeds(runs);
const levels = levelsOf(floors, 0.4, 1);

Deno.test("levelsOf() gives floors and entropy rate per what the models read", () => {
  assert.deepEqual(levelsOf(floors.slice(0, 2), undefined, 2), [{ label: "order 0", value: 5.8 }, {
    label: "order 1",
    value: 3.8,
  }]);
  assert.deepEqual(levels.at(-1), { label: "entropy rate", value: 0.4 });
  assert.deepEqual(levelsOf(undefined, undefined, 1), []);
});

Deno.test("levelNote() says what the lines are, and names the levels outside", () => {
  assert.deepEqual(levelNote([], [1, 2]), []);
  const [what, outside] = levelNote(levels, [1.5, 2]);
  assert.match(what, /^Dotted: entropy floors/);
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
  for (const { name, svg } of changed) assert.match(svg, /entropy floors|Entropy floors/, name);
  const drawn = figureTrainingRuns(figureDocument(), rows, { name: "n", title: "t", subtitle: "s", levels });
  assert.match(drawn, />order 1</);
  assert.match(drawn, />order 2, order 3/, "labels that would touch are one");
});

inFolder(
  "studyLevels() takes the order-1 floor for a threshold, but the original's on the original's corpus and without floors",
  async (dir) => {
    const { study, corpus } = await initStudy({ dir, experiment: "01", corpus: "embedded" });
    assert.equal((await studyLevels(study, () => {})).below, 1.9, "it has no floors yet");
    await ensureFloors(study, corpus);
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
