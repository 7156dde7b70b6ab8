/** A short text as a file: it is read, counted and scored in no time, which the embedded megabyte is not. */
import { join } from "node:path";
import { generateEmbedded } from "../../train/corpus/embedded.ts";

export interface CorpusOptions {
  readonly bytes?: number;
  /** Another seed gives another text. */
  readonly seed?: number;
  /** Of the file. */
  readonly name?: string;
}

/** Writes a text into a folder; returns its path. */
export function corpusFile(dir: string, { bytes = 6000, seed = 1, name = "corpus.txt" }: CorpusOptions = {}): string {
  const path = join(dir, name);
  Deno.writeFileSync(path, generateEmbedded(seed, bytes).text);
  return path;
}

/** A text for what looks at more than a few scores: baselines, and scores of each run, cost as much as the text is long. */
export const shortCorpus = (dir: string): string => corpusFile(dir, { bytes: 30_000 });
