/**
 * How a script ends. A task on a study runs in a worker, where it has no more permissions than it needs (see `task.ts`), and a
 * worker cannot end its process: it asks the main thread to.
 */

/** What a worker posts to the main thread as its last word. */
export interface LastWord {
  readonly exit_code: number;
}

/** Absent on the main thread; `lib.deno.ns` does not declare it. */
const worker = (globalThis as { DedicatedWorkerGlobalScope?: unknown }).DedicatedWorkerGlobalScope
  ? self as unknown as { postMessage(message: LastWord): void }
  : undefined;

const closing: (() => void)[] = [];

/** Has something closed when the script ends that would keep its process alive. */
export function atEnd(close: () => void): void {
  closing.push(close);
}

/** Ends a script that has done all: in a worker at once, else when nothing is left to wait for. */
export function endWith(exit_code: number): void {
  for (const close of closing.splice(0)) close();
  if (worker) worker.postMessage({ exit_code });
  else Deno.exitCode = exit_code;
}

/** Ends the process now, whatever it is at. */
export function exitNow(exit_code: number): void {
  if (worker) worker.postMessage({ exit_code });
  else Deno.exit(exit_code);
}
