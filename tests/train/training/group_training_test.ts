/** Runs that come and go: who takes whose slot and when, on an engine that trains nothing, and with real numbers. */
import assert from "node:assert/strict";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { passOffsets } from "../../../train/corpus/random.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";
import { openWebGpuEngine } from "../../../train/engines/webgpu/engine.ts";
import { LossLog, pickState, type TrainingState } from "../../../train/training/loss_log.ts";
import { trainGroup, trainRuns } from "../../../train/training/trainer.ts";
import { type CellJob, cellJob, prepare, trainingRun } from "../../../train/training/training_run.ts";
import { engineOfFile } from "../engines/onnx/onnx_tests.ts";
import { readingAhead, textOf } from "../engines/runs.ts";
import { fakeEngine, job, settings, TEXT } from "./fake_engine.ts";
import { LONG, type NumberedRun, runsOf, sourceOf } from "./numbered_runs.ts";

const isRising = (steps: readonly number[]) => steps.every((step, i) => i === 0 || step > steps[i - 1]);

Deno.test("trainRuns() lets a failed run go and a waiting one take its slot while the others go on", async () => {
  const { engine, asked } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 20 ? NaN : 1 });
  const runs = runsOf([job, { ...job, seed: 6 }, { ...job, seed: 7 }], LONG);
  const supply = sourceOf(runs.slice(2)), { trained, seen, stepsOf } = supply;
  assert.equal(await trainRuns(engine, runs.slice(0, 2), supply.source, LONG, TEXT), true);
  assert.deepEqual(trained.map(({ failed }) => failed?.step), [undefined, 20, undefined]);
  assert.deepEqual(trained.map(({ steps_done }) => steps_done === LONG.steps), [true, false, true]);
  assert.deepEqual(supply.asked[0], [0]);
  // The one that stays does all its steps, none twice, and more of them both before the other comes and after it has come.
  assert.ok(isRising(stepsOf(0)) && stepsOf(0).at(-1) === LONG.steps);
  const joined = seen.findIndex((all) => all.some(({ run }) => run === 2));
  assert.deepEqual(seen[joined].map(({ run }) => run), [0, 2]);
  const [zero, two] = seen[joined];
  assert.ok(zero.step < LONG.steps && two.step < zero.step, `run 2 came when run 0 was at step ${zero.step}`);
  assert.deepEqual(asked.slots.find(([, second]) => second === 2), [0, 2], "it has the slot of the one that failed");
  const alone = seen.slice(0, joined).filter((all) => all.every(({ run }) => run === 0)).length;
  assert.ok(alone <= 5, `the slot was empty for ${alone} chunks`);
});

Deno.test("trainRuns() keeps its slots filled while runs wait, and ends each at its own last step", async () => {
  const { engine, asked } = fakeEngine();
  const runs = runsOf(Array.from({ length: 7 }, (_, seed) => ({ ...job, seed })), settings), ended: number[] = [];
  const { source } = sourceOf(runs.slice(3), {
    finished({ number }, { steps_done, seconds }) {
      assert.equal(steps_done, 30);
      assert.ok(seconds >= 0);
      ended.push(number);
      return Promise.resolve();
    },
  });
  await trainRuns(engine, runs.slice(0, 3), source, settings, TEXT);
  assert.deepEqual(ended, [0, 1, 2, 3, 4, 5, 6]);
  const steps = new Map<number, number>();
  asked.slots.forEach((slots, call) => {
    for (const run of slots) if (run !== undefined) steps.set(run, (steps.get(run) ?? 0) + asked.counts[call]);
  });
  assert.deepEqual([...steps], runs.map(({ number }) => [number, 30]));
  const filled = asked.slots.filter((slots) => slots.every((run) => run !== undefined)).length;
  assert.ok(filled > 0 && asked.slots.slice(0, filled).every((slots) => slots.every((run) => run !== undefined)));
});

Deno.test("trainRuns() takes back a run that is at its last step, and asks for another in its slot", async () => {
  const { engine, asked } = fakeEngine();
  const [done] = (await trainGroup(engine, [job], settings, TEXT))!;
  const [first, second, third, fourth] = runsOf([job, job, job, job], settings);
  const supply = sourceOf([{ ...third, from: done }, fourth]);
  const before = asked.slots.length;
  await trainRuns(engine, [{ ...first, from: done }, second], supply.source, settings, TEXT);
  assert.deepEqual(supply.trained.map(({ losses }) => losses.length), [0, 7, 0, 7]);
  assert.deepEqual(supply.asked.slice(0, 2), [[1], [1]]);
  assert.deepEqual(asked.slots[before], [0, 1], "the engine was given the two that have steps to do");
});

Deno.test("trainRuns() lets the others go on while a run that has ended is written", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 0 && step >= 5 ? NaN : 1 });
  const settings = { ...LONG, steps: 100_000 };
  let atWrite = 0, afterWrite = 0;
  const { source, stepsOf } = sourceOf([], {
    async finished({ number }) {
      if (number === 1) return;
      atWrite = stepsOf(1).at(-1)!;
      // Written when the other has done many chunks more: if that one waited, this would never end.
      while (stepsOf(1).at(-1)! < atWrite + 2000) await new Promise((resolve) => setTimeout(resolve, 1));
      afterWrite = stepsOf(1).at(-1)!;
    },
  });
  await trainRuns(engine, runsOf([job, { ...job, seed: 6 }], settings), source, settings, TEXT);
  assert.ok(atWrite < 100 && afterWrite >= atWrite + 2000, `${atWrite}, ${afterWrite}`);
});

Deno.test("trainRuns() queues a chunk before it reads the one before, but for when a run leaves or joins", async () => {
  const { engine } = fakeEngine();
  const events: string[] = [];
  const open = engine.open;
  const watched: Engine = {
    ...engine,
    async open(runs, text) {
      const group = await open(runs, text);
      const replace = group.replace.bind(group), advance = group.advance.bind(group);
      return Object.assign(group, {
        advance(count: number) {
          events.push("queue");
          return advance(count);
        },
        replace: (...given: Parameters<typeof replace>) => {
          events.push("replace");
          return replace(...given);
        },
      });
    },
  };
  // A pass is a run here, so that no chunk has two calls.
  const one = { ...settings, steps: 10 };
  const [first, second] = runsOf([job, { ...job, seed: 9 }], one);
  const { source } = sourceOf([second], { progress: () => void events.push("read") });
  await trainRuns(watched, [first], source, one, TEXT);
  const half = ["queue", "queue", "read", "queue", "read"];
  const text = events.join(" ");
  assert.ok(text.startsWith(half.join(" ")), text);
  const runs = text.split("replace replace").map((part) => part.replaceAll("replace", "").trim());
  assert.equal(runs.length, 2, text);
  for (const part of runs) {
    const calls = part.split(" ");
    const ahead = calls.map((_, i) => {
      const before = calls.slice(0, i + 1);
      return before.filter((call) => call === "queue").length - before.filter((call) => call === "read").length;
    });
    assert.equal(ahead.at(-1), 0, `all is read at the end: ${part}`);
    assert.ok(
      ahead.slice(1, -1).every((chunks) => chunks === 1 || chunks === 2),
      `one chunk is always queued: ${part}`,
    );
  }
});

Deno.test("trainRuns() tells of a run that does not fit, asks for no other before one leaves, and goes on", async () => {
  const { engine, asked } = fakeEngine({
    lossAt: (step, run) => run === 1 && step >= 5 || run === 2 && step >= 5000 ? NaN : 1,
    fits: (run) => run !== 3,
  });
  const runs = runsOf([5, 6, 7, 8, 9].map((seed) => ({ ...job, seed })), LONG);
  const refused: number[] = [], ended: number[] = [];
  const supply = sourceOf(runs.slice(3), {
    refused: ({ number }) => Promise.resolve(void refused.push(number)),
    finished: ({ number }) => Promise.resolve(void ended.push(number)),
  });
  await trainRuns(engine, runs.slice(0, 3), supply.source, LONG, TEXT);
  assert.deepEqual(refused, [3]);
  assert.deepEqual(ended, [1, 2, 0, 4]);
  assert.deepEqual(supply.asked.slice(0, 2), [[0, 2], [0]]);
  assert.ok(asked.slots.some((slots) => slots.includes(4)) && !asked.slots.some((slots) => slots.includes(3)));
});

Deno.test("trainRuns() returns false, after the others' last steps, when one does not fit that nobody takes back", async () => {
  for (const fits of [true, false]) {
    const { engine } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 5 ? NaN : 1, fits: () => fits });
    const runs = runsOf([5, 6, 7].map((seed) => ({ ...job, seed })), settings);
    const { source, trained } = sourceOf(runs.slice(2));
    assert.equal(await trainRuns(engine, runs.slice(0, 2), source, settings, TEXT), fits);
    assert.deepEqual(trained.map(({ steps_done }) => steps_done === 30), fits ? [true, false, true] : [true, false]);
  }
});

Deno.test("trainRuns() checks all runs before it trains one or gives one back, and each that joins", async () => {
  const { engine } = fakeEngine();
  const [done] = (await trainGroup(engine, [job], settings, TEXT))!;
  const [first] = runsOf([job], settings), [other] = runsOf([job], { ...settings, batch: 4 });
  const closed: Engine = { ...engine, open: () => Promise.reject(new Error("opened")) };
  const { source, trained } = sourceOf();
  const wrong: readonly [run: NumberedRun, message: RegExp][] = [
    [other, /^Cannot train a run: its step was built for a batch of 4, the settings have 3, must be the same$/],
    [{ ...first, seed: -1 }, /the seed is -1/],
    [{ ...first, from: { ...done, tensors: new Map() } }, /^Cannot resume from a state: its '.*' is missing$/],
  ];
  for (const [run, message] of wrong) {
    const runs = [{ ...first, from: done }, run];
    await assert.rejects(trainRuns(closed, runs, source, settings, TEXT), { name: "RangeError", message });
    await assert.rejects(trainRuns(engine, [first], sourceOf([run]).source, settings, TEXT), { message });
  }
  assert.deepEqual(trained, []);
});

Deno.test("trainRuns() draws passes that hold what a step reads ahead, and refuses a text that is too short for one", async () => {
  const { step } = readingAhead(3), { vocabulary } = step.sizes;
  const engine = await openReferenceEngine(), { source, trained } = sourceOf();
  // Ten updates, of which the last reads three tokens ahead: 13 tokens.
  const train = (length: number) =>
    trainRuns(engine, [{ step, seed: 1, number: 0 }], source, settings, textOf(length, vocabulary));
  await assert.rejects(train(12), {
    name: "RangeError",
    message: "Cannot train: the text has 12 tokens, a sequence reads 13, must be no more",
  });
  for (const length of [13, 14]) {
    assert.equal(await train(length), true);
    assert.equal(trained[0].steps_done, 30);
  }
});

Deno.test("trainRuns() fills every empty slot when one that left makes room for several", async () => {
  const { engine, asked } = fakeEngine({ lossAt: (step, run) => run < 2 && step >= 5 + 100 * run ? NaN : 1 });
  const runs = runsOf([5, 6, 7, 12, 13].map((seed) => ({ ...job, seed })), LONG), waiting = runs.slice(3);
  let calls = 0;
  const { source } = sourceOf([], {
    // Nothing fits into the slot of the first one alone.
    next: () => Promise.resolve(++calls === 1 ? undefined : waiting.shift()),
  });
  await trainRuns(engine, runs.slice(0, 3), source, LONG, TEXT);
  assert.ok(asked.slots.some((slots) => slots.join() === "3,4,2"), asked.slots.join(" / "));
});

Deno.test("trainRuns() drops a lost run from its group, neither saved nor ended, and gives its slot away", async () => {
  const { engine, asked } = fakeEngine();
  const runs = runsOf([job, { ...job, seed: 6 }, { ...job, seed: 8 }], LONG);
  const lost: number[] = [], ended: number[] = [], savedLate: number[] = [];
  const { source, stepsOf } = sourceOf(runs.slice(2), {
    save: ({ number }) => Promise.resolve(void (lost.includes(number) && savedLate.push(number))),
    isLost: ({ number }) => number === 0 && (stepsOf(0).at(-1) ?? 0) > 10,
    lost: ({ number }) => Promise.resolve(void lost.push(number)),
    finished: ({ number }) => Promise.resolve(void ended.push(number)),
  });
  await trainRuns(engine, runs.slice(0, 2), source, LONG, TEXT, { saveEvery: 0 });
  assert.deepEqual([lost, ended, savedLate], [[0], [1, 2], []]);
  assert.ok(stepsOf(0).at(-1)! < 100);
  assert.ok(asked.slots.some((slots) => slots.join() === "2,1"));
});

Deno.test("trainRuns() throws what next() throws, and opens nothing more", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 5 ? NaN : 1 });
  const broken = new Error("the queue is gone");
  const { source } = sourceOf([], { next: () => Promise.reject(broken) });
  await assert.rejects(
    trainRuns(engine, runsOf([job, { ...job, seed: 6 }], LONG), source, LONG, TEXT),
    (error) => error === broken,
  );
});

/** Runs of unlike shapes: two that begin together, and two that wait. */
const JOBS: readonly CellJob[] = [
  { config: { ...SMALL_CONFIG, state_size: 4 }, seed: 5 },
  { config: { ...SMALL_CONFIG, n_layers: 2, state_size: 3, use_old_state: true, use_new_state: false }, seed: 1 },
  { config: { ...SMALL_CONFIG, state_size: 5, n_layers: 2 }, seed: 3 },
  { config: { ...SMALL_CONFIG, state_size: 4 }, seed: 4 },
].map(cellJob);
const exact = { steps: 80, batch: 3, history: 12, log_every: 1 };

/** What must be the same, bit for bit. */
function numbersOf({ curve, smoothed_loss, steps_done, tensors }: TrainingState) {
  return { curve, smoothed_loss, steps_done, tensors: [...tensors].map(([name, values]) => [name, [...values]]) };
}

/** The state of a run after so many steps, without a trainer. */
async function stateAt(steps: number, engine: Engine, cell: CellJob): Promise<TrainingState> {
  const run = prepare(trainingRun(cell, exact)), log = new LossLog(exact.log_every);
  const passSteps = exact.history - 1;
  const group = await engine.open([run], TEXT);
  for (let done = 0; done < steps; done += passSteps) {
    group.beginPass(0, passOffsets(cell.seed, done / passSteps, exact.batch, exact.history, TEXT.length));
    log.add((await group.advance(Math.min(passSteps, steps - done)))[0]);
  }
  const state = log.state(pickState(run.step, await group.read(0)), 0);
  await group.close();
  return state;
}

const webgpu = await openWebGpuEngine();
if (!webgpu) console.log("skipped: no group on webgpu changes, for this machine has no WebGPU adapter");

/** An engine whose steps take 25 ms at least: chunks stay short, and whoever joins finds others on their way. */
function slow(engine: Engine): Engine {
  return {
    ...engine,
    async open(...given) {
      const group = await engine.open(...given), advance = group.advance.bind(group);
      let last: Promise<unknown> = Promise.resolve();
      return Object.assign(group, {
        async advance(count: number) {
          last = last.then(() => new Promise((resolve) => setTimeout(resolve, 25 * count)));
          const [losses] = await Promise.all([advance(count), last]);
          return losses;
        },
      });
    },
  };
}

const ENGINES: readonly { name: string; engine: Engine | undefined }[] = [
  { name: "reference", engine: await openReferenceEngine() },
  { name: "onnx", engine: await engineOfFile() },
  { name: "webgpu", engine: webgpu },
];

function exactTest(name: string, engine: Engine | undefined, run: (engine: Engine) => Promise<void>): void {
  // The device lives as long as the process.
  Deno.test({ name, ignore: !engine, fn: () => run(engine!), sanitizeResources: false });
}

for (const { name, engine } of ENGINES) {
  exactTest(
    `trainRuns() on ${name} gives runs of different start steps, and those that join them, the bits of being alone`,
    engine,
    async (engine) => {
      const alone: TrainingState[] = [];
      for (const cell of JOBS) alone.push((await trainGroup(engine, [cell], exact, TEXT))![0]);
      const [second, third] = [await stateAt(71, engine, JOBS[1]), await stateAt(27, engine, JOBS[2])];
      // The second run resumes from within a pass, and so does one of those that join.
      const from = [undefined, second, third, undefined];
      const runs = runsOf(JOBS, exact).map((run) => ({ ...run, from: from[run.number] }));
      const { source, trained, seen, stepsOf } = sourceOf(runs.slice(2));
      await trainRuns(slow(engine), runs.slice(0, 2), source, exact, TEXT);
      assert.deepEqual(trained.map(numbersOf), alone.map(numbersOf));
      const [zero, two] = seen.find((all) => all.some(({ run }) => run === 2))!;
      assert.deepEqual([zero.run, two.run], [0, 2]);
      assert.ok(zero.step > 17 && zero.step < 88 && two.step > 27, `${zero.step}, ${two.step}`);
      for (const run of alone.keys()) assert.ok(isRising(stepsOf(run)) && stepsOf(run).at(-1) === 88);
    },
  );
}
