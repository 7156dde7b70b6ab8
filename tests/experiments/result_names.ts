/** What a study's folder holds, for tests. */
import { join } from "node:path";

/** Names of the result files; none where there is no folder yet. */
export function resultNames(dir: string): string[] {
  try {
    return [...Deno.readDirSync(join(dir, "results_01_all"))].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Whether there is a file, or a folder. */
export const exists = (path: string) => Deno.stat(path).then(() => true, () => false);
