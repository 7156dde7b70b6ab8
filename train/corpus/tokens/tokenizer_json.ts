/** A byte-pair vocabulary as the `tokenizer.json` of Hugging Face's library, which then makes the same tokens of any text in UTF-8. */
import * as z from "zod";
import { MAX_VOCABULARY } from "../../../cells/bounds.ts";
import { parseWith } from "../../../cells/config.ts";
import { UserError } from "../../../cells/errors.ts";
import { BYTES, type Merge } from "./learn.ts";
import { BytePairTokenizer } from "./tokenizer.ts";
import { WORD_PATTERN } from "./words.ts";

/**
 * The character that stands for each byte in such a file: itself where it can be printed, else one from U+0100 on.
 * Source: `bytes_to_unicode` of GPT-2.
 */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  const isPrinted = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: BYTES }, (_, byte) => String.fromCharCode(isPrinted(byte) ? byte : next++));
}

const spell = (tokenizer: BytePairTokenizer, token: number): string =>
  Array.from(tokenizer.bytes(token), (byte) => BYTE_CHARACTERS[byte]).join("");

/** The text of a `tokenizer.json`. */
export function encodeTokenizer(tokenizer: BytePairTokenizer): string {
  const names = Array.from({ length: tokenizer.vocabulary }, (_, token) => spell(tokenizer, token));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const file = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: WORD_PATTERN }, behavior: "Isolated", invert: false },
        byteLevel,
      ],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      // Names of digits would come first, whatever their order: readers go by the numbers.
      vocab: Object.fromEntries(names.map((name, token) => [name, token])),
      merges: tokenizer.merges.map(([left, right]) => `${names[left]} ${names[right]}`),
    },
  };
  return JSON.stringify(file, null, 1) + "\n";
}

const fileSchema = z.object({ model: z.object({ merges: z.array(z.string()) }) });

/**
 * Reads what {@linkcode encodeTokenizer} has written.
 *
 * @throws {UserError} naming the file, if it is damaged, or says anything else than such a file does: words that are cut in
 * another way, or a normalizer, would not be heeded
 */
export function decodeTokenizer(text: string, file: string): BytePairTokenizer {
  const fail = (why: string) => new UserError(`Cannot read ${file}: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail("it is not JSON");
  }
  const tokenizer = fromMerges(parseWith(fileSchema, value, file).model.merges);
  if (!tokenizer || encodeTokenizer(tokenizer) !== text) {
    throw fail("it differs from what cellspace writes: it was edited, or another program wrote it");
  }
  return tokenizer;
}

/** The tokenizer of merges as a file has them; undefined if one names what is no token before it, or makes one that is there. */
function fromMerges(merges: readonly string[]): BytePairTokenizer | undefined {
  const tokens = new Map(BYTE_CHARACTERS.map((name, byte) => [name, byte]));
  const pairs: Merge[] = [];
  for (const merge of merges) {
    const [left, right] = merge.split(" ").map((name) => tokens.get(name));
    if (left === undefined || right === undefined || tokens.size === MAX_VOCABULARY) return undefined;
    const made = merge.replace(" ", "");
    if (tokens.has(made)) return undefined;
    tokens.set(made, BYTES + pairs.push([left, right]) - 1);
  }
  return new BytePairTokenizer(pairs);
}
