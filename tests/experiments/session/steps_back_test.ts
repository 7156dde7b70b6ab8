/** Studies whose runs go several steps back: from their lists to their results, and what is told of them on the way. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stepsBackOf } from "../../../cells/config.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import type { TrainingProgress } from "../../../experiments/session/listener.ts";
import { statusLines } from "../../../experiments/status.ts";
import { type InitOptions, initStudy } from "../../../experiments/study/init_study.ts";
import type { RunResult } from "../../../experiments/study/result.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { readStudySettings } from "../../../experiments/study/settings_file.ts";
import { corpusFile } from "../corpus_file.ts";
import { tempFolder } from "../folder.ts";

/** Passes of 50 tokens: of 50 updates, or of twelve that go four steps back. */
const SMALL = { experiment: "01", batch: 4, history: 51, steps: 250, seeds: 1 } as const;
const ONE_CELL = "use_input_gate=false,use_output_gate=false,use_new_state=true,use_old_state=false," +
  "use_forget_gate=true,use_state_gate=false,use_residual=true";

/** A study of one gated cell and GRU, each with one step back and with four. */
async function begin(dir: string, more: Partial<InitOptions> = {}): Promise<Study> {
  const corpus = corpusFile(dir);
  const study = join(dir, "study"), levels = { n_layers: [1], state_size: [8], bptt: [1, 4] };
  await initStudy({ dir: study, corpus, ...SMALL, ...more, levels, only: parseSelection(ONE_CELL) });
  return (await initStudy({ dir: study, experiment: "01", cells: ["gru"] })).study;
}

const train = ({ dir }: Study, more: Partial<Parameters<typeof trainStudy>[0]> = {}) =>
  trainStudy({ dir, experiment: "01", engine: "onnx", scoreOn: "cpu", ...more });

/** The results by how many steps back their runs go, the gated cell's first. */
async function resultsIn(study: Study): Promise<ReadonlyMap<number, readonly RunResult[]>> {
  const { results, unreadable } = await study.readResults("01");
  assert.deepEqual(unreadable, []);
  const byCell = results.toSorted((a, b) => (a.cell ?? "").localeCompare(b.cell ?? ""));
  return Map.groupBy(byCell, stepsBackOf);
}

const updatesOf = (results: ReadonlyMap<number, readonly RunResult[]>) =>
  [1, 4].map((bptt) => results.get(bptt)!.map((result) => [result["training steps"], result.steps_done]));

/** What is the same however a run came to its end. */
const numbersOf = (results: ReadonlyMap<number, readonly RunResult[]>) =>
  [...results.values()].flat().map(({ id, loss, test_loss, steps_done }) => ({ id, loss, test_loss, steps_done }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

Deno.test(
  "a study of runs that go 1 and 4 steps back trains them on the same bytes, and takes them further",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const study = await begin(dir), lines: string[] = [], told: TrainingProgress[] = [];
    const listener = {
      onMessage: (line: string) => void lines.push(line),
      onProgress: (now: TrainingProgress) => void told.push(now),
    };
    const { finished, problems } = await train(study, listener);
    assert.deepEqual([finished, problems], [4, 0]);
    assert.match(lines[0], /^Training 4 runs of 250 and 60 updates \(1 and 4 steps back\) on onnx/);
    assert.ok(lines.some((line) => / 60 updates in /.test(line)) && lines.some((line) => / 250 steps in /.test(line)));
    // Steps through the text: 48 of each pass are read four by four.
    const all = 2 * 250 + 2 * 240;
    assert.ok(told.every(({ steps }) => steps === all), `${[...new Set(told.map(({ steps }) => steps))]}`);
    assert.equal(told.at(-1)!.steps_done, all);
    assert.ok(told.every(({ unit }) => unit === "bytes"));
    const results = await resultsIn(study);
    assert.deepEqual(updatesOf(results), [[[250, 250], [250, 250]], [[60, 60], [60, 60]]]);
    assert.deepEqual([...results.values()].flat().map(({ loss }) => loss!.length), [5, 5, 1, 1]);
    assert.ok([...results.values()].flat().every(({ test_loss }) => test_loss! > 0));

    const done = await overviewOf(study.dir, "01");
    assert.deepEqual([done.steps, done.steps_by_bptt, done.done, done.short, done.seconds_left], [
      250,
      { 1: 250, 4: 60 },
      4,
      0,
      0,
    ]);
    const { study: more } = await initStudy({ dir: study.dir, experiment: "01", steps: 500 });
    const short = await overviewOf(study.dir, "01");
    assert.equal(short.short, 4);
    // As much is left as was done, of every run.
    const busy = Math.max(...[...results.values()].flat().map((result) => result["end time"]!)) -
      Math.min(...[...results.values()].flat().map((result) => result["end time"]! - result.train_seconds!));
    assert.ok(short.seconds_left! > 0 && short.seconds_left! <= busy + 1e-3, `${short.seconds_left}, ${busy}`);
    assert.ok(
      [...statusLines(short, study.dir)].some((line) => /fewer steps than 500, 120 \(1, 4 steps back\);/.test(line)),
    );
    assert.equal((await train(more)).finished, 4);
    const longer = await resultsIn(more);
    // What has begun keeps the words that it began with.
    assert.deepEqual(updatesOf(longer).map((runs) => runs.map(([, done]) => done)), [[500, 500], [120, 120]]);

    const whole = join(dir, "whole");
    await Deno.mkdir(whole);
    const atOnce = await begin(whole, { steps: 500 });
    await train(atOnce);
    assert.deepEqual(updatesOf(await resultsIn(atOnce)), [[[500, 500], [500, 500]], [[120, 120], [120, 120]]]);
    assert.deepEqual(numbersOf(longer), numbersOf(await resultsIn(atOnce)));
  },
);

Deno.test("runs that are stopped in the middle of a pass end with the numbers of those that are not", async () => {
  await using temp = await tempFolder();
  const study = await begin(temp.path), whole = join(temp.path, "whole");
  let calls = 0;
  for (;; calls++) {
    const controller = new AbortController();
    const onProgress = ({ steps_done }: TrainingProgress) => steps_done >= 20 && controller.abort();
    const only = parseSelection("bptt=4");
    const { interrupted } = await train(study, { signal: controller.signal, only, onProgress });
    if (!interrupted.length) break;
  }
  assert.ok(calls >= 3, `${calls} calls were stopped`);
  await train(study);
  await Deno.mkdir(whole);
  const quiet = await begin(whole);
  await train(quiet);
  assert.deepEqual(numbersOf(await resultsIn(study)), numbersOf(await resultsIn(quiet)));
});

Deno.test("init --budget changes how far runs train that go several steps back, and no other", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await begin(dir, { budget: "updates" });
  const budgetIn = async () => (await readStudySettings(study.dir))!.settings.training.budget;
  assert.equal(await budgetIn(), "updates");
  await train(study);
  // 250 updates are 21 passes of twelve.
  assert.deepEqual(updatesOf(await resultsIn(study)), [[[250, 250], [250, 250]], [[250, 252], [250, 252]]]);
  const { study: tokens } = await initStudy({ dir: study.dir, experiment: "01", budget: "tokens" });
  assert.equal(await budgetIn(), undefined);
  assert.deepEqual((await overviewOf(study.dir, "01")).short, 0);
  // For one call: 22 passes, the fewest that have 253 updates.
  const onlyDeep = parseSelection("bptt=4,cell=gru");
  assert.equal((await train(tokens, { budget: "updates", steps: 253, only: onlyDeep })).finished, 1);
  assert.deepEqual(updatesOf(await resultsIn(study))[1].map(([, done]) => done), [252, 264]);
  assert.equal(await budgetIn(), undefined);
});

Deno.test("--only and --best choose by steps back, and experiment 02 keeps them", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await begin(dir);
  assert.equal((await overviewOf(study.dir, "01", { only: parseSelection("bptt=4") })).total, 2);
  assert.equal((await overviewOf(study.dir, "01", { only: parseSelection("bptt>1,cell=gru") })).total, 1);
  await train(study);
  const { study: better } = await initStudy({
    dir: study.dir,
    experiment: "01",
    best: 1,
    only: parseSelection("bptt=4"),
    levels: { learning_rate: [3e-3] },
  });
  const fast = (await better.readConfigs("01")).filter(({ config }) => config.learning_rate === 3e-3);
  assert.deepEqual(fast.map(({ config }) => config.bptt), [4]);
  // The best tenth of two runs of the gated cell, and the other one as a control.
  const { study: second } = await initStudy({ dir: study.dir, experiment: "02", steps: 1000 });
  const entries = await second.readConfigs("02"), controls = entries.filter(({ control }) => control);
  const bptts = (some: typeof entries) => new Set(some.map(({ config }) => stepsBackOf(config)));
  assert.deepEqual([entries.length, bptts(entries).size, controls.length, bptts(controls).size], [6, 2, 1, 1]);
});

const REFUSED: readonly [what: string, asked: Partial<InitOptions>, message: string][] = [
  [
    "more steps back than a pass has tokens",
    { levels: { n_layers: [1], state_size: [8], bptt: [1, 51] } },
    "Cannot train with 51 steps back: history 51 is 50 training tokens, must be at least 51",
  ],
  [
    "steps back with which nothing would be logged",
    { levels: { n_layers: [1], state_size: [8], bptt: [1, 8] } },
    "Cannot train 30 updates with 8 steps back: the loss is logged every 50 updates, so they must be at least as many; " +
    "--steps 450 or --budget updates would do",
  ],
  [
    "a budget that is none",
    { budget: "bytes" as "tokens" },
    "Cannot use budget 'bytes': must be one of tokens, updates",
  ],
];

for (const [what, asked, message] of REFUSED) {
  Deno.test(`initStudy() refuses ${what} before it writes anything`, async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const fresh = join(dir, "fresh"), refusal = { name: "UserError", message };
    await assert.rejects(initStudy({ dir: fresh, ...SMALL, ...asked }), refusal);
    assert.ok(!existsSync(fresh));
    const study = await begin(dir), before = await Deno.readTextFile(study.settingsPath);
    await assert.rejects(initStudy({ dir: study.dir, experiment: "01", ...asked }), refusal);
    assert.equal(await Deno.readTextFile(study.settingsPath), before);
    assert.equal((await study.readConfigs("01")).length, 4);
  });
}

Deno.test("initStudy() and trainStudy() refuse settings with which a listed run would log nothing", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await begin(dir), before = await Deno.readTextFile(study.settingsPath);
  const message =
    "Cannot train 48 updates with 4 steps back: the loss is logged every 50 updates, so they must be at " +
    "least as many; --steps 250 or --budget updates would do";
  await assert.rejects(initStudy({ dir: study.dir, experiment: "01", steps: 200 }), { name: "UserError", message });
  assert.equal(await Deno.readTextFile(study.settingsPath), before);
  await assert.rejects(train(study, { steps: 200 }), { name: "UserError", message });
  await assert.rejects(train(study, { budget: "none" as "tokens" }), /^UserError: Cannot use budget 'none'/);
  // Others can be trained so: what they count are steps.
  const units = new Set<string | undefined>(), onProgress = ({ unit }: TrainingProgress) => void units.add(unit);
  assert.equal((await train(study, { steps: 200, only: parseSelection("bptt=1"), onProgress })).finished, 2);
  assert.deepEqual([...units], [undefined]);
});
