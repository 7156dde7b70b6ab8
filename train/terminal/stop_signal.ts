/** Ctrl-C, and what else asks a process to stop: the first asks the work to stop at a good place, the second stops at once. */
import { constants } from "node:os";
import { exitNow, reportSignalHandling } from "./exit.ts";
import { hearsHangup } from "./hangup.ts";
import { isTerminal, printError } from "./output.ts";

/**
 * Signals so close to each other are one: a terminal signals the whole group, and `deno task` passes it on once more. Nobody presses a key
 * twice in less.
 */
const ONE_KEY_MILLISECONDS = 250;

/**
 * What stops the work: Ctrl-C, Ctrl-\, `kill`, a terminal that closes (see `hangup.ts`), and what schedulers send some time before they kill:
 * SIGUSR1 or SIGUSR2 where a job asks for them, SIGXCPU where its time is up.
 */
export const STOP_SIGNALS = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"] as const;
type StopName = typeof STOP_SIGNALS[number];

export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
  /** What the script ends with if the signal came: 128 and the signal's number, as shells have it; 130 for Ctrl-C. */
  readonly exitCode: number;
}

/** What a script throws where a signal leaves it nothing more to do; see {@linkcode runCommand}. */
export class Stopped extends Error {
  readonly exitCode: number;

  /** @param next what to do, or what happens, next */
  constructor({ exitCode }: Pick<StopSignal, "exitCode">, next: string) {
    super(`stopped; ${next}`);
    this.exitCode = exitCode;
  }
}

/** The exit code of a process that a signal has stopped. */
export function exitCodeOf(name: StopName): number {
  return 128 + constants.signals[name];
}

/**
 * Listens for {@linkcode STOP_SIGNALS} until it is disposed of.
 *
 * @param doing what the first signal brings about
 */
export function stopSignal(doing: string = "Stopping after the queued steps"): StopSignal {
  const controller = new AbortController();
  let exitCode = exitCodeOf("SIGINT");
  const listener = onSignals((name) => {
    exitCode = exitCodeOf(name);
    // On a terminal a progress bar stands in the line, and the terminal has added ^C to it.
    const clear = isTerminal("error") ? "\r\x1b[2K" : "";
    const again = name === "SIGINT" ? "press Ctrl-C again" : "a second signal is needed";
    printError(`${clear}${doing}; ${again} to stop at once`);
    controller.abort();
  }, (name) => exitNow(exitCodeOf(name)));
  reportSignalHandling(true);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      reportSignalHandling(false);
      listener[Symbol.dispose]();
    },
  };
}

/**
 * Ends the process at the second signal, for a worker that hears the first: a thread that is at something, such as a wait for a device or for
 * a file's lock, would hear neither before it is through. Until it is disposed of.
 */
export function endAtSecondSignal(): Disposable {
  return onSignals(() => {}, (name) => exitNow(exitCodeOf(name)));
}

/** Listens for {@linkcode STOP_SIGNALS} until it is disposed of; see {@linkcode ONE_KEY_MILLISECONDS}. */
function onSignals(onFirst: (name: StopName) => void, onSecond: (name: StopName) => void): Disposable {
  let first: number | undefined;
  const onSignal = (name: StopName) => {
    const now = performance.now();
    if (first !== undefined) return now - first < ONE_KEY_MILLISECONDS ? undefined : onSecond(name);
    first = now;
    onFirst(name);
  };
  const listeners = handledSignals().map((name) => [name, () => onSignal(name)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}

/** Those of {@linkcode STOP_SIGNALS} that this process is to hear. Windows knows SIGINT only. */
export function handledSignals(): readonly StopName[] {
  if (Deno.build.os === "windows") return ["SIGINT"];
  if (hearsHangup()) return STOP_SIGNALS;
  ignoreHangup();
  return STOP_SIGNALS.filter((name) => name !== "SIGHUP");
}

let isIgnored = false;

/** With the first listener for any signal, Deno takes SIGHUP over and dies of it, ignored or not: one that does nothing keeps it ignored. */
function ignoreHangup(): void {
  if (!isIgnored) Deno.addSignalListener("SIGHUP", () => {});
  isIgnored = true;
}
