/** A file of an export: what it holds, and how it comes into its place whole or not at all. */
import { dirname, join } from "node:path";
import {
  adviceFor,
  readBytes,
  reasonOf,
  unfinishedIn,
  writeAtomically,
  WriteFailure,
} from "../../experiments/study/files.ts";
import { checkReplaceable } from "../../experiments/study/ownership.ts";
import { createHash } from "../../train/process/hash.ts";

/** A copy of a file, which may be too large to hold in memory with all others of its kind. */
export interface CopyOf {
  readonly copyOf: string;
}

/** The SHA-256 of each file in the folder that lies before it in the list. */
export interface ChecksumsOf {
  readonly checksumsOf: string;
}

/** Path from the export's folder, and content. */
export type ExportFile = readonly [path: string, content: string | Uint8Array | CopyOf | ChecksumsOf];

/**
 * Checks that a file may go to its place: nothing is there, a file of cellspace's, or the same bytes. A text or a tokenizer says of itself
 * nothing that cellspace could know it by.
 *
 * @throws {WriteFailure} if it is somebody's
 */
export async function checkWritable(folder: string, [path, content]: ExportFile, mend: string): Promise<void> {
  const target = join(folder, path);
  try {
    checkReplaceable(target, `export to ${folder}`, mend);
  } catch (error) {
    if (typeof content === "object" && !(content instanceof Uint8Array)) throw error;
    const [there, wanted] = [await readBytes(target).catch(() => undefined), bytesOf(content)];
    if (!there || there.length !== wanted.length || !there.every((byte, i) => byte === wanted[i])) throw error;
  }
}

/**
 * Writes files one after the other.
 *
 * @param unfinished the folder in which files lie that are not yet whole
 * @param beforeSums called once before the first file of checksums: what is in none of them goes there
 * @throws {WriteFailure} if one cannot be written; those before it stay
 */
export async function writeFiles(
  folder: string,
  files: readonly ExportFile[],
  unfinished: string,
  beforeSums: () => void,
): Promise<void> {
  const sums = new Map<string, string>(), isSummed = files.some(([, content]) => isChecksums(content));
  let isDone = false;
  for (const [path, content] of files) {
    const target = join(folder, path);
    if (isChecksums(content)) {
      if (!isDone) beforeSums();
      isDone = true;
      await writeAtomically(target, checksumLines(sums, content.checksumsOf), unfinished);
    } else if (isCopy(content)) {
      sums.set(path, await copyAtomically(content.copyOf, target));
    } else {
      if (isSummed) sums.set(path, createHash("sha256").update(content).digest("hex"));
      await writeAtomically(target, content, unfinished);
    }
  }
  if (!isDone) beforeSums();
}

const isObject = (content: ExportFile[1]) => typeof content === "object" && !(content instanceof Uint8Array);

function isChecksums(content: ExportFile[1]): content is ChecksumsOf {
  return isObject(content) && "checksumsOf" in (content as object);
}

function isCopy(content: ExportFile[1]): content is CopyOf {
  return isObject(content) && "copyOf" in (content as object);
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** As `sha256sum` writes them, and reads them with `-c` in that folder: paths with slashes, sorted. */
function checksumLines(sums: ReadonlyMap<string, string>, below: string): string {
  const lines = [...sums].map(([path, sum]) => [path.replaceAll("\\", "/"), sum] as const)
    .filter(([path]) => path.startsWith(`${below}/`))
    .map(([path, sum]) => [path.slice(below.length + 1), sum] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return lines.map(([path, sum]) => `${sum}  ${path}\n`).join("");
}

/** Bytes that are copied at a time. */
const COPY_BYTES = 2 ** 20;

/** Copies a file by parts; returns the SHA-256 of what has been copied. The unfinished file lies beside its place: both are on one disk. */
async function copyAtomically(from: string, to: string): Promise<string> {
  const temporary = unfinishedIn(dirname(to)), hash = createHash("sha256");
  const fail = (doing: string, error: unknown) =>
    new WriteFailure(`Cannot ${doing}: ${reasonOf(error)}${adviceFor(error)}`);
  try {
    // What takes its place from here on is another file; this one stays as it is.
    using source = await Deno.open(from).catch((error) => Promise.reject(fail(`read ${from}`, error)));
    try {
      using target = await Deno.open(temporary, { write: true, createNew: true });
      const part = new Uint8Array(COPY_BYTES);
      for (let read; (read = await source.read(part)) !== null;) {
        const bytes = part.subarray(0, read);
        hash.update(bytes);
        for (let at = 0; at < bytes.length;) at += await target.write(bytes.subarray(at));
      }
      await target.sync();
      Deno.renameSync(temporary, to);
    } catch (error) {
      throw fail(`write ${to}`, error);
    }
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  return hash.digest("hex");
}
