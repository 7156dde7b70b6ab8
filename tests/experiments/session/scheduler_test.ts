/** Which runs a process takes: order, claims, limits, what fits together, and what others hold. */
import assert from "node:assert/strict";
import { type ClaimTable, STALE_SECONDS } from "../../../experiments/queue/queue.ts";
import { Scheduler, type SchedulerOptions } from "../../../experiments/session/scheduler.ts";
import { NOTHING, openQueues, queueWith } from "../queue/queues.ts";

interface Key {
  readonly key: string;
}

const RUNS: readonly Key[] = Array.from({ length: 7 }, (_, i) => ({ key: `run${i}` }));
const byKey = (p: Key, q: Key) => p.key < q.key ? -1 : 1;

function schedulerOf(
  runs: readonly Key[],
  queue: ClaimTable,
  options: Omit<SchedulerOptions<Key>, "queue" | "experiment"> = {},
): Scheduler<Key> {
  return new Scheduler(runs, { queue, experiment: "01", ...options });
}

/** Claims until nothing is left. */
async function takeAll(scheduler: Scheduler<Key>): Promise<Key[]> {
  const taken: Key[] = [];
  for (let run = await scheduler.next([]); run; run = await scheduler.next([])) taken.push(run);
  return taken;
}

/** A memory of 10 bytes. */
function memoryOf(footprint: (run: Key) => number) {
  return { bytes: () => 10, footprint };
}

Deno.test("Scheduler.next() hands each run out once, in order, when two workers ask at once", async () => {
  await using bench = await openQueues();
  const scheduler = schedulerOf(RUNS, await bench.open("a"));
  const [one, other] = await Promise.all([takeAll(scheduler), takeAll(scheduler)]);
  assert.ok(one.length > 1 && other.length > 1);
  assert.deepEqual([...one, ...other].sort(byKey), RUNS);
  for (const worker of [one, other]) assert.deepEqual(worker, RUNS.filter((run) => worker.includes(run)));
  assert.deepEqual([...scheduler.claimed].sort(byKey), RUNS);
});

Deno.test("Scheduler.next() hands out no more than its limit, also to two workers at once", async () => {
  await using bench = await openQueues();
  const scheduler = schedulerOf(RUNS, await bench.open("a"), { limit: 3 });
  assert.equal(scheduler.waiting.length, 3);
  assert.equal((await Promise.all([takeAll(scheduler), takeAll(scheduler)])).flat().length, 3);
  assert.equal(scheduler.waiting.length, 0);
});

Deno.test("Scheduler.next() goes past what others hold, and that counts towards no limit", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")], waits: number[] = [];
  for (const { key } of RUNS.slice(0, 2)) await b.claim(`01/${key}`);
  await b.claim(`02/${RUNS[2].key}`);
  const scheduler = schedulerOf(RUNS, a, { limit: 2, onWait: (held) => waits.push(held) });
  assert.deepEqual(await takeAll(scheduler), RUNS.slice(2, 4));
  assert.deepEqual(await scheduler.group(1), []);
  assert.deepEqual(
    [scheduler.waiting.length, scheduler.others, waits],
    [0, [], []],
    "the limit is reached: nobody is waited for",
  );
});

Deno.test("Scheduler.next() leaves runs in their order when none fits, and tries any alone", async () => {
  await using bench = await openQueues();
  const asked: Key[] = [];
  const memory = memoryOf((run) => (asked.push(run), 100));
  const scheduler = schedulerOf(RUNS, await bench.open("a"), { memory });
  assert.equal(await scheduler.next([{ key: "present" }]), undefined);
  assert.deepEqual(asked.slice(1), RUNS);
  assert.equal(await scheduler.next([]), RUNS[0]);
});

Deno.test("Scheduler.next() takes a later run when the first ones do not fit", async () => {
  await using bench = await openQueues();
  const memory = memoryOf(({ key }) => key < "run2" ? 6 : 5);
  const scheduler = schedulerOf(RUNS, await bench.open("a"), { memory });
  assert.equal(await scheduler.next([{ key: "run9" }]), RUNS[2]);
  assert.deepEqual(await takeAll(scheduler), RUNS.filter((run) => run !== RUNS[2]));
});

Deno.test("Scheduler.group() claims as many as there are slots and as fit together", async () => {
  await using bench = await openQueues();
  const memory = memoryOf(({ key }) => key === "run0" ? 4 : 3);
  const scheduler = schedulerOf(RUNS, await bench.open("a"), { memory });
  assert.deepEqual(await scheduler.group(2), RUNS.slice(0, 2));
  assert.deepEqual(await scheduler.group(Infinity), RUNS.slice(2, 5));
  assert.deepEqual(await scheduler.group(Infinity), RUNS.slice(5));
  assert.deepEqual(await scheduler.group(Infinity), []);
});

Deno.test("Scheduler.next() drops a run that nobody needs any more, and does not count it", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")];
  const isWanted = ({ key }: Key) => Promise.resolve(key !== "run0");
  const scheduler = schedulerOf(RUNS, a, { limit: 2, isWanted });
  assert.deepEqual(await takeAll(scheduler), RUNS.slice(1, 3));
  assert.deepEqual([await b.claim("01/run0"), await b.claim("01/run1")], [true, false]);
});

Deno.test("Scheduler.putBack() hands a run out again as the next, and does not count it", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")], scheduler = schedulerOf(RUNS, a, { limit: 2 });
  const first = (await scheduler.next([]))!;
  await scheduler.putBack({ ...first });
  assert.deepEqual([scheduler.claimed, await b.claim(`01/${first.key}`)], [[], true]);
  await b.release(`01/${first.key}`);
  const taken = await takeAll(scheduler);
  assert.deepEqual(taken, RUNS.slice(0, 2));
  assert.equal(taken[0], first, "it is the run that was listed");
});

Deno.test("Scheduler.putBack() keeps a run whose claim cannot be given back", async () => {
  await using bench = await openQueues();
  const broken = new Error("the disk is full");
  const scheduler = schedulerOf(RUNS, queueWith(await bench.open("a"), { release: () => Promise.reject(broken) }));
  const first = (await scheduler.next([]))!;
  await assert.rejects(scheduler.putBack(first), (error) => error === broken);
  assert.deepEqual([scheduler.claimed, scheduler.unreleased, scheduler.waiting.length], [[], [first], RUNS.length]);
  assert.equal(await scheduler.next([]), first);
  assert.deepEqual([scheduler.claimed, scheduler.unreleased], [[first], []]);
});

Deno.test("Scheduler.release() keeps in mind what the queue did not release, until it does", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")], broken = new Error("database is locked");
  let isLocked = true;
  const queue = queueWith(a, { release: (key) => isLocked ? Promise.reject(broken) : a.release(key) });
  const scheduler = schedulerOf(RUNS, queue), [first, second] = await scheduler.group(2);
  await assert.rejects(scheduler.release(first), (error) => error === broken);
  await assert.rejects(scheduler.drop(second), (error) => error === broken);
  assert.deepEqual([scheduler.claimed, scheduler.unreleased], [[], [first, second]]);
  assert.equal(await b.claim("01/run0"), false);
  isLocked = false;
  for (const run of scheduler.unreleased) await scheduler.release(run);
  assert.deepEqual([scheduler.claimed, scheduler.unreleased], [[], []]);
  assert.deepEqual([await b.claim("01/run0"), await b.claim("01/run1")], [true, true]);
});

Deno.test("Scheduler.waiting and claimed together lose no run while the queue is asked", async () => {
  await using bench = await openQueues();
  const queue = await bench.open("a"), counts: number[] = [];
  const count = () => void counts.push(scheduler.waiting.length + scheduler.claimed.length);
  const watched = queueWith(queue, {
    claim: (key) => (count(), queue.claim(key)),
    release: (key) => (count(), queue.release(key)),
  });
  const scheduler = schedulerOf(RUNS, watched, { limit: 3 });
  const [first] = await scheduler.group(2);
  await scheduler.putBack(first);
  count();
  assert.deepEqual(counts, [3, 3, 3, 3]);
});

Deno.test("Scheduler.drop() frees a run without counting it, release() counts it", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")];
  const scheduler = schedulerOf(RUNS, a, { limit: 2 });
  const first = (await scheduler.next([]))!;
  await scheduler.drop(first);
  const rest = await takeAll(scheduler);
  assert.deepEqual([first, ...rest], RUNS.slice(0, 3));
  await scheduler.release(rest[0]);
  assert.deepEqual([await scheduler.next([]), scheduler.claimed], [undefined, [rest[1]]]);
  assert.deepEqual(await Promise.all(RUNS.slice(0, 3).map(({ key }) => b.claim(`01/${key}`))), [true, true, false]);
});

Deno.test("Scheduler.isLost() tells a run that was taken over, until it is claimed again", async () => {
  await using bench = await openQueues();
  const scheduler = schedulerOf(RUNS.slice(0, 2), await bench.open("a"));
  const [first, second] = await takeAll(scheduler);
  scheduler.lose([`01/${first.key}`, `02/${second.key}`]);
  assert.deepEqual([scheduler.isLost(first), scheduler.isLost(second)], [true, false]);
  await scheduler.putBack(first);
  assert.equal(await scheduler.next([]), first);
  assert.ok(!scheduler.isLost(first));
});

/** A queue on which every look takes a while: the clock goes on, and something may happen meanwhile. */
function slow(queue: ClaimTable, beforeLook: () => Promise<unknown>): ClaimTable {
  return queueWith(queue, { living: () => beforeLook().then(() => queue.living()) });
}

Deno.test("Scheduler.group() waits for a dead owner's runs, and leaves a living one's", async () => {
  await using bench = await openQueues();
  const { clock, open } = bench;
  const [mine, dead, alive] = [await open("mine"), await open("dead"), await open("alive")], waits: number[] = [];
  await dead.claim("01/run0");
  await alive.claim("01/run1");
  const looking = slow(mine, async () => {
    clock.now += STALE_SECONDS / 2;
    await alive.beat(NOTHING);
  });
  const scheduler = schedulerOf(RUNS.slice(0, 3), looking, { onWait: (held) => waits.push(held) });
  assert.deepEqual([await scheduler.group(3), waits], [[RUNS[2]], []], "what is at hand is not kept waiting");
  const groups = await Promise.all([scheduler.group(1), scheduler.group(1)]);
  assert.deepEqual([groups.flat(), waits], [[RUNS[0]], [2]]);
  assert.deepEqual(await scheduler.group(1), []);
  assert.deepEqual([scheduler.others, scheduler.waiting.length, waits], [[RUNS[1]], 0, [2]]);
});

Deno.test("Scheduler.group() hands out what another has released, and nothing after a signal", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")], controller = new AbortController();
  for (const key of ["01/run0", "01/run1"]) await b.claim(key);
  const scheduler = schedulerOf(RUNS.slice(0, 2), a, { signal: controller.signal });
  assert.deepEqual(await takeAll(scheduler), []);
  await b.release("01/run1");
  assert.deepEqual(await scheduler.group(2), [RUNS[1]]);
  const waiting = scheduler.group(1);
  controller.abort();
  assert.deepEqual([await waiting, scheduler.waiting.length], [[], 1]);
  await b.release("01/run0");
  assert.deepEqual([await scheduler.group(1), await scheduler.next([])], [[], undefined]);
});
