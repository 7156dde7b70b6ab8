/** Processes that are stopped amid a run, and neither before it nor after. */
import { join } from "node:path";
import { type Attempt, latestIn } from "../../experiments/queue/attempts.ts";
import { isUnderWay } from "../../experiments/study/result.ts";
import type { Study } from "../../experiments/study/store.ts";
import { sleep } from "./processes.ts";
import { resultsOf } from "./studies.ts";

/** The latest attempt at a run of experiment 01. */
export function latestOf(study: Study, key: string): Attempt | undefined {
  return latestIn(study.attemptsFolder("01", key));
}

/**
 * Stops a process amid a run, and returns the run's key.
 *
 * Whoever is stopped in the middle of a write keeps the others waiting, and whoever is finished with a run has nothing
 * left to lose: both are other faults than the one meant. Such a process goes on, and is stopped again.
 *
 * @param find Waits until the process is at work on a run.
 * @param isOutside Whether the stopped process holds nothing else that others wait for.
 */
export async function stopAmidRun(
  study: Study,
  signal: (name: "SIGSTOP" | "SIGCONT") => void,
  find: () => Promise<string>,
  isOutside: () => boolean = () => true,
): Promise<string> {
  for (;;) {
    const key = await find();
    signal("SIGSTOP");
    if (await isAmid(study, key) && isOutside()) return key;
    signal("SIGCONT");
    await sleep(20);
  }
}

/** Whether a run has been begun, is not through, and has no file that is being put in its place. */
async function isAmid(study: Study, key: string): Promise<boolean> {
  const result = (await resultsOf(study)).get(key), latest = latestOf(study, key);
  if (!latest || !result || !isUnderWay(result)) return false;
  const path = join(study.attemptsFolder("01", key), `${latest.attempt}`);
  using file = Deno.openSync(path, { read: true, write: true });
  return file.tryLockSync(true);
}
