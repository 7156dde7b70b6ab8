/** Ways to wait. */

/** Waits, but no longer than until the signal. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
}
