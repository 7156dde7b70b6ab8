/** Where text comes from, and how it is split. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { generateEmbedded } from "./embedded.ts";

/** The default corpus: its name, seed and size are part of what a result says it was trained on. */
export const EMBEDDED = { name: "embedded", seed: 1, bytes: 1_000_000 } as const;

/** Contiguous parts of a corpus, in bytes: training first, then validation, then test. */
export const SPLIT = { train: 0.9, validation: 0.05, test: 0.05 } as const;

export interface Corpus {
  readonly name: string;
  /** The file, where it is one. */
  readonly path?: string;
  readonly bytes: number;
  /** Of the whole corpus, hexadecimal. */
  readonly sha1: string;
  /** Nats per byte, where it is known from the construction. */
  readonly entropy_rate?: number;
  readonly train: Uint8Array;
  readonly validation: Uint8Array;
  readonly test: Uint8Array;
}

/** The smallest test split that says anything: a byte to read, and one to predict. */
const MIN_TEST_BYTES = 2;

/**
 * Reads a corpus: `embedded`, or a file by path.
 *
 * @param history bytes of one pass, which must fit into the training split
 * @throws {UserError} with one line: the file is missing, unreadable, empty or too small, with the sizes
 */
export async function loadCorpus(source: string, history: number): Promise<Corpus> {
  if (source === EMBEDDED.name) {
    const { text, entropy_rate } = generateEmbedded(EMBEDDED.seed, EMBEDDED.bytes);
    return makeCorpus(EMBEDDED.name, text, history, { entropy_rate });
  }
  return makeCorpus(basename(source), await readText(source), history, { path: source });
}

async function readText(path: string): Promise<Uint8Array> {
  const fail = (why: string): never => {
    throw new UserError(`Cannot read corpus ${path}: ${why}; must be 'embedded' or a readable file`);
  };
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    // A device would be read for ever.
    if (!isFile) return fail(isDirectory ? "it is a folder" : "it is no regular file");
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    return fail(error instanceof Deno.errors.NotFound ? "it does not exist" : messageOf(error));
  }
}

/** @throws {UserError} if the text is empty, or too small for one pass and a test */
export function makeCorpus(
  name: string,
  text: Uint8Array,
  history: number,
  more: { path?: string; entropy_rate?: number } = {},
): Corpus {
  if (text.length === 0) throw new UserError(`Cannot use corpus ${name}: it is empty`);
  const trainEnd = Math.floor(text.length * SPLIT.train);
  const validationEnd = Math.floor(text.length * (SPLIT.train + SPLIT.validation));
  if (trainEnd < history || text.length - validationEnd < MIN_TEST_BYTES) {
    throw new UserError(
      `Cannot use corpus ${name}: it has ${text.length} bytes, so its training split (${
        100 * SPLIT.train
      } %) has ${trainEnd}; ` +
        `one pass needs ${history}`,
    );
  }
  return {
    name,
    ...more,
    bytes: text.length,
    sha1: createHash("sha1").update(text).digest("hex"),
    train: text.subarray(0, trainEnd),
    validation: text.subarray(trainEnd, validationEnd),
    test: text.subarray(validationEnd),
  };
}
