/** Waiting that a signal ends. */

/**
 * Waits for work that has been told to stop, but not for its end: a worker within native code hears of it when that returns, which may take many
 * seconds. What it comes to then is heard by nobody; it must end by itself, and give back what it holds.
 *
 * @throws the signal's reason, as soon as it comes
 */
export async function promptly<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  work.catch(() => {});
  const { promise: stopped, reject } = Promise.withResolvers<never>(), stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([stopped, work]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
