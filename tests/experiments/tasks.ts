/** Tasks as a person starts them: each with its own command and permissions. */
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import assert from "node:assert/strict";
import tasks from "../../deno.json" with { type: "json" };
import { denoDir } from "../environment.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export type TaskName = keyof typeof tasks.tasks;

export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The arguments with which Deno runs a task. */
export function commandOf(name: TaskName): string[] {
  const [deno, ...command] = tasks.tasks[name].command.split(" ");
  assert.equal(deno, "deno");
  return command;
}

/** The flags that say what a task may do. */
export function permissionsOf(name: TaskName): string[] {
  return commandOf(name).filter((part) => part.startsWith("--allow-"));
}

/** Runs a task's own command, with its own permissions. */
export async function task(name: TaskName, ...args: readonly string[]): Promise<Finished> {
  return await taskWith({}, name, ...args);
}

/** The same with variables of the environment. */
export async function taskWith(
  variables: Readonly<Record<string, string>>,
  name: TaskName,
  ...args: readonly string[]
): Promise<Finished> {
  return await finished([...commandOf(name), ...args], { env: variables });
}

/** The same, which must end well; returns what it prints. */
export async function succeed(name: TaskName, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await task(name, ...args);
  assert.equal(code, 0, `${name} ${args.join(" ")}: ${err}`);
  return out;
}

interface ProcessOptions {
  /** Its folder; absent: the project's. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a script with what a task may do; it must end well and without an error's line. Returns what it prints. */
export async function runAs(
  name: TaskName,
  script: string,
  args: readonly string[],
  { cwd, env }: ProcessOptions = {},
): Promise<string> {
  const flags = ["--quiet", "--no-prompt", `--config=${join(ROOT, "deno.json")}`, ...permissionsOf(name)];
  const variables = { DENO_DIR: denoDir(), ...env };
  const { code, out, err } = await finished(["run", ...flags, script, ...args], { cwd, env: variables });
  assert.deepEqual([code, err], [0, ""]);
  return out;
}

async function finished(args: readonly string[], { cwd = ROOT, env }: ProcessOptions): Promise<Finished> {
  const variables = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env };
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd, env: variables });
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
  return { code, out: text(stdout), err: text(stderr) };
}
