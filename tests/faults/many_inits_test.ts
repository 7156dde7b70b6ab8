/** Several processes that change one study's files at once: nothing that one has added is lost by another. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Study } from "../../experiments/study/store.ts";
import { corpusFile } from "../experiments/corpus_file.ts";
import { tempFolder } from "../experiments/folder.ts";
import { succeed, task } from "../experiments/tasks.ts";

const ROUNDS = 3;

const ONE_LAYER = ["--layers", "1"] as const;

const TRAINING = ["--batch", "8", "--history", "51", "--steps", "100"] as const;

/** A short text in a folder, as a flag of `init`: baselines of a longer one would take most of the time. */
const corpusIn = (folder: string, seed = 1) =>
  ["--corpus", corpusFile(folder, { bytes: 20_000, seed, name: `text_${seed}` })] as const;

/** Flags of a study that is made, on a short text in a folder. */
const settingsIn = (folder: string) => [...TRAINING, ...corpusIn(folder)];

const init = (dir: string, ...flags: readonly string[]) => succeed("init", "--dir", dir, ...flags);
const remove = (dir: string, ...flags: readonly string[]) => succeed("remove", "--dir", dir, ...flags);

Deno.test("six processes that extend a fresh study at once lose nothing of each other's", async () => {
  await using temp = await tempFolder();
  const flags = settingsIn(temp.path);
  const sizes = [1, 2, 3, 4, 5, 6];
  for (let round = 0; round < ROUNDS; round++) {
    const study = join(temp.path, `${round}`, "in", "a fresh folder");
    const said = await Promise.all(sizes.map((size) => init(study, "--state-size", `${size}`, ...ONE_LAYER, ...flags)));
    // Each has added its own, whoever was first.
    for (const out of said) assert.match(out, /: 48 new configurations, \d+ in all/);
    const listed = (await (await Study.open(study)).readConfigs("01")).map(({ config: { state_size } }) => state_size);
    assert.deepEqual(sizes.map((size) => listed.filter((one) => one === size).length), sizes.map(() => 48));
    const names = [...Deno.readDirSync(study)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["entropy_floors.json", "rnn_configs.json", "study.json"]);
  }
});

Deno.test("of two processes that make a study with the same list at once one lists it, and each says so", async () => {
  await using temp = await tempFolder();
  const settings = ["--history", "51", "--steps", "100", ...corpusIn(temp.path)];
  for (const batches of [["8", "8"], ["8", "16"]]) {
    const study = join(temp.path, batches.join());
    const said = await Promise.all(
      batches.map((batch) => init(study, "--state-size", "4", ...ONE_LAYER, ...settings, "--batch", batch)),
    );
    const added = said.map((out) => /: (\d+) new configurations, 48 in all/.exec(out)![1]);
    assert.deepEqual(added.sort(), ["0", "48"]);
    const made = await Study.open(study);
    assert.ok(batches.includes(`${made.settings.training.batch}`));
    assert.equal((await made.readConfigs("01")).length, 48);
  }
});

Deno.test("of two processes that make a study of different texts at once the second is refused in one line", async () => {
  await using temp = await tempFolder();
  for (let round = 0; round < ROUNDS; round++) {
    const study = join(temp.path, `${round}`);
    const [one, another] = [corpusIn(temp.path, 1), corpusIn(temp.path, 2)];
    const [first, second] = await Promise.all([
      task("init", "--dir", study, "--state-size", "4", ...ONE_LAYER, ...TRAINING, ...one),
      task("init", "--dir", study, "--state-size", "8", ...ONE_LAYER, ...TRAINING, ...another),
    ]);
    assert.deepEqual([first.code, second.code].sort(), [0, 2], first.err + second.err);
    const [source, other, loser] = second.code ? [one[1], another[1], second] : [another[1], one[1], first];
    const line = `init: Cannot extend study ${study} with corpus ${other}: it was made with ${source}; `;
    assert.ok(loser.err.trimEnd().split("\n").at(-1)!.startsWith(line), loser.err);
    const made = await Study.open(study), sizes = (await made.readConfigs("01")).map(({ config }) => config.state_size);
    assert.equal(made.settings.corpus.source, source);
    assert.deepEqual(sizes, Array(48).fill(second.code ? 4 : 8));
  }
});

Deno.test("processes that change different settings at once keep all of them", async () => {
  await using temp = await tempFolder();
  const flags = settingsIn(temp.path);
  const study = join(temp.path, "study");
  await init(study, "--state-size", "8", ...ONE_LAYER, ...flags);
  await Promise.all([
    init(study, "--seeds", "3"),
    init(study, "--steps", "500"),
    init(study, "--state-size", "4", "--layers", "1"),
  ]);
  const { settings } = await Study.open(study);
  assert.deepEqual([settings.seeds, settings.training.steps["01"], settings.training.batch], [3, 500, 8]);
  assert.equal((await (await Study.open(study)).readConfigs("01")).length, 96);
});

Deno.test("processes that add to a list and take off it at once lose nothing of each other's", async () => {
  await using temp = await tempFolder();
  const flags = settingsIn(temp.path);
  for (let round = 0; round < ROUNDS; round++) {
    const study = join(temp.path, `${round}`);
    await init(study, "--state-size", "64", "--layers", "1,2", ...flags);
    await init(study, "--cells", "gru,lstm,min_gru,vanilla");
    const said = await Promise.all([
      init(study, "--learning-rate", "3e-3", "--only", "use_residual=true,n_layers=1"),
      remove(study, "--only", "cell=gru"),
      // The rate too: those of the study are two once the first has come in.
      init(study, "--cells", "gru", "--state-size", "32", "--learning-rate", "1e-3"),
      remove(study, "--only", "cell=lstm|min_gru"),
      remove(study, "--only", "cell=vanilla,n_layers=2"),
      init(study, "--seeds", "2"),
    ]);
    assert.match(said[0], /: 48 new configurations, \d+ in all/);
    for (const [i, count] of [[1, "[24]"], [3, "4"], [4, "1"]] as const) {
      assert.match(said[i], RegExp(`^Removed: ${count} configurations?$`, "m"));
    }
    const made = await Study.open(study), configs = (await made.readConfigs("01")).map(({ config }) => config);
    const count = (test: (config: typeof configs[number]) => boolean) => configs.filter(test).length;
    assert.equal(made.settings.seeds, 2);
    // 192 as they were, and 48 at another rate.
    assert.deepEqual([
      count(({ cell, learning_rate }) => !cell && !learning_rate),
      count(({ learning_rate }) => learning_rate === 0.003),
    ], [192, 48]);
    assert.deepEqual([
      count(({ cell }) => cell === "lstm" || cell === "min_gru"),
      count(({ cell }) => cell === "vanilla"),
    ], [0, 1]);
    // Those that were listed before 'remove' looked have gone, the others are there.
    assert.equal(count(({ cell }) => cell === "gru"), /^Removed: 4 /m.test(said[1]) ? 0 : 2);
  }
});
