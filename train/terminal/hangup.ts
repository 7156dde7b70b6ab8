/**
 * Whether SIGHUP is to be heard. `nohup` starts a program with SIGHUP ignored, so that it outlives its terminal; but whoever listens for
 * a signal hears it anyway. So it must be known before, and Deno does not tell: `/proc/self/status` needs all permissions. The C
 * library does, where native code is permitted; `deno task` hands the setting on.
 */
import { isTerminal } from "./output.ts";

/** What the main thread knows, and a worker is called, since it may not ask. */
type Hangup = "hangup ignored" | "hangup ends";

const LIBRARIES: Readonly<Partial<Record<typeof Deno.build.os, string>>> = {
  linux: "libc.so.6",
  darwin: "libSystem.B.dylib",
};

const SYMBOLS = { sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" } } as const;

/** Numbers of POSIX. */
const SIGHUP = 1, SIG_IGN = 1n;
/** More than `struct sigaction` has on any system; its first field is the handler's address. */
const SIGACTION_BYTES = 256;

/** The name of a worker that is to know what its main thread does; undefined where that is unknown. */
export function hangupName(): Hangup | undefined {
  const library = LIBRARIES[Deno.build.os];
  if (library === undefined || Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  try {
    const { symbols } = Deno.dlopen(library, SYMBOLS), action = new BigUint64Array(SIGACTION_BYTES / 8);
    // Without a new action it only tells the present one.
    if (symbols.sigaction(SIGHUP, null, action) !== 0) return undefined;
    return action[0] === SIG_IGN ? "hangup ignored" : "hangup ends";
  } catch {
    return undefined;
  }
}

/** Whether SIGHUP is to stop the work; else it is to be ignored. */
export function hearsHangup(): boolean {
  const { name } = globalThis as { name?: unknown };
  const known = name === "hangup ignored" || name === "hangup ends" ? name : hangupName();
  // `nohup` takes the terminal away from both streams: where one has it, nobody asked for the work to go on without.
  return known === undefined ? isTerminal("output") || isTerminal("error") : known === "hangup ends";
}
