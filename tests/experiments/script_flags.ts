/** The flags of a task's script, read in this process by the parser that the script itself uses: a process for each question takes a quarter of a second. */
import { join } from "node:path";
import { TASKS } from "../../task.ts";
import { type Flags, parseFlags } from "../../train/terminal/command_line.ts";
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
export async function parse(task: keyof typeof tasks.tasks, ...args: string[]): Promise<void> {
  parseFlags(task, "", await flagsOf(task, args), args);
}
