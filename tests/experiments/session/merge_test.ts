/** Copies of a study that were trained apart are joined: nothing is lost, nothing is overwritten, and what does not fit is named. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { heartbeat } from "../../../experiments/queue/heartbeat.ts";
import { highestIn } from "../../../experiments/queue/attempts.ts";
import { claimKey, openStudyQueue } from "../../../experiments/queue/study_queue.ts";
import { mergeStudies } from "../../../experiments/session/merge_study.ts";
import { mergeInWords } from "../../../experiments/session/merge_words.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { modelSum } from "../../../experiments/study/read_dynamics.ts";
import { Study } from "../../../experiments/study/store.ts";
import { CELLSPACE_VERSION } from "../../../train/version.ts";
import { reportOnStudy } from "../../../report/report_study.ts";
import { assertSameRuns } from "../../faults/studies.ts";
import { editJson } from "../small_study.ts";
import { makeUnfinished, RUNS, type Scene, setTimes, STEPS, trainedApart } from "./copies.ts";

const scene = trainedApart();
const HALF = RUNS / 2;

/** The bytes of each file of a report, by name. */
async function reportOf(dir: string): Promise<Map<string, Uint8Array>> {
  const { paths } = await reportOnStudy(await Study.open(dir), { experiment: "01" });
  return new Map(paths.map((path) => [path.slice(dir.length), Deno.readFileSync(path)]));
}

/** Every run is there as if one process had trained all of them. */
async function assertWhole({ here }: Scene, whole: string, note: string): Promise<void> {
  await assertSameRuns(await Study.open(here), await Study.open(whole), note);
}

Deno.test("mergeStudies() makes of two shares what is trained in one place, and the report has the same bytes", async () => {
  const copies = scene(), whole = copies.copy("whole", "whole");
  const { summary, messages, problems } = await copies.merge();
  assert.deepEqual([summary, messages, problems], [
    { came: [{ dir: copies.there, runs: HALF }], here: 0, left: 0, problems: 0 },
    [],
    [],
  ]);
  assert.equal(copies.named(mergeInWords(summary)), "3 runs were merged from THERE");
  await assertWhole(copies, whole, "merged");
  for (const dir of [copies.here, whole]) setTimes(dir);
  const [merged, trained] = [await reportOf(copies.here), await reportOf(whole)];
  assert.ok(merged.size > 10);
  assert.deepEqual([...merged.keys()], [...trained.keys()]);
  for (const [name, bytes] of merged) assert.deepEqual(bytes, trained.get(name), name);
});

Deno.test("mergeStudies() writes nothing when all is here, when it is a dry run, and when it is stopped at once", async () => {
  const copies = scene(), untouched = copies.files();
  const dry = await copies.merge([copies.there], { dryRun: true });
  assert.equal(copies.named(mergeInWords(dry.summary, true)), "3 runs would be merged from THERE");
  const twice = await copies.merge([copies.there, copies.copy("there", "again")], { dryRun: true });
  assert.equal(
    copies.named(mergeInWords(twice.summary, true)),
    "3 runs would be merged from THERE, 0 from FOLDER/again; 3 were already here",
  );
  const stopped = await copies.merge([copies.there], { signal: AbortSignal.abort() });
  assert.deepEqual(stopped.summary, { came: [], here: 0, left: 0, problems: 0 });
  assert.deepEqual(copies.files(), untouched);

  const other = copies.files(copies.there);
  await copies.merge();
  const once = copies.files();
  const whole = copies.copy("whole", "whole"), { summary } = await copies.merge([copies.there, whole]);
  assert.deepEqual(summary, {
    came: [{ dir: copies.there, runs: 0 }, { dir: whole, runs: 0 }],
    here: HALF + RUNS,
    left: 0,
    problems: 0,
  });
  assert.deepEqual(copies.files(), once);
  assert.deepEqual(copies.files(copies.there), other);
});

Deno.test("mergeStudies() has the same end when any of its writes fails and it is run again", async () => {
  for (let failing = 1;; failing++) {
    const copies = scene(), whole = copies.copy("whole", "whole"), { renameSync } = Deno;
    let renames = 0, failed = false;
    Deno.renameSync = (from, to) => {
      if (++renames === failing) {
        failed = true;
        throw new Error("No space left on device (os error 28)");
      }
      renameSync(from, to);
    };
    try {
      await copies.merge().then(
        () => assert.ok(!failed),
        ({ message }) =>
          assert.match(message, /^Cannot write .*; free space on that disk and run the same command again$/),
      );
    } finally {
      Deno.renameSync = renameSync;
    }
    // What has a result has all: another process may score it at once.
    const study = await Study.open(copies.here);
    for (const { id } of (await study.readResults("01")).results) {
      await study.readModel("01", id);
      assert.ok((await study.readCheckpoint("01", id)).bytes);
    }
    const { problems } = await copies.merge();
    assert.deepEqual(problems, []);
    await assertWhole(copies, whole, `write ${failing} failed`);
    if (!failed) break;
    assert.ok(failing <= 3 * HALF);
  }
});

Deno.test("mergeStudies() brings a checkpoint, with which training goes on here, when a run is unfinished there", async () => {
  const copies = scene(), whole = copies.copy("whole", "whole"), there = await Study.open(copies.there);
  const [run, begun] = await copies.runsThere(), here = await Study.open(copies.here);
  makeUnfinished(there, run.key, { owner: "elsewhere:1-00000000" });
  makeUnfinished(there, begun.key);
  Deno.removeSync(there.checkpointPath("01", begun.key));
  const { summary, messages } = await copies.merge();
  assert.equal(copies.named(mergeInWords(summary)), "2 runs were merged from THERE; 1 was left as it is");
  assert.deepEqual(messages, ["Skipped run RUN1 of THERE: it has begun there and has no checkpoint"]);
  const record = (await here.readResult("01", run.key))!;
  assert.deepEqual([record.owner, record.loss, record.attempt], [undefined, undefined, 1]);

  const again = await copies.merge();
  assert.deepEqual(again.messages, [
    `Skipped run RUN0 of THERE: it is unfinished here, at step ${STEPS}, and at step ${STEPS} there`,
    "Skipped run RUN1 of THERE: it has begun there and has no checkpoint",
  ]);
  await trainStudy({ dir: copies.here, experiment: "01", engine: "onnx" });
  await assertWhole(copies, whole, "gone on");
});

Deno.test("mergeStudies() takes a finished run in the place of a shorter checkpoint, and none in the place of a longer one", async () => {
  const copies = scene(), whole = copies.copy("whole", "whole"), [run, other] = await copies.runsThere();
  const here = await Study.open(copies.here), shard = { index: 2, count: 2 };
  await trainStudy({ dir: copies.here, experiment: "01", engine: "onnx", shard, steps: STEPS / 2 });
  const shorter = await copies.merge();
  assert.deepEqual(
    shorter.problems,
    [0, 1, 2].map((i) =>
      `Cannot merge run RUN${i} of THERE: it is at step ${STEPS}, here it is at step ${STEPS / 2}, ` +
      "and their curves agree so far; the one here stays as it is"
    ),
  );
  assert.deepEqual(shorter.summary.came, [{ dir: copies.there, runs: 0 }]);

  makeUnfinished(here, run.key);
  assert.equal(
    copies.named(mergeInWords((await copies.merge()).summary)),
    "1 run was merged from THERE; 2 could not be merged",
  );
  await trainStudy({
    dir: copies.here,
    experiment: "01",
    engine: "onnx",
    shard,
    steps: 2 * STEPS,
    only: isOf(other.key),
  });
  makeUnfinished(here, other.key);
  const longer = await copies.merge();
  assert.deepEqual(longer.messages, [`Skipped run RUN1 of THERE: it is unfinished here, at step ${2 * STEPS}`]);
  await trainStudy({ dir: copies.here, experiment: "01", engine: "onnx" });
  const { loss } = (await here.readResult("01", run.key))!;
  assert.deepEqual(loss, (await (await Study.open(whole)).readResult("01", run.key))!.loss);
});

/** Whether a configuration is that of a run. */
function isOf(key: string) {
  return (config: CellConfig) => configId(config) === key;
}

Deno.test("mergeStudies() brings failed runs, and names one that has failed in one folder alone", async () => {
  const copies = scene(), [run, other] = await copies.runsThere(), there = await Study.open(copies.there);
  const failed = {
    failed: "the loss became NaN at step 7",
    failed_at_step: 7,
    failed_time: 1,
    loss_before_failure: [],
  };
  makeUnfinished(there, run.key, failed);
  assert.equal((await copies.merge()).summary.came[0].runs, HALF);
  assert.equal((await copies.merge()).summary.here, HALF);
  makeUnfinished(there, other.key, failed);
  const { summary, problems } = await copies.merge();
  assert.deepEqual([summary.here, summary.problems], [HALF - 1, 1]);
  assert.deepEqual(problems, [
    "Cannot merge run RUN1 of THERE: it failed there, and has finished here; the one here stays as it is",
  ]);
});

Deno.test("mergeStudies() leaves a run that a living process has, here or there, and brings the others", async () => {
  const copies = scene(), [run, other] = await copies.runsThere();
  const [here, there] = [await Study.open(copies.here), await Study.open(copies.there)];
  makeUnfinished(there, other.key);
  const claims = [[here, run.key], [there, other.key]] as const;
  const queues = await Promise.all(claims.map(async ([study, key]) => {
    const { queue } = await openStudyQueue(study);
    assert.ok(await queue.claim(claimKey("01", key)));
    return { queue, heart: heartbeat(queue, { timing: { beat: 0.1 } }) };
  }));
  try {
    const { summary, messages } = await copies.merge();
    assert.equal(copies.named(mergeInWords(summary)), "1 run was merged from THERE; 2 were left as they are");
    assert.deepEqual(messages.filter((line) => line.startsWith("Skipped ")).sort(), [
      "Skipped run RUN0 of THERE: another process is using it here",
      "Skipped run RUN1 of THERE: a process is training it there",
    ]);
  } finally {
    for (const { queue, heart } of queues) {
      heart[Symbol.dispose]();
      await queue.close();
    }
  }
});

Deno.test("mergeStudies() keeps the number of an attempt, and later ones here get a higher one", async () => {
  const copies = scene(), [run] = await copies.runsThere(), there = await Study.open(copies.there);
  editJson(there.resultPath("01", run.key), (result) => result.attempt = 5);
  await copies.merge();
  const here = await Study.open(copies.here);
  assert.equal((await here.readResult("01", run.key))!.attempt, 5);
  assert.equal(highestIn(here.attemptsFolder("01", run.key)), 6);
});

Deno.test("mergeStudies() brings results of version 0.7 as they are, with what a person has put into them", async () => {
  const copies = scene(), [run] = await copies.runsThere();
  const [here, there] = [await Study.open(copies.here), await Study.open(copies.there)];
  const path = there.resultPath("01", run.key);
  editJson(path, (result) => {
    delete result.attempt;
    Object.assign(result, { cellspace_version: "0.7.0", note: "mine" });
  });
  Deno.writeTextFileSync(path, ` ${Deno.readTextFileSync(path)} \n`);
  await Deno.remove(join(copies.there, "attempts_01_all"), { recursive: true });
  assert.equal((await copies.merge()).summary.came[0].runs, HALF);
  assert.equal(Deno.readTextFileSync(here.resultPath("01", run.key)), Deno.readTextFileSync(path));
});

Deno.test("mergeStudies() says on what runs were trained when that differs, and train says so before it begins", async () => {
  const copies = scene(), there = await Study.open(copies.there);
  for (const { key } of await copies.runsThere()) {
    editJson(there.resultPath("01", key), (result) => Object.assign(result, { engine: "webgpu", adapter: "GPU" }));
  }
  const onnx = /onnx \(ONNX Runtime CPU, \d+ cores?\)/;
  const { messages: [line] } = await copies.merge();
  assert.equal(
    line.replace(onnx, "ONNX"),
    "Finished runs were trained on 2 engines or adapters: ONNX: 3 runs, webgpu (GPU): 3 runs; their last digits may differ",
  );
  const [run] = await copies.runsThere(), said: string[] = [];
  Deno.removeSync((await Study.open(copies.here)).resultPath("01", run.key));
  Deno.removeSync((await Study.open(copies.here)).checkpointPath("01", run.key));
  const onMessage = (line: string) => void said.push(line.replace(onnx, "ONNX"));
  await trainStudy({ dir: copies.here, experiment: "01", engine: "onnx", onMessage });
  assert.ok(
    said.includes(
      "Finished runs were trained on webgpu (GPU): 2 runs; this process trains on ONNX: their last digits may differ",
    ),
    said.join("\n"),
  );
});

Deno.test("mergeStudies() leaves results of runs that are not listed, and says so", async () => {
  const copies = scene(), [run] = await copies.runsThere();
  for (const dir of [copies.here, copies.there]) {
    const path = join(dir, "rnn_configs.json"), entries: { id: string }[] = JSON.parse(Deno.readTextFileSync(path));
    Deno.writeTextFileSync(path, JSON.stringify(entries.filter(({ id }) => id !== run.key)));
  }
  const { summary, messages } = await copies.merge();
  assert.deepEqual(messages, ["1 result of THERE of a run that is not listed stays there: RUN0"]);
  assert.equal(copies.named(mergeInWords(summary)), "2 runs were merged from THERE");
});

Deno.test("mergeStudies() brings what was measured of a model, and not what was measured of another", async () => {
  const copies = scene(), [run, other] = await copies.runsThere(), settings = { streams: 1, tokens: 16, exponents: 2 };
  const there = await Study.open(copies.there), here = await Study.open(copies.here);
  const measured = { seed: 0, cellspace_version: CELLSPACE_VERSION, settings, not_measured: {}, seconds: 1 };
  const sum = (await modelSum(there, "01", run.key))!;
  for (const id of [run.key, other.key]) {
    await there.writeDynamics("01", id, { ...measured, id, model_sha256: sum });
  }
  await copies.merge();
  const path = here.dynamicsPath("01", run.key);
  assert.deepEqual(Deno.readFileSync(path), Deno.readFileSync(there.dynamicsPath("01", run.key)));
  assert.equal(await here.readDynamics("01", other.key), undefined);
});

Deno.test("mergeStudies() refuses to merge nothing", async () => {
  await assert.rejects(mergeStudies({ dir: scene().here, experiment: "01", from: [] }), {
    message: /^Cannot merge into .*: must have the folders, as --from$/,
  });
});
