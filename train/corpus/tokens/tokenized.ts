/** A corpus as models read it. */
import { UserError } from "../../../cells/errors.ts";
import type { Corpus } from "../corpus.ts";
import { BYTE_TOKENIZER, type Tokenizer, type Tokens } from "./tokenizer.ts";

/** The parts of a corpus. */
type Split = "train" | "validation" | "test";

/** A corpus with what makes tokens of it. Each of its splits is taken apart by itself, when it is first asked for. */
export class TokenizedCorpus {
  readonly #encoded = new Map<Split, Tokens>();

  constructor(readonly corpus: Corpus, readonly tokenizer: Tokenizer = BYTE_TOKENIZER) {}

  get train(): Tokens {
    return this.#split("train");
  }

  get validation(): Tokens {
    return this.#split("validation");
  }

  get test(): Tokens {
    return this.#split("test");
  }

  #split(split: Split): Tokens {
    const tokens = this.#encoded.get(split) ?? this.tokenizer.encode(this.corpus[split]);
    this.#encoded.set(split, tokens);
    return tokens;
  }

  /**
   * Checks that there are tokens enough, as {@linkcode Corpus} does of bytes.
   *
   * @param history tokens of one pass
   * @throws {UserError} if one pass does not fit into the training split, or the test split has nothing to predict
   */
  checkLength(history: number): void {
    const { corpus, tokenizer, train, test } = this;
    if (train.length >= history && test.length >= 2) return;
    throw new UserError(
      `Cannot use corpus ${corpus.name} with tokens ${tokenizer.name}: its training split has ${train.length} of them, ` +
        `one pass needs ${history}; its test split has ${test.length}, 2 are needed`,
    );
  }
}
