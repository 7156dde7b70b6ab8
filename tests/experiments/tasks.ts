/** Tasks as a person starts them: each with its own command and permissions. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import tasks from "../../deno.json" with { type: "json" };
import { corpusFile } from "./corpus_file.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a task's own command, with its own permissions. */
export async function task(name: keyof typeof tasks.tasks, ...args: string[]): Promise<Finished> {
  return await taskWith({}, name, ...args);
}

/** The same with variables of the environment. */
export async function taskWith(
  variables: Readonly<Record<string, string>>,
  name: keyof typeof tasks.tasks,
  ...args: string[]
): Promise<Finished> {
  const [deno, ...command] = tasks.tasks[name].command.split(" ");
  assert.equal(deno, "deno");
  const env = { NO_COLOR: "1", ...variables };
  const child = new Deno.Command(Deno.execPath(), { args: [...command, ...args], cwd: ROOT, env });
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, out: text(stdout), err: text(stderr) };
}

/** The flag that names a short text, which is written into a folder. */
export const shortCorpus = (dir: string) => ["--corpus", corpusFile(dir, 30_000)];

export async function succeed(name: keyof typeof tasks.tasks, ...args: string[]): Promise<string> {
  const { code, out, err } = await task(name, ...args);
  assert.equal(code, 0, `${name} ${args.join(" ")}: ${err}`);
  return out;
}
