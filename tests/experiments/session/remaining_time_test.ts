/** The time left that the bar of a trainer shows: it is that of `status`, whoever trains what. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { overviewOf } from "../../../experiments/queue/overview.ts";
import { STALE_SECONDS } from "../../../experiments/queue/queue.ts";
import { openSqliteQueue } from "../../../experiments/queue/sqlite_queue.ts";
import { claimKey, type ClaimsLook } from "../../../experiments/queue/study_queue.ts";
import type { TrainingProgress } from "../../../experiments/session/listener.ts";
import { SessionProgress } from "../../../experiments/session/progress.ts";
import { RemainingTime, type RemainingTimeOptions } from "../../../experiments/session/remaining_time.ts";
import type { TrainStudyOptions } from "../../../experiments/session/train_options.ts";
import { trainStudy } from "../../../experiments/session/training.ts";
import { busySeconds } from "../../../experiments/study/busy_seconds.ts";
import type { FinishedResult } from "../../../experiments/study/result.ts";
import type { Run } from "../../../experiments/study/runs.ts";
import { parseSelection } from "../../../experiments/study/selection.ts";
import type { Study } from "../../../experiments/study/store.ts";
import { trainingSettings } from "../../../experiments/study/training_settings.ts";
import { makeStudy } from "../../faults/studies.ts";
import { makeFollowedStudy } from "../../report/watch/followed_study.ts";
import { corpusFile } from "../corpus_file.ts";
import { tempFolder } from "../folder.ts";

const SIZES = { layers: [1, 2], state_sizes: [8], steps: 300 };

/** A study with nothing done, results that its runs might have, and trainers whose clocks a test moves. */
async function begin(dir: string) {
  const { study, runs, resultOf, write } = await makeFollowedStudy(dir, SIZES);
  const settings = trainingSettings(study.settings, "01");
  const start = Date.now() / 1000;
  let seconds = 0;
  const time = { now: () => start + seconds, clock: () => 1000 * seconds };
  return {
    study,
    runs,
    settings,
    ...time,
    /** Lets so many seconds pass. */
    pass: (more: number) => void (seconds += more),
    /** Writes what a run has come to that took so many seconds up to now. */
    async finish(run: Run, train_seconds: number): Promise<void> {
      const end = time.now();
      await write({ ...resultOf(run), "start time": end - train_seconds, "end time": end, train_seconds });
    },
    trainer: (options: Partial<RemainingTimeOptions> = {}) =>
      new RemainingTime({ study, experiment: "01", settings, runs: () => runs, ...time, ...options }),
    /** What `status` says. */
    async status(only?: string): Promise<number | undefined> {
      const selection = only === undefined ? undefined : parseSelection(only, study.space);
      return (await overviewOf(dir, "01", { now: time.now(), only: selection })).seconds_left;
    },
  };
}

/** What a trainer's listener is told of the time left. */
function toldBy(trainer: RemainingTime, { settings, runs }: Awaited<ReturnType<typeof begin>>): number | undefined {
  const told: TrainingProgress[] = [];
  const progress = new SessionProgress({
    runs: runs.length,
    settings,
    listener: { onProgress: (now) => void told.push(now) },
    waiting: () => runs,
    claimed: () => [],
    secondsLeft: () => trainer.seconds,
  });
  progress.prepare(1, 2);
  return told[0].seconds_left;
}

function assertClose(told: number | undefined, expected: number | undefined): void {
  assert.ok(told !== undefined && expected !== undefined && Math.abs(told - expected) < 1e-6, `${told}, ${expected}`);
}

Deno.test("two trainers tell the time left that status tells, and count down until they look again", async () => {
  await using temp = await tempFolder();
  const scene = await begin(temp.path), { runs, pass, finish, status } = scene;
  const one = scene.trainer(),
    two = scene.trainer(),
    mine = await openSqliteQueue(scene.study.queuePath, { owner: "one" });
  const other = await openSqliteQueue(scene.study.queuePath, { owner: "two" });
  const [a, b, c, d] = runs, keyOf = ({ key }: Run) => claimKey("01", key);
  const look = async () => {
    await Promise.all([one.look(), two.look()]);
    return await status();
  };
  try {
    await mine.claim(keyOf(a));
    await other.claim(keyOf(b));
    assert.deepEqual([await look(), toldBy(one, scene), toldBy(two, scene)], [undefined, undefined, undefined]);
    pass(5);
    await finish(a, 5);
    await mine.release(keyOf(a));
    await mine.claim(keyOf(c));
    await other.beat(new Map([[keyOf(b), 200]]));
    const first = await look();
    assert.ok(first! > 60, `${first}`);
    assertClose(toldBy(one, scene), first);
    assertClose(toldBy(two, scene), first);
    pass(2);
    assertClose(toldBy(one, scene), first! - 2);
    pass(1);
    // What the other has done is known here too: two runs in eight seconds, not one.
    await finish(b, 8);
    await other.release(keyOf(b));
    await other.claim(keyOf(d));
    await mine.beat(new Map([[keyOf(c), 150]]));
    const second = await look();
    assert.ok(second! < first!);
    assertClose(toldBy(one, scene), second);
    assertClose(toldBy(two, scene), second);
    pass(second! + 10);
    assert.equal(toldBy(one, scene), 0, "it is late, and does not count below nothing");
  } finally {
    await mine.close();
    await other.close();
  }
});

Deno.test("a trainer of some runs tells the time left that they take", async () => {
  await using temp = await tempFolder();
  const scene = await begin(temp.path), { runs, finish, status, study } = scene;
  const only = "n_layers=2", isMeant = parseSelection(only, study.space);
  const meant = runs.filter(({ entry }) => isMeant(entry.config));
  const rest = runs.filter((run) => !meant.includes(run));
  await finish(rest[0], 10);
  const selected = scene.trainer({ runs: () => meant });
  await selected.look();
  assert.equal(await status(only), undefined, "none of these has finished");
  assert.equal(selected.seconds, undefined);
  scene.pass(30);
  await finish(meant[0], 7);
  const whole = scene.trainer();
  await Promise.all([selected.look(), whole.look()]);
  assertClose(selected.seconds, await status(only));
  assertClose(selected.seconds, 7 * (meant.length - 1));
  assertClose(whole.seconds, await status());
  assert.ok(whole.seconds! > selected.seconds!);

  // A share, or as many runs as a limit leaves: those that a call names, from one look to the next.
  let left = meant.slice(0, 5);
  const limited = scene.trainer({ runs: () => left });
  await limited.look();
  assertClose(limited.seconds, 7 * 4);
  left = meant.slice(0, 3);
  await limited.look();
  assertClose(limited.seconds, 7 * 2);

  // Other steps than the study's: 500 in place of 300.
  const further = scene.trainer({ runs: () => meant, settings: { ...scene.settings, steps: 500 } });
  await further.look();
  assertClose(further.seconds, 7 / 300 * (200 + 500 * (meant.length - 1)));
});

Deno.test("a trainer tells no time left where it is unknown which processes train, and holds nobody up", async () => {
  await using temp = await tempFolder();
  const scene = await begin(temp.path), { runs, finish, pass } = scene;
  await finish(runs[0], 10);
  let answer = (): Promise<ClaimsLook> => Promise.resolve({ claims: [], isElsewhere: () => false });
  const trainer = scene.trainer({ claims: () => answer() });
  await trainer.look();
  assertClose(trainer.seconds, await scene.status());

  answer = () => Promise.resolve({ claims: [], isElsewhere: () => false, problem: "the server is away" });
  await trainer.look();
  assert.equal(trainer.seconds, undefined);
  answer = () => Promise.reject(new Error("something else"));
  await trainer.look();
  assert.equal(trainer.seconds, undefined);

  // A server that does not answer: for a while what it has said last counts.
  answer = () => Promise.resolve({ claims: [], isElsewhere: () => false });
  await trainer.look();
  const { promise, resolve } = Promise.withResolvers<ClaimsLook>(), before = trainer.seconds!;
  let asked = 0;
  answer = () => {
    asked++;
    return promise;
  };
  const pending = trainer.look();
  pass(STALE_SECONDS);
  assertClose(trainer.seconds, before - STALE_SECONDS);
  pass(1);
  assert.equal(trainer.seconds, undefined);
  await trainer.look();
  resolve({ claims: [], isElsewhere: () => false });
  await pending;
  assert.equal(asked, 1, "a look that is under way is the only one");
  assertClose(trainer.seconds, await scene.status());
  await trainer.end();
});

Deno.test(
  "a trainer looks no more often than a look is cheap, sees what has changed, and stops at its end",
  async () => {
    await using temp = await tempFolder();
    const scene = await begin(temp.path), { runs, finish, pass } = scene;
    await finish(runs[0], 10);
    let looks = 0;
    const trainer = scene.trainer({
      claims() {
        looks++;
        // It takes a second.
        pass(1);
        return Promise.resolve({ claims: [], isElsewhere: () => false });
      },
    });
    await trainer.look();
    const first = trainer.seconds!;
    pass(19);
    await finish(runs[1], 10);
    await trainer.look();
    assert.equal(looks, 1);
    assertClose(trainer.seconds, first - 19);
    pass(1);
    await trainer.look();
    assert.equal(looks, 2);
    assertClose(trainer.seconds, await scene.status());
    await trainer.end();
    pass(100);
    await trainer.look();
    assert.equal(looks, 2);
  },
);

/** Trains a study whose runs would take long until its listener is told the time left, or for so long that it never is. */
async function toldOnce(study: Study, options: Partial<TrainStudyOptions>): Promise<TrainingProgress> {
  const stop = new AbortController(), told: TrainingProgress[] = [];
  await trainStudy({
    dir: study.dir,
    experiment: "01",
    engine: "onnx",
    parallel: 1,
    steps: LONG,
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]),
    timing: { beat: 0.05 },
    onProgress(progress) {
      told.push(progress);
      if (progress.seconds_left !== undefined) stop.abort();
    },
    ...options,
  });
  const last = told.findLast(({ seconds_left }) => seconds_left !== undefined);
  assert.ok(last, "nothing was told in a minute");
  return last;
}

/** Steps that take longer than a test. */
const LONG = 1_000_000;

Deno.test("train tells its listener the time left of all its runs, with a limit of those that it takes", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const corpus = corpusFile(dir);
  const study = await makeStudy(join(dir, "study"), { runs: 3, steps: 100, history: 51, logEvery: 10, corpus });
  const first = { dir: study.dir, experiment: "01", engine: "onnx", parallel: 1 } as const,
    told: TrainingProgress[] = [];
  await trainStudy({ ...first, limit: 1, onProgress: (progress) => void told.push(progress) });
  assert.ok(
    told.length && told.every(({ seconds_left }) => seconds_left === undefined),
    "the only run has not finished",
  );
  const { results: [done] } = await study.readResults("01");
  const perStep = busySeconds([done as FinishedResult]) / done.steps_done!;
  // What has been trained meanwhile, and the clock, take little of it.
  const assertRuns = ({ seconds_left }: TrainingProgress, runs: number) => {
    const whole = runs * LONG * perStep;
    assert.ok(seconds_left! > 0.9 * whole && seconds_left! <= whole, `${seconds_left}, ${whole}`);
  };
  assertRuns(await toldOnce(study, {}), 3);
  // The one that has steps already comes first.
  assertRuns(await toldOnce(study, { limit: 1 }), 1);
});
