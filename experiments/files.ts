/** Files that are read with checks, and written whole or not at all. */
import { dirname, join } from "node:path";
import { messageOf, UserError } from "../cells/errors.ts";

/** Puts a finished file in its place, or throws if it must not go there. */
export type Commit = (rename: () => void) => Promise<void>;

const atOnce: Commit = (rename) => Promise.resolve(rename());

/** A file could not be written: a full disk, a folder without permission. That says nothing of what was to be written. */
export class WriteFailure extends UserError {}

/** How unfinished files are called. */
const UNFINISHED = /^\.[0-9a-f-]{36}\.tmp$/;

/** Age from which an unfinished file is taken for a killed process's. */
const LEFTOVER_MILLISECONDS = 3_600_000;

/**
 * Writes a file so that it is either there whole or as it was before, also after a power cut.
 *
 * @param folder where the unfinished file lies meanwhile; on the same disk
 * @throws {WriteFailure} if it cannot be written, with what to do where that is known
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  folder: string = dirname(path),
  commit: Commit = atOnce,
): Promise<void> {
  const temporary = join(folder, `.${crypto.randomUUID()}.tmp`);
  const fail = (error: unknown) => new WriteFailure(`Cannot write ${path}: ${messageOf(error)}${adviceFor(error)}`);
  try {
    await writeWhole(temporary, typeof content === "string" ? new TextEncoder().encode(content) : content)
      .catch((error) => Promise.reject(fail(error)));
    await commit(() => {
      try {
        Deno.renameSync(temporary, path);
      } catch (error) {
        throw fail(error);
      }
    });
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

function adviceFor(error: unknown): string {
  if (/no space|disk quota|\(os error (28|122)\)/i.test(messageOf(error))) {
    return "; make room on that disk and run the same command again";
  }
  if (error instanceof Deno.errors.PermissionDenied || /read-only/i.test(messageOf(error))) {
    return "; make the folder writable, or choose another with --dir";
  }
  return "";
}

/**
 * The value in a JSON file; undefined where there is no such file.
 *
 * @throws {UserError} if it cannot be read, or is no JSON
 */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readBytes(path);
  if (!bytes) return undefined;
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`Cannot read ${path}: it is not JSON (${text.length} characters)`);
  }
}

/**
 * The bytes of a file; undefined where there is none.
 *
 * @throws {UserError} if it cannot be read
 */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new UserError(`Cannot read ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Sorted names of what lies in a folder; none where there is no folder.
 *
 * @throws {UserError} if it cannot be read, or is none
 */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new UserError(`Cannot read ${folder}: ${reasonOf(error)}; move it away`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, must be a file";
  if (error instanceof Deno.errors.NotADirectory) return "a file is where a folder must be";
  return messageOf(error);
}

/** Does something with a file, and says what to do about the file if that goes wrong. */
export async function advised<T>(advice: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${error.message}; ${advice}`) : error;
  }
}

export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot make folder ${path}: ${messageOf(error)}${adviceFor(error)}`);
  }
}

/** Removes a file, if it is there. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new WriteFailure(`Cannot remove ${path}: ${messageOf(error)}${adviceFor(error)}`);
  }
}

/** Removes unfinished files that a killed process has left; younger ones may be somebody's work. */
export async function removeLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!UNFINISHED.test(name)) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await Deno.stat(path).catch(() => undefined))?.mtime?.getTime() ?? Date.now());
    if (age > LEFTOVER_MILLISECONDS) await Deno.remove(path).catch(() => {});
  }
}
