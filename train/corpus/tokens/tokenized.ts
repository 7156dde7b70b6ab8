/** A corpus as models read it. */
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
}
