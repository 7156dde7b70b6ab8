/** The part of the validation split that a finished run is scored on: what is best is chosen by that score. Training never reads it. */
import type { TokenizedCorpus } from "../corpus/tokens/tokenized.ts";
import type { Tokenizer, Tokens } from "../corpus/tokens/tokenizer.ts";

/** Of the validation split so many bytes are scored, from its beginning: of a large corpus a score of all would take minutes. */
export const VALIDATION_BYTES = 262_144;

/** A text needs a token to read and one to predict. */
const LEAST_TOKENS = 2;

/** Whether a validation split of so many tokens can be scored. */
export function canValidate(tokens: number): boolean {
  return tokens >= LEAST_TOKENS;
}

/** The tokens that lie within the split's first {@linkcode VALIDATION_BYTES}, two at least; undefined where the split has fewer. */
export function validationPart({ validation, tokenizer }: TokenizedCorpus): Tokens | undefined {
  const part = beginning(validation, VALIDATION_BYTES, tokenizer);
  return canValidate(part.length) ? part : undefined;
}

/** The tokens that lie within the first bytes of a text: two at least, where it has them. */
export function beginning(text: Tokens, most: number, { lengths }: Pick<Tokenizer, "lengths">): Tokens {
  let count = 0;
  for (let bytes = 0; count < text.length; count++) {
    bytes += lengths[text[count]];
    // Tokens of many thousand bytes would be none within them.
    if (bytes > most && canValidate(count)) break;
  }
  return text.subarray(0, count);
}
