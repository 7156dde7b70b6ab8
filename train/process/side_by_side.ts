/** Several processes at the same time, whose lines go where this process's go. */
import { UserError } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import { print, printError } from "../terminal/output.ts";
import { handledSignals } from "../terminal/stop_signal.ts";
import { everyOne } from "./every_one.ts";

/** A process that is to be started. */
export interface Command {
  /** Stands before each of its lines. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
}

/**
 * Starts the processes, hands signals that stop this one on to all of them, and waits for all.
 *
 * @returns the highest exit code
 * @throws {UserError} if a program cannot be started
 */
export async function runSideBySide(commands: readonly Command[]): Promise<number> {
  const children: Deno.ChildProcess[] = [];
  const forward = handledSignals().map((name) => [name, () => signal(children, name)] as const);
  for (const [name, listener] of forward) Deno.addSignalListener(name, listener);
  try {
    for (const { command } of commands) children.push(start(command));
    const codes = await everyOne(children.map(async (child, i) => {
      const prefix = `${commands[i].name}: `;
      const [{ code }] = await Promise.all([
        child.status,
        eachLine(child.stdout, (line) => print(prefix + line)),
        eachLine(child.stderr, (line) => printError(prefix + line)),
      ]);
      return code;
    }));
    return maxOf(codes);
  } catch (error) {
    signal(children, "SIGTERM");
    throw error;
  } finally {
    for (const [name, listener] of forward) Deno.removeSignalListener(name, listener);
  }
}

function start([program, ...args]: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) throw error;
    throw new UserError(
      `Cannot start ${program}: it must be on the PATH, and this command must have permission to run it`,
    );
  }
}

function signal(children: readonly Deno.ChildProcess[], name: Deno.Signal): void {
  for (const child of children) {
    try {
      child.kill(name);
    } catch (error) {
      // It has ended before.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function eachLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>, say: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(say);
  }
  if (rest) say(rest);
}
