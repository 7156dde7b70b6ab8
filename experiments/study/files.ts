/** Files that are read with checks, and written whole or not at all. */
import { everyOne } from "../../train/process/every_one.ts";
import { createHash } from "../../train/process/hash.ts";
import { dirname, join, resolve } from "node:path";
import { messageOf, UserError } from "../../cells/errors.ts";
import { repeatedKey } from "../../train/repeated_key.ts";

/** Puts a finished file in its place, or throws if it must not go there. */
export type Commit = (rename: () => void) => Promise<void>;

export const atOnce: Commit = (rename) => Promise.resolve(rename());

/** A file could not be written: a full disk, a folder without permission. That says nothing of what was to be written. */
export class WriteFailure extends UserError {}

/** Deno does not let this process read there. That says nothing of what there is: no advice on a damaged file fits. */
export class ReadRefused extends UserError {}

/** How unfinished files are called: nobody else's are called so. */
const UNFINISHED = /^\.cellspace-[0-9a-f-]{36}\.tmp$/;

/** The path of a new unfinished file, which {@linkcode removeLeftovers} knows where its process was killed. */
export function unfinishedIn(folder: string): string {
  return join(folder, `.cellspace-${crypto.randomUUID()}.tmp`);
}

/** Age from which an unfinished file is taken for a killed process's. */
const LEFTOVER_MILLISECONDS = 3_600_000;

/** Folders that are known to lie on another disk than the folder in which unfinished files were to lie. */
const onOtherDisk = new Set<string>();

/** A file cannot be renamed to a place on another disk. */
class OtherDisk extends Error {}

/**
 * Writes a file so that it is either there whole or as it was before, also after a power cut. A link stays one: the file that it
 * leads to is replaced.
 *
 * @param folder where the unfinished file lies meanwhile; beside the file itself, where that is on another disk
 * @throws {WriteFailure} if it cannot be written, with what to do where that is known
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  folder: string = dirname(path),
  commit: Commit = atOnce,
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const target = targetOf(path), beside = dirname(target);
  const write = (folder: string) => writeBy(unfinishedIn(folder), target, bytes, commit);
  const asked = target === path && !onOtherDisk.has(beside) ? folder : beside;
  try {
    await write(asked).catch(async (error) => {
      if (!(error instanceof OtherDisk) || asked === beside) throw error;
      await write(beside);
      onOtherDisk.add(beside);
    });
  } catch (error) {
    // What goes wrong within a commit that is no rename is the commit's own.
    if (!(error instanceof NotWritten)) throw error;
    const { cause } = error, advice = target === path ? adviceFor(cause) : adviceForLink(cause, target);
    throw new WriteFailure(`Cannot write ${path}: ${reasonOf(cause)}${advice}`);
  }
}

/**
 * Writes files at once, and puts each in its place when those before it are in theirs. Where one cannot be written, those behind it stay as they
 * were. A disk takes hardly longer to sync several files than one.
 *
 * @param writes each writes a file, and has the commit that it is given put it in its place
 * @throws the error of the first that failed
 */
export async function writeInOrder(
  commit: Commit,
  writes: readonly ((commit: Commit) => Promise<void>)[],
): Promise<void> {
  let before = Promise.resolve();
  const all = writes.map((write) => {
    const previous = before;
    return before = write(async (rename) => {
      await previous;
      await commit(rename);
    });
  });
  await everyOne(all);
}

class NotWritten extends Error {}

async function writeBy(temporary: string, target: string, bytes: Uint8Array, commit: Commit): Promise<void> {
  const fail = (cause: unknown) => isOtherDisk(cause) ? new OtherDisk("", { cause }) : new NotWritten("", { cause });
  try {
    await writeWhole(temporary, bytes).catch((error) => Promise.reject(fail(error)));
    await commit(() => {
      try {
        Deno.renameSync(temporary, target);
      } catch (error) {
        throw fail(error);
      }
    });
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** EXDEV, and what Windows calls it. */
function isOtherDisk(error: unknown): boolean {
  return (Deno.build.os === "windows" ? /\(os error 17\)/ : /\(os error 18\)/).test(messageOf(error));
}

/** The file that a path leads to, by however many links. */
function targetOf(path: string): string {
  if (!isLink(path)) return path;
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return path;
    throw new WriteFailure(`Cannot write ${path}: it is a link to a file that does not exist; move it away`);
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

/** What to do about a file that could not be written, to put behind the reason; nothing where that is not known. */
export function adviceFor(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "; choose another folder";
  if (/no space|disk quota|\(os error (28|122)\)/i.test(messageOf(error))) {
    return "; free space on that disk and run the same command again";
  }
  if (error instanceof Deno.errors.PermissionDenied || /read-only/i.test(messageOf(error))) {
    return "; make the folder writable, or choose another with --dir";
  }
  return "";
}

/** A task may write in its study's folder alone, whatever links lead elsewhere. */
function adviceForLink(error: unknown, target: string): string {
  return error instanceof Deno.errors.NotCapable
    ? `; it is a link to ${target}, outside of the folder: replace it by the file itself`
    : adviceFor(error);
}

/**
 * The value in a JSON file; undefined where there is no such file.
 *
 * @throws {UserError} if it cannot be read, is no JSON, or has a key twice in one object
 */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readBytes(path);
  return bytes && jsonIn(bytes, path);
}

/** The value in the bytes of a JSON file: see {@linkcode readJson}. */
export function jsonIn(bytes: Uint8Array, path: string): unknown {
  const text = new TextDecoder().decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`Cannot read ${path}: it is not JSON (${text.length} characters)`);
  }
  // Somebody meant both, and one would go in silence.
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new UserError(`Cannot read ${path}: it has '${repeated}' twice in one object`);
  return value;
}

/**
 * The bytes of a file; undefined where there is none.
 *
 * @throws {UserError} if it cannot be read
 */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const why = whyNoFile(await Deno.stat(path));
    if (why) throw new UserError(`Cannot read ${path}: ${why}`);
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error instanceof UserError ? error : readFailure(path, error);
  }
}

/** The first bytes of a file, and how many it has in all. */
export interface FileStart {
  readonly start: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/**
 * The first bytes of a file; undefined where there is none.
 *
 * @param first so many are read before all
 * @param wanted how many are wanted, by those
 * @throws {UserError} if it cannot be read, or `wanted` refuses it
 */
export async function readStart(
  path: string,
  first: number,
  wanted: (start: Uint8Array, length: number) => number,
): Promise<FileStart | undefined> {
  try {
    const why = whyNoFile(await Deno.stat(path));
    if (why) throw new UserError(`Cannot read ${path}: ${why}`);
    // What takes its place from here on is another file; this one stays as it is.
    using file = await Deno.open(path);
    const { size: length } = await file.stat(), start = await readUpTo(file, first);
    const rest = await readUpTo(file, Math.max(0, wanted(start, length) - start.length));
    const all = new Uint8Array(start.length + rest.length);
    all.set(start);
    all.set(rest, start.length);
    return { start: all, length };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error instanceof UserError ? error : readFailure(path, error);
  }
}

async function readUpTo(file: Deno.FsFile, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const read = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const more = await file.read(read.subarray(at));
    if (more === null) return read.slice(0, at);
    at += more;
  }
  return read;
}

/** Why something cannot be read as a file, if so. A pipe would be waited for, and a device read, for ever. */
export function whyNoFile({ isFile, isDirectory }: Pick<Deno.FileInfo, "isFile" | "isDirectory">): string | undefined {
  if (isFile) return undefined;
  return isDirectory ? "it is a folder, must be a file" : "it is not a regular file";
}

function readFailure(path: string, error: unknown, advice = ""): UserError {
  return error instanceof Deno.errors.NotCapable
    ? new ReadRefused(`Cannot read ${path}: ${reasonOf(error)}; choose another folder`)
    : new UserError(`Cannot read ${path}: ${reasonOf(error)}${advice}`);
}

/**
 * Sorted names of what lies in a folder; none where there is no folder.
 *
 * @throws {UserError} if it cannot be read, or is none
 */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
    await checkOpenToAll(folder);
    return names;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof ReadRefused) throw error;
    throw readFailure(folder, error, "; move it away");
  }
}

/** The folder that a path leads to, by however many links; one that does not exist is refused where it is opened. */
export async function realFolder(dir: string): Promise<string> {
  const path = resolve(dir);
  return await Deno.realPath(path).catch(() => path);
}

/** Whether there is a folder of this path. */
export async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

/** SHA-256 of a file's bytes, hexadecimal. */
export function sumOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What went wrong with a file, in words for the user of a command. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    // Deno names a flag, which is for the command's author.
    return isClosedToAll(error)
      ? "Deno denies access to it without all permissions"
      : `this command has no permission for it (${error.message.replace(/, run again with .*/, "")})`;
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, must be a file";
  if (error instanceof Deno.errors.NotADirectory) return "a file is where a folder must be";
  return messageOf(error);
}

/**
 * Does something with a file, and says what to do about the file if that goes wrong.
 *
 * @param advice or what makes it, where that takes longer than to read a file
 */
export async function advised<T>(advice: string | (() => string), action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof UserError && !(error instanceof ReadRefused)
      ? new UserError(`${error.message}; ${typeof advice === "string" ? advice : advice()}`)
      : error;
  }
}

export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    const isFile = error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory;
    if (isFile) throw new UserError(`Cannot make folder ${path}: a file is where a folder must be; move it away`);
    throw new UserError(`Cannot make folder ${path}: ${reasonOf(error)}${adviceFor(error)}`);
  }
  await checkOpenToAll(path);
}

/**
 * Checks that a folder does not lie, by a link, where Deno lets no program in: else each of its files would be refused on its own.
 *
 * @throws {ReadRefused} naming it
 */
export async function checkOpenToAll(path: string): Promise<void> {
  try {
    // To look at its entry, or to list it, Deno goes by the name of the link.
    (await Deno.open(path)).close();
  } catch (error) {
    // Whatever else there is about it is said of the file that it keeps out.
    if (!(error instanceof Deno.errors.NotCapable) || !isClosedToAll(error)) return;
    throw new ReadRefused(`Cannot use folder ${path}: ${reasonOf(error)}${adviceFor(error)}`);
  }
}

/** Deno keeps some folders of the system from whatever has not every permission. */
function isClosedToAll({ message }: Error): boolean {
  return message.includes("Requires all access");
}

/** Removes a file, if it is there. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new WriteFailure(`Cannot remove ${path}: ${reasonOf(error)}${adviceFor(error)}`);
  }
}

/** Removes unfinished files that a killed process has left, if there is such a folder; younger ones may be somebody's work. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!UNFINISHED.test(name)) continue;
    const path = join(folder, name), { isFile, mtime } = await Deno.lstat(path).catch(() => NOTHING);
    if (isFile && mtime && Date.now() - mtime.getTime() > LEFTOVER_MILLISECONDS) {
      await Deno.remove(path).catch(() => {});
    }
  }
}

const NOTHING = { isFile: false, mtime: null };
