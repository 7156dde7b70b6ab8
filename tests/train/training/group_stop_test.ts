/** A signal that comes while a group trains, or while the engine prepares it: what is asked for, saved and written then. */
import assert from "node:assert/strict";
import type { Engine, EngineRun } from "../../../train/engines/engine.ts";
import { trainRuns } from "../../../train/training/trainer.ts";
import { fakeEngine, job, TEXT } from "./fake_engine.ts";
import { LONG, runsOf, sourceOf } from "./numbered_runs.ts";

Deno.test("trainRuns() asks for no further run after the signal, and writes what has ended", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 20 ? NaN : 1 });
  const controller = new AbortController(), ended: number[] = [], saved: number[] = [];
  const runs = runsOf([job, { ...job, seed: 6 }, job], LONG);
  const supply = sourceOf(runs.slice(2), {
    progress: ([{ step }]) => step >= 20 && controller.abort(),
    finished: ({ number }) => Promise.resolve(void ended.push(number)),
    save: ({ number }) => Promise.resolve(void saved.push(number)),
  });
  const through = await trainRuns(engine, runs.slice(0, 2), supply.source, LONG, TEXT, { signal: controller.signal });
  assert.deepEqual([through, supply.asked, ended, saved], [false, [], [1], [0]]);
});

Deno.test("trainRuns() returns false when the signal comes while the engine prepares the first step", async () => {
  const { engine } = fakeEngine(), controller = new AbortController(), supply = sourceOf();
  const compiling: Engine = {
    ...engine,
    open(_runs, _text, options) {
      controller.abort();
      return Promise.reject(options!.signal!.reason);
    },
  };
  const options = { signal: controller.signal };
  assert.equal(await trainRuns(compiling, runsOf([job], LONG), supply.source, LONG, TEXT, options), false);
  assert.deepEqual([supply.asked, supply.trained, supply.seen], [[], [], []]);
  // What fails while it is told to stop has failed.
  const broken = new Error("broken");
  const failing: Engine = { ...engine, open: () => Promise.reject(broken) };
  const { signal } = new AbortController();
  await assert.rejects(
    trainRuns(failing, runsOf([job], LONG), supply.source, LONG, TEXT, { signal }),
    (error) => error === broken,
  );
});

Deno.test("trainRuns() saves who is there when the signal comes while the engine prepares one that joins", async () => {
  const { engine } = fakeEngine({ lossAt: (step, run) => run === 1 && step >= 20 ? NaN : 1 });
  const controller = new AbortController(), ended: number[] = [], saved: number[] = [];
  const compiling: Engine = {
    ...engine,
    async open(runs, text, options) {
      const group = await engine.open(runs, text, options), replace = group.replace.bind(group);
      return Object.assign(group, {
        async replace(slot: number, next?: EngineRun) {
          if (!next) return await replace(slot);
          controller.abort();
          throw options!.signal!.reason;
        },
      });
    },
  };
  const runs = runsOf([job, { ...job, seed: 6 }, job], LONG);
  const supply = sourceOf(runs.slice(2), {
    finished: ({ number }) => Promise.resolve(void ended.push(number)),
    save: ({ number }) => Promise.resolve(void saved.push(number)),
  });
  const options = { signal: controller.signal };
  const through = await trainRuns(compiling, runs.slice(0, 2), supply.source, LONG, TEXT, options);
  assert.deepEqual([through, ended, saved], [false, [1], [0]]);
});

Deno.test("trainRuns() does no step and saves nothing when the signal comes while an open group waits for its turn", async () => {
  const { engine } = fakeEngine(), controller = new AbortController(), saved: number[] = [];
  const runs = runsOf([job, { ...job, seed: 6 }], LONG);
  const supply = sourceOf([], { save: ({ number }) => Promise.resolve(void saved.push(number)) });
  let waited = 0;
  const onOpen = async () => {
    waited++;
    await Promise.resolve();
    controller.abort();
  };
  const options = { signal: controller.signal, onOpen };
  assert.equal(await trainRuns(engine, runs, supply.source, LONG, TEXT, options), false);
  assert.deepEqual([waited, saved, supply.trained], [1, [], []]);
  assert.deepEqual([0, 1].flatMap((run) => supply.stepsOf(run)).filter((step) => step > 0), []);
});
