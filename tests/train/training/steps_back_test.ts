/** Runs whose gradients go several steps back: what they share, how far they are in their passes, and how they train side by side. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { catalogConfig } from "../../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../../cells/config.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { passOffsets } from "../../../train/corpus/random.ts";
import type { Engine } from "../../../train/engines/engine.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { openReferenceEngine } from "../../../train/engines/reference.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../../train/training/checkpoint.ts";
import type { TrainingState } from "../../../train/training/loss_log.ts";
import type { TrainingSettings } from "../../../train/training/settings.ts";
import { trainCell, trainGroup, trainRuns } from "../../../train/training/trainer.ts";
import { cellJob, stepOf } from "../../../train/training/training_run.ts";
import { fakeEngine, job, settings, TEXT } from "./fake_engine.ts";
import { LONG, runsOf, sourceOf } from "./numbered_runs.ts";

Deno.test("stepOf() shares a step among jobs that go as many steps back, and among no others", () => {
  const step = stepOf({ ...job, bptt: 4 }, settings);
  assert.equal(stepOf({ ...job, bptt: 4, seed: 9 }, settings), step);
  assert.notEqual(stepOf(job, settings), step);
  assert.equal(stepOf({ ...job, bptt: 1 }, settings), stepOf(job, settings));
  assert.deepEqual([step.bptt, stepOf(job, settings).bptt], [4, 1]);
});

Deno.test("cellJob() takes the steps back of a configuration", () => {
  assert.equal(cellJob({ config: { ...SMALL_CONFIG, bptt: 16 }, seed: 0 }).bptt, 16);
  assert.equal(stepOf(cellJob({ config: SMALL_CONFIG, seed: 0 }), settings).bptt, 1);
});

Deno.test("trainGroup() begins passes of every run at the same offsets, and at the token that it has come to", async () => {
  for (const [bptt, updates, total] of [[3, 3, 9], [4, 2, 6], [10, 1, 3]] as const) {
    const { engine, asked } = fakeEngine(), given = { ...settings, log_every: 1 }, deep = { ...job, bptt };
    const saved: TrainingState[] = [];
    const [run] = (await trainGroup(engine, [deep], given, TEXT, {
      saveEvery: 0,
      save: (_, state) => Promise.resolve(void saved.push(state)),
    }))!;
    // Ten tokens are read of each pass, less what makes no update.
    assert.deepEqual(asked.offsets, [0, 1, 2].map((pass) => passOffsets(5, pass, 3, 11, TEXT.length)));
    assert.equal(run.steps_done, total);
    assert.equal(run.curve.length, total);
    assert.ok(asked.bptts.every((asked) => asked === bptt));
    const unfinished = saved.filter(({ steps_done }) => steps_done < total);
    assert.ok(unfinished.length > 0);
    for (const from of unfinished) {
      const rest = fakeEngine();
      await trainGroup(rest.engine, [deep], given, TEXT, { from: [from] });
      const first = from.steps_done % updates * bptt, begun = total / updates - Math.floor(from.steps_done / updates);
      assert.deepEqual(rest.asked.positions, [first, ...new Array(begun - 1).fill(0)], `from ${from.steps_done}`);
    }
  }
});

Deno.test("trainGroup() does as many updates of every run where the budget is one of updates", async () => {
  const { engine } = fakeEngine(), jobs = [1, 3, 4].map((bptt) => ({ ...job, bptt }));
  const runs = (await trainGroup(engine, jobs, { ...settings, budget: "updates" }, TEXT))!;
  // 25 updates in whole passes of ten, three and two.
  assert.deepEqual(runs.map(({ steps_done }) => steps_done), [30, 27, 26]);
  const same = (await trainGroup(engine, jobs, { ...settings, log_every: 3 }, TEXT))!;
  assert.deepEqual(same.map(({ steps_done }) => steps_done), [30, 9, 6]);
});

Deno.test("trainRuns() keeps runs of unlike steps back about equally far in the text, from chunk to chunk", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 0 && step > 9000 ? NaN : 1 });
  const bptts = [1, 3, 4, 10], runs = runsOf(bptts.map((bptt) => ({ ...job, bptt })), LONG);
  const { source, seen } = sourceOf();
  await trainRuns(engine, runs, source, LONG, TEXT);
  const together = seen.filter((all) => all.length === bptts.length);
  assert.ok(together.length > 10, `${together.length}`);
  for (const all of together) {
    const tokens = all.map(({ run, step }) => step * bptts[run as number]);
    const [least, most] = [Math.min(...tokens), Math.max(...tokens)];
    // A chunk leaves each run less than an update of its own behind.
    assert.ok(most - least < Math.max(...bptts), `${tokens}`);
  }
  // Not because each of them is advanced for itself.
  assert.ok(together.some((all) => Math.max(...all.map(({ step }) => step)) > 1000));
});

Deno.test("trainRuns() lets a run end, fail and join beside others that go another number of steps back", async () => {
  const { engine, asked } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 3 ? NaN : 1 });
  const jobs = [1, 4, 3, 10].map((bptt, seed) => ({ ...job, bptt, seed })), given = { ...settings, log_every: 1 };
  const runs = runsOf(jobs, given), { source, trained } = sourceOf(runs.slice(2));
  assert.equal(await trainRuns(engine, runs.slice(0, 2), source, given, TEXT), true);
  assert.deepEqual(trained.map(({ failed }) => failed?.step), [undefined, 3, undefined, undefined]);
  assert.deepEqual(trained.map(({ curve }) => curve.length), [30, 2, 9, 3]);
  assert.ok(asked.slots.some((slots) => slots.includes(2)) && asked.slots.some((slots) => slots.includes(3)));
});

Deno.test("trainCell(), trainGroup() and trainRuns() refuse more steps back than a pass has tokens, and what would log nothing", async () => {
  const { engine } = fakeEngine(), closed: Engine = { ...engine, open: () => Promise.reject(new Error("opened")) };
  const refused = async (bptt: number, given: TrainingSettings, message: string | RegExp) => {
    const expected = { name: "RangeError", message }, deep = { ...job, bptt };
    await assert.rejects(trainCell(closed, job.cell, job, given, TEXT, { bptt }), expected);
    await assert.rejects(trainGroup(closed, [deep], given, TEXT), expected);
    if (bptt > 64) return;
    const [run] = runsOf([deep], given), [other] = runsOf([job], given);
    await assert.rejects(trainRuns(closed, [run], sourceOf().source, given, TEXT), expected);
    await assert.rejects(trainRuns(engine, [other], sourceOf([run]).source, given, TEXT), expected);
  };
  await refused(
    11,
    settings,
    "Cannot train with 11 steps back: history 11 is 10 training tokens, must be at least 11",
  );
  await refused(
    10,
    settings,
    "Cannot train 3 updates with 10 steps back: the loss is logged every 4 updates, so they must be at least as many",
  );
  await refused(65, { ...settings, history: 99 }, /bptt is 65, must be a whole number from 1 to 64/);
});

/** Three numbers of steps back, of two cells. */
const CONFIGS: readonly CellConfig[] = [
  { ...SMALL_CONFIG, state_size: 4 },
  { ...SMALL_CONFIG, state_size: 4, bptt: 4 },
  { ...SMALL_CONFIG, n_layers: 2, state_size: 3, use_forget_gate: true, bptt: 16 },
  { ...catalogConfig("gru", 1, 3), bptt: 4 },
];
// A pass of 59 tokens has 59 updates, 14 and three.
const exact = { steps: 118, batch: 2, history: 60, log_every: 1 };
const LENGTHS = [118, 28, 6, 28];

/** What must be the same, bit for bit; a digest of tensors, for a failed comparison would print all their numbers. */
function numbersOf({ curve, smoothed_loss, steps_done, tensors }: TrainingState) {
  const hash = createHash("sha256");
  for (const [name, values] of tensors) hash.update(`${name} ${values.join()} `);
  return { curve, smoothed_loss, steps_done, tensors: hash.digest("hex") };
}

/** A state as it comes back from a checkpoint. */
async function throughFile(config: CellConfig, state: TrainingState): Promise<TrainingState> {
  const { batch, history, log_every } = exact, step = stepOf(cellJob({ config, seed: 5 }), exact);
  const about = { config, seed: 5, corpus: "text", corpus_sha1: "0".repeat(40), batch, history, log_every };
  return (await decodeCheckpoint(await encodeCheckpoint(about, step, state, []), "f", step, about)).state;
}

for (
  const [name, open] of [["reference", openReferenceEngine], [
    "onnx",
    () => openOnnxEngine(2, { keepWorkers: true }),
  ]] as const
) {
  const jobs = CONFIGS.map((config) => cellJob({ config, seed: 5 }));

  Deno.test(`trainGroup() on ${name} gives runs that go 1, 4 and 16 steps back the bits of being alone`, async () => {
    const engine = await open(), alone: TrainingState[] = [];
    for (const job of jobs) alone.push((await trainGroup(engine, [job], exact, TEXT))![0]);
    assert.deepEqual(alone.map(({ steps_done }) => steps_done), LENGTHS);
    const together = (await trainGroup(engine, jobs, exact, TEXT))!;
    assert.deepEqual(together.map(numbersOf), alone.map(numbersOf));
    // Runs of one seed read the same text: unlike numbers come from the steps back alone.
    assert.notDeepEqual(numbersOf(alone[0]).curve.slice(0, 28), numbersOf(alone[1]).curve);
    await engine.close();
  });

  Deno.test(`trainRuns() on ${name} lets runs join that go another number of steps back, with the bits of being alone`, async () => {
    const engine = await open(), alone: TrainingState[] = [];
    for (const job of jobs) alone.push((await trainGroup(engine, [job], exact, TEXT))![0]);
    const runs = runsOf(jobs, exact), { source, trained } = sourceOf(runs.slice(2));
    assert.equal(await trainRuns(engine, runs.slice(0, 2), source, exact, TEXT), true);
    assert.deepEqual(trained.map(numbersOf), alone.map(numbersOf));
    await engine.close();
  });

  Deno.test(`trainGroup() on ${name} goes on from the checkpoint of any update with the same bits`, async () => {
    const engine = await open(), stops = new Set<number>();
    const whole = (await trainGroup(engine, jobs, exact, TEXT))!;
    let from: TrainingState[] | undefined, runs: readonly TrainingState[] | undefined;
    while (!runs) {
      const controller = new AbortController(), saved: TrainingState[] = [];
      runs = await trainGroup(engine, jobs, exact, TEXT, {
        from,
        signal: controller.signal,
        onProgress: () => controller.abort(),
        // A file holds 32-bit numbers, as this engine computes; the reference has 64.
        save: async (i, state) => void (saved[i] = name === "onnx" ? await throughFile(CONFIGS[i], state) : state),
      });
      // Those that have ended are given back at once, and are not saved again.
      from = whole.map((run, i) => saved[i] ?? from?.[i] ?? run);
      if (saved[2]) stops.add(saved[2].steps_done);
    }
    assert.deepEqual(runs.map(numbersOf), whole.map(numbersOf));
    assert.ok([...stops].some((step) => step % 3 > 0), `stopped at ${[...stops]}, never in the middle of a pass`);
    await engine.close();
  });
}
