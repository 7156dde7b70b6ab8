/** Text drawn from a model, token after token. */
import { BYTE_VOCABULARY } from "../cells/language_model.ts";
import { randomStream } from "./corpus/random.ts";
import type { Tokens } from "./corpus/tokens/tokenizer.ts";
import type { LoadedModel } from "./model.ts";

export interface SampleOptions {
  readonly prompt: Tokens;
  /** Bytes to draw; the last of several tokens may go beyond. */
  readonly bytes: number;
  /** Divides the logits; 0 takes the likeliest token each time. */
  readonly temperature: number;
  readonly seed: number;
  /** Bytes that each token stands for; absent: one. */
  readonly lengths?: Uint32Array;
}

/**
 * Draws tokens one after the other, each given all before, until they stand for as many bytes as are asked for.
 *
 * @param model opened with one row
 * @returns the drawn tokens, without the prompt
 */
export async function sampleText(model: LoadedModel, options: SampleOptions): Promise<Tokens> {
  const stream = randomStream(options.seed, "sample");
  // A model is trained on text, where every token has one before it: a line's end, which is a token in any vocabulary, stands in
  // where there is no prompt.
  const prompt = options.prompt.length ? options.prompt : new TextEncoder().encode("\n");
  let logits: Float32Array = new Float32Array();
  for (const token of prompt) logits = await model.step([token]);
  const drawn: number[] = [], { lengths } = options;
  for (let left = options.bytes; left > 0;) {
    if (drawn.length) logits = await model.step([drawn.at(-1)!]);
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
