/** Where text comes from, and how it is split. */
import { LEAST_HISTORY, MAX_BYTES } from "./bounds.ts";
import { checkWhole } from "../../cells/bounds.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { basename, resolve } from "node:path";
import { taskCommand } from "../terminal/advice.ts";
import { cachedPath } from "./cache.ts";
import { type EmbeddedText, generateEmbedded } from "./embedded.ts";
import { KNOWN_CORPORA, type KnownCorpus, knownCorpus } from "./known.ts";
import { readShared, sharedText } from "./shared_text.ts";
import { SPLIT, splitEnds, SplitHasher, type SplitHashes } from "./split.ts";

/** The default corpus: its name, seed and size are part of what a result says it was trained on. */
export const EMBEDDED = { name: "embedded", seed: 1, bytes: 1_000_000 } as const;

/** Names that stand for a corpus wherever one is asked for; anything else is a file. */
export const CORPUS_NAMES: readonly string[] = [EMBEDDED.name, ...KNOWN_CORPORA.map(({ name }) => name)];

/** A text to train and to score on, in three contiguous parts: see {@linkcode loadCorpus} and {@linkcode makeCorpus}. */
export interface Corpus extends SplitHashes {
  /**
   * For people: `embedded`, a known corpus' name, a file's without its folder, or what {@linkcode makeCorpus} was given. Corpora are
   * told apart by `sha1`.
   */
  readonly name: string;
  /** The file, where it is one. */
  readonly path?: string;
  /** Length of the whole text. */
  readonly bytes: number;
  /** Nats per byte, where it is known from the construction. */
  readonly entropy_rate?: number;
  /** The first 90 %. It and the other two are parts of one memory, which workers share. */
  readonly train: Uint8Array;
  /** The 5 % after it, which no run trains or is scored on. */
  readonly validation: Uint8Array;
  /** The last 5 %, which runs are scored on. */
  readonly test: Uint8Array;
}

/** The smallest test split that says anything: a byte to read, and one to predict. */
const MIN_TEST_BYTES = 2;

/** The embedded text, once it has been made: that takes a tenth of a second. */
let embedded: EmbeddedText | undefined;

/** What a study keeps of what was asked for: a name as it is, a file by its absolute path. */
export function corpusSource(asked: string): string {
  return CORPUS_NAMES.includes(asked) ? asked : resolve(asked);
}

/**
 * Reads a corpus: `embedded`, a known one by name from the cache, or a file by path.
 *
 * @param history bytes of one pass, which must fit into the training split; absent: a byte to read and one to predict, so that training
 *   itself checks its passes
 * @param dir the study that it is for: an error names the command that brings a known corpus there
 * @throws {UserError} with one line: it is missing, unreadable, changed, empty, too small or too large, with the sizes
 */
export async function loadCorpus(source: string, history: number = LEAST_HISTORY, dir?: string): Promise<Corpus> {
  if (source === EMBEDDED.name) {
    embedded ??= generateEmbedded(EMBEDDED.seed, EMBEDDED.bytes);
    const { text, entropy_rate } = embedded;
    // A copy, for a caller may write into what it is given.
    return makeCorpus(EMBEDDED.name, text.slice(), history, { entropy_rate });
  }
  const known = knownCorpus(source);
  return known
    ? await loadKnown(known, history, dir)
    : await readCorpus(basename(source), source, history, readFailure);
}

function readFailure(path: string, why: string): UserError {
  return new UserError(`Cannot read corpus ${path}: ${why}; must be ${CORPUS_NAMES.join(", ")} or a readable file`);
}

async function loadKnown(known: KnownCorpus, history: number, dir?: string): Promise<Corpus> {
  const advice = `download it with ${taskCommand("init", { dir, corpus: known.name })}`;
  const failure = (path: string, why: string) =>
    new UserError(`Cannot use corpus ${known.name}: cannot read ${path}: ${why}; ${advice}`);
  const corpus = await readCorpus(known.name, cachedPath(known), history, failure);
  if (corpus.sha1 !== known.sha1) {
    throw new UserError(
      `Cannot use corpus ${known.name}: the SHA-1 of its copy in the cache, ${corpus.path}, is ${corpus.sha1}, ` +
        `must be ${known.sha1}; remove that file and ${advice}`,
    );
  }
  return corpus;
}

/** Reads the file of a corpus once: into memory that workers share, and through its hashes on the way. */
async function readCorpus(
  name: string,
  path: string,
  history: number,
  failure: (path: string, why: string) => UserError,
): Promise<Corpus> {
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    // A device would be read for ever.
    if (!isFile) throw failure(path, isDirectory ? "it is a folder" : "it is not a regular file");
    checkSize(name, size, history);
    const hasher = new SplitHasher(size);
    const text = await readShared(path, size, (part) => hasher.update(part));
    return { name, path, bytes: size, ...hasher.digest(), ...splitText(text) };
  } catch (error) {
    if (error instanceof UserError || error instanceof RangeError) throw error;
    throw failure(path, error instanceof Deno.errors.NotFound ? "it does not exist" : messageOf(error));
  }
}

/**
 * A text as a corpus.
 *
 * @param history bytes of one pass, which must fit into the training split; absent: as of {@linkcode loadCorpus}
 * @throws {UserError} if the text is empty, too large, or too small for one pass and a test; {@linkcode RangeError} if `history` is no
 * whole number of at least 2
 */
export function makeCorpus(
  name: string,
  text: Uint8Array,
  history: number = LEAST_HISTORY,
  more: { path?: string; entropy_rate?: number } = {},
): Corpus {
  checkSize(name, text.length, history);
  const hasher = new SplitHasher(text.length);
  hasher.update(text);
  return { name, ...more, bytes: text.length, ...hasher.digest(), ...splitText(sharedText(text)) };
}

function splitText(text: Uint8Array): Pick<Corpus, "train" | "validation" | "test"> {
  const { train, validation } = splitEnds(text.length);
  return {
    train: text.subarray(0, train),
    validation: text.subarray(train, validation),
    test: text.subarray(validation),
  };
}

/** @throws as {@linkcode makeCorpus} does */
export function checkSize(name: string, bytes: number, history: number): void {
  checkWhole(`use corpus ${name}`, "the history", history, LEAST_HISTORY);
  if (bytes === 0) throw new UserError(`Cannot use corpus ${name}: it is empty`);
  if (bytes > MAX_BYTES) {
    throw new UserError(`Cannot use corpus ${name}: it has ${bytes} bytes, at most ${MAX_BYTES} can be used`);
  }
  const { train, validation } = splitEnds(bytes);
  if (train < history || bytes - validation < MIN_TEST_BYTES) {
    throw new UserError(
      `Cannot use corpus ${name}: it has ${bytes} bytes, so its training split (${
        100 * SPLIT.train
      } %) has ${train}; ` +
        `one sequence needs ${history}`,
    );
  }
}
