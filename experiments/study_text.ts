/** What a study's models read: its corpus, and the tokens that were learned from it. */
import { UserError } from "../cells/errors.ts";
import { createHash } from "node:crypto";
import { BYTE_VOCABULARY } from "../cells/language_model.ts";
import { type Corpus, loadCorpus } from "../train/corpus/corpus.ts";
import { TokenizedCorpus } from "../train/corpus/tokens/tokenized.ts";
import { BYTE_TOKENIZER, BytePairTokenizer, MAX_VOCABULARY, type Tokenizer } from "../train/corpus/tokens/tokenizer.ts";
import { decodeTokenizer, encodeTokenizer } from "../train/corpus/tokens/tokenizer_json.ts";
import { advised, readBytes } from "./files.ts";
import type { Study, StudySettings } from "./store.ts";

type TokenSettings = NonNullable<StudySettings["tokens"]>;

/** What a study has of its tokens: settings, and the text of the file. */
export interface KeptTokens {
  readonly settings: TokenSettings;
  readonly file: string;
}

/** What to do about a missing or changed `tokenizer.json`. */
const MAKE_ANEW = "put it back, or make it anew with 'deno task init'";

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

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/**
 * The tokenizer of a study.
 *
 * @throws {UserError} if its file is missing, damaged, or not the one that the study was made with
 */
export async function studyTokenizer({ tokenizerPath: path, settings: { tokens } }: Study): Promise<Tokenizer> {
  if (!tokens) return BYTE_TOKENIZER;
  return await advised(MAKE_ANEW, async () => {
    const bytes = await readBytes(path);
    if (!bytes) throw new UserError(`Cannot read ${path}: it does not exist`);
    const text = new TextDecoder().decode(bytes);
    if (sha1(text) !== tokens.sha1) {
      throw new UserError(`Cannot use ${path}: its SHA-1 is ${sha1(text)}, study.json has ${tokens.sha1}`);
    }
    return decodeTokenizer(text, path);
  });
}

/** The corpus of a study, checked to be the one that it was made with. */
export async function studyCorpus(study: Study): Promise<Corpus> {
  const { source, sha1 } = study.settings.corpus;
  return await advised(`put ${source} back as it was, or start another study`, async () => {
    const corpus = await loadCorpus(source, study.settings.training.history);
    if (corpus.sha1 !== sha1) {
      throw new UserError(
        `Cannot use corpus ${source}: its SHA-1 is ${corpus.sha1}, study ${study.dir} was made with ${sha1}`,
      );
    }
    return corpus;
  });
}

/** The corpus of a study as its models read it. */
export async function studyText(study: Study): Promise<TokenizedCorpus> {
  const tokenizer = await studyTokenizer(study);
  return new TokenizedCorpus(await studyCorpus(study), tokenizer);
}

/**
 * The tokens for a study that is made or extended: learned from its training split, which gives the same each time.
 *
 * @param known the study as it is, if there is one
 * @param vocabulary {@linkcode BYTE_VOCABULARY} for bytes, which need no file
 * @throws {UserError} if the split has not enough pairs or tokens, or what was learned is not what the study was made with
 */
export async function learnTokens(
  known: Study | undefined,
  corpus: Corpus,
  vocabulary: number,
  history: number,
): Promise<KeptTokens | undefined> {
  if (vocabulary === BYTE_VOCABULARY) return undefined;
  const tokenizer = BytePairTokenizer.learn(corpus.train, vocabulary);
  if (tokenizer.vocabulary < vocabulary) {
    throw new UserError(
      `Cannot learn ${vocabulary} tokens from corpus ${corpus.name}: its training split has pairs that occur twice for ` +
        `${tokenizer.vocabulary} only`,
    );
  }
  const text = new TokenizedCorpus(corpus, tokenizer), file = encodeTokenizer(tokenizer);
  text.checkLength(history);
  const before = known?.settings.tokens,
    settings: TokenSettings = {
      name: tokenizer.name,
      vocabulary,
      sha1: sha1(file),
      split: { train: text.train.length, validation: text.validation.length, test: text.test.length },
    };
  if (before?.vocabulary === vocabulary && before.sha1 !== settings.sha1) {
    throw new UserError(
      `Cannot extend study ${known!.dir}: its corpus gives a ${tokenizer.name} with SHA-1 ${settings.sha1}, ` +
        `the study was made with ${before.sha1} by another cellspace; start another with --dir`,
    );
  }
  return { settings, file };
}
