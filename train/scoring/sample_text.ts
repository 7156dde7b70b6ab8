/** Text drawn from a model, token after token. */
import { checkWhole } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { checkSeed, randomStream } from "../corpus/random.ts";
import { checkTokens } from "../engines/engine.ts";
import { firstNonFinite } from "../training/weights.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { LoadedModel } from "./model.ts";

/** The highest temperature: long before, all tokens are as likely as each other. */
export const MOST_TEMPERATURE = 1000;

/** A text that a model is to draw, token by token, each given all before. */
export interface SampleOptions {
  /** Read before the first token is drawn; empty: a line's end. */
  readonly prompt: Tokens;
  /** Bytes to draw; the last of several tokens may go beyond. */
  readonly bytes: number;
  /** Divides the logits; 0 takes the likeliest token each time. */
  readonly temperature: number;
  /** Of the draws; a whole number of at least 0. */
  readonly seed: number;
  /** Bytes that each token stands for; absent: one. */
  readonly lengths?: Uint32Array;
}

/** What is drawn where nothing else is said. */
/**
 * Checks what is asked of a model, before anything is drawn.
 *
 * @throws {RangeError} if a number is out of bounds, or the prompt has a token that the model has not
 */
export function checkSampling(
  { prompt, bytes, temperature, seed, lengths }: SampleOptions,
  vocabulary: number,
): void {
  checkWhole("generate text", "bytes", bytes, 0);
  if (!(temperature >= 0 && temperature <= MOST_TEMPERATURE)) {
    throw new RangeError(
      `Cannot generate text: temperature is ${temperature}, must be a number of at least 0 and at most ${MOST_TEMPERATURE}`,
    );
  }
  checkSeed(seed);
  checkTokens("generate text", prompt, vocabulary);
  // A token of no bytes could be drawn for ever.
  if (lengths && (lengths.length < vocabulary || lengths.includes(0))) {
    throw new RangeError(
      `Cannot generate text: lengths of ${lengths.length} tokens are given, must be of ${vocabulary}, each above 0`,
    );
  }
}

/**
 * Draws tokens one after the other, each given all before, until they stand for as many bytes as are asked for.
 *
 * @returns the drawn tokens, without the prompt
 * @throws {UserError} naming the model, if it makes of its input what is not a number; {@linkcode RangeError} see {@linkcode checkSampling}
 */
export async function sampleText(model: LoadedModel, options: SampleOptions): Promise<Tokens> {
  checkSampling(options, model.vocabulary);
  const stream = randomStream(options.seed, "sample");
  // A model is trained on text, where every token has one before it: a line's end, which is a token in any vocabulary, stands in
  // where there is no prompt.
  const prompt = options.prompt.length ? options.prompt : new TextEncoder().encode("\n");
  let logits: Float32Array = new Float32Array();
  let read = 0;
  const step = async (token: number) => {
    logits = await model.step(token);
    read++;
    const at = firstNonFinite(logits);
    if (at === undefined) return;
    throw new UserError(
      `Cannot sample from ${model.file}: its logit of token ${at} is ${
        logits[at]
      } after ${read} tokens, must be finite`,
    );
  };
  for (const token of prompt) await step(token);
  const drawn: number[] = [], { lengths } = options;
  for (let left = options.bytes; left > 0;) {
    if (drawn.length) await step(drawn.at(-1)!);
    const token = draw(logits, options.temperature, stream.uniform());
    drawn.push(token);
    left -= lengths?.[token] ?? 1;
  }
  return logits.length > BYTE_VOCABULARY ? Uint16Array.from(drawn) : Uint8Array.from(drawn);
}

/** The index at which the running sum of softmax(logits / temperature) passes `u`. */
export function draw(logits: ArrayLike<number>, temperature: number, u: number): number {
  const values = Array.from(logits);
  const peak = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (temperature === 0) return values.indexOf(peak);
  const powers = values.map((x) => Math.exp((x - peak) / temperature));
  let rest = u * powers.reduce((a, b) => a + b, 0);
  const found = powers.findIndex((power) => (rest -= power) < 0);
  return found < 0 ? powers.length - 1 : found;
}

const PROMPT_BYTES = 64;
/** How far a line's end is looked for. */
const FIRST_LINE = 1000;

/**
 * What a model reads before it writes on its own: about 64 bytes of the test split, from behind its first line's end where
 * there is one near, since a split is cut anywhere. A fixed string would be foreign to most corpora (code, other languages,
 * bytes that are no text); this is of the model's own kind, was never trained on, and is the same for all runs of a study.
 * It cuts no character of UTF-8 in two.
 */
export function promptFrom(test: Uint8Array): Uint8Array {
  const searched = test.subarray(0, Math.max(0, Math.min(FIRST_LINE, test.length - PROMPT_BYTES)));
  const start = nextCharacter(test, searched.indexOf(0x0a) + 1);
  return test.subarray(start, nextCharacter(test, start + PROMPT_BYTES));
}

/** The first place from `at` on where a character of UTF-8 begins; `at` itself in what is no UTF-8. */
function nextCharacter(text: Uint8Array, at: number): number {
  for (let next = at; next < at + 4; next++) if ((text[next] & 0xc0) !== 0x80) return next;
  return at;
}
