/** A lock between processes that none of them can leave behind. */

/** Milliseconds between two tries. */
const TRY_AGAIN = 100;

export interface LockOptions {
  /** Called once, when another process holds the lock. */
  readonly onWait?: () => void;
  /** Milliseconds of waiting before `onWait` is called. The waiting itself has no end. */
  readonly noticeAfter?: number;
  readonly signal?: AbortSignal;
  /** Removes the file when the lock is given up: for one that lies among a person's files. */
  readonly removesFile?: boolean;
}

/**
 * Waits until no other process holds a lock, and holds it until it is disposed of. The system gives up the locks of a process that
 * ends, however it ends; so the file says nothing by being there.
 *
 * @throws the signal's reason, if it comes while waiting
 */
export async function holdLock(path: string, options: LockOptions = {}): Promise<Disposable> {
  const { onWait, noticeAfter = 0, signal, removesFile = false } = options;
  let until = performance.now() + noticeAfter;
  for (;;) {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      while (!await file.tryLock(true)) {
        if (performance.now() >= until) {
          onWait?.();
          until = Infinity;
        }
        signal?.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
      }
      if (!removesFile) return file;
      // Whoever held it may have removed the file: then others lock another one under its name.
      if (isAt(path, file)) return { [Symbol.dispose]: () => removeLocked(path, file) };
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

function isAt(path: string, file: Deno.FsFile): boolean {
  try {
    const there = Deno.statSync(path), own = file.statSync();
    return there.ino === own.ino && there.dev === own.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeLocked(path: string, file: Deno.FsFile): void {
  try {
    const { size, ino, isFile } = file.statSync();
    // Nothing is ever written into a lock: what has content, or is no file, is somebody's. Without inodes nobody could tell that it is gone. Where
    // somebody has removed the file, another process may hold a new one under its name.
    if (isFile && size === 0 && ino !== null && isAt(path, file)) Deno.removeSync(path);
  } catch {
    // It stays, and harms nobody.
  } finally {
    file.close();
  }
}
