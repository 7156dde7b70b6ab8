/** What a study's models read: its corpus, and the tokens that were learned from it. */
import { MAX_VOCABULARY } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { createHash } from "../../train/process/hash.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { type Corpus, loadCorpus } from "../../train/corpus/corpus.ts";
import { knownCorpus } from "../../train/corpus/known.ts";
import { TokenizedCorpus } from "../../train/corpus/tokens/tokenized.ts";
import { BYTE_TOKENIZER, BytePairTokenizer, type Tokenizer } from "../../train/corpus/tokens/tokenizer.ts";
import { decodeTokenizer, encodeTokenizer } from "../../train/corpus/tokens/tokenizer_json.ts";
import { advised, readBytes } from "./files.ts";
import { StudyPaths } from "./paths.ts";
import { commandOn } from "./commands.ts";
import type { StudySettings } from "./schema.ts";
import type { Study } from "./store.ts";

type TokenSettings = NonNullable<StudySettings["tokens"]>;

/** Whether the tokenizer in a folder is the one that a study has been made with: any other is somebody's. */
export async function hasTokenizer(dir: string, { tokens }: StudySettings): Promise<boolean> {
  const bytes = await readBytes(new StudyPaths(dir).tokenizerPath).catch(() => undefined);
  return bytes !== undefined && sha1(bytes) === tokens?.sha1;
}

/** What a study has of its tokens: settings, and the text of the file. */
export interface KeptTokens {
  readonly settings: TokenSettings;
  readonly file: string;
}

/**
 * Reads `--tokens`.
 *
 * @returns the vocabulary
 * @throws {Error} saying what must be
 */
export function parseTokens(text: string): number {
  if (text === BYTE_TOKENIZER.name) return BYTE_VOCABULARY;
  const size = /^bpe:(\d{1,6})$/.exec(text)?.[1];
  if (size === undefined || Number(size) <= BYTE_VOCABULARY || Number(size) > MAX_VOCABULARY) {
    throw new Error(
      `must be '${BYTE_TOKENIZER.name}', or 'bpe:' and a size from ${
        BYTE_VOCABULARY + 1
      } to ${MAX_VOCABULARY}, as in bpe:1024`,
    );
  }
  return Number(size);
}

const sha1 = (content: string | Uint8Array) => createHash("sha1").update(content).digest("hex");

/**
 * The tokenizer of a study.
 *
 * @throws {UserError} if its file is missing, damaged, or not the one that the study was made with
 */
export async function studyTokenizer(study: Study): Promise<Tokenizer> {
  const { tokenizerPath: path, settings: { tokens } } = study;
  if (!tokens) return BYTE_TOKENIZER;
  const anew = `create it again with ${commandOn("init", study)}`, bytes = await readBytes(path);
  if (!bytes) throw new UserError(`Cannot read ${path}: it does not exist; put it back, or ${anew}`);
  return await advised(`put the right one back, or move it away and ${anew}`, () => {
    if (sha1(bytes) !== tokens.sha1) {
      throw new UserError(`Cannot use ${path}: its SHA-1 is ${sha1(bytes)}, study.json has ${tokens.sha1}`);
    }
    return decodeTokenizer(new TextDecoder().decode(bytes), path);
  });
}

/**
 * Reads the file of a study's corpus, whatever it holds.
 *
 * @param history as {@linkcode loadCorpus} takes it
 * @throws {UserError} if it cannot be read, with what to do
 */
export async function loadOwnFile(study: Study, history?: number): Promise<Corpus> {
  return await advised(mendCorpus(study), () => loadCorpus(study.settings.corpus.source, history, study.dir));
}

function mendCorpus(study: Study): string {
  const { source } = study.settings.corpus;
  return `restore ${source}, or give its new path with ${commandOn("init", study, "01", { corpus: "FILE" })}`;
}

/** The corpus of a study, checked to be the one that it was made with. */
export async function studyCorpus(study: Study): Promise<Corpus> {
  const { dir, settings } = study, { source, sha1 } = settings.corpus;
  const load = async () => {
    const corpus = await loadCorpus(source, settings.training.history, dir);
    if (corpus.sha1 !== sha1) {
      throw new UserError(
        `Cannot use corpus ${source}: its SHA-1 is ${corpus.sha1}, study ${dir} was made with ${sha1}`,
      );
    }
    return corpus;
  };
  const corpus = knownCorpus(source) ? await load() : await advised(mendCorpus(study), load);
  checkFacts(study, [
    ["corpus.bytes", settings.corpus.bytes, corpus.bytes],
    ...PARTS.map((part): Fact => [`split.${part}`, settings.split[part], corpus[part].length]),
  ]);
  return corpus;
}

const PARTS = ["train", "validation", "test"] as const;
type Part = typeof PARTS[number];

type Fact = readonly [key: string, is: unknown, must: unknown];

/** Facts that stand in `study.json` beside the files that they are of: some go by the one and some by the other. */
function checkFacts(study: Study, facts: readonly Fact[]): void {
  for (const [key, is, must] of facts) {
    if (is === must) continue;
    throw new UserError(`Cannot read ${study.settingsPath}: '${key}' is ${is}, must be ${must}; correct it there`);
  }
}

/**
 * The corpus of a study as its models read it.
 *
 * @param parts those that are needed, whose tokens are counted
 */
export async function studyText(study: Study, parts: readonly Part[] = PARTS): Promise<TokenizedCorpus> {
  const tokenizer = await studyTokenizer(study), text = new TokenizedCorpus(await studyCorpus(study), tokenizer);
  checkTokens(study, text, parts);
  return text;
}

function checkTokens(study: Study, text: TokenizedCorpus, parts: readonly Part[]): void {
  const { tokens } = study.settings;
  if (!tokens) return;
  checkFacts(study, [
    ["tokens.vocabulary", tokens.vocabulary, text.tokenizer.vocabulary],
    ...parts.map((part): Fact => [`tokens.split.${part}`, tokens.split[part], text[part].length]),
  ]);
}

/**
 * The tokens for a study that is made or extended: those that it has, or else learned from its training split, which gives the
 * same each time.
 *
 * @param dir the study's folder
 * @param known the study as it is, if there is one
 * @param vocabulary {@linkcode BYTE_VOCABULARY} for bytes, which need no file
 * @param history tokens of one pass
 * @throws {UserError} if the split has not enough pairs or tokens, or what was learned is not what the study was made with;
 * or if another `tokenizer.json` is in the folder
 */
export async function tokensFor(
  dir: string,
  known: Study | undefined,
  corpus: Corpus,
  vocabulary: number,
  history: number,
): Promise<KeptTokens | undefined> {
  if (vocabulary === BYTE_VOCABULARY) return undefined;
  const before = known?.settings.tokens, isKept = before?.vocabulary === vocabulary;
  const path = new StudyPaths(dir).tokenizerPath, bytes = await readBytes(path), sum = bytes && sha1(bytes);
  if (known && before && isKept && bytes && sum === before.sha1) {
    const file = new TextDecoder().decode(bytes);
    checkTokens(known, new TokenizedCorpus(corpus, decodeTokenizer(file, path)), ["test"]);
    checkLength(corpus, before, history);
    return { settings: before, file };
  }
  // One that the study was made with may go; what else is there is somebody's, or the right one that was damaged.
  const isOther = bytes !== undefined && sum !== before?.sha1;
  const learned = learnTokens(corpus, vocabulary);
  checkLength(corpus, learned.settings, history);
  if (before && isKept && before.sha1 !== learned.settings.sha1) {
    throw new UserError(
      `Cannot extend study ${dir}: its corpus gives a ${before.name} with SHA-1 ${learned.settings.sha1}, ` +
        `the study was made with ${before.sha1}; put its tokenizer.json back, or start another with --dir`,
    );
  }
  if (isOther && sum !== learned.settings.sha1) {
    throw new UserError(
      `Cannot write ${path}: it exists, and differs from this study's: its SHA-1 is ${sum}; move it away, or choose ` +
        "another folder with --dir",
    );
  }
  return learned;
}

function learnTokens(corpus: Corpus, vocabulary: number): KeptTokens {
  const tokenizer = BytePairTokenizer.learn(corpus.train, vocabulary);
  if (tokenizer.vocabulary < vocabulary) {
    throw new UserError(
      `Cannot learn ${vocabulary} tokens from corpus ${corpus.name}: its training split has repeated pairs for ` +
        `only ${tokenizer.vocabulary}`,
    );
  }
  const { train, validation, test } = new TokenizedCorpus(corpus, tokenizer), file = encodeTokenizer(tokenizer);
  const split = { train: train.length, validation: validation.length, test: test.length };
  return { settings: { name: tokenizer.name, vocabulary, sha1: sha1(file), split }, file };
}

/** As a corpus of bytes is checked when it is read: one pass must fit, and there must be something to predict. */
function checkLength(corpus: Corpus, { name, split: { train, test } }: TokenSettings, history: number): void {
  if (train >= history && test >= 2) return;
  throw new UserError(
    `Cannot use corpus ${corpus.name} with tokens ${name}: its training split has ${train} of them, one sequence needs ` +
      `${history}; its test split has ${test}, 2 are needed`,
  );
}
