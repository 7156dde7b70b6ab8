/** `remove`: configurations go off the list, results stay. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SWITCHES } from "../../../cells/factors.ts";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { ownerInWords, STALE_SECONDS } from "../../../experiments/queue/queue.ts";
import { planRemoval, removeConfigs } from "../../../experiments/queue/remove_configs.ts";
import { claimKey, openStudyQueue } from "../../../experiments/queue/study_queue.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { runKey } from "../../../experiments/study/run_key.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import { copiesOfSmallStudy, TRAINED } from "../small_study.ts";

const copyStudy = copiesOfSmallStudy();
const only = parseSelection("use_forget_gate=true");

Deno.test("removeConfigs() takes what is selected off the list, and leaves every other file as it is", async () => {
  const small = await copyStudy(), { dir, study } = small, before = small.files();
  const listed = await study.readConfigs("01"), kept = listed.filter(({ config }) => !only(config));
  let told = 0;
  const { removed, left } = await removeConfigs({
    dir,
    experiment: "01",
    only,
    onPlan: (removal) => {
      told = removal.removed.length;
      assert.equal(small.files().get(small.list), before.get(small.list));
    },
  });
  assert.deepEqual([removed.length, told, left], [24, 24, 24]);
  assert.deepEqual(await study.readConfigs("01"), kept);
  const after = small.files();
  for (const [path, sum] of before) if (path !== small.list) assert.equal(after.get(path), sum, path);
  assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
});

Deno.test("removeConfigs() leaves results, which status shows as unlisted until they are listed again", async () => {
  const { dir, runs, study } = await copyStudy(), [first] = runs;
  const { results } = await removeConfigs({ dir, experiment: "01", id: first.entry.id.slice(0, 12) });
  assert.equal(results, 1);
  const without = await overviewOf(dir, "01");
  assert.deepEqual([without.total, without.done, without.unlisted], [47, TRAINED - 1, [first.key]]);
  const parts = SWITCHES.map(({ key }) => `${key}=${first.entry.config[key]}`);
  await initStudy({ dir, experiment: "01", only: parseSelection(parts.join()) });
  const again = await overviewOf(dir, "01");
  assert.deepEqual([again.total, again.done, again.unlisted], [48, TRAINED, []]);
  assert.equal((await study.readConfigs("01")).length, 48);
});

Deno.test("removeConfigs() can take everything off a list, and init lists the whole grid then", async () => {
  const { dir, study } = await copyStudy();
  const { left } = await removeConfigs({ dir, experiment: "01", only: parseSelection("n_layers=1") });
  assert.deepEqual([left, await study.readConfigs("01")], [0, []]);
  await initStudy({ dir, experiment: "01", levels: { n_layers: [1], state_size: [8] } });
  assert.equal((await study.readConfigs("01")).length, 48);
});

Deno.test("planRemoval() writes nothing", async () => {
  const small = await copyStudy(), before = small.files();
  const { removed, kept } = await planRemoval({ dir: small.dir, experiment: "01", only });
  assert.deepEqual([removed.length, kept.length], [24, 24]);
  assert.deepEqual(small.files(), before);
});

Deno.test("removeConfigs() refuses while a process holds a run of them, of any seed, and names processes that hold others", async () => {
  const small = await copyStudy(), { dir, study } = small;
  const listed = await study.readConfigs("01"), before = small.files();
  const meant = listed.find(({ config }) => only(config))!, other = listed.find(({ config }) => !only(config))!;
  const { queue, owner } = await openStudyQueue(study);
  try {
    await queue.claim(claimKey("01", runKey(other.id, 0)));
    assert.deepEqual((await planRemoval({ dir, experiment: "01", only })).owners, [owner]);
    // What is claimed in another experiment is another run.
    await queue.claim(claimKey("02", runKey(meant.id, 0)));
    await planRemoval({ dir, experiment: "01", only });
    await queue.claim(claimKey("01", runKey(meant.id, 3)));
    const message = `Cannot remove configurations of experiment 01 from ${dir}: 1 run of them is in use by process ` +
      `${ownerInWords(owner)} (${meant.id.slice(0, 8)}_seed3); stop it first, or wait until it is done`;
    await assert.rejects(removeConfigs({ dir, experiment: "01", only }), { name: "UserError", message });
    assert.equal(small.files().get(small.list), before.get(small.list));
  } finally {
    await queue.close();
  }
  // A process that has been silent for long is gone.
  const database = new DatabaseSync(study.queuePath);
  database.exec(`UPDATE claims SET heard = heard - ${STALE_SECONDS + 1}`);
  database.close();
  const { removed, owners } = await removeConfigs({ dir, experiment: "01", only });
  assert.deepEqual([removed.length, owners], [24, []]);
});
