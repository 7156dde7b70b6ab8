/** Estimates of training times: the arithmetic with planted numbers, the measurement with a clock that a test sets, and one that is real. */
import assert from "node:assert/strict";
import { type CellConfig, configId } from "../../../cells/config.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { stepCost } from "../../../cells/sizes.ts";
import { type EstimateTools, estimateTraining } from "../../../experiments/session/estimate.ts";
import { type ConfiguredWork, measurePace } from "../../../experiments/session/measure_pace.ts";
import { type Pace, paceOf, secondsOf, stepSeconds } from "../../../experiments/session/pace.ts";
import type { FinishedResult } from "../../../experiments/study/result.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { syntheticResults } from "../../report/synthetic_results.ts";

const settings = { steps: 1000, batch: 256, history: 101, log_every: 50 };
const small: CellConfig = { ...SMALL_CONFIG, n_layers: 1, state_size: 32 };
const large: CellConfig = { ...SMALL_CONFIG, n_layers: 2, state_size: 256 };
const [some] = syntheticResults({ steps: 100 });

/** A finished result of 1000 steps: of a configuration, from one second to another. */
function trained(config: CellConfig, seed: number, begin: number, end: number, more = {}): FinishedResult {
  return {
    ...some,
    ...config,
    id: configId(config),
    seed,
    steps_done: 1000,
    train_seconds: end - begin,
    "end time": 1e9 + end,
    "batch size": 256,
    engine: "planted",
    adapter: "this machine",
    ...more,
  } as FinishedResult;
}

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs(actual! - expected) <= 1e-6 * expected, `is ${actual}, must be ${expected}`);
}

Deno.test("paceOf() divides wall time by the runs that shared it", () => {
  // Four at once for 100 s: a step of one run takes a quarter of 0.1 s.
  const group = [0, 1, 2, 3].map((seed) => trained(large, seed, 0, 100));
  assert.deepEqual(paceOf(group), { times: [{ cost: stepCost(large), seconds: 0.025 }], atATime: 4 });
  // One after the other, with a pause that is no training.
  const row = [trained(large, 0, 0, 100), trained(large, 1, 500, 600)];
  assert.deepEqual(paceOf(row), { times: [{ cost: stepCost(large), seconds: 0.1 }], atATime: 1 });
  // Two that overlap by half: 200 s of training in 150 s.
  assertNear(paceOf([trained(large, 0, 0, 100), trained(large, 1, 50, 150)])!.atATime, 200 / 150);
});

Deno.test("paceOf() counts an update that goes several steps back as so many", () => {
  // In 80 s a thousand updates, of sixteen steps each.
  const deep = trained({ ...large, bptt: 16 }, 0, 0, 80);
  assert.deepEqual(paceOf([deep]), { times: [{ cost: stepCost(large), seconds: 0.005 }], atATime: 1 });
  // Beside one that took as long for a thousand steps: what both spent, over what both read.
  assertNear(paceOf([deep, trained(large, 1, 100, 180)])!.times[0].seconds, 160 / 17_000);
});

Deno.test("estimateTraining() takes runs for about as long that read the same text, however many steps back they go", async () => {
  const results = [trained(large, 0, 0, 100)], deep = { ...large, bptt: 16 };
  const ask = async (configs: readonly CellConfig[], more = {}) =>
    await estimateTraining({
      entries: configs.map((config) => ({ id: configId(config), config })),
      seeds: 1,
      settings: { ...settings, ...more },
      results: [],
      records: results,
    }, planted().tools);
  // A pass of a hundred tokens has 100 updates, or six that read 96.
  assertNear((await ask([large]))!.seconds, 100);
  assertNear((await ask([deep]))!.seconds, 96);
  assertNear((await ask([large, deep]))!.seconds, 196);
  // A thousand updates are 167 passes of six.
  assertNear((await ask([deep], { budget: "updates" }))!.seconds, 167 * 9.6);
});

Deno.test("paceOf() keeps sizes apart, and predicts what they took together", () => {
  const results = [
    ...[0, 1].map((seed) => trained(small, seed, 0, 10)),
    ...[0, 1].map((seed) => trained(large, seed, 10, 90)),
  ];
  const pace = paceOf(results)!;
  assert.deepEqual(pace.times.map(({ seconds }) => seconds), [0.005, 0.04]);
  const work = [{ cost: stepCost(small), steps: 2000 }, { cost: stepCost(large), steps: 2000 }];
  assertNear(secondsOf(pace, work, 4), 90);
});

Deno.test("paceOf() bounds the runs at a time where a clock was wrong, and gives none where nothing took time", () => {
  // All end at one moment, long after each other by their times.
  const wrong = [trained(small, 0, 0, 100), trained(small, 1, 0, 100, { "end time": 5 })];
  assert.equal(paceOf(wrong)!.atATime, 1);
  assert.equal(paceOf([]), undefined);
  assert.equal(paceOf([trained(small, 0, 7, 7)]), undefined);
});

Deno.test("stepSeconds() interpolates between known costs, is flat below them and proportional above", () => {
  const pace: Pace = { times: [{ cost: 100, seconds: 1 }, { cost: 300, seconds: 2 }], atATime: 1 };
  assert.deepEqual([10, 100, 200, 300, 900].map((cost) => stepSeconds(pace, cost)), [1, 1, 1.5, 2, 6]);
});

Deno.test("secondsOf() takes fewer runs than trained at once to go on as they went there", () => {
  const pace: Pace = { times: [{ cost: 100, seconds: 0.01 }], atATime: 8 };
  // 80 runs of 1000 steps, 8 at a time of 80 s each; 2 of them take those 80 s too.
  assertNear(secondsOf(pace, [{ cost: 100, steps: 80_000 }], 80), 800);
  assertNear(secondsOf(pace, [{ cost: 100, steps: 2000 }], 2), 80);
  assert.equal(secondsOf(pace, [], 0), 0);
});

/** An engine of which nothing but its facts is used, unless a group is opened. */
function plantedEngine(changes: Partial<Engine> = {}): Engine {
  return {
    name: "planted",
    capabilities: { trainsOnCpu: false, isolatedRuns: false },
    adapter: "this machine",
    defaultParallel: Infinity,
    layout: (parallel) => ({ groups: 1, runsPerGroup: parallel }),
    memory: Infinity,
    footprint: () => 1,
    open: () => Promise.reject(new Error("no group is to be opened")),
    close: () => Promise.resolve(),
    ...changes,
  };
}

/** Tools that measure what a test says, and count what was closed. */
function planted(pace?: Pace, engine = plantedEngine()) {
  const seen = { closed: 0, measured: [] as { runs: number; work: readonly ConfiguredWork[] }[] };
  const tools: EstimateTools = {
    open: () => Promise.resolve({ ...engine, close: () => Promise.resolve(void seen.closed++) }),
    measure(_, work, { parallel }) {
      seen.measured.push({ runs: parallel, work });
      return Promise.resolve(pace);
    },
  };
  return { tools, seen };
}

const entries = [small, large].map((config) => ({ id: configId(config), config }));

Deno.test("estimateTraining() goes by the study's record, and leaves out what is done or has failed", async () => {
  const { tools, seen } = planted();
  const results = [
    ...[0, 1].map((seed) => trained(large, seed, 0, 80)),
    trained(small, 0, 80, 90),
    trained(small, 1, 0, 1, { failed: "the loss became NaN" }),
  ];
  const estimate = await estimateTraining({ entries, seeds: 3, settings, results }, tools);
  // Left: the third seed of each. 170 s were trained in 90: 1.889 at a time, so two runs of 80 and 10 s take 90 / 1.889.
  assertNear(estimate!.seconds, 90 / (170 / 90));
  assert.deepEqual({ ...estimate, seconds: 0 }, {
    seconds: 0,
    basis: "record",
    runs: 2,
    engine: "planted",
    adapter: "this machine",
  });
  assert.deepEqual(seen, { closed: 1, measured: [] });
  const longer = await estimateTraining({ entries, seeds: 3, settings: { ...settings, steps: 3000 }, results }, tools);
  assert.equal(longer!.runs, 5);
  const none = await estimateTraining({ entries: [], seeds: 3, settings, results }, tools);
  assert.deepEqual([none!.seconds, none!.runs], [0, 0]);
});

Deno.test("estimateTraining() takes records of any experiment, and none of another device, batch or vocabulary", async () => {
  const pace: Pace = { times: [{ cost: stepCost(small), seconds: 1 }], atATime: 1 };
  const good = trained(large, 0, 0, 100);
  const ask = async (records: readonly FinishedResult[]) =>
    (await estimateTraining({ entries, seeds: 1, settings, results: [], records }, planted(pace).tools))!.basis;
  assert.equal(await ask([good]), "record");
  for (
    const change of [
      { adapter: "another machine" },
      { engine: "another" },
      { "batch size": 1 },
      { vocabulary: 1024 },
      { failed: "NaN" },
      { earlier_engines: [{ engine: "another", adapter: "another", steps: 1 }] },
    ]
  ) assert.equal(await ask([{ ...good, ...change } as FinishedResult]), "measurement", JSON.stringify(change));
});

Deno.test("estimateTraining() measures where runs are far larger than those of the record", async () => {
  const pace: Pace = { times: [{ cost: stepCost(small), seconds: 1 }], atATime: 1 };
  const ask = async (state_size: number) => {
    const config = { ...small, state_size }, entries = [{ id: configId(config), config }];
    const records = [trained(small, 0, 0, 100)];
    return (await estimateTraining({ entries, seeds: 1, settings, results: [], records }, planted(pace).tools))!.basis;
  };
  assert.equal(await ask(64), "record");
  assert.equal(await ask(512), "measurement");
});

Deno.test("estimateTraining() measures where the study has no record, and closes what it opened", async () => {
  const pace: Pace = { times: [{ cost: stepCost(small), seconds: 0.001 }], atATime: 1 };
  const { tools, seen } = planted(pace);
  const estimate = await estimateTraining({ entries, seeds: 3, settings, results: [] }, tools);
  const ratio = stepCost(large) / stepCost(small);
  assertNear(estimate!.seconds, 3 * 1000 * 0.001 * (1 + ratio));
  assert.deepEqual([estimate!.basis, estimate!.runs, seen.closed], ["measurement", 6, 1]);
  assert.deepEqual(seen.measured, [{
    runs: 6,
    work: entries.map(({ config }) => ({ config, cost: stepCost(config), steps: 3000 })),
  }]);
});

Deno.test("estimateTraining() gives nothing where no engine opens, no group does, or the signal came; and says why", async () => {
  const told: string[] = [], onProblem = (why: string) => told.push(why);
  const request = { entries, seeds: 1, settings, results: [], onProblem };
  const broken: EstimateTools = { ...planted().tools, open: () => Promise.reject(new Error("no ffi")) };
  assert.equal(await estimateTraining(request, broken), undefined);
  const { seen, tools } = planted();
  assert.equal(await estimateTraining(request, { ...tools, measure: measurePace }), undefined);
  assert.deepEqual([told, seen.closed], [["no ffi", "no group is to be opened"], 1]);
  assert.equal(await estimateTraining({ ...request, signal: AbortSignal.abort() }, broken), undefined);
  assert.equal(told.length, 2);
});

/** An engine whose steps take as long as a test says, by the clock that comes with it. */
function timedEngine(stepMilliseconds: (cost: number, runs: number) => number, memory = Infinity) {
  let clock = 0;
  const opened: { readonly runs: number; readonly states: number }[] = [];
  const engine = plantedEngine({
    memory,
    open(runs) {
      const { sizes } = runs[0].step;
      opened.push({ runs: runs.length, states: sizes.state_size });
      let isFirst = true;
      return Promise.resolve({
        beginPass: () => {},
        advance(count) {
          // The first step compiles for a minute.
          clock += count * stepMilliseconds(stepCost(sizes), runs.length) + (isFirst ? 60_000 : 0);
          isFirst = false;
          return Promise.resolve([]);
        },
        read: () => Promise.resolve(new Map()),
        replace: () => Promise.resolve(true),
        close: () => Promise.resolve(),
      });
    },
  });
  return { engine, opened, now: () => clock, seconds: () => clock / 1000 };
}

const workOf = (config: CellConfig, steps = 1000) => ({ config, cost: stepCost(config), steps });
const tiny = { ...settings, batch: 2 };

Deno.test("measurePace() measures the smallest sizes and those in the middle of the work, without the first step", async () => {
  const { engine, opened, now, seconds } = timedEngine((cost, runs) => 2 + runs * cost / 1e5);
  const pace = await measurePace(engine, [workOf(small), workOf(large), workOf({ ...large, n_layers: 3 }, 10)], {
    settings: tiny,
    parallel: 4,
    now,
  });
  assert.deepEqual(opened, [{ runs: 4, states: 32 }, { runs: 4, states: 256 }]);
  const expected = [small, large].map(stepCost).map((cost) => ({ cost, seconds: (2 + 4 * cost / 1e5) / 1000 / 4 }));
  assert.equal(pace!.atATime, 4);
  pace!.times.forEach(({ cost, seconds }, i) => {
    assert.equal(cost, expected[i].cost);
    assertNear(seconds, expected[i].seconds);
  });
  // About two seconds, beside what compiling took.
  assert.ok(seconds() - 120 < 2.5, `it took ${seconds()} s`);
});

Deno.test("measurePace() measures no step that would take too long, and no more runs than fit or make sense", async () => {
  const slow = timedEngine((cost) => cost / 100);
  const pace = await measurePace(slow.engine, [workOf(large)], { settings: tiny, parallel: 2, now: slow.now });
  assert.deepEqual(slow.opened, [{ runs: 2, states: 32 }]);
  // In proportion to the cost: what the engine does.
  assertNear(stepSeconds(pace!, stepCost(large)), stepCost(large) / 100 / 1000 / 2);
  assert.ok(slow.seconds() < 62, `${slow.seconds()}`);
  for (const [memory, runs] of [[Infinity, 32], [5, 5], [0.5, 1]]) {
    const quick = timedEngine(() => 1, memory);
    await measurePace(quick.engine, [workOf(small)], { settings: tiny, parallel: 100, now: quick.now });
    assert.deepEqual(quick.opened, [{ runs, states: 32 }]);
  }
});

Deno.test("measurePace() measures no longer than shows that all the work is short", async () => {
  const [short, long] = [10, 1000].map((steps) => [workOf(small, steps), workOf(large, steps)]);
  const opened = async (work: typeof short) => {
    const { engine, opened, now, seconds } = timedEngine((cost) => cost / 1e5);
    const pace = await measurePace(engine, work, { settings: tiny, parallel: 1, now });
    return { states: opened.map(({ states }) => states), pace: pace!, seconds: seconds() - 60 * opened.length };
  };
  const quick = await opened(short), step = stepCost(small) / 1e8;
  assert.deepEqual(quick.states, [32]);
  // The first step, and one that is measured.
  assertNear(quick.seconds, 2 * step);
  assert.deepEqual(quick.pace.times.map(({ cost }) => cost), [stepCost(small)]);
  assert.ok(secondsOf(quick.pace, short, 1) < 1);
  const whole = await opened(long);
  assert.deepEqual(whole.states, [32, 256]);
  assert.ok(secondsOf(whole.pace, long, 1) >= 1);
});

Deno.test("measurePace() gives the time of a step where an update makes several", async () => {
  // An update that goes 16 steps back takes 16 times as long, which is no news.
  const { engine, opened, now } = timedEngine((cost, runs) => 16 * runs * cost / 1e5);
  const work = workOf({ ...large, bptt: 16 });
  const pace = await measurePace(engine, [work], { settings: tiny, parallel: 2, now });
  assert.deepEqual(opened.map(({ states }) => states), [32, 256]);
  for (const { cost, seconds } of pace!.times) assertNear(seconds, cost / 1e5 / 1000);
});

Deno.test("measurePace() ends at a signal", async () => {
  const { engine, now } = timedEngine(() => 1), signal = AbortSignal.abort();
  assert.equal(await measurePace(engine, [workOf(small)], { settings: tiny, parallel: 1, now, signal }), undefined);
});

Deno.test("estimateTraining() measures real steps on the engine of every machine", async () => {
  let pace: Pace | undefined;
  const tools: EstimateTools = {
    open: () => openOnnxEngine(1, { keepWorkers: true }),
    measure: async (...given) => pace = await measurePace(...given),
  };
  const request = { entries: entries.slice(0, 1), seeds: 1, settings: tiny, results: [], onProblem: assert.fail };
  const once = await estimateTraining(request, tools);
  const seconds = stepSeconds(pace!, stepCost(entries[0].config));
  assert.ok(seconds > 0 && Number.isFinite(seconds), `${seconds}`);
  assertNear(once!.seconds, tiny.steps * seconds);
  assert.deepEqual([once!.basis, once!.engine, once!.runs], ["measurement", "onnx", 1]);
});
