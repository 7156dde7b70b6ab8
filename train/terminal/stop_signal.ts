/** Ctrl-C: the first asks the work to stop at a good place, the second stops at once. */

import { exitNow } from "./exit.ts";

/** Signals so close to each other are one. */
const ONE_KEY_MILLISECONDS = 1000;

export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Listens for SIGINT and SIGTERM until it is disposed of.
 *
 * @param doing what the first signal brings about
 */
export function stopSignal(doing: string = "Stopping after the steps that are queued"): StopSignal {
  const controller = new AbortController();
  let first = -Infinity;
  const onSignal = () => {
    // A terminal signals the whole group, and `deno task` passes it on once more: two signals, one key.
    if (performance.now() - first < ONE_KEY_MILLISECONDS) return;
    if (controller.signal.aborted) return exitNow(130);
    first = performance.now();
    // On a terminal a progress bar stands in the line, and the terminal has added ^C to it.
    const clear = Deno.stderr.isTerminal() ? "\r\x1b[2K" : "";
    console.error(`${clear}${doing}; press Ctrl-C again to stop at once`);
    controller.abort();
  };
  // Windows knows SIGINT only.
  const names: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) Deno.addSignalListener(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of names) Deno.removeSignalListener(name, onSignal);
    },
  };
}
