/** Runs that come and go: who takes whose place and when, on an engine that trains nothing, and with real numbers. */
import assert from "node:assert/strict";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { passOffsets } from "../../../train/corpus/random.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";
import { openWebGpuEngine } from "../../../train/engines/webgpu/engine.ts";
import type { Progress } from "../../../train/training/group_training.ts";
import { Ledger, pickState, type TrainingState } from "../../../train/training/loss_log.ts";
import {
  type CellJob,
  cellJob,
  type NextJob,
  prepare,
  trainGroup,
  type TrainOptions,
} from "../../../train/training/trainer.ts";
import { fakeEngine, job, settings, TEXT } from "./fake_engine.ts";

/** So many steps that no run ends by itself while a test looks at another. */
const LONG = { ...settings, steps: 20_000 };

/** A supply of jobs for places that become free, and what it was asked. */
function supplyOf(jobs: readonly NextJob[]) {
  const left = [...jobs], asked: { run: number; present: readonly number[] }[] = [];
  const refill: TrainOptions["refill"] = (run, present) => {
    asked.push({ run, present });
    return Promise.resolve(left.shift());
  };
  return { refill, asked, left };
}

/** Keeps where each run was whenever the group said so. */
function recorder() {
  const seen: (readonly Progress[])[] = [];
  return {
    seen,
    onProgress: (progress: readonly Progress[]) => void seen.push(progress),
    stepsOf: (run: number) => seen.flatMap((all) => all.filter((one) => one.run === run).map(({ step }) => step)),
  };
}

const isRising = (steps: readonly number[]) => steps.every((step, i) => i === 0 || step > steps[i - 1]);

Deno.test("trainGroup() lets a failed run go and a waiting one take its place while the others go on", async () => {
  const { engine, asked } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 20 ? NaN : 1 });
  const supply = supplyOf([{ job: { ...job, seed: 7 } }]), record = recorder();
  const runs = (await trainGroup(engine, [job, { ...job, seed: 6 }], LONG, TEXT, {
    refill: supply.refill,
    onProgress: record.onProgress,
  }))!;
  assert.deepEqual(runs.map(({ failed }) => failed?.step), [undefined, 20, undefined]);
  assert.deepEqual(runs.map(({ steps_done }) => steps_done === LONG.steps), [true, false, true]);
  assert.deepEqual(supply.asked[0], { run: 2, present: [0] });
  // The one that stays does all its steps, none twice, and more of them both before the other comes and after it has come.
  assert.ok(isRising(record.stepsOf(0)) && record.stepsOf(0).at(-1) === LONG.steps);
  const joined = record.seen.findIndex((all) => all.some(({ run }) => run === 2));
  assert.deepEqual(record.seen[joined].map(({ run }) => run), [0, 2]);
  const [zero, two] = record.seen[joined];
  assert.ok(zero.step < LONG.steps && two.step < zero.step, `run 2 came when run 0 was at step ${zero.step}`);
  assert.deepEqual(asked.places.find(([, second]) => second === 2), [0, 2], "it has the place of the one that failed");
  const alone = record.seen.slice(0, joined).filter((all) => all.every(({ run }) => run === 0)).length;
  assert.ok(alone <= 5, `the place was empty for ${alone} chunks`);
});

Deno.test("trainGroup() keeps its places filled while jobs wait, and ends each at its own last step", async () => {
  const { engine, asked } = fakeEngine();
  const jobs = Array.from({ length: 7 }, (_, seed) => ({ job: { ...job, seed } }));
  const supply = supplyOf(jobs.slice(3)), ended: number[] = [];
  await trainGroup(engine, jobs.slice(0, 3).map(({ job }) => job), settings, TEXT, {
    refill: supply.refill,
    onTrained: (run, { steps_done, seconds }) => {
      assert.equal(steps_done, 30);
      assert.ok(seconds >= 0);
      ended.push(run);
      return Promise.resolve();
    },
  });
  assert.deepEqual(ended, [0, 1, 2, 3, 4, 5, 6]);
  const steps = new Map<number, number>();
  asked.places.forEach((places, call) => {
    for (const run of places) if (run !== undefined) steps.set(run, (steps.get(run) ?? 0) + asked.counts[call]);
  });
  assert.deepEqual([...steps], jobs.map((_, run) => [run, 30]));
  const filled = asked.places.filter((places) => places.every((run) => run !== undefined)).length;
  assert.ok(filled > 0 && asked.places.slice(0, filled).every((places) => places.every((run) => run !== undefined)));
});

Deno.test("trainGroup() lets the others go on while a run that has ended is written", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 0 && step >= 5 ? NaN : 1 });
  const record = recorder();
  let atWrite = 0, afterWrite = 0;
  await trainGroup(engine, [job, { ...job, seed: 6 }], { ...settings, steps: 100_000 }, TEXT, {
    onProgress: record.onProgress,
    onTrained: async (run) => {
      if (run === 1) return;
      atWrite = record.stepsOf(1).at(-1)!;
      // Written when the other has done many chunks more: if that one waited, this would never end.
      while (record.stepsOf(1).at(-1)! < atWrite + 2000) await new Promise((resolve) => setTimeout(resolve, 1));
      afterWrite = record.stepsOf(1).at(-1)!;
    },
  });
  assert.ok(atWrite < 100 && afterWrite >= atWrite + 2000, `${atWrite}, ${afterWrite}`);
});

Deno.test("trainGroup() queues a chunk before it reads the one before, but for when a run leaves or joins", async () => {
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
  const supply = supplyOf([{ job: { ...job, seed: 9 } }]);
  // A pass is a run here, so that no chunk has two calls.
  const one = { ...settings, steps: 10 };
  await trainGroup(watched, [job], one, TEXT, { refill: supply.refill, onProgress: () => void events.push("read") });
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

Deno.test("trainGroup() tells of a run that does not fit, asks for no other before one leaves, and goes on", async () => {
  const { engine, asked } = fakeEngine({
    lossAt: (step, run) => run === 1 && step >= 5 || run === 2 && step >= 5000 ? NaN : 1,
    fits: (run) => run !== 3,
  });
  const supply = supplyOf([{ job: { ...job, seed: 8 } }, { job: { ...job, seed: 9 } }]), refused: number[] = [];
  const ended: number[] = [];
  const jobs = [job, { ...job, seed: 6 }, { ...job, seed: 7 }];
  await trainGroup(engine, jobs, LONG, TEXT, {
    refill: supply.refill,
    onRefused: (run) => Promise.resolve(void refused.push(run)),
    onTrained: (run) => Promise.resolve(void ended.push(run)),
  });
  assert.deepEqual(refused, [3]);
  assert.deepEqual(ended, [1, 2, 0, 4]);
  assert.deepEqual(supply.asked.slice(0, 2), [{ run: 3, present: [0, 2] }, { run: 4, present: [0] }]);
  assert.ok(asked.places.some((places) => places.includes(4)) && !asked.places.some((places) => places.includes(3)));
});

Deno.test("trainGroup() fills every empty place when one that left makes room for several", async () => {
  const { engine, asked } = fakeEngine({ lossAt: (step, run) => run < 2 && step >= 5 + 100 * run ? NaN : 1 });
  let calls = 0;
  await trainGroup(engine, [job, { ...job, seed: 6 }, { ...job, seed: 7 }], LONG, TEXT, {
    // Nothing fits into the place of the first one alone.
    refill: () => Promise.resolve(++calls === 1 || calls > 3 ? undefined : { job: { ...job, seed: 10 + calls } }),
  });
  assert.ok(asked.places.some((places) => places.join() === "3,4,2"), asked.places.join(" / "));
});

Deno.test("trainGroup() drops a lost run from its group, neither saved nor ended, and gives its place away", async () => {
  const { engine, asked } = fakeEngine();
  const supply = supplyOf([{ job: { ...job, seed: 8 } }]), record = recorder();
  const lost: number[] = [], ended: number[] = [], savedLate: number[] = [];
  await trainGroup(engine, [job, { ...job, seed: 6 }], LONG, TEXT, {
    refill: supply.refill,
    onProgress: record.onProgress,
    saveEvery: 0,
    save: (run) => Promise.resolve(void (lost.includes(run) && savedLate.push(run))),
    isLost: (run) => run === 0 && (record.stepsOf(0).at(-1) ?? 0) > 10,
    onLost: (run) => Promise.resolve(void lost.push(run)),
    onTrained: (run) => Promise.resolve(void ended.push(run)),
  });
  assert.deepEqual([lost, ended, savedLate], [[0], [1, 2], []]);
  assert.ok(record.stepsOf(0).at(-1)! < 100);
  assert.ok(asked.places.some((places) => places.join() === "2,1"));
});

Deno.test("trainGroup() throws what refill() throws, and opens nothing more", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 5 ? NaN : 1 });
  const broken = new Error("the queue is gone");
  const refill = () => Promise.reject(broken);
  await assert.rejects(
    trainGroup(engine, [job, { ...job, seed: 6 }], LONG, TEXT, { refill }),
    (error) => error === broken,
  );
});

Deno.test("trainGroup() asks for no further job after the signal, and writes what has ended", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 20 ? NaN : 1 });
  const controller = new AbortController(), supply = supplyOf([{ job }]), ended: number[] = [], saved: number[] = [];
  const stopped = await trainGroup(engine, [job, { ...job, seed: 6 }], LONG, TEXT, {
    signal: controller.signal,
    refill: supply.refill,
    onProgress: ([{ step }]) => step >= 20 && controller.abort(),
    onTrained: (run) => Promise.resolve(void ended.push(run)),
    save: (run) => Promise.resolve(void saved.push(run)),
  });
  assert.deepEqual([stopped, supply.asked, ended, saved], [undefined, [], [1], [0]]);
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
  const run = prepare(cell, exact), ledger = new Ledger(exact.log_every), passSteps = exact.history - 1;
  const group = await engine.open([run], TEXT);
  for (let done = 0; done < steps; done += passSteps) {
    group.beginPass(0, passOffsets(cell.seed, done / passSteps, exact.batch, exact.history, TEXT.length));
    ledger.add((await group.advance(Math.min(passSteps, steps - done)))[0]);
  }
  const state = ledger.state(pickState(run.step, await group.read(0)), 0);
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
  { name: "onnx", engine: await openOnnxEngine(2) },
  { name: "webgpu", engine: webgpu },
];

function exactTest(name: string, engine: Engine | undefined, run: (engine: Engine) => Promise<void>): void {
  // The device lives as long as the process.
  Deno.test({ name, ignore: !engine, fn: () => run(engine!), sanitizeResources: false });
}

for (const { name, engine } of ENGINES) {
  exactTest(
    `trainGroup() on ${name} gives runs of different start steps, and those that join them, the bits of being alone`,
    engine,
    async (engine) => {
      const alone: TrainingState[] = [];
      for (const cell of JOBS) alone.push((await trainGroup(engine, [cell], exact, TEXT))![0]);
      const [second, third] = [await stateAt(71, engine, JOBS[1]), await stateAt(27, engine, JOBS[2])];
      // The second run goes on from within a pass, and so does one of those that join.
      const supply = supplyOf([{ job: JOBS[2], from: third }, { job: JOBS[3] }]), record = recorder();
      const together = (await trainGroup(slow(engine), JOBS.slice(0, 2), exact, TEXT, {
        from: [undefined, second],
        refill: supply.refill,
        onProgress: record.onProgress,
      }))!;
      assert.deepEqual(together.map(numbersOf), alone.map(numbersOf));
      const [zero, two] = record.seen.find((all) => all.some(({ run }) => run === 2))!;
      assert.deepEqual([zero.run, two.run], [0, 2]);
      assert.ok(zero.step > 17 && zero.step < 88 && two.step > 27, `${zero.step}, ${two.step}`);
      for (const run of alone.keys()) assert.ok(isRising(record.stepsOf(run)) && record.stepsOf(run).at(-1) === 88);
    },
  );
}
