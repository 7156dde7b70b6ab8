/** `study.json`: read with checks, and nothing else of its study. */
import { parseWith } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { commandOn } from "./commands.ts";
import { advised, readJson } from "./files.ts";
import { StudyPaths } from "./paths.ts";
import { NEWEST_LAYOUT, type OwnKey, ownKeys, studySchema, type StudySettings, versionSchema } from "./schema.ts";

/** What `study.json` holds. */
export interface SettingsFile {
  readonly settings: StudySettings;
  /** What a person has put there beside the settings. */
  readonly own: readonly OwnKey[];
}

/**
 * Reads the settings of a study.
 *
 * @returns undefined where no study is
 * @throws {UserError} with one line, if they are damaged or newer than this program
 */
export async function readStudySettings(dir: string): Promise<SettingsFile | undefined> {
  const path = new StudyPaths(dir).settingsPath;
  // Nothing else knows all of its settings: a new one must get them from whoever made it.
  const mend = `fix it, or move it away and create it again with ${commandOn("init", { dir })} and the same flags`;
  const value = await advised(mend, () => readJson(path));
  if (value === undefined) return undefined;
  // The version first: what a newer one holds cannot be judged.
  const version = versionSchema.safeParse(value);
  if (version.success && version.data.version > NEWEST_LAYOUT) {
    throw new UserError(
      `Cannot open study ${dir}: its layout is version ${version.data.version}, ` +
        `this program knows up to ${NEWEST_LAYOUT}; use the cellspace that made it, or a newer one`,
    );
  }
  const settings = await advised(mend, () => parseWith(studySchema, value, path));
  return { settings, own: ownKeys(value, settings) };
}
