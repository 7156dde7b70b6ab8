/**
 * Claims out of the bytes of a database. SQLite itself leaves a log and its index beside a database in which it only reads, and whoever reads while
 * the last writer closes leaves them for good. Who must change nothing in a study reads the files as files, and puts them together in memory.
 *
 * Not for a process that has the database open: whoever closes a file takes away all locks that its process has on it.
 *
 * Source: "WAL-mode File Format" of SQLite's documentation (sqlite.org/walformat.html).
 */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Claim, ClaimReader } from "./queue.ts";
import { readRows } from "./sqlite_queue.ts";

const LOG_HEADER_BYTES = 32, FRAME_HEADER_BYTES = 24;
/** The first number of a log, but for its last bit, which says that its sums are of big-endian words. */
const MAGIC = 0x377f0682;
/** Where a database says that it has a log: 2, or 1 where it has none. */
const LOG_FLAGS = [18, 19];

/** A page as the log has it, with the number of pages that the database has after it, or 0 within a transaction. */
interface Frame {
  readonly page: number;
  readonly pages: number;
  readonly bytes: Uint8Array;
}

/**
 * A database as it is with its log: pages of whole transactions of the log in their places. What follows in the log is of an earlier round of it, or
 * is just being written.
 */
export function databaseWithLog(database: Uint8Array, log: Uint8Array): Uint8Array<ArrayBuffer> {
  const frames = framesOf(log), last = frames.findLastIndex(({ pages }) => pages > 0);
  const whole = frames.slice(0, last + 1), size = whole[0]?.bytes.length ?? 0;
  const image = new Uint8Array(last < 0 ? database.length : frames[last].pages * size);
  image.set(database.subarray(0, image.length));
  for (const { page, bytes } of whole) {
    // A page beyond the end was cut off by a later transaction.
    if (page * size <= image.length) image.set(bytes, (page - 1) * size);
  }
  for (const at of LOG_FLAGS) if (image[at] === 2) image[at] = 1;
  return image;
}

/** The frames of a log up to the first that is not of this round, or not whole. */
function framesOf(log: Uint8Array): Frame[] {
  if (log.length < LOG_HEADER_BYTES) return [];
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength), magic = view.getUint32(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return [];
  const isLittle = (magic & 1) === 0, size = view.getUint32(8), salts = view.getBigUint64(16);
  let sum: Sum = [0, 0];
  const agrees = (at: number) => sum[0] === view.getUint32(at) && sum[1] === view.getUint32(at + 4);
  sum = summed(view, 0, 24, sum, isLittle);
  const frames: Frame[] = [];
  if (!agrees(24)) return frames;
  for (let at = LOG_HEADER_BYTES; at + FRAME_HEADER_BYTES + size <= log.length; at += FRAME_HEADER_BYTES + size) {
    if (view.getBigUint64(at + 8) !== salts) break;
    sum = summed(view, at, 8, sum, isLittle);
    sum = summed(view, at + FRAME_HEADER_BYTES, size, sum, isLittle);
    if (!agrees(at + 16)) break;
    const bytes = log.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + size);
    frames.push({ page: view.getUint32(at), pages: view.getUint32(at + 4), bytes });
  }
  return frames;
}

type Sum = readonly [number, number];

function summed(view: DataView, at: number, bytes: number, [first, second]: Sum, isLittle: boolean): Sum {
  for (let i = at; i < at + bytes; i += 8) {
    first = (first + view.getUint32(i, isLittle) + second) >>> 0;
    second = (second + view.getUint32(i + 4, isLittle) + first) >>> 0;
  }
  return [first, second];
}

/** Readers of the claims in databases, by path, for a process that looks again and again: what has not been written since is not read. */
export function imageReaders(): (path: string) => ClaimReader {
  const known = new Map<string, { stamp: string; claims: readonly Claim[] }>();
  return (path) => ({
    claims() {
      const stamp = stampOf(path), last = known.get(path);
      if (last?.stamp === stamp) return Promise.resolve(last.claims);
      try {
        const claims = claimsIn(path);
        known.set(path, { stamp, claims });
        return Promise.resolve(claims);
      } catch {
        // Which processes train is unknown now; a claim that is not heard of any more counts as stale by itself.
        return Promise.resolve(last?.claims ?? []);
      }
    },
  });
}

function claimsIn(path: string): Claim[] {
  const database = openImage(path);
  try {
    return database ? readRows(database) : [];
  } finally {
    database?.close();
  }
}

/** How often the files are read again where somebody began the log again meanwhile. */
const TRIES = 5;

/**
 * A database in memory, as its files were at one time; undefined where there is none.
 *
 * @throws {Error} if the bytes are no database, a file cannot be read, or the log was begun again at each try
 */
function openImage(path: string): DatabaseSync | undefined {
  for (let i = 0; i < TRIES; i++) {
    const before = stampOf(path), log = readIfThere(`${path}-wal`), database = readIfThere(path);
    if (!database?.length) return undefined;
    // What was copied into the database meanwhile is still in the log, as long as that was not begun again.
    const later = readIfThere(`${path}-wal`);
    const isSame = log?.length && later?.length ? roundOf(log) === roundOf(later) : stampOf(path) === before;
    if (!isSame) continue;
    const opened = new DatabaseSync(":memory:") as Deserializing;
    try {
      opened.deserialize(databaseWithLog(database, later ?? new Uint8Array(0)));
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }
  throw new Error(`${path} changed at each attempt to read it`);
}

/** `node:sqlite` has it, which `@types/node` of Deno does not know yet. */
interface Deserializing extends DatabaseSync {
  deserialize(bytes: Uint8Array): void;
}

/** What tells a round of a log from the next: its number and its salts. */
function roundOf(log: Uint8Array): string {
  return log.subarray(0, LOG_HEADER_BYTES).join();
}

/** What tells whether a database or its log was written meanwhile. */
function stampOf(path: string): string {
  return ["", "-wal"].map((suffix) => {
    const stat = statSync(path + suffix, { throwIfNoEntry: false, bigint: true });
    return stat ? [stat.dev, stat.ino, stat.size, stat.mtimeNs].join("/") : "";
  }).join();
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
