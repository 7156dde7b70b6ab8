/** Text drawn from the file of a model, from a prompt that is text too. */
import type { Tokenizer } from "../corpus/tokens/tokenizer.ts";
import type { LoadedModel } from "./model.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";

/** A text to draw from a prompt that is text too, whatever tokens the model reads. */
export interface TextOptions extends Pick<SampleOptions, "bytes" | "temperature" | "seed"> {
  readonly prompt: string;
}

/** What is drawn where nothing else is said. */
export const SAMPLE_DEFAULTS: TextOptions = { prompt: "", bytes: 500, temperature: 0.8, seed: 0 };

/**
 * Draws a text from a model that is in memory as a file.
 *
 * @param model the bytes of an `.onnx` file
 * @param file what messages call it
 * @returns the bytes behind the prompt: as many as were asked for, which may be no UTF-8
 * @throws {UserError} if it is not an evaluation model, or makes of its input what is not a number
 * @throws {RangeError} if a number is out of bounds, or the model reads other tokens
 */
export async function drawText(
  model: Uint8Array,
  tokenizer: Tokenizer,
  options: Partial<TextOptions>,
  file?: string,
): Promise<Uint8Array> {
  const { prompt = SAMPLE_DEFAULTS.prompt, bytes = SAMPLE_DEFAULTS.bytes } = options;
  const { temperature = SAMPLE_DEFAULTS.temperature, seed = SAMPLE_DEFAULTS.seed } = options;
  return await onModel(model, file, async (loaded) => {
    if (tokenizer.vocabulary !== loaded.vocabulary) {
      throw new RangeError(
        `Cannot generate text: the model reads ${loaded.vocabulary} tokens, those of ${tokenizer.name} are ` +
          `${tokenizer.vocabulary}, must be as many: give its own tokenizer`,
      );
    }
    const read = tokenizer.encode(new TextEncoder().encode(prompt)), { lengths } = tokenizer;
    const drawn = await sampleText(loaded, { prompt: read, bytes, temperature, seed, lengths });
    return tokenizer.decode(drawn).subarray(0, bytes);
  });
}

/**
 * Opens a model, and closes it when it has been used. ONNX Runtime is loaded here and not before: whoever imports the library may draw nothing,
 * and may have no permission to load native code, as the module of a space has none.
 */
export async function onModel<T>(
  model: Uint8Array,
  file: string | undefined,
  use: (loaded: LoadedModel) => Promise<T>,
): Promise<T> {
  const { LoadedModel } = await import("./model.ts");
  const loaded = await LoadedModel.open(model, { file });
  try {
    return await use(loaded);
  } finally {
    await loaded.close();
  }
}
