/**
 * How a script ends. A task on a study runs in a worker, where it has no more permissions than it needs (see `task.ts`), and a
 * worker cannot end its process: it asks the main thread to.
 */
import { restoreTerminal } from "./output.ts";

/** What a worker posts to the main thread: its last word, or whether a signal is to stop it at a good place, and a second one at once. */
export type MessageToMain = { readonly exit_code: number } | { readonly handles_signals: boolean };

/** Absent on the main thread; `lib.deno.ns` does not declare it. */
const worker = (globalThis as { DedicatedWorkerGlobalScope?: unknown }).DedicatedWorkerGlobalScope
  ? self as unknown as { postMessage(message: MessageToMain): void }
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

/** Tells the main thread, where that is another, that this script hears signals now, or no longer. */
export function reportSignalHandling(handles_signals: boolean): void {
  worker?.postMessage({ handles_signals });
}

/** Ends the process now, whatever it is at. A worker that is at something does not come to this: see `secondSignal`. */
export function exitNow(exit_code: number): void {
  restoreTerminal();
  if (worker) worker.postMessage({ exit_code });
  else Deno.exit(exit_code);
}
