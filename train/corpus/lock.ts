/** A lock between processes that none of them can leave behind. */

/** Milliseconds between two tries. */
const TRY_AGAIN = 300;

/**
 * Waits until no other process holds a lock, and holds it until it is disposed of. The system gives up the locks of a process that
 * ends, however it ends; so the file stays where it is, and says nothing by being there.
 *
 * @param onWait told once, if another process holds it
 * @throws the signal's reason, if it comes while waiting
 */
export async function holdLock(path: string, onWait: () => void, signal?: AbortSignal): Promise<Disposable> {
  const file = await Deno.open(path, { read: true, write: true, create: true });
  try {
    for (let tries = 0; !await file.tryLock(true); tries++) {
      if (tries === 0) onWait();
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
