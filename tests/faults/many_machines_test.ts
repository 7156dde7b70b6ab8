/** Training by several processes whose claims lie on a PostgreSQL server, in one folder and in two. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { copiesName } from "../../experiments/queue/copies_name.ts";
import { postgresClaimReader } from "../../experiments/queue/postgres_jobs.ts";
import { parseQueueUrl } from "../../experiments/queue/queue_url.ts";
import type { Claim } from "../../experiments/queue/queue.ts";
import { claimKey, runInClaim } from "../../experiments/queue/study_queue.ts";
import { isFinished, isUnderWay } from "../../experiments/study/result.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import type { Study } from "../../experiments/study/store.ts";
import { NO_POSTGRES, PASSWORD, PostgresServer } from "./postgres.ts";
import { drawsOf } from "./draws.ts";
import { processOf, SHORT_INTERVALS, sleep, Training, type TrainingOptions, until } from "./processes.ts";
import { stopAmidRun } from "./stopped.ts";
import {
  assertFinishedOnce,
  assertSameRuns,
  copyOf,
  finishedRuns,
  planAndQuiet,
  quietAndStudy,
  resultsOf,
  tempFolder,
} from "./studies.ts";

/** The least that pg-boss takes. */
const HEARTBEAT_SECONDS = 10;

/** Nobody alive may be mistaken for dead, however busy the machine is. */
const OPTIONS: TrainingOptions = { ...SHORT_INTERVALS, beat: 1, stale: HEARTBEAT_SECONDS, parallel: 1, pause: 2 };

/** The claims of a process. */
async function claimsOf(server: PostgresServer, study: Study, { pid }: Training): Promise<Claim[]> {
  const claims = await postgresClaimReader(parseQueueUrl(server.url()), copiesName(study.settings)).claims();
  return claims.filter(({ owner }) => processOf(owner) === pid);
}

/** Stops a process amid a run that it has claimed; returns the run's key. */
async function stopAtWork(server: PostgresServer, study: Study, training: Training): Promise<string> {
  return await stopAmidRun(study, (name) => training.signal(name), async () => {
    let key: string | undefined;
    await training.untilAtWork("it has a run", async () => {
      const results = await resultsOf(study);
      const keys = (await claimsOf(server, study, training)).map(runInClaim).filter((key) => key !== undefined);
      key = keys.find((key) => results.has(key) && isUnderWay(results.get(key)!));
      return key !== undefined;
    });
    return key!;
  });
}

/** Another process has a run, or has finished it. */
async function isTakenOver(
  server: PostgresServer,
  study: Study,
  key: string,
  others: readonly Training[],
): Promise<boolean> {
  for (const other of others) {
    if (other.finished.includes(shortKey(key))) return true;
    if ((await claimsOf(server, study, other)).some((claim) => claim.key === claimKey("01", key))) return true;
  }
  return false;
}

/** Neither what processes printed nor any file or row holds the password, in either spelling. */
async function assertNoPassword(dir: string, server: PostgresServer, trainings: readonly Training[]): Promise<void> {
  const secrets = [PASSWORD, encodeURIComponent(PASSWORD)];
  const texts = [...trainings.map(({ transcript }) => transcript), await server.dump()];
  for await (const path of filesUnder(dir)) texts.push(new TextDecoder("latin1").decode(await Deno.readFile(path)));
  for (const text of texts) assert.ok(!secrets.some((secret) => text.includes(secret)), text.slice(0, 1000));
}

async function* filesUnder(dir: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    const path = join(dir, name);
    if (isDirectory) yield* filesUnder(path);
    else yield path;
  }
}

Deno.test(
  "three processes finish each of 24 runs once: one sleeps, one is killed, and the server is started again",
  { ignore: NO_POSTGRES },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { note, random } = drawsOf("three processes");
    const { quiet, study } = await quietAndStudy(dir, { runs: 24, steps: 300, history: 101 });
    await using server = await PostgresServer.start();
    await using all = new AsyncDisposableStack();
    const queue = server.url({ password: "" }), env = { PGPASSWORD: PASSWORD };
    const start = () => all.use(Training.start(study.dir, { ...OPTIONS, queue, env }));
    const trainings = Array.from({ length: 3 }, start), [sleeper, victim, third] = trainings;
    await until("runs are finished", async () => (await finishedRuns(study)).length >= 2);

    const key = await stopAtWork(server, study, sleeper);
    await server.stop(random() < 0.5 ? "fast" : "immediate");
    await sleep(3000);
    await server.start();

    await victim.untilAtWork("it has a run", async () => (await claimsOf(server, study, victim)).length > 0);
    await sleep(random() * 300);
    assert.ok(await victim.kill(), `${note}\n${victim.transcript}`);
    // Results that it may have written without having said so.
    const unsaid = new Set(await finishedRuns(study));
    assert.ok(unsaid.size < 20, `${unsaid.size} were finished too early, ${note}`);

    // What others hold comes last.
    for (const finished of [12, 20]) {
      await until(
        "the third goes on",
        async () => (await finishedRuns(study)).length >= finished,
        () => third.transcript,
      );
    }
    await until("it has the sleeper's run", () => isTakenOver(server, study, key, [third]), () => third.transcript);
    sleeper.signal("SIGCONT");
    for (const training of [sleeper, third]) await training.succeed();
    await assertFinishedOnce(study, trainings, unsaid, note);
    assert.ok(sleeper.out.some((line) => line.startsWith(`${shortKey(key)}  was taken over`)), sleeper.transcript);
    await assertSameRuns(study, quiet, note);
    assert.deepEqual(await server.sql("SELECT state FROM cellspace.job WHERE state = 'active'", "sweeps"), []);
    await assertNoPassword(dir, server, trainings);
  },
);

Deno.test(
  "two processes in folders of their own train no run twice, and one that wakes up writes nothing",
  { ignore: NO_POSTGRES },
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const { plan, quiet } = await planAndQuiet(dir, { runs: 8, steps: 600, history: 201 });
    const studies = [await copyOf(plan, join(dir, "here")), await copyOf(plan, join(dir, "there"))];
    await using server = await PostgresServer.start();
    await using all = new AsyncDisposableStack();
    const start = ({ dir }: Study) =>
      all.use(Training.start(dir, { ...OPTIONS, env: { CELLSPACE_QUEUE: server.url() } }));
    const trainings = studies.map(start);
    const [sleeper, other] = trainings, [here, there] = studies;

    const key = await stopAtWork(server, here, sleeper);
    await until("the other process has its run", () => isTakenOver(server, there, key, [other]));
    const written = await timesOf(here, key);
    sleeper.signal("SIGCONT");
    for (const training of trainings) await training.succeed();
    assert.deepEqual(await timesOf(here, key), written, sleeper.transcript);
    assert.ok(sleeper.out.some((line) => line.startsWith(`${shortKey(key)}  was taken over`)), sleeper.transcript);

    const [mine, theirs] = [await finishedRuns(here), await finishedRuns(there)];
    assert.ok(!mine.includes(key) && theirs.includes(key));
    assert.deepEqual([...mine, ...theirs].sort(), (await plan.runs("01")).map(({ key }) => key).sort());
    // Whoever is through first has heard of what the other has finished by then.
    const again = start(here);
    await again.succeed();
    assert.match(again.transcript, new RegExp(`"finished":0,.*"others":0,"elsewhere":${theirs.length},`));
    await assertSameRuns(await joined(plan, studies, join(dir, "joined")), quiet, "joined");
    await assertNoPassword(dir, server, [...trainings, again]);
  },
);

/** When a run's files were put where they are; null where there is none. */
async function timesOf(study: Study, key: string): Promise<(Date | null)[]> {
  const paths = [study.resultPath("01", key), study.modelPath("01", key), study.checkpointPath("01", key)];
  return await Promise.all(paths.map((path) => Deno.stat(path).then(({ mtime }) => mtime, () => null)));
}

/** A copy of a study with the files of each run from the folder that has it finished. */
async function joined(plan: Study, studies: readonly Study[], dir: string): Promise<Study> {
  const whole = await copyOf(plan, dir);
  await whole.makeRunFolders("01");
  for (const study of studies) {
    for (const [key, result] of await resultsOf(study)) {
      if (!isFinished(result)) continue;
      for (const path of ["resultPath", "modelPath", "checkpointPath"] as const) {
        await Deno.copyFile(study[path]("01", key), whole[path]("01", key));
      }
    }
  }
  return whole;
}
