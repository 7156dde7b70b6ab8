/** Ways to wait. */

/** Waits, but no longer than until the signal. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Waits for all, then throws the first error if there was one: nobody's work goes on behind the error's back. */
export async function everyOne(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
