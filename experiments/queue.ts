/**
 * Who is training what: claims on runs, in an SQLite database in the study. The results are the truth about what is done;
 * this file can be deleted at any time, and says nothing but who is at work.
 */
import { messageOf, UserError } from "../cells/errors.ts";
import { existsSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** Seconds without a heartbeat after which a claim counts as left behind. */
export const STALE_SECONDS = 45;

/** How long a process waits for another that is writing; set before anything else, or two that start together collide. */
const BUSY_MILLISECONDS = 10_000;

/** Who holds a run. */
export interface Claim {
  readonly key: string;
  readonly owner: string;
  /** Unix seconds. */
  readonly since: number;
  /** When the owner was last heard of, Unix seconds. */
  readonly beat: number;
  readonly step: number;
  readonly stale: boolean;
}

/** The interface that a database server could serve as well. */
export interface Queue {
  /** Takes a run unless a living owner has it. */
  claim(key: string): boolean;
  /** Says that the owner is alive, and at which step its runs are. */
  beat(step: number): void;
  release(key: string): void;
  claims(): Claim[];
  close(): void;
}

/**
 * @param owner names this process; unique
 * @throws {UserError} if the file is no database
 */
export function openQueue(path: string, owner: string, now: () => number = () => Date.now() / 1000): Queue {
  const database = openDatabase(path);
  const statements = {
    // One statement, so that of two claimants one wins.
    claim: database.prepare(`
      INSERT INTO claims (experiment_run, owner, since, beat, step) VALUES (?1, ?2, ?3, ?3, 0)
      ON CONFLICT (experiment_run) DO UPDATE SET owner = ?2, since = ?3, beat = ?3, step = 0 WHERE claims.beat < ?3 - ${STALE_SECONDS}`),
    beat: database.prepare("UPDATE claims SET beat = ?1, step = ?2 WHERE owner = ?3"),
    release: database.prepare("DELETE FROM claims WHERE experiment_run = ?1 AND owner = ?2"),
    list: database.prepare(LIST),
  };
  return {
    claim: (key) => Number(statements.claim.run(key, owner, now()).changes) === 1,
    beat: (step) => void statements.beat.run(now(), step, owner),
    release: (key) => void statements.release.run(key, owner),
    claims: () => listClaims(statements.list, now()),
    close: () => database.close(),
  };
}

/** The claims alone, for looking; needs no permission to write. Nothing where there is no database. */
export function readClaims(path: string): Claim[] {
  if (!existsSync(path)) return [];
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MILLISECONDS });
    return listClaims(database.prepare(LIST), Date.now() / 1000);
  } catch {
    // Who is at work cannot be told; what is done still can.
    return [];
  } finally {
    database?.close();
  }
}

const LIST = "SELECT experiment_run AS key, owner, since, beat, step FROM claims ORDER BY since, experiment_run";

function listClaims(statement: StatementSync, now: number): Claim[] {
  return statement.all().map((row) => ({
    key: String(row.key),
    owner: String(row.owner),
    since: Number(row.since),
    beat: Number(row.beat),
    step: Number(row.step),
    stale: Number(row.beat) < now - STALE_SECONDS,
  }));
}

function openDatabase(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS });
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`
      CREATE TABLE IF NOT EXISTS claims (
        experiment_run TEXT PRIMARY KEY, owner TEXT NOT NULL, since REAL NOT NULL, beat REAL NOT NULL, step INTEGER NOT NULL
      ) STRICT`);
    return database;
  } catch (error) {
    throw new UserError(
      `Cannot open ${path}: ${messageOf(error)}; it holds no results and can be deleted`,
    );
  }
}
