/**
 * All that scripts print. A full disk, a closed terminal or a reader that has gone makes a write fail: what was to be said is lost then,
 * and the work goes on. Nothing here throws; the exit code tells in the end (see `command_line.ts`). No other module writes to the streams.
 */
import { format } from "node:util";
import { messageOf } from "../../cells/errors.ts";
import { wrapped } from "./wrap.ts";

const STREAMS = { output: Deno.stdout, error: Deno.stderr } as const;
type StreamName = keyof typeof STREAMS;

/** Why something printed was lost. */
export interface Loss {
  readonly message: string;
  /** The reader has stopped reading, as `head -1` does: it has what it wants. */
  readonly isClosedPipe: boolean;
}

/** The first loss of each stream. */
const lost = new Map<StreamName, Loss>();

/** Milliseconds between two looks at a stream whose reader is slow. */
const SLOW_READER = 10;

const encoder = new TextEncoder();

function write(name: StreamName, text: string): void {
  try {
    for (let rest = encoder.encode(text); rest.length;) rest = rest.subarray(writeSome(name, rest));
  } catch (error) {
    if (!lost.has(name)) {
      lost.set(name, { message: messageOf(error), isClosedPipe: error instanceof Deno.errors.BrokenPipe });
    }
  }
}

/** Writes what fits; a stream that somebody made non-blocking may be full for the moment. */
function writeSome(name: StreamName, bytes: Uint8Array): number {
  try {
    return STREAMS[name].writeSync(bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW_READER);
    return 0;
  }
}

/** Whoever has the last line of the terminal, such as a progress bar, and gives it free for what is printed. */
export interface LineHolder {
  clear(): void;
  redraw(): void;
}

let holder: LineHolder | undefined;

/** Keeps the last line of the terminal: what is printed by anyone stands above it. @param next absent: nobody has it any more */
export function holdLine(next: LineHolder | undefined): void {
  holder = next;
}

/** Writes lines, above that of a holder. */
function writeLines(name: StreamName, text: string): void {
  const held = holder && isTerminal(name) ? holder : undefined;
  held?.clear();
  write(name, `${text}\n`);
  held?.redraw();
}

/** Prints a line, or several, on standard output. */
export function print(text: string): void {
  writeLines("output", text);
}

/** Prints prose and tables on standard output; on a terminal no line breaks within a word. */
export function printText(text: string): void {
  print(isTerminal("output") ? wrapped(text, terminalColumns()) : text);
}

/** Prints a line, or several, on standard error. */
export function printError(text: string): void {
  writeLines("error", text);
}

/** Sends codes or parts of lines to standard error, which is a terminal. */
export function control(codes: string): void {
  write("error", codes);
}

/** Gives the terminal back its cursor and its wrapping, which a progress bar takes, and clears its line. */
export function restoreTerminal(): void {
  if (isTerminal("error")) control("\r\x1b[2K\x1b[?7h\x1b[?25h");
}

/** What could not be printed on a stream, if anything. */
export function lostOn(name: StreamName): Loss | undefined {
  return lost.get(name);
}

export function isTerminal(name: StreamName): boolean {
  try {
    return STREAMS[name].isTerminal();
  } catch {
    return false;
  }
}

/** Characters that fit into a line of the terminal; undefined where it does not say. */
export function terminalColumns(): number | undefined {
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined;
  }
}

/** Sends what libraries print on the console the same way: Plot's warnings, for example. */
export function routeConsole(): void {
  const lines = (to: (text: string) => void) => (...parts: unknown[]) => to(format(...parts));
  console.log = console.info = console.debug = lines(print);
  console.warn = console.error = lines(printError);
}
