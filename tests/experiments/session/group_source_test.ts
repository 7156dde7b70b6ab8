/** The runs of a group in a session: who joins it, how they leave, and what becomes of those that cannot be written. */
import { GATED } from "../../../cells/factors.ts";
import assert from "node:assert/strict";
import { configId, describeConfig } from "../../../cells/config.ts";
import { UserError } from "../../../cells/errors.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import type { ClaimTable } from "../../../experiments/queue/queue.ts";
import { ClaimLost } from "../../../experiments/queue/study_queue.ts";
import { GroupSource, type GroupSourceOptions } from "../../../experiments/session/group_source.ts";
import { Outcomes } from "../../../experiments/session/outcomes.ts";
import type { TrainingListener, TrainingProgress } from "../../../experiments/session/listener.ts";
import { SessionProgress } from "../../../experiments/session/progress.ts";
import { Scheduler } from "../../../experiments/session/scheduler.ts";
import { WriteFailure } from "../../../experiments/study/files.ts";
import { shortKey } from "../../../experiments/study/run_key.ts";
import type { Run } from "../../../experiments/study/runs.ts";

import { totalSteps } from "../../../train/training/settings.ts";
import { cellJob, trainedRun, trainingRun } from "../../../train/training/training_run.ts";
import { syntheticResults } from "../../report/synthetic_results.ts";
import { openQueues, queueWith } from "../queue/queues.ts";

const settings = { steps: 30, batch: 3, history: 11, log_every: 4 };
const config = { ...SMALL_CONFIG, state_size: 4 }, entry = { id: configId(config), config };
const RUNS: readonly Run[] = Array.from({ length: 4 }, (_, seed) => ({ key: `${entry.id}_seed${seed}`, entry, seed }));
const [record] = syntheticResults({ layers: [1], state_sizes: [8], steps: 300 });

const state = { steps_done: 30, smoothed_loss: 2, curve: [], seconds: 1, tensors: new Map() };

/** Files that are all as they should be. */
const GOOD_FILES: GroupSourceOptions["files"] = {
  start(run) {
    const { step } = trainingRun(cellJob({ config, seed: run.seed }), settings);
    return Promise.resolve({ ...run, step, record, legs: [] });
  },
  save: () => Promise.resolve(),
  finish: () => Promise.resolve({ result: { ...record, train_seconds: 1 }, model: new Uint8Array(1) }),
};

/** A listener that keeps all that it is told. */
function recordedListener() {
  const told: TrainingProgress[] = [], lines: string[] = [], problems: string[] = [];
  const listener: TrainingListener = {
    onProgress: (progress) => void told.push(progress),
    onMessage: (line) => void lines.push(line),
    onProblem: (line) => void problems.push(line),
  };
  return { told, lines, problems, listener };
}

function sourceOf(queue: ClaimTable, change: Partial<GroupSourceOptions["files"]> = {}, refill = true) {
  const scheduler = new Scheduler(RUNS, { queue, experiment: "01" }), models: Run[] = [];
  const shown = recordedListener();
  const progress = new SessionProgress({
    runs: RUNS.length,
    settings,
    listener: shown.listener,
    waiting: () => scheduler.waiting,
    claimed: () => scheduler.claimed,
  });
  const outcomes = new Outcomes(scheduler, progress, GATED), failed = new AbortController();
  const source = new GroupSource({
    files: { ...GOOD_FILES, ...change },
    scheduler,
    progress,
    outcomes,
    refill,
    retryFailed: false,
    onModel: (run) => models.push(run),
    onError: () => failed.abort(),
  });
  /** Claims the first run for the group. */
  const begin = async () => (await source.start((await scheduler.next([]))!))!;
  return { source, scheduler, progress, outcomes, failed, models, begin, shown };
}

Deno.test("GroupSource.next() keeps what goes wrong with the next run from the group", async () => {
  await using bench = await openQueues();
  const broken = new Error("the queue is gone");
  let claims = 0;
  const queue = await bench.open("a");
  const failing = queueWith(queue, { claim: (key) => ++claims === 1 ? queue.claim(key) : Promise.reject(broken) });
  const { source, begin, failed } = sourceOf(failing);
  const first = await begin();
  assert.equal(await source.next([first]), undefined);
  assert.deepEqual([source.error, failed.signal.aborted, claims], [broken, true, 2]);
});

Deno.test("GroupSource.next() claims none for a group that is to end", async () => {
  await using bench = await openQueues();
  const { source, begin, scheduler } = sourceOf(await bench.open("a"));
  const first = await begin();
  assert.equal(await source.next([]), undefined, "all have left: their worker makes a new group");
  const second = (await source.next([first]))!;
  assert.equal(second.key, RUNS[1].key);
  source.writeFailed.push({ run: RUNS[1], error: new WriteFailure("Cannot write: no space left") });
  assert.equal(await source.next([first]), undefined, "a run is to be tried again");
  const again = sourceOf(await bench.open("b"), {}, false);
  assert.equal(await again.source.next([await again.begin()]), undefined, "it was not to be refilled");
  assert.deepEqual(scheduler.claimed, RUNS.slice(0, 2));
});

Deno.test("GroupSource.next() goes on to the next run when one cannot join", async () => {
  await using bench = await openQueues();
  const problems: readonly Error[] = [new ClaimLost(), new UserError("Cannot read it: it is damaged")];
  const start = (run: Run, retry: boolean) => {
    const problem = problems[run.seed - 1];
    return problem ? Promise.reject(problem) : GOOD_FILES.start(run, retry);
  };
  const { source, begin, outcomes, scheduler, shown } = sourceOf(await bench.open("a"), { start });
  assert.equal((await source.next([await begin()]))?.key, RUNS[3].key);
  assert.deepEqual([outcomes.taken, outcomes.problems, scheduler.claimed], [1, 1, [RUNS[0], RUNS[3]]]);
  assert.match(shown.problems.join(), /^Cannot read it: it is damaged; run \S+ is skipped$/);
});

Deno.test("GroupSource.finished() hands a model on, and keeps the claim for its score", async () => {
  await using bench = await openQueues();
  const { source, begin, outcomes, models, scheduler } = sourceOf(await bench.open("a"));
  const run = await begin();
  await source.finished(run, trainedRun(run, state, []));
  assert.deepEqual([outcomes.finished, models, scheduler.claimed], [1, [RUNS[0]], [RUNS[0]]]);
  assert.deepEqual(source.takeBack(), []);
});

for (
  const [what, error, failed, taken] of [
    ["keeps a run to be tried again that could not be written", new WriteFailure("Cannot write: no space left"), 1, 0],
    ["lets go of a run that another process has by now", new ClaimLost(), 0, 1],
  ] as const
) {
  Deno.test(`GroupSource.finished() ${what}`, async () => {
    await using bench = await openQueues();
    const { source, begin, outcomes, models, scheduler } = sourceOf(await bench.open("a"), {
      finish: () => Promise.reject(error),
    });
    const run = await begin();
    await source.finished(run, trainedRun(run, state, []));
    assert.deepEqual([outcomes.finished, outcomes.taken, models], [0, taken, []]);
    assert.deepEqual(source.writeFailed, failed ? [{ run: RUNS[0], error }] : []);
    assert.deepEqual([scheduler.claimed.length, source.takeBack()], [failed, []]);
  });
}

Deno.test("GroupSource.finished() throws what is no matter of one run, which stays in the group", async () => {
  await using bench = await openQueues();
  const broken = new Error("odd"),
    { source, begin } = sourceOf(await bench.open("a"), { finish: () => Promise.reject(broken) });
  const run = await begin();
  await assert.rejects(source.finished(run, trainedRun(run, state, [])), (error) => error === broken);
  assert.deepEqual(source.takeBack(), [RUNS[0]]);
});

Deno.test("GroupSource.refused() hands a run out again", async () => {
  await using bench = await openQueues();
  const { source, begin, scheduler } = sourceOf(await bench.open("a"));
  await source.refused(await begin());
  assert.deepEqual([scheduler.claimed, source.takeBack()], [[], []]);
  assert.equal(await scheduler.next([]), RUNS[0]);
});

Deno.test("GroupSource.stopIfLost() stops a group that is lost as a whole, and no other", async () => {
  await using bench = await openQueues();
  const { source, begin, scheduler } = sourceOf(await bench.open("a"));
  source.stopIfLost();
  assert.ok(!source.stop.signal.aborted, "it has no run yet");
  const first = await begin(), second = (await source.next([first]))!;
  scheduler.lose([`01/${first.key}`]);
  source.stopIfLost();
  assert.deepEqual([source.isLost(first), source.isLost(second), source.stop.signal.aborted], [true, false, false]);
  scheduler.lose([`01/${second.key}`]);
  source.stopIfLost();
  assert.ok(source.stop.signal.aborted);
});

Deno.test("SessionProgress tells where the runs in hand are, until each is let go", async () => {
  await using bench = await openQueues();
  const { source, begin, progress, outcomes } = sourceOf(await bench.open("a"));
  const first = await begin(), second = (await source.next([first]))!;
  source.progress([{ run: first, step: 12, loss: 2 }]);
  assert.deepEqual([...progress.steps], [[first.key, 12], [second.key, 0]]);
  await source.finished(first, trainedRun(first, state, []));
  assert.deepEqual([...progress.steps.keys()], [first.key, second.key], "it is yet to be scored");
  await outcomes.release(first);
  await source.lost(second);
  assert.deepEqual([...progress.steps], []);
});

Deno.test("SessionProgress counts the steps of all runs from the first claim to the last score", async () => {
  await using bench = await openQueues();
  const queue = await bench.open("a"), perRun = totalSteps(settings, 1), all = RUNS.length * perRun;
  let show = () => {};
  const watched = queueWith(queue, {
    claim: (key) => (show(), queue.claim(key)),
    release: (key) => (show(), queue.release(key)),
  });
  // A run's files are read before it begins: the others train meanwhile.
  const start: typeof GOOD_FILES.start = (run, retry) => (show(), GOOD_FILES.start(run, retry));
  const { source, begin, progress, outcomes, shown } = sourceOf(watched, { start });
  const totals = () => [...new Set(shown.told.splice(0).map(({ steps }) => steps))];
  const first = await begin();
  show = () => source.progress([{ run: first, step: 12, loss: 2.5 }]);
  const second = (await source.next([first]))!;
  show();
  assert.equal(shown.told.length, 3, "it is shown while the claim is made, while files are read, and after");
  const running = (run: Run, step: number, loss?: number) => ({
    key: run.key,
    step,
    steps: perRun,
    ...(loss === undefined ? {} : { loss }),
  });
  assert.deepEqual(shown.told.at(-1), {
    runs_done: 0,
    runs: RUNS.length,
    steps_done: 12,
    steps: all,
    running: [running(first, 12, 2.5), running(second, 0)],
  });
  assert.deepEqual(totals(), [all]);

  await source.refused(second);
  assert.deepEqual(totals(), [all], "while a run is put back");

  const third = (await source.next([first]))!;
  source.progress([{ run: first, step: perRun, loss: 2 }, { run: third, step: 10, loss: 3 }]);
  await source.finished(first, trainedRun(first, state, []));
  show = () => source.progress([{ run: third, step: 20, loss: 2.75 }]);
  await outcomes.release(first);
  const counts = { runs: RUNS.length, steps: all, lowest: record["min loss"] };
  assert.deepEqual(shown.told.at(-1), {
    ...counts,
    runs_done: 1,
    steps_done: perRun + 20,
    running: [running(third, 20, 2.75)],
  });
  source.progress([{ run: third, step: perRun, loss: 2.5 }]);
  await source.finished(third, trainedRun(third, state, []));
  source.progress([]);
  assert.deepEqual(shown.told.at(-1), {
    ...counts,
    runs_done: 2,
    steps_done: 2 * perRun,
    running: [running(third, perRun)],
  }, "a run that is scored has no loss");
  assert.deepEqual(totals(), [all]);
  assert.equal(progress.steps.get(third.key), perRun);
});

Deno.test("SessionProgress counts no steps of a run that is dropped, also where the queue fails", async () => {
  await using bench = await openQueues();
  for (const release of [undefined, () => Promise.reject(new Error("database is locked"))]) {
    const queue = await bench.open(release ? "b" : "a");
    const { begin, source, outcomes, scheduler, shown } = sourceOf(release ? queueWith(queue, { release }) : queue);
    const first = await begin(), second = (await source.next([first]))!;
    await outcomes.drop(RUNS[1]);
    source.progress([{ run: first, step: 1, loss: 2 }]);
    assert.equal(shown.told.at(-1)?.steps, (RUNS.length - 1) * totalSteps(settings, 1));
    const said = `Cannot release the claim on run ${shortKey(second.key)}: database is locked`;
    assert.deepEqual(shown.lines, release ? [said] : []);
    assert.deepEqual(scheduler.unreleased.map(({ key }) => key), release ? [second.key] : []);
    await queue.release(`01/${first.key}`);
    await queue.release(`01/${second.key}`);
  }
});

Deno.test(
  "GroupSource.save() is silent when the claim is lost, and says what else keeps it from writing",
  async () => {
    await using bench = await openQueues();
    const errors: readonly Error[] = [new ClaimLost(), new WriteFailure("Cannot write x: no space left")];
    let saves = 0;
    const { source, begin, shown } = sourceOf(await bench.open("a"), { save: () => Promise.reject(errors[saves++]) });
    const run = await begin();
    await source.save(run, state);
    assert.deepEqual(shown.lines, []);
    await source.save(run, state);
    assert.deepEqual([saves, shown.lines], [2, [
      `Run ${shortKey(run.key)} continues without a new checkpoint: Cannot write x: no space left`,
    ]]);
  },
);

Deno.test("Outcomes.fail() counts a run that has broken down, says why, and releases its claim", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const failed = "the loss became NaN at step 3";
  const finish = () => Promise.resolve({ result: { ...record, failed } });
  const [a, b] = [await open("a"), await open("b")],
    { source, begin, outcomes, models, scheduler, shown } = sourceOf(a, { finish });
  const run = await begin();
  await source.finished(run, trainedRun(run, state, []));
  assert.deepEqual([outcomes.failed, outcomes.finished, outcomes.problems, models], [1, 0, 0, []]);
  assert.deepEqual(shown.lines, [`${shortKey(run.key)}  failed: ${failed} (${describeConfig(config)})`]);
  assert.deepEqual([scheduler.claimed, source.takeBack(), await b.claim(`01/${run.key}`)], [[], [], true]);
});

Deno.test(
  "Outcomes.giveUp() throws the third problem in a row, a run that broke down between ends the row",
  async () => {
    await using bench = await openQueues();
    const { outcomes, scheduler, shown } = sourceOf(await bench.open("a")), driver = new Error("odd");
    const take = async () => (await scheduler.next([]))!;
    await outcomes.giveUp(await take(), driver);
    await outcomes.fail(await take(), "the loss became NaN at step 3");
    await outcomes.giveUp(await take(), driver);
    await outcomes.giveUp(await take(), driver);
    assert.deepEqual([outcomes.problems, outcomes.failed, shown.problems.length], [3, 1, 3]);
    await assert.rejects(outcomes.giveUp(RUNS[0], driver), (error) => error === driver);
  },
);
