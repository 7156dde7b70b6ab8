import assert from "node:assert/strict";
import { join } from "node:path";
import { openQueue, STALE_SECONDS } from "../../experiments/queue.ts";
import { isFinished, parseResult } from "../../experiments/result.ts";
import { draw } from "../../experiments/sampling.ts";
import { parseSelection } from "../../experiments/selection.ts";
import { runKey, Study, writeAtomically } from "../../experiments/store.ts";
import { initStudy } from "../../experiments/study.ts";
import { WorkList } from "../../experiments/work.ts";
import { SMALL_CONFIG } from "../../train/bench/measure.ts";
import { syntheticResults } from "../report/synthetic_results.ts";

/** Runs a test in a temporary folder that goes afterwards. */
function inFolder(name: string, test: (dir: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const dir = await Deno.makeTempDir();
    try {
      await test(dir);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

const small = { experiment: "01", stateSizes: [8], layers: [1] } as const;

inFolder("initStudy() makes a study, extends it, and never drops a configuration", async (dir) => {
  const first = await initStudy({ dir, ...small });
  assert.deepEqual([first.added, first.total], [96, 96]);
  const again = await initStudy({ dir, ...small });
  assert.deepEqual([again.added, again.total], [0, 96]);
  const more = await initStudy({ dir, ...small, layers: [2], seeds: 3 });
  assert.deepEqual([more.added, more.total], [96, 192]);
  const study = await Study.open(dir);
  assert.equal(study.settings.seeds, 3);
  assert.equal((await study.runs("01")).length, 3 * 192);
});

inFolder("initStudy() changes settings of a study without growing its list, and takes no seeds away", async (dir) => {
  await initStudy({ dir, ...small, seeds: 2 });
  const changed = await initStudy({ dir, experiment: "01", steps: 500 });
  assert.deepEqual([changed.added, changed.total], [0, 96]);
  assert.deepEqual([changed.before?.training.steps["01"], changed.study.settings.training.steps["01"]], [10_000, 500]);
  await assert.rejects(
    initStudy({ dir, experiment: "01", seeds: 1 }),
    /Cannot take seeds from study .*: it has 2, asked for 1/,
  );
});

inFolder("initStudy() writes no configuration that could not be read again", async (dir) => {
  await initStudy({ dir, ...small });
  await assert.rejects(
    initStudy({ dir, ...small, stateSizes: [20_000] }),
    /Cannot read a new configuration of .*'state_size'/,
  );
  assert.equal((await (await Study.open(dir)).readConfigs("01")).length, 96);
});

inFolder("WorkList hands each run out once, waits for a dead owner's, and leaves a living one's", async (dir) => {
  const { study } = await initStudy({ dir, ...small });
  const runs = (await study.runs("01")).slice(0, 3);
  let now = 1000;
  const [mine, dead, alive] = ["mine", "dead", "alive"].map((owner) => openQueue(study.queuePath, owner, () => now));
  assert.ok(dead.claim(`01/${runs[0].key}`) && alive.claim(`01/${runs[1].key}`));
  const list = new WorkList(runs, mine, "01");
  assert.equal(list.claim(() => true), runs[2]);
  assert.equal(list.claim(() => true), undefined);
  // While the list looks, one owner's heart beats, and the other's claim grows stale.
  const life = setInterval(() => {
    now += STALE_SECONDS / 2;
    alive.beat(1);
  }, 200);
  assert.ok(await list.revive(new AbortController().signal));
  clearInterval(life);
  assert.equal(list.claim(() => true), runs[0]);
  assert.deepEqual(list.others, [runs[1]]);
  for (const queue of [mine, dead, alive]) queue.close();
});

inFolder("Study.runs() gives all first seeds before any second, in one shuffled order", async (dir) => {
  const { study } = await initStudy({ dir, ...small, seeds: 2 });
  const runs = await study.runs("01");
  assert.ok(runs.slice(0, 96).every(({ seed }) => seed === 0) && runs.slice(96).every(({ seed }) => seed === 1));
  assert.deepEqual(runs.map(({ key }) => key), (await study.runs("01")).map(({ key }) => key));
  const listed = (await study.readConfigs("01")).map(({ id }) => id);
  assert.notDeepEqual(runs.slice(0, 96).map(({ entry }) => entry.id), listed);
  assert.equal(runs[96].key, `${runs[96].entry.id}_seed1`);
});

inFolder("initStudy() refuses experiment 02 without results, and writes nothing", async (dir) => {
  await assert.rejects(
    initStudy({ dir: join(dir, "none"), experiment: "02" }),
    /Cannot choose experiment 02 .*no run of experiment 01 has finished/,
  );
  await assert.rejects(Deno.stat(join(dir, "none")), Deno.errors.NotFound);
});

inFolder("initStudy() refuses another corpus for a study that has one", async (dir) => {
  await initStudy({ dir: join(dir, "s"), ...small });
  await Deno.writeFile(join(dir, "text"), new Uint8Array(5000));
  await assert.rejects(
    initStudy({ dir: join(dir, "s"), ...small, corpus: join(dir, "text") }),
    /Cannot extend study .* with corpus .*: it was made with embedded/,
  );
});

inFolder("Study.readConfigs() names an entry whose id is not its configuration's", async (dir) => {
  const { study } = await initStudy({ dir, ...small });
  const path = join(dir, "rnn_configs.json");
  const list = JSON.parse(await Deno.readTextFile(path));
  list[3].use_residual = !list[3].use_residual;
  await Deno.writeTextFile(path, JSON.stringify(list));
  await assert.rejects(study.readConfigs("01"), /Cannot read .*rnn_configs.json: entry 3 .* must be/);
});

inFolder("Study.open() refuses a missing, damaged or newer study with one line", async (dir) => {
  await assert.rejects(Study.open(dir), /it has no study.json; make one with 'deno task init --dir/);
  await Deno.writeTextFile(join(dir, "study.json"), "{");
  await assert.rejects(Study.open(dir), /Cannot read .*study.json: it is not JSON/);
  await Deno.writeTextFile(join(dir, "study.json"), "{}");
  await assert.rejects(Study.open(dir), /Cannot read .*study.json: 'version'/);
  const { settings } = (await initStudy({ dir: join(dir, "s"), ...small })).study;
  await Deno.writeTextFile(join(dir, "study.json"), JSON.stringify({ ...settings, version: 99 }));
  await assert.rejects(Study.open(dir), /its layout is version 99/);
});

inFolder("Study.readResults() reads what was written, and names what it cannot read", async (dir) => {
  const { study } = await initStudy({ dir, ...small });
  await study.makeRunFolders("01");
  const [result] = syntheticResults();
  await study.writeResult("01", result.id, result);
  await Deno.writeTextFile(study.resultPath("01", "broken"), '{"id": ');
  const { results, unreadable } = await study.readResults("01");
  assert.deepEqual(results, [result]);
  assert.equal(unreadable.length, 1);
  assert.match(unreadable[0], /Cannot read .*broken.json: it is not JSON/);
});

inFolder("writeAtomically() leaves the old file where the new one cannot be written", async (dir) => {
  await writeAtomically(join(dir, "a"), "old");
  await assert.rejects(writeAtomically(join(dir, "none", "a"), "new"), /^UserError: Cannot write/);
  assert.equal(await Deno.readTextFile(join(dir, "a")), "old");
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["a"]);
});

inFolder("openQueue() gives a run to one owner, and a stale claim to the next", (dir) => {
  let now = 1000;
  const path = join(dir, "queue.sqlite");
  const [a, b] = [openQueue(path, "a", () => now), openQueue(path, "b", () => now)];
  assert.ok(a.claim("x") && !b.claim("x") && b.claim("y"));
  now += STALE_SECONDS - 1;
  a.beat(7);
  now += 2;
  assert.deepEqual(a.claims().map(({ key, owner, stale, step }) => [key, owner, stale, step]), [["x", "a", false, 7], [
    "y",
    "b",
    true,
    0,
  ]]);
  assert.ok(a.claim("y") && !b.claim("x"));
  b.release("x");
  assert.ok(!b.claim("x"), "an owner cannot release another's claim");
  a.release("x");
  assert.ok(b.claim("x"));
  a.close();
  b.close();
  return Promise.resolve();
});

inFolder("openQueue() says that a damaged database can be deleted", async (dir) => {
  await Deno.writeTextFile(join(dir, "queue.sqlite"), "no database, but long enough to be taken for one".repeat(50));
  assert.throws(() => openQueue(join(dir, "queue.sqlite"), "a"), /Cannot open .*queue.sqlite: .* can be deleted/);
});

Deno.test("parseResult() names the file and the keys that are wrong", () => {
  const [result] = syntheticResults();
  assert.ok(isFinished(parseResult(result, "f")));
  assert.throws(() => parseResult({ ...result, loss: "no" }, "f"), /Cannot read f: 'loss'/);
  assert.throws(
    () => parseResult({ ...result, use_new_state: false, use_old_state: false }, "f"),
    /Cannot read f: needs use_new_state or use_old_state/,
  );
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
  assert.throws(() => parseSelection("n_layers=two"), /'n_layers=two' has a value of the wrong kind/);
  assert.throws(() => parseSelection("n_layers"), /must read key=value/);
  // A value with a comma of its own, and defaults that a configuration does not write out.
  assert.ok(parseSelection("gate_inputs=x,h,n,cell=gated")(SMALL_CONFIG));
  assert.ok(!parseSelection("gate_inputs=x,h,n_layers=1")(SMALL_CONFIG));
});

Deno.test("draw() follows softmax of logits over temperature", () => {
  const logits = [Math.log(1), Math.log(3)];
  assert.deepEqual([0.24, 0.26].map((u) => draw(logits, 1, u)), [0, 1]);
  assert.deepEqual([0.09, 0.11].map((u) => draw(logits, 0.5, u)), [0, 1]);
  assert.equal(draw(logits, 0, 0), 1);
});
