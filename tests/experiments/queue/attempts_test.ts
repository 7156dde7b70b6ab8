/** Attempts are numbered, one process gets a number, and only the latest may write. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Attempts, highestIn, latestIn, noteAttempt } from "../../../experiments/queue/attempts.ts";
import { FencedQueue } from "../../../experiments/queue/fenced_queue.ts";
import { tempFolder } from "../folder.ts";
import { openQueues } from "./queues.ts";

const KEY = "01/run";

function attemptsIn(dir: string, owner: string, timeout?: number): Attempts {
  return new Attempts({ owner, folderOf: (key) => join(dir, key.replace("/", "_")), timeout });
}

const mayWrite = (attempts: Attempts, key = KEY) => attempts.guarded(key, (isLatest) => Promise.resolve(isLatest()));

Deno.test("Attempts.take() numbers the attempts at a run from 1, and the latest alone may write", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const a = attemptsIn(dir, "a"), b = attemptsIn(dir, "b");
  assert.equal(await mayWrite(a), false, "an attempt that was never begun");
  assert.equal(await a.take(KEY), 1);
  assert.equal(await mayWrite(a), true);
  assert.equal(await b.take(KEY), 2);
  assert.deepEqual([await mayWrite(a), await mayWrite(b)], [false, true]);
  assert.deepEqual([a.latest(KEY)?.owner, a.numberOf(KEY), b.numberOf(KEY)], ["b", 1, 2]);
  assert.deepEqual(a.superseded(), [KEY]);
  assert.deepEqual(a.superseded(), [], "folders are looked at now and then alone");
  assert.equal(await a.take(KEY), 3);
  assert.deepEqual([await mayWrite(a), await mayWrite(b)], [true, false]);
});

Deno.test("Attempts.take() gives each number to one of many that want it at once", async () => {
  await using temp = await tempFolder();
  const all = Array.from({ length: 12 }, (_, i) => attemptsIn(temp.path, `owner ${i}`));
  const numbers = await Promise.all(all.map((attempts) => attempts.take(KEY)));
  assert.deepEqual(numbers.toSorted((x, y) => x - y), numbers.map((_, i) => i + 1));
  const may = await Promise.all(all.map((attempts) => mayWrite(attempts)));
  assert.deepEqual(may, numbers.map((number) => number === 12));
});

Deno.test("Attempts.take() waits while the owner writes, and names the file when that takes too long", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const a = attemptsIn(dir, "a"), b = attemptsIn(dir, "b"), impatient = attemptsIn(dir, "c", 50);
  await a.take(KEY);
  const written: string[] = [];
  let end = () => {};
  const writing = a.guarded(KEY, async (isLatest) => {
    assert.equal(isLatest(), true);
    await new Promise<void>((resolve) => end = resolve);
    assert.equal(isLatest(), true, "nobody has come in between");
    written.push("a");
  });
  await assert.rejects(
    impatient.take(KEY),
    /UserError: Cannot take over .*01_run.1: its owner was stopped while it wrote/,
  );
  const taking = b.take(KEY).then(() => written.push("b"));
  end();
  await Promise.all([writing, taking]);
  assert.deepEqual(written, ["a", "b"]);
  assert.equal(await mayWrite(a), false);
});

Deno.test("Attempts.guarded() heeds the note of a next attempt where a folder's names are old", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const a = attemptsIn(dir, "a"), b = attemptsIn(dir, "b");
  await a.take(KEY);
  await b.take(KEY);
  // As a client of NFS may see it for a while.
  Deno.removeSync(join(dir, "01_run", "2"));
  assert.equal(highestIn(join(dir, "01_run")), 1);
  assert.equal(await mayWrite(a), false);
});

Deno.test("Attempts.take() goes above what others count, and above what was noted of another folder", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const a = attemptsIn(dir, "a");
  assert.equal(await a.take(KEY, 5), 5);
  assert.equal(await a.take(KEY, 2), 6);
  assert.equal(await noteAttempt(join(dir, "01_other"), { attempt: 3, owner: "elsewhere", since: 1 }), true);
  assert.equal(await noteAttempt(join(dir, "01_other"), { attempt: 3, owner: "again", since: 1 }), false);
  assert.equal(latestIn(join(dir, "01_other"))?.owner, "elsewhere");
  assert.equal(await a.take("01/other"), 4);
});

Deno.test("Attempts leaves no unfinished file, and ignores what is no number", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const a = attemptsIn(dir, "a"), folder = join(dir, "01_run");
  await a.take(KEY);
  Deno.writeTextFileSync(join(folder, "007"), "somebody's");
  Deno.writeTextFileSync(join(folder, "notes.txt"), "somebody's");
  await a.take(KEY);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["007", "1", "2", "notes.txt"]);
});

Deno.test(
  "Attempts.take() lets others work while a folder's names are not those of its files, and gives up",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    Deno.mkdirSync(join(dir, "01_run"));
    // A name without a file, as a client of NFS may remember it.
    Deno.symlinkSync(join(dir, "nowhere"), join(dir, "01_run", "1"));
    let hasBeaten = false;
    setTimeout(() => hasBeaten = true, 0);
    await assert.rejects(
      attemptsIn(dir, "a", 50).take(KEY),
      /Cannot begin an attempt at .*01_run: its names do not match/,
    );
    assert.ok(hasBeaten);
    const taking = attemptsIn(dir, "b").take(KEY);
    Deno.removeSync(join(dir, "01_run", "1"));
    assert.equal(await taking, 1);
  },
);

Deno.test("Attempts.take() says in one line what is in its way", async () => {
  await using temp = await tempFolder();
  Deno.writeTextFileSync(join(temp.path, "01_run"), "a file");
  await assert.rejects(
    attemptsIn(temp.path, "a").take(KEY),
    /^UserError: Cannot make folder .*01_run: a file is where/,
  );
});

Deno.test("a fenced queue refuses the write of an attempt that another has followed", async () => {
  await using bench = await openQueues();
  const { path, open } = bench;
  const dir = `${path}.attempts`;
  const [a, b] = await Promise.all(
    ["a", "b"].map(async (owner) => new FencedQueue(await open(owner), attemptsIn(dir, owner))),
  );
  assert.deepEqual([await a.claim(KEY), await b.claim(KEY)], [true, false]);
  assert.deepEqual([a.attemptOf(KEY), b.attemptOf(KEY)], [1, undefined]);
  const written: string[] = [], write = (name: string) => () => void written.push(name);
  assert.equal(await a.whileHeld(KEY, write("a")), true);
  // Somebody without the table, whom a scheduler has started.
  const other = attemptsIn(dir, "other");
  assert.equal(await other.take(KEY), 2);
  assert.equal(await a.whileHeld(KEY, write("late")), false);
  assert.deepEqual([await a.beat(new Map()), a.latestOwner(KEY)], [[KEY], "other"]);
  await a.release(KEY);
  assert.deepEqual([await b.claim(KEY), b.attemptOf(KEY)], [true, 3]);
  assert.equal(await b.whileHeld(KEY, write("b")), true);
  assert.deepEqual(written, ["a", "b"]);
});
