/** Claims of a session: what is lost, held and released while its runs train and are scored. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Queue } from "../../../experiments/queue/queue.ts";
import { readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import { claimKey } from "../../../experiments/queue/study_queue.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { injectFaults, trainOn } from "../../faults/engines.ts";
import { tempFolder } from "../folder.ts";
import { queueWith, takeOver } from "../queue/queues.ts";
import { begin, onGpu, resultOf, SAVE_OFTEN, undisturbed } from "./session_study.ts";

/** Waits for something that another part of the session is to do meanwhile. */
async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took too long until ${what}`)), 60_000);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

Deno.test("TrainingSession.run() writes the others of a group when one claim is lost", async () => {
  await using temp = await tempFolder();
  const { study, keys } = await begin(temp.path, 3);
  const expected = await undisturbed(study, join(temp.path, "quiet"));
  const lost = keys[1];
  let isTaken = false;
  const engine = injectFaults(await openOnnxEngine(undefined, { keepWorkers: true }), {
    runsPerGroup: 3,
    onAdvance() {
      if (!isTaken) takeOver(study, lost);
      isTaken = true;
    },
  });
  // The heart beats while they train, and hears of the loss.
  const { session, errors } = await trainOn(study, engine, { timing: { ...SAVE_OFTEN, beat: 0.01 } });
  assert.deepEqual([session.finished, session.others, session.problems, errors], [2, 1, 0, []]);
  for (const key of keys) {
    const { loss, test_loss } = await resultOf(study, key);
    const { loss: whole, test_loss: score } = expected(key);
    assert.deepEqual([loss, test_loss], key === lost ? [undefined, undefined] : [whole, score]);
    const written = [study.checkpointPath("01", key), study.modelPath("01", key)].map((path) => existsSync(path));
    assert.deepEqual(written, key === lost ? [false, false] : [true, true]);
  }
  assert.deepEqual(readClaims(study.queuePath).map(({ key, owner }) => [key, owner]), [
    [claimKey("01", lost), "another"],
  ]);
});

Deno.test(
  "TrainingSession.run() scores a run while the next one trains on a GPU, then releases its claim",
  async () => {
    await using temp = await tempFolder();
    const { study, keys: [first, second] } = await begin(temp.path, 2);
    const expected = await undisturbed(study, join(temp.path, "quiet"));
    const nextOpened = Promise.withResolvers<void>(), released = Promise.withResolvers<void>();
    let whileScoring: string[] | undefined, whileTraining: string[] | undefined;
    const keysClaimed = () => readClaims(study.queuePath).map(({ key }) => key);
    let groups = 0;
    const engine = injectFaults(await onGpu(), {
      onOpen() {
        if (++groups === 2) nextOpened.resolve();
      },
      async beforeLosses() {
        if (groups < 2) return;
        await inTime(released.promise, "the first run was released");
        whileTraining = keysClaimed();
        assert.equal((await resultOf(study, first)).test_loss, expected(first).test_loss);
      },
    });
    const wrapQueue = (queue: Queue) =>
      queueWith(queue, {
        async whileHeld(key, action) {
          // The score of the first run, which is all that is written of it after its curve, is written when the second trains.
          const isScore = key === claimKey("01", first) && (await study.readResult("01", first))?.loss !== undefined;
          if (isScore) {
            await inTime(nextOpened.promise, "the second run trained");
            whileScoring = keysClaimed().sort();
          }
          return await queue.whileHeld(key, action);
        },
        async release(key) {
          await queue.release(key);
          if (key === claimKey("01", first)) released.resolve();
        },
      });
    const { session, errors } = await trainOn(study, engine, { parallel: 1, wrapQueue });
    assert.deepEqual([session.finished, session.problems, errors], [2, 0, []]);
    const bySecond = claimKey("01", second);
    assert.deepEqual([whileScoring, whileTraining], [[claimKey("01", first), bySecond].sort(), [bySecond]]);
    assert.equal((await resultOf(study, second)).test_loss, expected(second).test_loss);
    assert.deepEqual(keysClaimed(), []);
  },
);

Deno.test("TrainingSession.run() releases at its end what the queue did not release at first", async () => {
  await using temp = await tempFolder();
  const { study, keys } = await begin(temp.path, 2);
  const tried: string[] = [];
  const wrapQueue = (queue: Queue) =>
    queueWith(queue, {
      release: (key) => tried.push(key) === 1 ? Promise.reject(new Error("database is locked")) : queue.release(key),
    });
  const { session, errors } = await trainOn(study, await openOnnxEngine(undefined, { keepWorkers: true }), {
    parallel: 1,
    wrapQueue,
  });
  assert.deepEqual([session.finished, session.problems, errors], [2, 0, []]);
  assert.deepEqual(tried, [...keys, keys[0]].map((key) => claimKey("01", key)));
  assert.deepEqual(readClaims(study.queuePath), []);
});
