/** The space that a study keeps: a copy of a person's module, which must stay as it was. */
import { basename } from "node:path";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import type { Space } from "../../cells/space.ts";
import { readConfined } from "./confined_space.ts";
import { readBytes, sumOf } from "./files.ts";
import { StudyPaths } from "./paths.ts";
import { resultFieldsOf } from "./result.ts";
import type { StudySettings } from "./schema.ts";

/** The longest module that is read. */
const MOST_BYTES = 2 ** 20;

/** What `study.json` says of a space. */
type SpaceSettings = NonNullable<StudySettings["space"]>;

/** A space with the text that it was read from. */
export interface SpaceFile {
  readonly settings: SpaceSettings;
  readonly code: string;
  readonly space: Space;
}

/**
 * Reads a person's module.
 *
 * @throws {UserError} with one line, if it is not there, or no space
 */
export async function readSpaceFile(path: string): Promise<SpaceFile> {
  const bytes = await readBytes(path);
  if (!bytes) throw new UserError(`Cannot read space ${path}: there is no such file`);
  if (bytes.length > MOST_BYTES) {
    throw new UserError(`Cannot read space ${path}: it has ${bytes.length} bytes, must have at most ${MOST_BYTES}`);
  }
  const code = new TextDecoder().decode(bytes), sha256 = sumOf(bytes);
  const space = await readConfined(code, basename(path));
  try {
    // Its keys stand in results, among others.
    resultFieldsOf(space);
  } catch (error) {
    throw new UserError(`Cannot use space ${basename(path)}: ${messageOf(error)}`);
  }
  return { settings: { name: space.name, sha256 }, code, space };
}

/**
 * The space of a study; the built-in one, where it keeps none.
 *
 * @throws {UserError} if the file is missing or has been changed, or is not a space
 */
export async function studySpace(dir: string, settings: SpaceSettings | undefined): Promise<Space> {
  if (!settings) return GATED_SPACE;
  const path = new StudyPaths(dir).spacePath, bytes = await readBytes(path);
  const back = "restore the file, or start another study with --dir";
  if (!bytes) throw new UserError(`Cannot open study ${dir}: ${path} does not exist; ${back}`);
  const sha256 = sumOf(bytes);
  if (sha256 !== settings.sha256) {
    throw new UserError(
      `Cannot open study ${dir}: the SHA-256 of ${path} is ${sha256}, that of the space that the study was made with is ` +
        `${settings.sha256}; ${back}`,
    );
  }
  return await readConfined(new TextDecoder().decode(bytes), basename(path));
}

/**
 * Checks that a module may be written to a path.
 *
 * @throws {UserError} if another file is there: it is somebody's
 */
export async function checkPlace(path: string, sha256: string): Promise<void> {
  const bytes = await readBytes(path);
  if (bytes === undefined || sumOf(bytes) === sha256) return;
  throw new UserError(
    `Cannot write ${path}: it exists, and is not the given space; move it away, or choose another folder with --dir`,
  );
}
