/** `dynamics` that is killed, or stopped, at any moment leaves whole files and nothing else, and the next call goes on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readClaims } from "../../experiments/queue/sqlite_queue.ts";
import type { Run } from "../../experiments/study/runs.ts";
import type { Study } from "../../experiments/study/store.ts";
import { makeSmallStudy, SmallStudy, TRAINED } from "../experiments/small_study.ts";
import { drawsOf } from "./draws.ts";
import { processOf, sleep, Training } from "./processes.ts";
import { tempFolder } from "./studies.ts";

/** Some seconds for each run. */
const FLAGS = ["--streams", "1", "--bytes", "1500", "--parallel", "2"];
/** Its test split has room for that. */
const CORPUS_BYTES = 44_000;

/** What was measured of each run, but for how long it took; undefined where nothing was. Reading it checks it. */
function measuredOf(study: Study, runs: readonly Run[]) {
  return Promise.all(
    runs.slice(0, TRAINED).map(async ({ key }) => {
      const dynamics = await study.readDynamics("01", key);
      return dynamics && { ...dynamics, seconds: 0 };
    }),
  );
}

const isWhole = <T>(measured: readonly (T | undefined)[]) => measured.every((each) => each !== undefined);

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test(
  "dynamics, killed at random moments, ends with the numbers of an undisturbed one, and changes no other file",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const plan = join(dir, "plan"), { note, random } = drawsOf("kills of dynamics");
    await makeSmallStudy(plan, CORPUS_BYTES);
    const quiet = await SmallStudy.copy(plan, join(dir, "quiet"));
    {
      await using undisturbed = Training.startDynamics(quiet.dir, ...FLAGS);
      await undisturbed.succeed();
    }
    const wanted = await measuredOf(quiet.study, quiet.runs);
    assert.ok(isWhole(wanted));

    const killed = await SmallStudy.copy(plan, join(dir, "killed")), before = killed.files();
    for (let kills = 0; kills < 4; kills++) {
      await using measuring = Training.startDynamics(killed.dir, ...FLAGS);
      const holds = () => readClaims(killed.queue).some(({ owner }) => processOf(owner) === measuring.pid);
      // What is left may be claimed by dead processes: then it waits, and dies waiting.
      await measuring.until(
        "it is at work",
        () => measuring.hasEnded || measuring.out.some((line) => line.startsWith("Other processes")) || holds(),
      );
      await sleep(random() * 2000);
      if (!await measuring.kill()) {
        break;
      }
      // No file is half of one, whatever the moment; unfinished ones lie in the study's folder.
      await measuredOf(killed.study, killed.runs);
      const names = namesIn(join(killed.dir, "dynamics_01_all"));
      assert.ok(names.every((name) => /^[0-9a-f]{64}\.json$/.test(name)), `${names}, ${note}`);
    }
    await using rest = Training.startDynamics(killed.dir, ...FLAGS);
    await rest.succeed();
    assert.deepEqual(await measuredOf(killed.study, killed.runs), wanted, note);
    const after = killed.files();
    for (const [path, sum] of before) assert.equal(after.get(path), sum, `${path}, ${note}`);
  },
);

Deno.test("dynamics stops at Ctrl-C, gives its runs back, says how to go on, and goes on", async () => {
  await using temp = await tempFolder();
  const plan = join(temp.path, "plan");
  await makeSmallStudy(plan, CORPUS_BYTES);
  const small = await SmallStudy.copy(plan, join(temp.path, "study"));
  await using measuring = Training.startDynamics(small.dir, ...FLAGS);
  await measuring.untilAtWork("it has a run", () => readClaims(small.queue).length > 0);
  measuring.signal("SIGINT");
  const { code } = await measuring.ended();
  assert.equal(code, 130, measuring.transcript);
  assert.deepEqual(measuring.err, [
    "Stopping; press Ctrl-C again to stop at once",
    "dynamics: stopped; run the same command to measure the rest",
  ]);
  assert.deepEqual(readClaims(small.queue), []);
  await using rest = Training.startDynamics(small.dir, ...FLAGS);
  await rest.succeed();
  assert.ok(isWhole(await measuredOf(small.study, small.runs)));
});
