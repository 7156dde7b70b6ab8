/** A short text as a file: it is read, counted and scored in no time, which the embedded megabyte is not. */
import { join } from "node:path";
import { generateEmbedded } from "../../train/corpus/embedded.ts";

/** Writes a text of so many bytes into a folder; returns its path. */
export function corpusFile(dir: string, bytes = 6000): string {
  const path = join(dir, "corpus.txt");
  Deno.writeFileSync(path, generateEmbedded(1, bytes).text);
  return path;
}
