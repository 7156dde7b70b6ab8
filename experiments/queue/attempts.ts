/**
 * Numbered attempts at a run, as fences: a process that was thought dead and wakes up writes nothing. Each attempt is a file of its own in the
 * study, `attempts_01_all/<run>/<number>`, which says who made it. It is made by an exclusive `link()`, which network file systems keep to as well:
 * of two that want a number one gets it. The highest number is the run's; its owner is the only one that may put files in place.
 *
 * Between the look at the numbers and the rename a process may be stopped for long. So both happen under a lock on the attempt's own file, and whoever
 * takes the next number holds that lock while it does. It also notes in the file that there is a next one: a client of NFS may remember an old list
 * of a folder's names for half a minute, while a lock makes it read the file again. Where a file system has no locks, the look alone is left.
 */
import { join } from "node:path";
import { UserError } from "../../cells/errors.ts";
import { adviceFor, makeFolder, reasonOf, removeLeftovers, unfinishedIn, WriteFailure } from "../study/files.ts";

/** What is known of an attempt from its file. */
export interface Attempt {
  readonly attempt: number;
  readonly owner: string;
  /** Unix seconds, for people. */
  readonly since: number;
}

export interface AttemptsOptions {
  /** Names this process; unique. */
  readonly owner: string;
  /** The folder of a run's attempts, by the key of its claim. */
  readonly folderOf: (key: string) => string;
  /** Milliseconds to wait for another process that is just writing. */
  readonly timeout?: number;
}

/** A rename takes no time; who holds the lock for longer was stopped while it held it. */
const TIMEOUT_MILLISECONDS = 30_000;
const TRY_AGAIN_MILLISECONDS = 20;

/** Seconds between two looks at whether others have taken runs: at most one look at a folder for each. */
const LOOK_SECONDS = 10;

/** This process's attempts at runs. */
export class Attempts {
  readonly #held = new Map<string, number>();
  #lastLook = -Infinity;

  constructor(private readonly options: AttemptsOptions) {}

  get #timeout(): number {
    return this.options.timeout ?? TIMEOUT_MILLISECONDS;
  }

  /** The number of this process's attempt at a run. */
  numberOf(key: string): number | undefined {
    return this.#held.get(key);
  }

  /**
   * Begins an attempt at a run: its number is above that of all others, whose owners may write no more.
   *
   * @param atLeast a number that others, who see another folder, have come to
   * @throws {UserError} if the folder cannot be written, or another process was stopped while it wrote
   */
  async take(key: string, atLeast = 1): Promise<number> {
    const folder = this.options.folderOf(key);
    await makeFolder(folder);
    await removeLeftovers(folder);
    for (const until = performance.now() + this.#timeout;;) {
      const before = highestIn(folder), number = await this.#takeAfter(folder, before, Math.max(before + 1, atLeast));
      if (number !== undefined) return this.#holds(key, number);
      // Others were quicker; or a client of NFS remembers old names, for as long as it likes.
      if (performance.now() > until) {
        throw new WriteFailure(`Cannot begin an attempt at ${folder}: its names do not match its files`);
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MILLISECONDS * Math.random()));
    }
  }

  /** @returns the number, if this process has got it */
  async #takeAfter(folder: string, before: number, number: number): Promise<number | undefined> {
    if (!before) return this.#make(folder, number) ? number : undefined;
    using file = await this.#locked(join(folder, `${before}`));
    // Whoever waited for the lock may find that there is a later one.
    if (!file || highestIn(folder) !== before || !this.#make(folder, number)) return undefined;
    noteNext(file.file, number);
    return number;
  }

  /**
   * Does something within which nobody can begin a further attempt at a run.
   *
   * @param action given whether this process's attempt is the latest, at that moment
   */
  async guarded<T>(key: string, action: (isLatest: () => boolean) => Promise<T>): Promise<T> {
    const number = this.#held.get(key), folder = this.options.folderOf(key);
    if (number === undefined) return await action(() => false);
    using file = await this.#locked(join(folder, `${number}`));
    return await action(() =>
      file !== undefined && isOwn(file.file, this.options.owner) && highestIn(folder) === number
    );
  }

  /** The latest attempt at a run. */
  latest(key: string): Attempt | undefined {
    return latestIn(this.options.folderOf(key));
  }

  /** Runs that this process holds and others have begun again, as far as they have been looked at lately. */
  superseded(): string[] {
    const now = performance.now() / 1000;
    if (now - this.#lastLook < LOOK_SECONDS) return [];
    this.#lastLook = now;
    return [...this.#held].filter(([key, number]) => highestIn(this.options.folderOf(key)) !== number).map(([key]) =>
      key
    );
  }

  /** Runs at which this process has an attempt, whether it is the latest or not. */
  held(): string[] {
    return [...this.#held.keys()];
  }

  /** Forgets a run that this process is finished with. The file stays: numbers never come again. */
  leave(key: string): void {
    this.#held.delete(key);
  }

  #holds(key: string, number: number): number {
    this.#held.set(key, number);
    return number;
  }

  /** @returns whether this process has got the number */
  #make(folder: string, attempt: number): boolean {
    const own: Attempt = { attempt, owner: this.options.owner, since: Date.now() / 1000 };
    return linkWhole(folder, `${attempt}`, JSON.stringify(own) + "\n");
  }

  /** Opens an attempt's file, and holds its lock; undefined where there is no file any more. */
  async #locked(path: string): Promise<LockedFile | undefined> {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { read: true, write: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw failure(path, error);
    }
    const until = performance.now() + this.#timeout;
    while (!tryLock(file)) {
      if (performance.now() > until) {
        file.close();
        throw new UserError(`Cannot take over ${path}: its owner was stopped while it wrote; continue or stop it`);
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MILLISECONDS));
    }
    return { file, [Symbol.dispose]: () => file.close() };
  }
}

interface LockedFile extends Disposable {
  readonly file: Deno.FsFile;
}

/** Where there are no locks, nothing is held, and nothing is waited for. */
function tryLock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

/** The highest number among a run's attempts; 0 where there are none. */
export function highestIn(folder: string): number {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /^[1-9]\d{0,14}$/.test(name));
    return names.reduce((most, name) => Math.max(most, Number(name)), 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw failure(folder, error);
  }
}

/** The latest attempt in a run's folder; undefined where there is none, or its file is not an attempt's. */
export function latestIn(folder: string): Attempt | undefined {
  const number = highestIn(folder);
  if (!number) return undefined;
  try {
    const { attempt, owner, since } = JSON.parse(Deno.readTextFileSync(join(folder, `${number}`)).split("\n")[0]);
    return attempt === number && typeof owner === "string" && typeof since === "number"
      ? { attempt, owner, since }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Notes an attempt that was made in another folder, so that the next one here gets a higher number.
 *
 * @returns false where there is one of that number already
 */
export async function noteAttempt(folder: string, attempt: Attempt): Promise<boolean> {
  await makeFolder(folder);
  return linkWhole(folder, `${attempt.attempt}`, JSON.stringify(attempt) + "\n");
}

/** Makes a file with this content at once, unless there is one. */
function linkWhole(folder: string, name: string, content: string): boolean {
  const temporary = unfinishedIn(folder), path = join(folder, name);
  try {
    Deno.writeTextFileSync(temporary, content, { createNew: true });
    try {
      Deno.linkSync(temporary, path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      // A file system without hard links: the content comes a moment after the name.
      Deno.writeTextFileSync(path, content, { createNew: true });
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw failure(path, error);
  } finally {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It was never made, or stays for the next attempt to remove.
    }
  }
}

/** Whether an attempt's file is this owner's, and nothing in it says that there is a later one. */
function isOwn(file: Deno.FsFile, owner: string): boolean {
  file.seekSync(0, Deno.SeekMode.Start);
  const bytes = new Uint8Array(4096), length = file.readSync(bytes) ?? 0;
  const [first, next] = new TextDecoder().decode(bytes.subarray(0, length)).split("\n");
  return first.includes(JSON.stringify(owner)) && !next;
}

function noteNext(file: Deno.FsFile, next: number): void {
  try {
    file.seekSync(0, Deno.SeekMode.End);
    file.writeSync(new TextEncoder().encode(JSON.stringify({ next }) + "\n"));
  } catch {
    // The next attempt's file says as much.
  }
}

function failure(path: string, error: unknown): WriteFailure {
  return new WriteFailure(`Cannot begin an attempt at ${path}: ${reasonOf(error)}${adviceFor(error)}`);
}
