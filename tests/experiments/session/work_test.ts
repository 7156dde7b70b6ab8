import assert from "node:assert/strict";
import { type Queue, STALE_SECONDS } from "../../../experiments/queue/queue.ts";
import { WorkList } from "../../../experiments/session/work.ts";
import { NOTHING, queueWith, withQueues } from "../queue/queues.ts";

interface Key {
  readonly key: string;
}

const RUNS: readonly Key[] = Array.from({ length: 7 }, (_, i) => ({ key: `run${i}` }));
const anything = () => true;

/** Claims until nothing is left. */
async function takeAll(list: WorkList<Key>): Promise<Key[]> {
  const taken: Key[] = [];
  for (let run = await list.claim(anything); run; run = await list.claim(anything)) taken.push(run);
  return taken;
}

withQueues("WorkList.claim() hands each run out once, in order, when two lanes ask at once", async ({ open }) => {
  const list = new WorkList(RUNS, await open("a"), "01");
  const [one, other] = await Promise.all([takeAll(list), takeAll(list)]);
  assert.ok(one.length > 1 && other.length > 1);
  assert.deepEqual([...one, ...other].sort((p, q) => p.key < q.key ? -1 : 1), RUNS);
  for (const lane of [one, other]) assert.deepEqual(lane, RUNS.filter((run) => lane.includes(run)));
});

withQueues("WorkList.claim() hands out no more than its limit, also to two lanes at once", async ({ open }) => {
  const list = new WorkList(RUNS, await open("a"), "01", 3);
  assert.equal((await Promise.all([takeAll(list), takeAll(list)])).flat().length, 3);
});

withQueues("WorkList.claim() goes past what others hold, and that counts towards no limit", async ({ open }) => {
  const [a, b] = [await open("a"), await open("b")];
  for (const { key } of RUNS.slice(0, 2)) await b.claim(`01/${key}`);
  await b.claim(`02/${RUNS[2].key}`);
  const list = new WorkList(RUNS, a, "01", 2);
  assert.deepEqual(await takeAll(list), RUNS.slice(2, 4));
  assert.deepEqual([list.held, list.others], [0, []], "the limit is reached: nobody is waited for");
});

withQueues("WorkList.claim() leaves runs in their places when they are not accepted", async ({ open }) => {
  const list = new WorkList(RUNS, await open("a"), "01");
  const asked: Key[] = [];
  assert.equal(await list.claim((run) => asked.push(run) === 0), undefined);
  assert.deepEqual([asked, await list.claim(anything)], [RUNS, RUNS[0]]);
});

withQueues("WorkList.claim() takes a later run when the first ones do not fit", async ({ open }) => {
  const list = new WorkList(RUNS, await open("a"), "01");
  assert.equal(await list.claim(({ key }) => key >= "run2"), RUNS[2]);
  assert.deepEqual(await takeAll(list), RUNS.filter((run) => run !== RUNS[2]));
});

withQueues("WorkList.putBack() hands a run out again as the next, and does not count it", async ({ open }) => {
  const list = new WorkList(RUNS, await open("a"), "01", 2);
  const first = (await list.claim(anything))!;
  await list.release(first);
  list.putBack(first);
  assert.deepEqual(await takeAll(list), RUNS.slice(0, 2));
});

withQueues("WorkList.drop() frees a run without counting it, release() counts it", async ({ open }) => {
  const [a, b] = [await open("a"), await open("b")];
  const list = new WorkList(RUNS, a, "01", 2);
  const first = (await list.claim(anything))!;
  await list.drop(first);
  const rest = await takeAll(list);
  assert.deepEqual([first, ...rest], RUNS.slice(0, 3));
  await list.release(rest[0]);
  assert.equal(await list.claim(anything), undefined);
  assert.deepEqual(await Promise.all(RUNS.slice(0, 3).map(({ key }) => b.claim(`01/${key}`))), [true, true, false]);
});

/** A queue on which every look takes a while: the clock goes on, and something may happen meanwhile. */
function slow(queue: Queue, beforeLook: () => Promise<unknown>): Queue {
  return queueWith(queue, { living: () => beforeLook().then(() => queue.living()) });
}

withQueues("WorkList.revive() hands out a dead owner's runs, and leaves a living one's", async ({ clock, open }) => {
  const [mine, dead, alive] = [await open("mine"), await open("dead"), await open("alive")];
  await dead.claim("01/run0");
  await alive.claim("01/run1");
  const looking = slow(mine, async () => {
    clock.now += STALE_SECONDS / 2;
    await alive.beat(NOTHING);
  });
  const list = new WorkList(RUNS.slice(0, 3), looking, "01");
  assert.deepEqual([await takeAll(list), list.held], [[RUNS[2]], 2]);
  const { signal } = new AbortController();
  assert.deepEqual(await Promise.all([list.revive(signal), list.revive(signal)]), [true, true]);
  assert.deepEqual(await takeAll(list), [RUNS[0]]);
  assert.equal(await list.revive(signal), false);
  assert.deepEqual([list.others, list.held], [[RUNS[1]], 0]);
});

withQueues("WorkList.revive() hands out what another has released, and ends at a signal", async ({ open }) => {
  const [a, b] = [await open("a"), await open("b")];
  for (const key of ["01/run0", "01/run1"]) await b.claim(key);
  const list = new WorkList(RUNS.slice(0, 2), a, "01");
  assert.deepEqual(await takeAll(list), []);
  assert.equal(await list.revive(AbortSignal.abort()), false);
  await b.release("01/run1");
  assert.equal(await list.revive(new AbortController().signal), true);
  assert.deepEqual([await takeAll(list), list.held], [[RUNS[1]], 1]);
});
