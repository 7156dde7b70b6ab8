/** Claims out of the bytes of a database and its log, beside what SQLite itself says. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseWithLog, imageReaders } from "../../../experiments/queue/sqlite_image.ts";
import { claimReader, openSqliteQueue, readClaims } from "../../../experiments/queue/sqlite_queue.ts";
import { tempFolder } from "../folder.ts";
import { openQueues } from "./queues.ts";

/** How many rows a database of bytes has. */
function rowsIn(bytes: Uint8Array): number {
  const database = new DatabaseSync(":memory:");
  try {
    (database as DatabaseSync & { deserialize(bytes: Uint8Array): void }).deserialize(bytes);
    return Number(database.prepare("SELECT count(*) AS n FROM t").get()!.n);
  } finally {
    database.close();
  }
}

/** A database of 100 kB with a log of three transactions, each of several pages; its bytes while it is open. */
function loggedDatabase(dir: string): { database: Uint8Array; log: Uint8Array; rows: number[]; ends: number[] } {
  const path = join(dir, "a.sqlite"), open = new DatabaseSync(path);
  const size = () => Deno.statSync(`${path}-wal`).size, rows: number[] = [], ends: number[] = [];
  try {
    open.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x TEXT)");
    const insert = open.prepare("INSERT INTO t VALUES (?)");
    for (let i = 0; i < 20; i++) insert.run("x".repeat(5000));
    open.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    for (const count of [3, 5, 1]) {
      open.exec("BEGIN");
      for (let i = 0; i < count; i++) insert.run("y".repeat(5000));
      open.exec("COMMIT");
      rows.push(Number(open.prepare("SELECT count(*) AS n FROM t").get()!.n));
      ends.push(size());
    }
    return { database: Deno.readFileSync(path), log: Deno.readFileSync(`${path}-wal`), rows, ends };
  } finally {
    open.close();
  }
}

Deno.test("databaseWithLog() has each transaction of a log that is whole, and no part of one", async () => {
  await using temp = await tempFolder();
  const { database, log, rows, ends } = loggedDatabase(temp.path);
  assert.deepEqual(rows, [23, 28, 29]);
  for (let end = 0; end <= log.length; end += 509) {
    const whole = ends.filter((at) => at <= end).length;
    assert.equal(rowsIn(databaseWithLog(database, log.subarray(0, end))), [20, ...rows][whole], `${end} bytes`);
  }
  assert.equal(rowsIn(databaseWithLog(database, log)), 29);
  return Promise.resolve();
});

Deno.test("databaseWithLog() passes over what is damaged, and what was left from an earlier round", async () => {
  await using temp = await tempFolder();
  const { database, log, rows, ends } = loggedDatabase(temp.path);
  const flipped = log.slice();
  flipped[ends[0] + 30] ^= 1;
  assert.equal(rowsIn(databaseWithLog(database, flipped)), rows[0]);
  const older = log.slice();
  // The salt of a frame in the second transaction.
  older[ends[0] + 8] ^= 1;
  assert.equal(rowsIn(databaseWithLog(database, older)), rows[0]);
  for (const at of [0, 3, 10, 17, 25]) {
    const header = log.slice();
    header[at] ^= 0x40;
    assert.equal(rowsIn(databaseWithLog(database, header)), 20, `byte ${at} of the header`);
  }
  return Promise.resolve();
});

Deno.test("imageReaders() says of claims what SQLite says, and leaves nothing beside the database", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, "queue.sqlite"), readerOf = imageReaders();
  const look = () => readerOf(path).claims();
  assert.deepEqual(await look(), []);
  const queue = await openSqliteQueue(path, { owner: "me" });
  const agrees = async () => {
    const claims = await look();
    assert.deepEqual(claims, readClaims(path));
    return claims.length;
  };
  try {
    for (let i = 0; i < 40; i++) await queue.claim(`01/${"k".repeat(100)}${i}`);
    assert.equal(await agrees(), 40);
    await queue.beat(new Map([[`01/${"k".repeat(100)}7`, 120]]));
    assert.equal(await agrees(), 40);
    const other = new DatabaseSync(path);
    other.exec("PRAGMA wal_checkpoint(RESTART)");
    assert.equal(await agrees(), 40);
    // A shorter round in a log that has more behind it.
    await queue.release(`01/${"k".repeat(100)}3`);
    assert.equal(await agrees(), 39);
    // What is not committed is not there.
    other.exec("BEGIN; DELETE FROM claims");
    assert.equal(await agrees(), 39);
    other.exec("ROLLBACK");
    other.close();
  } finally {
    await queue.close();
  }
  const names = () => [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort();
  assert.deepEqual(names(), ["queue.sqlite"]);
  assert.equal((await imageReaders()(path).claims()).length, 39);
  assert.deepEqual(names(), ["queue.sqlite"]);
  // SQLite itself would.
  assert.equal(readClaims(path).length, 39);
  assert.deepEqual(names(), ["queue.sqlite", "queue.sqlite-shm", "queue.sqlite-wal"]);
});

Deno.test("imageReaders() gives no claims of what is no database", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, "queue.sqlite");
  await Deno.writeTextFile(path, "none");
  assert.deepEqual(await imageReaders()(path).claims(), []);
  await Deno.writeTextFile(path, "");
  assert.deepEqual(await imageReaders()(path).claims(), []);
});

Deno.test(
  "readClaims() gives what stands there, and nothing for a missing or damaged file",
  async () => {
    await using bench = await openQueues();
    const { path, open } = bench;
    assert.deepEqual(readClaims(path), []);
    assert.ok(!await Deno.stat(path).catch(() => false), "looking makes no database");
    const a = await open("a");
    await a.claim("x");
    await a.beat(new Map([["x", 12]]));
    assert.deepEqual(readClaims(path).map(({ key, owner, step }) => ({ key, owner, step })), [
      { key: "x", owner: "a", step: 12 },
    ]);
    assert.deepEqual(await claimReader(path).claims(), readClaims(path));
    await Deno.writeTextFile(`${path}.damaged`, "x".repeat(5000));
    assert.deepEqual(readClaims(`${path}.damaged`), []);
  },
);
