import assert from "node:assert/strict";
import { CELL_NAMES } from "../../../cells/catalog/catalog.ts";
import { join } from "node:path";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { hasEnded, isFinished, isUnderWay, parseResult, type RunResult } from "../../../experiments/study/result.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import { Study } from "../../../experiments/study/store.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { syntheticResults, unfinished } from "../../report/synthetic_results.ts";
import { tempFolder } from "../folder.ts";
import { editJson } from "../small_study.ts";

const small = { experiment: "01", levels: { n_layers: [1], state_size: [8] }, seeds: 1 } as const;

Deno.test("initStudy() makes a study, extends it, and never drops a configuration", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const first = await initStudy({ dir, ...small });
  assert.deepEqual([first.added, first.total], [48, 48]);
  const again = await initStudy({ dir, ...small });
  assert.deepEqual([again.added, again.total], [0, 48]);
  const more = await initStudy({ dir, ...small, levels: { ...small.levels, n_layers: [2] }, seeds: 3 });
  assert.deepEqual([more.added, more.total], [48, 96]);
  const study = await Study.open(dir);
  assert.equal(study.settings.seeds, 3);
  assert.equal((await study.runs("01")).length, 3 * 96);
});

Deno.test("initStudy() changes settings of a study without growing its list", async () => {
  await using temp = await tempFolder();
  await initStudy({ dir: temp.path, ...small, seeds: 2 });
  const changed = await initStudy({ dir: temp.path, experiment: "01", steps: 500 });
  assert.deepEqual([changed.added, changed.total], [0, 48]);
  assert.deepEqual([changed.before?.training.steps["01"], changed.study.settings.training.steps["01"]], [10_000, 500]);
});

Deno.test("initStudy() takes seeds away of which there is no result, and no others", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small, seeds: 5 });
  const [result] = syntheticResults({ state_sizes: [8], layers: [1] }).map((one) => (
    { ...one, corpus_sha1: study.settings.corpus.sha1 }
  ));
  await study.makeRunFolders("02");
  await study.writeResult("02", `${result.id}_seed2`, { ...result, seed: 2 });
  await assert.rejects(initStudy({ dir, experiment: "01", seeds: 2 }), {
    name: "UserError",
    message:
      `Cannot take seeds from study ${dir}: experiment 02 has a result of seed 2 (${result.id.slice(0, 8)}_seed2), ` +
      "asked for 2 seeds; must be at least 3",
  });
  assert.equal((await initStudy({ dir, experiment: "01", seeds: 3 })).study.settings.seeds, 3);
});

Deno.test(
  "a study of 20240101 seeds is told in one line, lists nothing in memory, and is mended by init",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await initStudy({ dir, ...small });
    // As a version without bounds has written it.
    editJson(join(dir, "study.json"), (value) => value.seeds = 20_240_101);
    const message = `Cannot use study ${dir}: it has 20240101 seeds, must be at most 1000; take seeds away with ` +
      `'deno task init --dir ${dir} --seeds 1'`;
    await assert.rejects(overviewOf(dir, "01"), { name: "UserError", message });
    await assert.rejects(trainStudy({ dir, experiment: "01", engine: "onnx" }), {
      name: "UserError",
      message,
    });
    await assert.rejects(initStudy({ dir, experiment: "01", steps: 500 }), { name: "UserError", message });
    await initStudy({ dir, experiment: "01", seeds: 1 });
    assert.equal((await overviewOf(dir, "01")).total, 48);
  },
);

/** Settings of which an earlier version took any, with how `init` mends them. */
const TOO_LARGE = {
  batch: { value: 1_000_000_000, most: 65_536, mended: { batch: 8 } },
  history: { value: 1_000_000_000_000, most: 10_000_000, mended: { history: 51 } },
  steps: { value: 1_000_000_000_000, most: 100_000_000, mended: { steps: 100 } },
} as const;

for (const [key, { value, most, mended }] of Object.entries(TOO_LARGE)) {
  Deno.test(`a study of ${value} ${key} is told in one line, and is mended by init`, async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await initStudy({ dir, ...small });
    // As a version without bounds has written it.
    editJson(join(dir, "study.json"), ({ training }) => {
      if (key === "steps") training.steps["01"] = value;
      else training[key] = value;
    });
    const message = `Cannot use study ${dir}: it has ${key} ${value}, must be at most ${most}; set it with ` +
      `'deno task init --dir ${dir} --${key} N'`;
    const refused = { name: "UserError", message };
    await assert.rejects(overviewOf(dir, "01"), refused);
    await assert.rejects(trainStudy({ dir, experiment: "01", engine: "onnx" }), refused);
    await assert.rejects(initStudy({ dir, experiment: "01", seeds: 2 }), refused);
    await initStudy({ dir, experiment: "01", ...mended });
    assert.equal((await overviewOf(dir, "01")).total, 48);
  });
}

Deno.test("initStudy() keeps what a person has put into study.json beside its settings", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...small });
  const path = join(dir, "study.json"), notes = { why: ["mine", null], deep: { er: 1 } };
  editJson(path, (value) => {
    value.notes = notes;
    value.corpus.licence = "public domain";
    value.training.reason = 5;
    value.split["my own"] = false;
  });
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("{", '{"__proto__": {"seeds": 7},'));
  await initStudy({ dir, experiment: "01", seeds: 2, batch: 16 });
  const text = Deno.readTextFileSync(path), value = JSON.parse(text);
  assert.deepEqual([value.notes, value.corpus.licence, value.training.reason, value.split["my own"]], [
    notes,
    "public domain",
    5,
    false,
  ]);
  assert.ok(/"__proto__": \{\s+"seeds": 7/.test(text), text);
  const { settings } = await Study.open(dir);
  assert.deepEqual([settings.seeds, settings.training.batch], [2, 16]);
  // The same call again changes nothing.
  await initStudy({ dir, experiment: "01", seeds: 2, batch: 16 });
  assert.equal(Deno.readTextFileSync(path), text);
});

Deno.test("a key that stands twice in any JSON file of a study is named, and the file stays", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small }), [result] = syntheticResults({ state_sizes: [8], layers: [1] });
  await study.makeRunFolders("01");
  const places = {
    [study.settingsPath]: Deno.readTextFileSync(study.settingsPath),
    [join(dir, "rnn_configs.json")]: Deno.readTextFileSync(join(dir, "rnn_configs.json")),
    [study.resultPath("01", result.id)]: JSON.stringify(result),
  };
  for (const [path, text] of Object.entries(places)) {
    const repeated = text.replace("{", '{"seeds": 5, "seeds": 1,');
    Deno.writeTextFileSync(path, repeated);
    const { unreadable } = path === study.resultPath("01", result.id)
      ? await study.readResults("01")
      : await initStudy({ dir, experiment: "01", levels: { n_layers: [2] } }).then(
        () => ({ unreadable: [] }),
        ({ message }) => ({ unreadable: [message] }),
      );
    assert.equal(unreadable.length, 1, path);
    assert.ok(unreadable[0].startsWith(`Cannot read ${path}: it has 'seeds' twice in one object; fix it, or move it`));
    assert.equal(Deno.readTextFileSync(path), repeated);
    Deno.writeTextFileSync(path, text);
  }
});

Deno.test(
  "initStudy() makes no study over results that were trained in another way, or on another corpus",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study } = await initStudy({ dir, ...small });
    const [result] = syntheticResults({ state_sizes: [8], layers: [1] }).map((one) => (
      { ...one, corpus_sha1: study.settings.corpus.sha1, "batch size": 8 }
    ));
    await study.makeRunFolders("01");
    Deno.writeTextFileSync(study.resultPath("01", result.id), JSON.stringify(result));
    await Deno.remove(join(dir, "study.json"));
    await assert.rejects(initStudy({ dir, ...small }), {
      message: `Cannot make study ${dir}: its results have batch 8 and history 1000, asked for 256 and 1000; ` +
        "ask for those with --batch 8 --history 1000, or start another with --dir",
    });
    Deno.writeTextFileSync(
      study.resultPath("01", result.id),
      JSON.stringify({ ...result, corpus_sha1: "0".repeat(40), "batch size": 256 }),
    );
    await assert.rejects(
      initStudy({ dir, ...small }),
      /Cannot make a study in .*: its results were trained on corpus .*0{40}/,
    );
  },
);

Deno.test("initStudy() writes no configuration that could not be read again", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir, ...small });
  await assert.rejects(
    initStudy({ dir, ...small, levels: { ...small.levels, state_size: [20_000] } }),
    /^UserError: Cannot read the state sizes of a grid: /,
  );
  assert.equal((await (await Study.open(dir)).readConfigs("01")).length, 48);
});

Deno.test("Study.runs() gives all first seeds before any second, in one shuffled order", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small, seeds: 2 });
  const runs = await study.runs("01");
  assert.ok(runs.slice(0, 48).every(({ seed }) => seed === 0) && runs.slice(48).every(({ seed }) => seed === 1));
  assert.deepEqual(runs.map(({ key }) => key), (await study.runs("01")).map(({ key }) => key));
  const listed = (await study.readConfigs("01")).map(({ id }) => id);
  assert.notDeepEqual(runs.slice(0, 48).map(({ entry }) => entry.id), listed);
  assert.equal(runs[48].key, `${runs[48].entry.id}_seed1`);
});

Deno.test("initStudy() refuses experiment 02 without results, and writes nothing", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await assert.rejects(
    initStudy({ dir: join(dir, "none"), experiment: "02" }),
    /Cannot choose experiment 02 .*no run of experiment 01 has finished/,
  );
  await assert.rejects(Deno.stat(join(dir, "none")), Deno.errors.NotFound);
});

Deno.test("initStudy() refuses another corpus for a study that has one", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await initStudy({ dir: join(dir, "s"), ...small });
  await Deno.writeFile(join(dir, "text"), new Uint8Array(5000));
  await assert.rejects(
    initStudy({ dir: join(dir, "s"), ...small, corpus: join(dir, "text") }),
    /Cannot extend study .* with corpus .*: it was made with embedded/,
  );
});

Deno.test("Study.readConfigs() names an entry whose id is not its configuration's", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small });
  const path = join(dir, "rnn_configs.json");
  const list = JSON.parse(await Deno.readTextFile(path));
  list[3].use_residual = !list[3].use_residual;
  await Deno.writeTextFile(path, JSON.stringify(list));
  await assert.rejects(study.readConfigs("01"), /Cannot read .*rnn_configs.json: entry 3 .* must be/);
});

Deno.test("Study.open() refuses a missing, damaged or newer study with one line", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await assert.rejects(Study.open(dir), /it has no study.json; make one with 'deno task init --dir/);
  await Deno.writeTextFile(join(dir, "study.json"), "{");
  await assert.rejects(Study.open(dir), /Cannot read .*study.json: it is not JSON/);
  await Deno.writeTextFile(join(dir, "study.json"), "{}");
  await assert.rejects(Study.open(dir), /Cannot read .*study.json: 'version'/);
  const { settings } = (await initStudy({ dir: join(dir, "s"), ...small })).study;
  await Deno.writeTextFile(join(dir, "study.json"), JSON.stringify({ ...settings, version: 99 }));
  await assert.rejects(Study.open(dir), /its layout is version 99/);
});

Deno.test("Study.readResults() reads what was written, and names what it cannot read", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small });
  await study.makeRunFolders("01");
  const [first, second] = syntheticResults().map((result) => ({
    ...result,
    corpus_sha1: study.settings.corpus.sha1,
  }));
  await study.writeResult("01", first.id, first);
  await Deno.writeTextFile(study.resultPath("01", "broken"), '{"id": ');
  await Deno.copyFile(study.resultPath("01", first.id), study.resultPath("01", second.id));
  await study.writeResult("01", `${second.id}_seed1`, { ...second, seed: 1, corpus_sha1: "0".repeat(40) });
  const { results, unreadable, damaged } = await study.readResults("01");
  assert.deepEqual(results, [first]);
  assert.deepEqual([...damaged.keys()].sort(), ["broken", second.id, `${second.id}_seed1`].sort());
  const told = (why: RegExp) => assert.equal(unreadable.filter((line) => why.test(line)).length, 1, `${why}`);
  told(/^Cannot read .*broken.json: it is not JSON \(7 characters\); fix it/);
  told(new RegExp(`^Cannot read .*: it is the result of run ${first.id}, must be of ${second.id}; fix it`));
  told(/^Cannot read .*_seed1.json: its SHA-1 of the corpus is 0{40}, study.json has [0-9a-f]{40}; fix it/);
});

Deno.test("Study.writeResult() writes nothing that could not be read again", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small });
  await study.makeRunFolders("01");
  const [result] = syntheticResults();
  await assert.rejects(study.writeResult("01", result.id, { ...result, test_loss: NaN }), /Cannot read .*'test_loss'/);
  assert.deepEqual([...Deno.readDirSync(join(dir, "results_01_all"))], []);
});

Deno.test("Study.writeResult() writes the same bytes when a result was put together in another order", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({ dir, ...small });
  await study.makeRunFolders("01");
  const [result] = syntheticResults();
  const write = async (entries: readonly [string, unknown][]) => {
    await study.writeResult("01", result.id, Object.fromEntries(entries) as RunResult);
    return await Deno.readTextFile(study.resultPath("01", result.id));
  };
  const entries = Object.entries(result);
  assert.equal(await write(entries), await write(entries.toReversed()));
});

Deno.test(
  "Study.removeLeftovers() removes a killed process's unfinished files, and no young or other file",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { study } = await initStudy({ dir, ...small });
    const [old, young] = [crypto.randomUUID(), crypto.randomUUID()].map((id) => `.cellspace-${id}.tmp`);
    for (const name of [old, young, "notes.tmp"]) await Deno.writeTextFile(join(dir, name), "");
    for (const name of [old, "notes.tmp"]) await Deno.utime(join(dir, name), 1, 1);
    await study.removeLeftovers();
    const left = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    assert.deepEqual(left, [young, "notes.tmp", "rnn_configs.json", "study.json"].sort());
  },
);

Deno.test("parseResult() names the file and the keys that are wrong", () => {
  const [result] = syntheticResults();
  assert.ok(isFinished(parseResult(result, "f")));
  assert.throws(() => parseResult({ ...result, loss: "no" }, "f"), /Cannot read f: 'loss'/);
  assert.throws(
    () => parseResult({ ...result, use_new_state: false, use_old_state: false }, "f"),
    /Cannot read f: needs use_new_state or use_old_state/,
  );
});

Deno.test("parseResult() names what disagrees within a result", () => {
  const [result] = syntheticResults();
  const loss = result.loss!;
  const changed = (change: object) => () => parseResult({ ...result, ...change }, "f");
  assert.throws(changed({ state_size: 33 }), /Cannot read f: its id is .*, that of its configuration is /);
  assert.throws(changed({ loss: loss.slice(1) }), /'loss' has 199 values, 10000 steps logged every 50 give 200/);
  assert.throws(changed({ steps_done: 20_000 }), /'loss' has 200 values, 20000 steps logged every 50 give 400/);
  assert.throws(changed({ "min loss": 0.5 }), /'min loss' is 0.5, the smallest of 'loss' is /);
});

Deno.test("parseResult() reads a result with a sample and one without, and refuses half a sample", () => {
  const [result] = syntheticResults();
  const sample = { text: "a\ufffd", prompt: "b\n", bytes: 2, temperature: 0.8, seed: 0 };
  assert.equal(parseResult(result, "f").sample, undefined);
  assert.deepEqual(parseResult({ ...result, sample }, "f").sample, sample);
  assert.throws(() => parseResult({ ...result, sample: { ...sample, text: undefined } }, "f"), /'sample.text'/);
  assert.throws(() => parseResult({ ...result, sample: { ...sample, bytes: 0 } }, "f"), /'sample.bytes'/);
});

Deno.test("hasEnded() and isUnderWay() tell a finished, a failed and a started result apart", () => {
  const [finished] = syntheticResults(), started = unfinished(finished);
  const failed = { ...started, failed: "the loss became NaN at step 7" };
  assert.deepEqual([finished, failed, started].map((result) => hasEnded(result, 10_000)), [true, true, false]);
  assert.deepEqual([finished, failed, started].map((result) => hasEnded(result, 10_001)), [false, true, false]);
  assert.deepEqual([finished, failed, started].map(isUnderWay), [false, false, true]);
  assert.ok(!hasEnded(undefined, 1));
});

Deno.test("a result keeps the original study's keys", () => {
  const [result] = syntheticResults();
  const keys = [
    "id",
    "start time",
    "end time",
    "loss",
    "min loss",
    "training steps",
    "batch size",
    "history size",
    "dataset",
  ];
  for (const key of [...keys, "use_input_gate", "n_layers", "state_size"]) {
    assert.ok(key in parseResult(result, "f"), key);
  }
});

Deno.test("runKey() adds the seed from the second on", () => {
  assert.equal(runKey("abc", 0), "abc");
  assert.equal(runKey("abc", 2), "abc_seed2");
});

Deno.test("parseSelection() takes what matches all parts, and names a part that is wrong", () => {
  assert.ok(parseSelection("n_layers=1,use_residual=true")(SMALL_CONFIG));
  assert.ok(!parseSelection("n_layers=1, use_residual=false")(SMALL_CONFIG));
  assert.throws(() => parseSelection("layers=1"), /'layers=1' names no key; keys are use_input_gate/);
  const sizes = "must be a whole number of at least 1 and at most";
  for (
    const [part, message] of [
      ["n_layers=two", `n_layers is two, ${sizes} 64`],
      ["n_layers=0", `n_layers is 0, ${sizes} 64`],
      ["state_size=20000", `state_size is 20000, ${sizes} 16384`],
      ["use_residual=1", "use_residual is 1, must be true or false"],
      ["gate_inputs=x", "gate_inputs is x, must be x,h,n or x,h"],
      ["cell=7", `cell is 7, must be one of ${CELL_NAMES.join(", ")}`],
    ]
  ) {
    assert.throws(() => parseSelection(part), { message });
    assert.throws(() => parseSelection(`n_layers=1,${part}`), /is .*, must be|names n_layers twice/);
  }
  assert.throws(() => parseSelection("n_layers"), /must be key=value/);
  // A value with a comma of its own, and defaults that a configuration does not write out.
  assert.ok(parseSelection("gate_inputs=x,h,n,cell=gated")(SMALL_CONFIG));
  assert.ok(!parseSelection("gate_inputs=x,h,n_layers=1")(SMALL_CONFIG));
});
