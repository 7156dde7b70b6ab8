/** The part of the validation split that a finished run is scored on: what is best is chosen by that score. Training never reads it. */
import type { TokenizedCorpus } from "../corpus/tokens/tokenized.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";

/** Of the validation split so many bytes are scored, from its beginning: of a large corpus a score of all would take minutes. */
export const VALIDATION_BYTES = 262_144;

/** A text needs a token to read and one to predict. */
const LEAST_TOKENS = 2;

/** Whether a validation split of so many tokens can be scored. */
export function canValidate(tokens: number): boolean {
  return tokens >= LEAST_TOKENS;
}

/** The tokens that lie within the split's first {@linkcode VALIDATION_BYTES}, two at least; undefined where the split has fewer. */
export function validationPart({ validation, tokenizer: { lengths } }: TokenizedCorpus): Tokens | undefined {
  let count = 0;
  for (let bytes = 0; count < validation.length; count++) {
    bytes += lengths[validation[count]];
    // Tokens of many thousand bytes would be none within them.
    if (bytes > VALIDATION_BYTES && canValidate(count)) break;
  }
  return canValidate(count) ? validation.subarray(0, count) : undefined;
}
