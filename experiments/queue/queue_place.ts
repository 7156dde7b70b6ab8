/** Where a study's database of claims lies: in the study, or on a disk of this machine where the study lies on the network's. */
import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../cells/errors.ts";
import { sha256Hex } from "../../cells/sha256.ts";
import { adviceFor, reasonOf } from "../study/files.ts";
import { QUEUE_FILE, type StudyPaths } from "../study/paths.ts";
import { type FileSystemType, networkFileSystem } from "./network_disk.ts";

/** The variable of the environment that says where this machine's temporary files lie. */
export const TEMPORARY_VARIABLE = Deno.build.os === "windows" ? "TEMP" : "TMPDIR";

/** What the place depends on; tests set their own. */
export interface PlaceOptions {
  readonly typeOf?: FileSystemType;
  /** This machine's folder for temporary files. */
  readonly temporary?: string;
  /** The number of this process's user. */
  readonly user?: number;
}

/**
 * Where a process that trains, scores or measures has its claims.
 *
 * @param isNodeLocal whether a queue for the processes of this machine alone was asked for: its folder is made
 * @throws {UserError} if the place is on the network, or the folder on this machine is somebody else's
 */
export function queuePlace(study: StudyPaths, isNodeLocal: boolean, options: PlaceOptions = {}): string {
  if (isNodeLocal) return join(makeNodeLocal(study.dir, options), QUEUE_FILE);
  const network = networkFileSystem(study.dir, options.typeOf);
  if (network === undefined) return study.queuePath;
  throw new UserError(
    `Cannot use ${study.queuePath}: it is on ${network}, must be on a local disk, since SQLite's log is corrupted on a network disk; ` +
      `use train --shard i/K, --queue postgres://…, or --node-local for a queue of this machine only`,
  );
}

/** The databases in which claims of this machine may lie, whether they are there or not: none of them on the network. */
export function placesToLook(study: StudyPaths, options: PlaceOptions = {}): string[] {
  const folder = nodeLocalFolder(study.dir, options);
  return [
    ...(networkFileSystem(study.dir, options.typeOf) === undefined ? [study.queuePath] : []),
    ...(isThere(folder) && whyNotOwn(folder, options) === undefined ? [join(folder, QUEUE_FILE)] : []),
  ];
}

/** The folder on this machine for the queue of a study: the same for all processes of a user that name the study in any way. */
export function nodeLocalFolder(dir: string, { temporary = temporaryFolder(), user = ownUser() }: PlaceOptions = {}) {
  const name = sha256Hex(`${user ?? ""}\n${realPath(dir)}`);
  return join(temporary, `cellspace-${name.slice(0, 16)}`);
}

function makeNodeLocal(dir: string, options: PlaceOptions): string {
  const folder = nodeLocalFolder(dir, options);
  try {
    Deno.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new UserError(`Cannot make folder ${folder}: ${reasonOf(error)}${adviceFor(error)}`);
    }
  }
  const why = whyNotOwn(folder, options);
  if (why !== undefined) throw new UserError(`Cannot use ${folder}: ${why}; remove it`);
  // Not before it is there: a task may look at this folder, and not at the one that it lies in.
  const network = networkFileSystem(folder, options.typeOf);
  if (network === undefined) return folder;
  throw new UserError(
    `Cannot use --node-local: ${
      dirname(folder)
    } is on ${network}, must be on a local disk; set ${TEMPORARY_VARIABLE} to a folder on one`,
  );
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A program that uses this as a library may not look there.
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

/** All users write in the temporary folder, and the name can be guessed: why a folder is not this user's own; undefined where it is. */
function whyNotOwn(folder: string, { user = ownUser() }: PlaceOptions): string | undefined {
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) return "it is not a folder";
  if (user !== undefined && stat.uid !== user) return `it belongs to user ${stat.uid}, must be this user's`;
  if (Deno.build.os !== "windows" && stat.mode & 0o077) return "other users have access to it, must be only this user";
  return undefined;
}

/** The number of this process's user; undefined where there is none, or it may not ask. */
function ownUser(): number | undefined {
  try {
    return Deno.uid() ?? undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function temporaryFolder(): string {
  const usual = Deno.build.os === "windows" ? "C:\\Windows\\Temp" : "/tmp";
  const variable = { name: "env", variable: TEMPORARY_VARIABLE } as const;
  if (Deno.permissions.querySync(variable).state !== "granted") return usual;
  return resolve(Deno.env.get(TEMPORARY_VARIABLE) || usual);
}

function realPath(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    // There is no study yet, or a program that uses this as a library may not ask.
    return resolve(dir);
  }
}
