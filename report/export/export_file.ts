/** A file of an export: what it holds, and how it comes into its place whole or not at all. */
import { join } from "node:path";
import { UserError } from "../../cells/errors.ts";
import { readBytes, sumOf, writeAtomically } from "../../experiments/study/files.ts";
import { checkReplaceable } from "../../experiments/study/ownership.ts";

/** A copy of a file, which is read when its turn comes: all of its kind may be too large for the memory. */
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
 * @throws {UserError} if it is somebody's
 */
export async function checkWritable(folder: string, [path, content]: ExportFile, mend: string): Promise<void> {
  const target = join(folder, path);
  try {
    checkReplaceable(target, `export to ${folder}`, mend);
  } catch (error) {
    const wanted = bytesIn(content), there = wanted && await readBytes(target).catch(() => undefined);
    if (!there || sumOf(there) !== sumOf(wanted)) throw error;
  }
}

/**
 * Writes files one after the other.
 *
 * @param unfinished the folder in which files lie that are not yet whole
 * @param beforeSums called once before the first file of checksums: what is in none of them goes there
 * @throws {UserError} if one cannot be written, or what is to be copied is gone; those before it stay
 */
export async function writeFiles(
  folder: string,
  files: readonly ExportFile[],
  unfinished: string,
  beforeSums: () => void,
): Promise<void> {
  const sums = new Map<string, string>();
  let isDone = false;
  for (const [path, content] of files) {
    if (isChecksums(content) && !isDone) {
      beforeSums();
      isDone = true;
    }
    const bytes = isChecksums(content) ? encoder.encode(checksumLines(sums, content.checksumsOf)) : await read(content);
    sums.set(path, sumOf(bytes));
    await writeAtomically(join(folder, path), bytes, unfinished);
  }
  if (!isDone) beforeSums();
}

const encoder = new TextEncoder();

function isChecksums(content: ExportFile[1]): content is ChecksumsOf {
  return typeof content === "object" && "checksumsOf" in content;
}

/** What a file is to hold, where that is known before its turn. */
function bytesIn(content: ExportFile[1]): Uint8Array | undefined {
  if (typeof content === "string") return encoder.encode(content);
  return content instanceof Uint8Array ? content : undefined;
}

async function read(content: string | Uint8Array | CopyOf): Promise<Uint8Array> {
  if (typeof content === "string" || content instanceof Uint8Array) return bytesIn(content)!;
  const bytes = await readBytes(content.copyOf);
  if (!bytes) throw new UserError(`Cannot copy ${content.copyOf}: it does not exist any more; export again`);
  return bytes;
}

/** As `sha256sum` writes them, and reads them with `-c` in that folder: paths with slashes, sorted. */
function checksumLines(sums: ReadonlyMap<string, string>, below: string): string {
  const lines = [...sums].map(([path, sum]) => [path.replaceAll("\\", "/"), sum] as const)
    .filter(([path]) => path.startsWith(`${below}/`))
    .map(([path, sum]) => [path.slice(below.length + 1), sum] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return lines.map(([path, sum]) => `${sum}  ${path}\n`).join("");
}
