/** The flags of a task's script, read in this process by the parser that the script itself uses: a process for each question takes a quarter of a second. */
import { join } from "node:path";
import { UserError } from "../../cells/errors.ts";
import { TASKS } from "../../task.ts";
import { parseFlags } from "../../train/terminal/command_line.ts";
import type { Flags } from "../../train/terminal/flag.ts";
import tasks from "../../deno.json" with { type: "json" };
import { ROOT } from "./tasks.ts";

/** The path of a task's script in the project. */
function scriptOf(task: keyof typeof tasks.tasks): string {
  if (Object.hasOwn(TASKS, task)) return TASKS[task].script;
  return tasks.tasks[task].command.split(" ").find((part) => part.endsWith(".ts"))!;
}

/** The flags that a script takes: some follow from the command line. */
export async function flagsOf(
  task: keyof typeof tasks.tasks,
  args: readonly string[] = ["--dir", "/nowhere/s"],
): Promise<Flags> {
  const script: { readonly flags: Flags | ((args: readonly string[]) => Promise<Flags>) } = await import(
    `file://${join(ROOT, scriptOf(task))}`
  );
  return typeof script.flags === "function" ? await script.flags(args) : script.flags;
}

/** Reads a command line as a task's script does, and throws what it ends with. */
async function parse(task: keyof typeof tasks.tasks, ...args: string[]): Promise<void> {
  parseFlags(task, "", await flagsOf(task, args), args);
}

/** What a script prints where it is asked for help, without its description. */
export async function helpOf(task: keyof typeof tasks.tasks, ask: "-h" | "--help"): Promise<string> {
  const { writeSync } = Deno.stdout, parts: string[] = [];
  Deno.stdout.writeSync = (bytes) => {
    parts.push(new TextDecoder().decode(bytes));
    return bytes.length;
  };
  try {
    await parse(task, ask);
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
  return parts.join("");
}

/** The line with which a script refuses a command line as soon as it is read; undefined where it goes on. */
export async function refusalOf(task: keyof typeof tasks.tasks, ...args: string[]): Promise<string | undefined> {
  try {
    await parse(task, ...args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

/**
 * Whether a row of a table of refusals is refused as soon as it is read, by the same words: then a process tells nothing new. The first such row
 * of each task is to have one all the same.
 */
export function readRefusals() {
  const seen = new Set<string>();
  return async (task: keyof typeof tasks.tasks, args: readonly string[], check: (line: string) => void) => {
    const line = await refusalOf(task, ...args);
    if (line === undefined) return false;
    check(`${task}: ${line}`);
    const wasSeen = seen.has(task);
    seen.add(task);
    return wasSeen;
  };
}
