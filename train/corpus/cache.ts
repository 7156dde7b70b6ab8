/** Where corpora that were downloaded lie on this machine. */
import { UserError } from "../../cells/errors.ts";
import { isAbsolute, join } from "node:path";
import type { KnownCorpus } from "./known.ts";

export type Variable = "XDG_CACHE_HOME" | "LOCALAPPDATA" | "HOME";

/** Variables of the environment that say where the cache is. */
export const CACHE_VARIABLES: readonly Variable[] = Deno.build.os === "windows"
  ? ["XDG_CACHE_HOME", "LOCALAPPDATA"]
  : ["XDG_CACHE_HOME", "HOME"];

/** What a variable of the environment is set to; undefined where it is not. */
export type Environment = (name: Variable) => string | undefined;

/** The environment of this process. */
export const ownEnvironment: Environment = (name) => Deno.env.get(name);

/**
 * The folder of this program in the user's cache: under `XDG_CACHE_HOME`, else where the system has caches.
 *
 * @throws {UserError} if no variable says where that is
 */
export function cacheFolder(os: typeof Deno.build.os = Deno.build.os, variable: Environment = ownEnvironment): string {
  const asked = variable("XDG_CACHE_HOME");
  // The specification has relative paths ignored: https://specifications.freedesktop.org/basedir-spec/latest/
  if (asked && isAbsolute(asked)) return join(asked, "cellspace");
  const home = os === "windows" ? "LOCALAPPDATA" : "HOME", place = variable(home);
  if (!place) {
    throw new UserError(
      `Cannot find the folder of caches: neither XDG_CACHE_HOME nor ${home} is set; must be one of them`,
    );
  }
  const folders = os === "windows" ? [] : os === "darwin" ? ["Library", "Caches"] : [".cache"];
  return join(place, ...folders, "cellspace");
}

/** Where the text of a corpus lies, once it is there. */
export function cachedPath({ name }: KnownCorpus, folder: string = cacheFolder()): string {
  return join(folder, name);
}

/** Whether the text is there. It comes to this name whole and checked; whoever reads it compares the SHA-1 again. */
export async function isCached(corpus: KnownCorpus, folder: string = cacheFolder()): Promise<boolean> {
  try {
    const { isFile, size } = await Deno.stat(cachedPath(corpus, folder));
    return isFile && size === corpus.bytes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
