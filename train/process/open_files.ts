/**
 * How many workers a process may have. Each takes some open files for its event loop, and where the system gives no more (`ulimit -n`), Deno
 * itself ends, with all that is under way. So whoever opens workers asks before. The system does not tell how many are left within our
 * permissions: trying does.
 */
import { fileURLToPath } from "node:url";
import { UserError } from "../../cells/errors.ts";

/** A worker's event loop has 6 on Linux; two are for the modules that it reads. */
const FILES_PER_WORKER = 8;

/** For the database and checkpoints, and for workers that are being opened or ended at this moment. */
const RESERVE = 24;

/** What the system says when a process, or all together, have too many. */
const TOO_MANY: readonly unknown[] = ["EMFILE", "ENFILE"];

/** How many files this process may open, counted up to a number that is enough. */
export function openableFiles(enough: number): number {
  const files: Deno.FsFile[] = [];
  try {
    const path = fileURLToPath(import.meta.url);
    while (files.length < enough) files.push(Deno.openSync(path));
  } catch (error) {
    // A program that may not read its own code, or has it from a server, cannot try.
    if (!TOO_MANY.includes((error as { code?: unknown }).code)) return enough;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}

/** Workers that this process may open beside what else it needs files for; 0 where it may open none. */
export function affordableWorkers(wanted: number): number {
  const free = openableFiles(RESERVE + wanted * FILES_PER_WORKER) - RESERVE;
  return Math.max(0, Math.min(wanted, Math.floor(free / FILES_PER_WORKER)));
}

/** This process may open no more files. That says nothing of any file, and whatever is begun next fares no better. */
export class OpenFilesError extends UserError {}

/** @throws {OpenFilesError} if this process may open no more workers */
export function checkWorker(): void {
  if (affordableWorkers(1)) return;
  throw new OpenFilesError(
    "Cannot open a worker: this process is at its limit of open files; raise it ('ulimit -n')",
  );
}
