/** One process at a time changes what a study's files hold; runs have claims of their own, in the queue. */
import { holdLock } from "../../train/process/lock.ts";
import { adviceFor, makeFolder, reasonOf, WriteFailure } from "./files.ts";
import { StudyPaths } from "./paths.ts";

/** Milliseconds of waiting that need no word: a change takes less. */
const NOTICE_MILLISECONDS = 2000;

/**
 * Waits until nobody else changes a study, and keeps the others waiting until it is disposed of. What is to be written follows from
 * what is read after that. Makes the folder if need be.
 *
 * @param onWait called with a line once, if it takes a while
 * @throws {WriteFailure} if the folder cannot be written
 * @throws the signal's reason, if it comes while waiting
 */
export async function lockStudy(
  dir: string,
  onWait?: (line: string) => void,
  signal?: AbortSignal,
): Promise<Disposable> {
  await makeFolder(dir);
  const path = new StudyPaths(dir).lockPath;
  try {
    return await holdLock(path, {
      signal,
      noticeAfter: NOTICE_MILLISECONDS,
      removesFile: true,
      onWait: () => onWait?.(`another process is changing study ${dir}: waiting for it`),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new WriteFailure(`Cannot write ${path}: ${reasonOf(error)}${adviceFor(error)}`);
  }
}
