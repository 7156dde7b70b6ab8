/** Waiting for all, whatever becomes of each. */

/** Waits for all, then throws the first error if there was one: nobody's work goes on behind the error's back. */
export async function everyOne<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  return (await Promise.allSettled(promises)).map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
