/** A model that has just been trained: it draws text, is scored, and becomes a file. */
import type { Cell } from "../../cells/cell.ts";
import type { ModelSizes, TrainingStep } from "../../cells/language_model.ts";
import { BYTE_TOKENIZER, type Tokenizer, type Tokens } from "../corpus/tokens/tokenizer.ts";
import type { TensorMap } from "../engines/engine.ts";
import { evaluateModel, type Evaluation, type Extras } from "./evaluate.ts";
import { exportCell } from "./export_model.ts";
import { drawText, onModel } from "./draw_text.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import type { Cut } from "./score.ts";

/** What {@linkcode TrainedModel.sample} takes; all of it may be absent. */
export interface ModelSampleOptions {
  /** Text that the model reads first; absent or empty: a line's end. */
  readonly prompt?: string;
  /** Bytes to draw; absent: 500. */
  readonly bytes?: number;
  /** Divides the logits: lower is more deterministic, 1 is the model's own distribution, 0 takes the likeliest; absent: 0.8. */
  readonly temperature?: number;
  /** Of the draws, a whole number of at least 0; absent: 0. */
  readonly seed?: number;
  /** What the model's tokens stand for; absent: bytes. */
  readonly tokenizer?: Tokenizer;
}

/** How {@linkcode TrainedModel.score} scores; all of it may be absent. */
export interface ModelScoreOptions extends Omit<Extras, "validation"> {
  /** Workers, each with a share of the text; absent: 1. They do not change the score. */
  readonly threads?: number;
  /** The parallel streams that the text is cut into; absent: as many as suit its length. */
  readonly cut?: Cut;
}

/**
 * A language model with its weights. It runs through ONNX Runtime, whatever engine has trained it.
 *
 * ```ts ignore
 * const { model } = await trainCell(engine, gruCell, { n_layers: 1, state_size: 64, seed: 0 }, settings, corpus.train);
 * const text = await model.sample({ prompt: "The ", bytes: 200 });
 * const { bits_per_byte } = await model.score(corpus.test);
 * await Deno.writeFile("gru.onnx", model.toOnnx());
 * ```
 *
 * Its methods throw a {@linkcode UserError} where a weight is NaN or infinite, as those of a run that has diverged are; and a
 * {@linkcode TypeError} where the run's step was made for a loss of another kind than that of a cell.
 */
export class TrainedModel {
  /** Each weight and bias by PyTorch's name, row-major, in its shape. */
  readonly weights: TensorMap;
  readonly #step: Pick<TrainingStep, "cell" | "sizes">;

  /**
   * A model of what a training step was built for.
   *
   * @param step what was trained
   * @param weights each parameter of it, in its shape
   */
  constructor(step: Pick<TrainingStep, "cell" | "sizes">, weights: TensorMap) {
    this.#step = step;
    this.weights = weights;
  }

  /** One layer of the model. */
  get cell(): Cell {
    const { cell } = this.#step;
    if (cell) return cell;
    throw new TypeError("Cannot make a model: its training step was not built from a cell, must be");
  }

  /** What the model was built for. */
  get sizes(): Omit<ModelSizes, "batch"> {
    const { n_layers, state_size, vocabulary } = this.#step.sizes;
    return { n_layers, state_size, vocabulary };
  }

  /** The bytes of an `.onnx` file, as {@linkcode exportCell} makes them, with its weights inside. */
  toOnnx(
    options: { readonly description?: string; readonly metadata?: Readonly<Record<string, string>> } = {},
  ): Uint8Array<ArrayBuffer> {
    return exportCell(this.cell, this.sizes, this.weights, options);
  }

  /**
   * Draws a text, token by token, each given all before. The same options give the same text.
   *
   * @returns the text behind the prompt; bytes that are no UTF-8 become U+FFFD
   * @throws {RangeError} if a number is out of bounds, or the tokenizer has another number of tokens than the model
   */
  async sample({ tokenizer = BYTE_TOKENIZER, ...options }: ModelSampleOptions = {}): Promise<string> {
    return new TextDecoder().decode(await drawText(this.toOnnx(), tokenizer, options));
  }

  /**
   * Draws tokens: for prompts and texts that are no UTF-8, or models of other symbols than text.
   *
   * @returns the drawn tokens, without the prompt
   * @throws {RangeError} if a number is out of bounds, or the prompt has a token that the model has not
   */
  async sampleTokens(options: SampleOptions): Promise<Tokens> {
    return await onModel(this.toOnnx(), undefined, (loaded) => sampleText(loaded, options));
  }

  /**
   * Scores the model on a text with carried state, as {@linkcode evaluateModel} does.
   *
   * @param text two tokens or more: the first is read, each other one predicted
   * @throws {RangeError} if the text is too short, has a token that the model has not, or a number is out of bounds
   */
  async score(text: Tokens, { threads, cut, ...extras }: ModelScoreOptions = {}): Promise<Evaluation> {
    return await evaluateModel(this.toOnnx(), text, threads, cut, extras);
  }
}
