import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClaimTable, STALE_SECONDS } from "../../../experiments/queue/queue.ts";
import { openSqliteQueue } from "../../../experiments/queue/sqlite_queue.ts";
import { tempFolder } from "../folder.ts";
import { NOTHING, openQueues, QUEUE_FILE } from "./queues.ts";

/** Lets time pass while some queues look as often as they must. */
async function watch(clock: { now: number }, seconds: number, watchers: readonly ClaimTable[]): Promise<void> {
  for (const end = clock.now + seconds; clock.now < end;) {
    clock.now = Math.min(end, clock.now + STALE_SECONDS / 3);
    for (const watcher of watchers) await watcher.living();
  }
}

const owners = async (queue: ClaimTable) => (await queue.living()).map(({ key, owner }) => `${key}: ${owner}`).sort();

Deno.test("claim() gives a run to one owner, until that one releases it", async () => {
  await using bench = await openQueues();
  const { open } = bench;
  const [a, b] = [await open("a"), await open("b")];
  assert.deepEqual([await a.claim("x"), await b.claim("x"), await b.claim("y")], [true, false, true]);
  assert.deepEqual(await owners(a), ["x: a", "y: b"]);
  await b.release("x");
  assert.equal(await b.claim("x"), false, "an owner cannot release another's claim");
  await a.release("x");
  assert.equal(await b.claim("x"), true);
  assert.deepEqual(await owners(a), ["x: b", "y: b"]);
});

Deno.test(
  "release() sends no more heartbeats for a claim that a locked database keeps",
  async () => {
    await using bench = await openQueues();
    const { path, clock, open } = bench;
    const a = await openSqliteQueue(path, { owner: "a", busyTimeout: 50 }), b = await open("b");
    try {
      for (const key of ["x", "y"]) await a.claim(key);
      const other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      await assert.rejects(a.release("x"), /Cannot use .*: database is locked/);
      other.exec("COMMIT");
      other.close();
      assert.deepEqual(await owners(b), ["x: a", "y: a"]);
      for (let beats = 0; beats < 4; beats++) {
        await watch(clock, STALE_SECONDS / 3, [b]);
        assert.deepEqual(await a.beat(NOTHING), [], "it is not lost: it was given up");
      }
      assert.deepEqual(await owners(b), ["y: a"]);
      assert.deepEqual([await b.claim("x"), await b.claim("y")], [true, false]);
    } finally {
      await a.close();
    }
  },
);

Deno.test("claim() gives each run to exactly one of five queues when they ask at once", async () => {
  await using bench = await openQueues();
  const queues = await Promise.all([..."abcde"].map((owner) => bench.open(owner)));
  const keys = Array.from({ length: 12 }, (_, i) => `run ${i}`);
  const taken = await Promise.all(queues.map(async (queue) => {
    const answers = await Promise.all(keys.map((key) => queue.claim(key)));
    return keys.filter((_, i) => answers[i]);
  }));
  assert.deepEqual(taken.flat().sort(), [...keys].sort());
});

Deno.test("claim() takes over when no heartbeat was seen for staleAfter, and no sooner", async () => {
  await using bench = await openQueues();
  const { clock, open } = bench;
  const [a, b] = [await open("a"), await open("b")];
  await a.claim("x");
  await b.living();
  await watch(clock, 20, [b]);
  await a.beat(NOTHING);
  await watch(clock, 10, [b]);
  await watch(clock, STALE_SECONDS - 1, [b]);
  assert.deepEqual([await owners(b), await b.claim("x")], [["x: a"], false]);
  await watch(clock, 1, [b]);
  assert.deepEqual([await owners(b), await b.claim("x")], [[], true]);
});

for (const count of [2, 5]) {
  Deno.test(`claim() lets exactly one of ${count} queues take a stale claim over`, async () => {
    await using bench = await openQueues();
    const dead = await bench.open("dead");
    await dead.claim("x");
    const queues = await Promise.all([..."abcde"].slice(0, count).map((owner) => bench.open(owner)));
    await watch(bench.clock, STALE_SECONDS, queues);
    const won = await Promise.all(queues.map((queue) => queue.claim("x")));
    assert.equal(won.filter(Boolean).length, 1, won.join());
    assert.deepEqual(await owners(dead), [`x: ${"abcde"[won.indexOf(true)]}`]);
    const again = await Promise.all(queues.map((queue, i) => won[i] ? false : queue.claim("x")));
    assert.ok(!again.includes(true));
  });
}

Deno.test("claim() counts anew when its queue had not looked for long", async () => {
  await using bench = await openQueues();
  const { clock, open } = bench;
  const [a, b] = [await open("a"), await open("b")];
  await a.claim("x");
  await b.living();
  clock.now += 1000;
  assert.equal(await b.claim("x"), false, "a process that slept has watched nobody");
  await watch(clock, STALE_SECONDS - 1, [b]);
  assert.equal(await b.claim("x"), false);
  await watch(clock, 1, [b]);
  assert.equal(await b.claim("x"), true);
});

/** Does something while the wall clock shows another time. */
async function atWallClock<T>(now: number, action: () => Promise<T>): Promise<T> {
  const original = Date.now;
  Date.now = () => now;
  try {
    return await action();
  } finally {
    Date.now = original;
  }
}

const DAY = 86_400_000;

for (const [way, jump] of [["forward", DAY], ["backward", -DAY]] as const) {
  Deno.test(`claim() and living() decide the same when the wall clock jumps a day ${way}`, async () => {
    await using bench = await openQueues();
    const { clock, open } = bench;
    const start = Date.now();
    const [a, b] = [await open("a"), await open("b")];
    await a.claim("x");
    await b.living();
    await atWallClock(start + jump, async () => {
      assert.deepEqual([await owners(b), await b.claim("x")], [["x: a"], false]);
      await watch(clock, STALE_SECONDS - 1, [b]);
      assert.equal(await b.claim("x"), false);
      await a.beat(NOTHING);
    });
    await atWallClock(start - 2 * jump, async () => {
      await watch(clock, STALE_SECONDS / 2, [b]);
      assert.equal(await b.claim("x"), false, "a heart that beat is not forgotten");
      await watch(clock, STALE_SECONDS, [b]);
      assert.equal(await b.claim("x"), true, "a dead owner's claim does not live for ever");
      await a.living();
      assert.deepEqual(await owners(a), ["x: b"]);
    });
  });
}

Deno.test("openSqliteQueue() watches by a clock that never jumps when it is told no other", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, QUEUE_FILE);
  const [a, b] = [
    await openSqliteQueue(path, { owner: "a" }),
    await openSqliteQueue(path, { owner: "b", staleAfter: 0.4 }),
  ];
  await a.claim("x");
  await b.living();
  const end = performance.now() + 20_000;
  const taken = await atWallClock(Date.now() - DAY, async () => {
    while (performance.now() < end && !await b.claim("x")) await new Promise((resolve) => setTimeout(resolve, 20));
    return (await b.living()).some(({ owner }) => owner === "b");
  });
  for (const queue of [a, b]) await queue.close();
  assert.ok(taken);
});

Deno.test("beat() says where runs are, and which were taken over meanwhile", async () => {
  await using bench = await openQueues();
  const { clock, open } = bench;
  const [a, b] = [await open("a"), await open("b")];
  for (const key of ["x", "y"]) await a.claim(key);
  await watch(clock, STALE_SECONDS, [b]);
  await watch(clock, STALE_SECONDS, [b]);
  assert.equal(await b.claim("x"), true);
  assert.deepEqual(await a.beat(new Map([["x", 7], ["y", 9]])), ["x"]);
  assert.deepEqual(await a.beat(NOTHING), [], "a lost run is told once");
  const claims = (await b.living()).map(({ key, owner, step }) => ({ key, owner, step }));
  assert.deepEqual(claims.sort((one, other) => one.key < other.key ? -1 : 1), [
    { key: "x", owner: "b", step: 0 },
    { key: "y", owner: "a", step: 9 },
  ]);
});

Deno.test(
  "whileHeld() does nothing for a run that another has taken over, or that is free",
  async () => {
    await using bench = await openQueues();
    const { clock, open } = bench;
    const [a, b] = [await open("a"), await open("b")];
    await a.claim("x");
    let done = 0;
    assert.equal(await a.whileHeld("x", () => done++), true);
    await watch(clock, STALE_SECONDS, [b]);
    await watch(clock, STALE_SECONDS, [b]);
    await b.claim("x");
    assert.equal(await a.whileHeld("x", () => done++), false);
    assert.equal(await a.whileHeld("free", () => done++), false);
    assert.equal(done, 1);
    await a.release("x");
    assert.equal(await b.whileHeld("x", () => done++), true, "who lost a run cannot release it");
  },
);

Deno.test("whileHeld() passes an error of its action on as it is, and the queue goes on", async () => {
  await using bench = await openQueues();
  const a = await bench.open("a");
  await a.claim("x");
  const mistake = new RangeError("of the action");
  await assert.rejects(
    a.whileHeld("x", () => {
      throw mistake;
    }),
    (error) => error === mistake,
  );
  assert.deepEqual([await a.whileHeld("x", () => {}), await owners(a)], [true, ["x: a"]]);
});

/** What of a database is deleted: itself, or its log and index too, in one order or the other. */
const DELETED: readonly (readonly string[])[] = [[""], ["", "-shm", "-wal"], ["-wal", "-shm", ""]];

for (const suffixes of DELETED) {
  const what = suffixes.map((suffix) => QUEUE_FILE + suffix).join(", ");
  const forget = (path: string) => suffixes.forEach((suffix) => Deno.removeSync(path + suffix));

  Deno.test(
    `claims stay with their owners when ${what} is deleted under two queues`,
    async () => {
      await using bench = await openQueues();
      const { path, clock, open } = bench;
      const underWay = () =>
        Promise.resolve([["x", "a"], ["y", "b"], ["z", "c"]].map(([key, owner]) => ({ key, owner, since: 5 })));
      const [a, b] = [await open("a", underWay), await open("b", underWay)];
      assert.ok(await a.claim("x") && await b.claim("y") && await b.claim("unrecorded"));
      await a.beat(new Map([["x", 40]]));
      forget(path);
      assert.deepEqual([await b.claim("x"), await b.claim("z"), await a.claim("y")], [false, false, false]);
      assert.equal(await a.claim("unrecorded"), false);
      assert.deepEqual([await a.beat(NOTHING), await b.beat(NOTHING)], [[], []]);
      assert.deepEqual(await owners(b), ["unrecorded: b", "x: a", "y: b", "z: c"]);
      assert.deepEqual([await a.whileHeld("x", () => {}), await b.whileHeld("x", () => {})], [true, false]);
      // Nobody beats for the third owner.
      for (let i = 0; i < 4; i++) {
        await watch(clock, STALE_SECONDS / 3, [a, b]);
        for (const queue of [a, b]) await queue.beat(NOTHING);
      }
      const [first, second] = await Promise.all([a.claim("z"), b.claim("z")]);
      assert.ok(first !== second, "one of the two takes over what a dead owner left");
      assert.deepEqual([await a.claim("y"), await b.claim("x")], [false, false]);
    },
  );

  Deno.test(`one of two owners hears that it lost a run when ${what} is deleted`, async () => {
    await using bench = await openQueues();
    const { path, open } = bench;
    const [a, b] = [await open("a"), await open("b")];
    await a.claim("x");
    forget(path);
    assert.equal(await b.claim("x"), true, "nothing speaks of the claim");
    let done = false;
    assert.equal(await a.whileHeld("x", () => done = true), false);
    assert.deepEqual([done, await a.beat(NOTHING), await b.beat(NOTHING)], [false, ["x"], []]);
  });

  Deno.test(`claim() gives a run to one of five queues when ${what} was just deleted`, async () => {
    await using bench = await openQueues();
    const queues = await Promise.all([..."abcde"].map((owner) => bench.open(owner)));
    for (let round = 0; round < 3; round++) {
      forget(bench.path);
      const won = await Promise.all(queues.map((queue) => queue.claim(`run ${round}`)));
      assert.equal(won.filter(Boolean).length, 1, won.join());
    }
    assert.equal((await owners(queues[0])).length, 3);
  });
}

/** A queue in another process. */
function spawnQueue(path: string, owner: string) {
  const script = fileURLToPath(new URL("queue_process.ts", import.meta.url));
  const args = ["run", "--no-prompt", "--allow-read", "--allow-write", script, path, owner];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
  const input = child.stdin.getWriter(), output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const ask = async (call: string): Promise<unknown> => {
    await input.write(new TextEncoder().encode(call));
    return JSON.parse((await output.read()).value!);
  };
  const end = async () => {
    await input.close();
    await output.cancel();
    assert.ok((await child.status).success);
  };
  return { ask, end };
}

const mayRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
if (!mayRun) console.log("skipped: no database is deleted under other processes, for that needs --allow-run");

for (const suffixes of DELETED) {
  const what = suffixes.map((suffix) => QUEUE_FILE + suffix).join(", ");
  Deno.test({
    name: `claims stay with their owners when ${what} is deleted under three processes`,
    ignore: !mayRun,
    async fn() {
      const dir = await Deno.makeTempDir(), path = join(dir, QUEUE_FILE);
      const queues = [..."abc"].map((owner) => spawnQueue(path, owner));
      const [a, b, c] = queues;
      try {
        for (const [i, { ask }] of queues.entries()) assert.equal(await ask(`claim run${i}`), true);
        for (const suffix of suffixes) Deno.removeSync(path + suffix);
        // The other two still have the old files open.
        assert.deepEqual([await b.ask("beat"), await b.ask("whileHeld run1"), await b.ask("claim new")], [
          [],
          true,
          true,
        ]);
        assert.deepEqual([await a.ask("whileHeld run0"), await a.ask("claim new")], [true, false]);
        assert.deepEqual([await c.ask("beat"), await c.ask("claim run0"), await c.ask("claim run1")], [
          [],
          false,
          false,
        ]);
        assert.deepEqual([await b.ask("claim run0"), await b.ask("claim run2")], [false, false]);
      } finally {
        for (const { end } of queues) await end();
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

Deno.test(
  "openSqliteQueue() fills a new database with runs under way, and leaves an old one as it is",
  async () => {
    await using bench = await openQueues();
    const underWay = (key: string) => () => Promise.resolve([{ key, owner: "before", since: 77 }]);
    const a = await bench.open("a", underWay("x"));
    const b = await bench.open("b", underWay("never asked"));
    assert.deepEqual((await b.living()).map(({ key, owner, since }) => ({ key, owner, since })), [
      { key: "x", owner: "before", since: 77 },
    ]);
    assert.equal(await a.claim("x"), false);
  },
);

Deno.test("openSqliteQueue() replaces a table of the first version", async () => {
  await using bench = await openQueues();
  const old = new DatabaseSync(bench.path);
  old.exec(
    "CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT, beat REAL); INSERT INTO claims VALUES ('x', 'o', 1)",
  );
  old.close();
  const a = await bench.open("a");
  assert.deepEqual([await owners(a), await a.claim("x")], [[], true]);
});

Deno.test("openSqliteQueue() refuses a newer table with one line, and leaves it", async () => {
  await using bench = await openQueues();
  const { path, open } = bench;
  const newer = new DatabaseSync(path);
  newer.exec("CREATE TABLE claims (uuid TEXT); INSERT INTO claims VALUES ('kept'); PRAGMA user_version = 3");
  newer.close();
  await assert.rejects(open("a"), {
    name: "UserError",
    message: `Cannot use ${path}: its table is version 3, this program knows up to 2`,
  });
  const left = new DatabaseSync(path);
  assert.equal(left.prepare("SELECT uuid FROM claims").get()!.uuid, "kept");
  left.close();
});

Deno.test("openSqliteQueue() says that a damaged database is to be moved away", async () => {
  await using bench = await openQueues();
  const { path, open } = bench;
  const text = "no database, but long enough to be taken for one".repeat(50);
  await Deno.writeTextFile(path, text);
  await assert.rejects(open("a"), {
    name: "UserError",
    message:
      `Cannot use ${path}: file is not a database; it is damaged, or not cellspace's: move it away, and the next command creates a new one`,
  });
  assert.equal(await Deno.readTextFile(path), text);
  await Deno.remove(path);
  assert.equal(await (await open("a")).claim("x"), true);
});

Deno.test("openSqliteQueue() names the path when its folder is missing", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, "none", QUEUE_FILE);
  await assert.rejects(
    openSqliteQueue(path, { owner: "a" }),
    /^UserError: Cannot use .*none.queue.sqlite: unable to open/,
  );
});
