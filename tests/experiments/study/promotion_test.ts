import assert from "node:assert/strict";
import { join } from "node:path";
import { configId } from "../../../cells/config.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { bestFirst } from "../../../experiments/study/criterion.ts";
import { drawControls, withListedMarks } from "../../../experiments/study/promotion.ts";
import { rankConfigs } from "../../../experiments/study/ranking.ts";
import { isFinished, type RunResult } from "../../../experiments/study/result.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { rankedInWords } from "../../../experiments/study/validation.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { syntheticResults } from "../../report/synthetic_results.ts";
import { corpusFile } from "../corpus_file.ts";
import { tempFolder } from "../folder.ts";

const SMALL = {
  experiment: "01",
  levels: { n_layers: [1], state_size: [33] },
  batch: 4,
  history: 101,
  steps: 100,
  seeds: 1,
} as const;

/** A result as a run of this loss leaves it. */
function planted(result: RunResult, loss: number, more: Partial<RunResult> = {}): RunResult {
  return {
    ...result,
    loss: [loss],
    "min loss": loss,
    steps_done: 100,
    log_every: 100,
    "training steps": 100,
    "batch size": 4,
    "history size": 101,
    ...more,
  };
}

const templates = syntheticResults({ layers: [1], state_sizes: [33], steps: 100, log_every: 100 })
  .sort((a, b) => (a.id < b.id ? -1 : 1));

async function plantIn(study: Study, results: readonly RunResult[]): Promise<void> {
  await study.makeRunFolders("01");
  const corpus_sha1 = study.settings.corpus.sha1;
  for (const result of results) {
    await study.writeResult("01", runKey(result.id, result.seed), { ...result, corpus_sha1 });
  }
}

/** A study of 96 small configurations whose losses are their places among the ids. */
async function plantedStudy(dir: string, change = 0): Promise<Study> {
  const { study } = await initStudy({ dir, ...SMALL });
  await plantIn(study, templates.map((result, i) => planted(result, 1 + ((i + change) % 96) / 100)));
  return study;
}

const controlsIn = async (study: Study) => (await study.readConfigs("02")).filter(({ control }) => control);
const idsOf = (entries: readonly { id: string }[]) => entries.map(({ id }) => id).sort();
const init02 = (dir: string, controls?: number) => initStudy({ dir, experiment: "02", steps: 100, controls });

Deno.test("rankConfigs() goes by the mean of the seeds when one seed alone would mislead", () => {
  const [a, b] = templates;
  const runs = [planted(a, 1), planted(a, 3, { seed: 1 }), planted(b, 1.5), planted(b, 1.7, { seed: 1 })];
  for (const results of [runs, runs.toReversed()]) {
    const { ranked, runs: count } = rankConfigs(results);
    assert.deepEqual(ranked.map(({ id, min_loss }) => [id, min_loss]), [[b.id, 1.6], [a.id, 2]]);
    assert.equal(count, 4);
  }
});

Deno.test("rankConfigs() takes runs of the most steps alone, and counts configurations that have none", () => {
  const [a, b, c] = templates;
  const longer = { steps_done: 200, loss: [1.9, 1.8], "min loss": 1.8 };
  const { ranked, steps_done, runs, shorter } = rankConfigs([
    planted(a, 1),
    planted(a, 1.8, { ...longer, seed: 1 }),
    planted(b, 1.8, { ...longer }),
    planted(c, 0.5),
  ]);
  assert.deepEqual([steps_done, runs, shorter], [200, 2, 1]);
  assert.deepEqual(idsOf(ranked), [a.id, b.id].sort());
  assert.deepEqual(ranked.map(({ min_loss }) => min_loss), [1.8, 1.8]);
});

Deno.test("rankConfigs() takes runs of any number of steps back that read as much, and leaves those out that read less", () => {
  const [a, b, c] = templates;
  // Passes of a hundred tokens have 100, 25 and six updates.
  const deep = (result: RunResult, bptt: number, steps_done: number) => planted(result, 1, { bptt, steps_done });
  const ranked = (results: readonly RunResult[], budget?: "updates") =>
    rankConfigs(results, undefined, budget).ranked.map(({ id, runs }) => [id, runs.map(({ seed }) => seed)]);
  const all = [planted(a, 1, { steps_done: 300 }), deep(b, 4, 75), deep(c, 16, 18)];
  assert.deepEqual(new Set(ranked(all).map(([id]) => id)), new Set([a.id, b.id, c.id]));
  assert.equal(rankConfigs(all).steps_done, 300);
  // Of one run a pass is missing.
  const short = [...all.slice(0, 2), deep(c, 16, 12)];
  assert.deepEqual(ranked(short).map(([id]) => id), [a.id, b.id].sort());
  const { runs, shorter } = rankConfigs(short);
  assert.deepEqual([runs, shorter], [2, 1]);
  // As many updates, as far as whole passes allow: what was asked for is more than 250, since the second run went on there.
  const updates = [planted(a, 1, { steps_done: 300 }), deep(b, 4, 275), deep(c, 16, 204)];
  assert.equal(ranked(updates, "updates").length, 2);
  assert.equal(ranked([updates[0], updates[1], deep(c, 16, 276)], "updates").length, 3);
  assert.equal(ranked([updates[0], updates[1], deep(c, 16, 250)], "updates").length, 2);
});

Deno.test("rankConfigs() leaves out what reads over a tenth less than the longest runs, or makes so many fewer updates", () => {
  const [a, b, c] = templates;
  const deep = (result: RunResult, bptt: number, steps_done: number) => planted(result, 1, { bptt, steps_done });
  const ranked = (results: readonly RunResult[], budget?: "updates") =>
    rankConfigs(results, undefined, budget).ranked.map(({ id }) => id).sort();
  // Three passes each: of a hundred tokens, 96 and 64 are read.
  const read = [deep(a, 1, 300), deep(b, 16, 18), deep(c, 64, 3)];
  assert.deepEqual(ranked(read), [a.id, b.id].sort());
  assert.equal(rankConfigs(read).shorter, 1);
  assert.deepEqual(ranked(read.slice(2)), [c.id]);
  // 30 updates were asked for: a pass of the first has a hundred.
  const updates = [deep(a, 1, 100), deep(b, 16, 30), deep(c, 64, 30)];
  assert.deepEqual(ranked(updates, "updates"), [a.id]);
  assert.deepEqual(ranked(updates.slice(1), "updates"), [b.id, c.id].sort());
});

/** A planted run with scores: that on the validation split may be absent, as in results of earlier versions. */
const scored = (result: RunResult, loss: number, validation: number | undefined, seed = 0) =>
  planted(result, loss, { seed, test_loss: 2, test_bits_per_byte: 3, validation_bits_per_byte: validation });

/** A planted run that waits for its score. */
const unscored = (result: RunResult, loss: number, seed = 0) => {
  const { test_loss: _loss, test_bits_per_byte: _bits, ...rest } = planted(result, loss, { seed });
  return rest as RunResult;
};

Deno.test("rankConfigs() goes by the mean validation score, and what has none yet comes last", () => {
  const [a, b, c] = templates;
  const runs = [scored(a, 1, 3), scored(a, 1, 2.4, 1), scored(b, 2, 2.5), unscored(b, 9, 1), unscored(c, 0.5)];
  const { ranked, criterion, unvalidated, unscored: left } = rankConfigs(runs);
  assert.deepEqual([criterion, unvalidated, left], ["validation_bits_per_byte", 0, 1]);
  assert.deepEqual(ranked.map(({ id, validation_bits_per_byte }) => [id, validation_bits_per_byte]), [
    [b.id, 2.5],
    [a.id, 2.7],
    [c.id, undefined],
  ]);
  assert.deepEqual(bestFirst(runs.filter(isFinished)).map(({ id, seed }) => [id, seed]), [
    [a.id, 1],
    [b.id, 0],
    [a.id, 0],
    [c.id, 0],
    [b.id, 1],
  ]);
});

Deno.test("rankConfigs() goes by the lowest loss where a scored run has no validation score, or none is scored", () => {
  const [a, b] = templates, study = { dir: "s", settings: { split: { train: 90, validation: 5, test: 5 } } };
  const mixed = rankConfigs([scored(a, 1, undefined), scored(b, 2, 2.5)]);
  assert.deepEqual([mixed.criterion, mixed.ranked[0].id, mixed.unvalidated], ["min loss", a.id, 1]);
  assert.equal(
    rankedInWords(mixed, study),
    "by the lowest training loss, since 1 scored run has no score on the validation split " +
      "('deno task evaluate --dir s --again' gives it one)",
  );
  // What evaluate cannot mend, it is not named for.
  const short = { ...study, settings: { split: { train: 90, validation: 1, test: 5 } } };
  assert.match(rankedInWords(mixed, short), /since 1 scored run has no score on the validation split$/);
  assert.equal(
    rankedInWords(rankConfigs([unscored(a, 1), unscored(b, 2)]), study),
    "by the lowest training loss, since no run has a score",
  );
  const good = rankConfigs([scored(a, 1, 3), unscored(b, 2)]);
  assert.equal(
    rankedInWords(good, study),
    "by the lowest score on the validation split; 1 configuration without a score came last",
  );
});

Deno.test("init of experiment 02 takes the best by their validation scores, whatever their losses", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...SMALL });
  await plantIn(study, templates.map((result, i) => scored(result, 1 + i / 100, 3 - i / 100)));
  const { promotion } = await init02(dir, 0);
  assert.equal(promotion!.from.criterion, "validation_bits_per_byte");
  const origins = new Set((await study.readConfigs("02")).map(({ oldId }) => oldId));
  assert.deepEqual([...origins].sort(), templates.slice(-10).map(({ id }) => id).sort());
});

Deno.test("drawControls() draws the same whatever the order, each as likely, and more hold fewer", () => {
  const { ranked } = rankConfigs(templates.map((result) => planted(result, 2)));
  const eight = drawControls(ranked, 8), twenty = drawControls(ranked.toReversed(), 20);
  assert.deepEqual(idsOf(eight), idsOf(drawControls(ranked.toReversed(), 8)));
  assert.ok(eight.every(({ id }) => twenty.some((one) => one.id === id)));
  assert.equal(twenty.length, 20);
  assert.equal(drawControls(ranked, 500).length, 96);
  // Over the 432 of the grid the places of a tenth must be spread: each quarter has 11 ± 3 standard deviations of 2.7.
  const all = rankConfigs(syntheticResults({ steps: 100 })).ranked;
  const places = drawControls(all, 44).map(({ id }) => all.findIndex((one) => one.id === id));
  for (const quarter of [0, 1, 2, 3]) {
    const count = places.filter((place) => Math.floor(4 * place / all.length) === quarter).length;
    assert.ok(Math.abs(count - 11) <= 8, `${count} in quarter ${quarter}`);
  }
});

Deno.test(
  "init of experiment 02 draws eight controls of what is not chosen, as they are, and marks them",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await plantedStudy(dir);
    const { added, promotion } = await init02(dir);
    const entries = await study.readConfigs("02"), controls = await controlsIn(study);
    assert.deepEqual(
      [promotion!.from.ranked.length, promotion!.from.runs, promotion!.controls],
      [96, 96, { total: 8, added: 8, chosen: 0, rest: 86 }],
    );
    // Ten of 33 states: each at 33, 512, 3×256 and 3×512.
    assert.deepEqual([added, entries.length, controls.length], [48, 48, 8]);
    const best = new Set(templates.slice(0, 10).map(({ id }) => id));
    for (const { id, config, oldId } of controls) {
      assert.ok(!best.has(id) && templates.some((one) => one.id === id));
      assert.deepEqual([configId(config), oldId], [id, id]);
    }
    const again = await init02(dir);
    assert.deepEqual([again.added, again.total, again.promotion!.controls.total], [0, 48, 8]);
    const text = await Deno.readTextFile(join(dir, "rnn_configs_02.json"));
    assert.equal(text.match(/"control": true/g)!.length, 8);
  },
);

Deno.test("init --controls draws the same in the same study, and extends what was drawn", async () => {
  await using temp = await tempFolder();
  const draws = [];
  for (const [name, ...counts] of [["a", 3, 12], ["b", 12]] as const) {
    const study = await plantedStudy(join(temp.path, name));
    let before: string[] = [];
    for (const count of counts) {
      await init02(study.dir, count);
      const now = idsOf(await controlsIn(study));
      assert.equal(now.length, count);
      assert.ok(before.every((id) => now.includes(id)));
      before = now;
    }
    draws.push(before);
  }
  assert.deepEqual(draws[0], draws[1]);
  await assert.rejects(
    init02(join(temp.path, "b"), 11),
    /Cannot take controls from study .*: it has 12, asked for 11$/,
  );
});

Deno.test("init --controls 0 lists what the original study would, and adds none later by itself", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await plantedStudy(dir);
  await init02(dir, 0);
  assert.deepEqual(await controlsIn(study), []);
  assert.equal((await study.readConfigs("02")).length, 40);
  assert.equal((await init02(dir)).promotion!.controls.total, 0);
  await init02(dir, 5);
  assert.equal((await controlsIn(study)).length, 5);
});

Deno.test(
  "init takes the mark from a control that the ranking chooses now, in the list and in its results",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await plantedStudy(dir);
    await init02(dir);
    const before = await controlsIn(study), [first] = before;
    const marked = { ...templates.find(({ id }) => id === first.id)!, control: true as const };
    // Ranks move until that control is the best.
    await plantedStudy(dir, 96 - templates.findIndex(({ id }) => id === first.id));
    const { promotion } = await init02(dir);
    const now = await controlsIn(study), entries = await study.readConfigs("02");
    assert.ok(promotion!.controls.chosen >= 1 && !now.some(({ id }) => id === first.id));
    assert.equal(now.length, 8 - promotion!.controls.chosen);
    assert.equal(entries.filter(({ id }) => id === first.id).length, 1);
    assert.deepEqual(withListedMarks([marked], entries).map(({ control }) => control), [undefined]);
    const { control: _, ...unmarked } = { ...marked, id: now[0].id };
    assert.deepEqual(withListedMarks([unmarked as RunResult], entries).map(({ control }) => control), [true]);
    // Asked for eight again, others take the places of those.
    assert.equal((await init02(dir, 8)).promotion!.controls.total, 8);
  },
);

Deno.test("a 32-state configuration that is chosen is listed as it is too when there are controls", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const own = syntheticResults({ layers: [1], state_sizes: [32], steps: 100, log_every: 100 });
  for (const [controls, count] of [[0, 0], [4, 5]]) {
    const { study } = await initStudy({
      dir: join(dir, `${controls}`),
      ...SMALL,
      levels: { ...SMALL.levels, state_size: [32] },
    });
    await plantIn(study, own.map((result, i) => planted(result, 1 + i / 100)));
    await init02(study.dir, controls);
    const asTheyAre = (await study.readConfigs("02")).filter(({ config, control }) =>
      config.state_size === 32 && !control
    );
    assert.deepEqual(idsOf(asTheyAre), idsOf(own.slice(0, count)));
  }
});

Deno.test("initStudy() refuses too few steps and controls of experiment 01, before anything is written", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const none = join(dir, "none");
  await assert.rejects(
    initStudy({ dir: none, experiment: "01", steps: 49, history: 50 }),
    /^UserError: Cannot train 49 steps: the loss is logged every 50 steps, so they must be at least as many$/,
  );
  await assert.rejects(
    initStudy({ dir: none, experiment: "01", controls: 3 }),
    /Cannot use --controls with experiment 01/,
  );
  await assert.rejects(Deno.stat(none), Deno.errors.NotFound);
  await initStudy({ dir: none, experiment: "01", steps: 50, history: 51, levels: { state_size: [8] } });
  const study = await plantedStudy(join(dir, "study"));
  await assert.rejects(
    initStudy({ dir: study.dir, experiment: "02", steps: 99, history: 100 }),
    /Cannot train 99 steps: the loss is logged every 100 steps/,
  );
  assert.deepEqual(await study.readConfigs("02"), []);
});

Deno.test(
  "train keeps the mark of a control, also with --only and when it goes on, and status tells it",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study } = await initStudy({ dir, ...SMALL, corpus: corpusFile(dir) });
    await plantIn(study, templates.map((result, i) => planted(result, 1 + i / 100)));
    await init02(dir, 86);
    const options = { dir, experiment: "02", engine: "onnx", parallel: 1 } as const;
    const only = parseSelection("state_size=33,use_residual=true");
    const read = async () => (await study.readResults("02")).results.filter(isFinished);
    await trainStudy({ ...options, limit: 3, only });
    const first = await read(), marked = new Set((await controlsIn(study)).map(({ id }) => id));
    assert.equal(first.length, 3);
    for (const { id, control } of first) assert.equal(control, marked.has(id) ? true : undefined);
    assert.ok(first.some(({ control }) => control));
    await trainStudy({ ...options, limit: 3, only, steps: 200 });
    const longer = await read();
    assert.deepEqual(longer.map(({ steps_done }) => steps_done), [200, 200, 200]);
    assert.deepEqual(longer.map(({ control }) => control), first.map(({ control }) => control));
    const { best } = await overviewOf(dir, "02");
    assert.equal(best!.control, marked.has(best!.key) ? true : undefined);
  },
);
