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

/** Prints a line, or several, on standard output. */
export function print(text: string): void {
  write("output", `${text}\n`);
}

/** Prints prose and tables on standard output; on a terminal no line breaks within a word. */
export function printText(text: string): void {
  print(isTerminal("output") ? wrapped(text, terminalColumns()) : text);
}

/** Prints a line, or several, on standard error. */
export function printError(text: string): void {
  write("error", `${text}\n`);
}

/** Sends codes or parts of lines to standard error, which is a terminal. */
export function control(codes: string): void {
  write("error", codes);
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

/**
 * Sends what libraries print on the console the same way: Plot's warnings, for example.
 *
 * @param plain where what is no warning goes; absent: standard output
 */
export function routeConsole(plain: (text: string) => void = print): void {
  const lines = (to: (text: string) => void) => (...parts: unknown[]) => to(format(...parts));
  console.log = console.info = console.debug = lines(plain);
  console.warn = console.error = lines(printError);
}
