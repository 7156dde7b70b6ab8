/**
 * Who is training what on one machine: claims on runs, in an SQLite database in the study. The results are the truth about what is done;
 * this file says only who is at work, can be deleted at any time, and is made again from the results of runs under way.
 */
import { messageOf, UserError } from "../../cells/errors.ts";
import { existsSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { whyNoFile } from "../study/files.ts";
import { checkReplaceable } from "../study/ownership.ts";
import { type Claim, type ClaimReader, type ClaimTable, STALE_SECONDS } from "./queue.ts";

export interface SqliteQueueOptions {
  /** Names this process; unique. */
  readonly owner: string;
  /** The runs under way according to their results, from which a new database is made. */
  readonly underWay?: () => Promise<readonly Pick<Claim, "key" | "owner" | "since">[]>;
  /** Seconds of watching after which a silent owner counts as gone. */
  readonly staleAfter?: number;
  /** Seconds, of a clock that never jumps. */
  readonly now?: () => number;
  /** Milliseconds to wait for another process that is writing. */
  readonly busyTimeout?: number;
}

/** How long a process waits for another that is writing; set before anything else, or two that start together collide. */
const BUSY_MILLISECONDS = 10_000;

/** Version of the table; an older one is dropped, for it holds nothing that lasts. */
const TABLE_VERSION = 2;

/** SQLite's code for a file that another process has locked. */
const BUSY = 5;

/**
 * @throws {UserError} if the file is another program's, or cannot be written
 */
export async function openSqliteQueue(path: string, options: SqliteQueueOptions): Promise<ClaimTable> {
  checkFiles(path);
  const queue = new SqliteQueue(path, options);
  // The watch over other owners begins here.
  await queue.living();
  return queue;
}

/**
 * Checks that nobody's files would be taken for a database's. The database itself is read by SQLite alone: whoever closes it takes this
 * process's locks away.
 */
function checkFiles(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  const why = stat && whyNoFile({ isFile: stat.isFile(), isDirectory: stat.isDirectory() });
  if (why) throw new UserError(`Cannot use ${path}: ${why}; move it away`);
  checkReplaceable(`${path}-wal`, `use ${path}`);
  if (!stat) checkReplaceable(`${path}-shm`, `use ${path}`);
}

/** A claim as its database has it. */
interface Row extends Claim {
  /** Heartbeats so far. */
  readonly beat: number;
}

class SqliteQueue implements ClaimTable {
  #database: DatabaseSync | undefined;
  /** Which files the database is: others may come to lie under their names. */
  #files: string | undefined;
  /** One call after the other: a transaction must not mix with another call's. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #held = new Map<string, { since: number; step: number }>();
  /** The heartbeat that each run's owner showed last, and since when by this process's clock. */
  readonly #watched = new Map<string, { owner: string; beat: number; at: number }>();
  #lastLook = -Infinity;
  readonly #owner: string;
  readonly #now: () => number;
  readonly #staleAfter: number;

  constructor(private readonly path: string, private readonly options: SqliteQueueOptions) {
    this.#owner = options.owner;
    this.#staleAfter = options.staleAfter ?? STALE_SECONDS;
    this.#now = options.now ?? (() => performance.now() / 1000);
  }

  claim(key: string): Promise<boolean> {
    return this.#transaction((database) => {
      const row = this.#look(database).find((row) => row.key === key);
      if (row && row.owner !== this.#owner && !this.#isStale(row)) return false;
      const since = wallClock();
      database.prepare("INSERT OR REPLACE INTO claims (key, owner, since, heard, beat, step) VALUES (?, ?, ?, ?, 0, 0)")
        .run(key, this.#owner, since, since);
      this.#held.set(key, { since, step: 0 });
      return true;
    });
  }

  beat(steps: ReadonlyMap<string, number>): Promise<string[]> {
    return this.#transaction((database) => {
      const beat = database.prepare(
        "UPDATE claims SET beat = beat + 1, heard = ?, step = ? WHERE key = ? AND owner = ?",
      );
      const lost: string[] = [];
      for (const [key, held] of this.#held) {
        held.step = steps.get(key) ?? held.step;
        if (Number(beat.run(wallClock(), held.step, key, this.#owner).changes) === 0) lost.push(key);
      }
      for (const key of lost) this.#held.delete(key);
      this.#look(database);
      return lost;
    });
  }

  async whileHeld(key: string, action: () => void): Promise<boolean> {
    // What goes wrong in the action is no trouble of the queue's.
    let failure: { error: unknown } | undefined;
    const held = await this.#transaction((database) => {
      const row = database.prepare("SELECT owner FROM claims WHERE key = ?").get(key);
      if (row?.owner !== this.#owner) return false;
      try {
        action();
      } catch (error) {
        failure = { error };
      }
      return true;
    });
    if (failure) throw failure.error;
    return held;
  }

  async release(key: string): Promise<void> {
    // Before the transaction, which a locked database may refuse: a claim that stays in the table must get no more heartbeats.
    this.#held.delete(key);
    await this.#transaction((database) => {
      database.prepare("DELETE FROM claims WHERE key = ? AND owner = ?").run(key, this.#owner);
    });
  }

  living(): Promise<Claim[]> {
    return this.#transaction((database) => this.#look(database).filter((row) => !this.#isStale(row)));
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    this.#database?.close();
    this.#database = undefined;
  }

  /** Reads all claims and notes which hearts have beaten since the last time. */
  #look(database: DatabaseSync): Row[] {
    const now = this.#now();
    // Whoever did not look for long (a stopped process, a sleeping laptop) has not watched: the count begins again.
    if (now - this.#lastLook > this.#staleAfter / 2) this.#watched.clear();
    this.#lastLook = now;
    const rows = readRows(database);
    for (const { key, owner, beat } of rows) {
      const known = this.#watched.get(key);
      if (known?.owner !== owner || known.beat !== beat) this.#watched.set(key, { owner, beat, at: now });
    }
    return rows;
  }

  #isStale({ key }: Row): boolean {
    return this.#lastLook - this.#watched.get(key)!.at >= this.#staleAfter;
  }

  /** Does something with nobody else writing meanwhile. */
  #transaction<T>(action: (database: DatabaseSync) => T): Promise<T> {
    const result = this.#last.catch(() => {}).then(async () => {
      try {
        const database = await this.#current();
        return withinTransaction(database, () => action(database));
      } catch (error) {
        throw queueError(this.path, error);
      }
    });
    this.#last = result;
    return result;
  }

  /** The database that lies under the path now: it may have been deleted, and another process may have made a new one. */
  async #current(): Promise<DatabaseSync> {
    while (!this.#database || filesAt(this.path).join() !== this.#files) await this.#open();
    return this.#database;
  }

  async #open(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
    const database = new DatabaseSync(this.path, { timeout: this.options.busyTimeout ?? BUSY_MILLISECONDS });
    const [main] = filesAt(this.path);
    try {
      if (versionOf(database) !== TABLE_VERSION) {
        checkOwner(database);
        const underWay = await this.options.underWay?.() ?? [];
        withinTransaction(database, () => makeTable(database, this.path, underWay), "EXCLUSIVE");
      }
      await keepLog(database);
      withinTransaction(database, () => {
        // What this process is at stays its own, unless another has taken it before.
        for (const [key, { since, step }] of this.#held) insertClaim(database, key, this.#owner, since, step);
      });
    } catch (error) {
      database.close();
      // If it was deleted while it was opened, there is another to open.
      if (main !== undefined && main === filesAt(this.path)[0]) throw error;
      return;
    }
    this.#files = filesAt(this.path).with(0, main).join();
    this.#database = database;
  }
}

/** Looks at the claims in a database; there need be none. */
export function claimReader(path: string): ClaimReader {
  return { claims: () => Promise.resolve(readClaims(path)) };
}

/** The claims as they stand. Nothing where there is no database, or a damaged one. */
export function readClaims(path: string): Claim[] {
  if (!existsSync(path)) return [];
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MILLISECONDS });
    return readRows(database);
  } catch {
    // Which processes train is unknown; what is done still can.
    return [];
  } finally {
    database?.close();
  }
}

/** The claims in an open database. */
export function readRows(database: DatabaseSync): Row[] {
  return database.prepare("SELECT key, owner, since, heard, beat, step FROM claims ORDER BY since, key").all()
    .map((row) => ({
      key: String(row.key),
      owner: String(row.owner),
      since: Number(row.since),
      heard: Number(row.heard),
      beat: Number(row.beat),
      step: Number(row.step),
    }));
}

function insertClaim(database: DatabaseSync, key: string, owner: string, since: number, step: number): void {
  database.prepare("INSERT OR IGNORE INTO claims (key, owner, since, heard, beat, step) VALUES (?, ?, ?, ?, 0, ?)")
    .run(key, owner, since, wallClock(), step);
}

/** Switches to a write-ahead log. Two that make a database at once collide here, and SQLite does not wait by itself. */
async function keepLog(database: DatabaseSync): Promise<void> {
  for (const end = performance.now() + BUSY_MILLISECONDS;;) {
    try {
      // Prepared: Deno gives no code with an error of exec().
      database.prepare("PRAGMA journal_mode = WAL").get();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function makeTable(
  database: DatabaseSync,
  path: string,
  underWay: readonly Pick<Claim, "key" | "owner" | "since">[],
): void {
  const version = versionOf(database);
  // Another process may have been quicker.
  if (version === TABLE_VERSION) return;
  if (version > TABLE_VERSION) {
    throw new UserError(`its table is version ${version}, this program knows up to ${TABLE_VERSION}`);
  }
  // A deleted database leaves its index behind, which others have open: this one must not share it.
  if (statSync(path, { throwIfNoEntry: false })?.size === 0) rmSync(`${path}-shm`, { force: true });
  database.exec(`
    DROP TABLE IF EXISTS claims;
    CREATE TABLE claims (
      key TEXT PRIMARY KEY, owner TEXT NOT NULL, since REAL NOT NULL, heard REAL NOT NULL,
      beat INTEGER NOT NULL, step INTEGER NOT NULL
    ) STRICT;
    PRAGMA user_version = ${TABLE_VERSION}`);
  for (const { key, owner, since } of underWay) insertClaim(database, key, owner, since, 0);
}

/** @throws {UserError} if another program has made the database */
function checkOwner(database: DatabaseSync): void {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").all();
  const foreign = tables.map(({ name }) => String(name)).filter((name) => name !== "claims");
  if (foreign.length) throw new UserError(`it is a database of something else, with '${foreign[0]}'; move it away`);
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()!.user_version);
}

function withinTransaction<T>(
  database: DatabaseSync,
  action: () => T,
  kind: "IMMEDIATE" | "EXCLUSIVE" = "IMMEDIATE",
): T {
  database.exec(`BEGIN ${kind}`);
  try {
    const result = action();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // Some errors (a full disk) have rolled back already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** The files of a database: itself, its log, and the log's index. */
const FILES = ["", "-wal", "-shm"];

/** Tells each from others that take its name; undefined where none is. */
function filesAt(path: string): (string | undefined)[] {
  return FILES.map((suffix) => {
    const stat = statSync(path + suffix, { throwIfNoEntry: false, bigint: true });
    return stat && `${stat.dev}/${stat.ino}`;
  });
}

function wallClock(): number {
  return Date.now() / 1000;
}

function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && (code & 0xff) === BUSY;
}

/** What to do about what SQLite says. Its words, not its codes: Deno gives none with an error of exec(), or of opening. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /is not a database|malformed/,
    "it is damaged, or not cellspace's: move it away, and the next command creates a new one",
  ],
  [/disk is full/, "free space on that disk and run the same command again"],
  [/readonly database|unable to open/, "make the folder writable, or choose another with --dir"],
];

function queueError(path: string, error: unknown): UserError {
  const message = messageOf(error).replace(`: ${path}`, "");
  const advice = ADVICE.find(([words]) => words.test(message));
  return new UserError(`Cannot use ${path}: ${message}${advice ? `; ${advice[1]}` : ""}`);
}
