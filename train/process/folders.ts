/** Folders of the program itself, for permissions to read. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** This project's. */
export function projectFolder(): string {
  return fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
}

/** Where npm's packages lie: their native libraries and fonts are read from there. */
export function packageFolder(): string {
  const [folder] = createRequire(import.meta.url).resolve("zod").split(/[\\/]zod[\\/]/);
  return folder;
}
