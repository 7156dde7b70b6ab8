/** A trained model as an ONNX file, run token by token: for sampling. What scores it is `scoring_model.ts`. */
import { messageOf, UserError } from "../../cells/errors.ts";
import * as ort from "../engines/onnx/runtime.ts";
import { openSession, type Session } from "../engines/onnx/session.ts";
import { encodeModel } from "../engines/onnx/proto.ts";
import { decodeEvaluation, type EvaluationFile, LOGITS } from "./evaluation_file.ts";
import { HostStates } from "./providers.ts";

/** How a model is opened. */
export interface OpenOptions {
  readonly threads?: number;
  /** What messages call the model. */
  readonly file?: string;
  /** Asked before each token; the model throws once it is true. */
  readonly isStopped?: () => boolean;
}

/** An open evaluation model that reads one sequence. */
export class LoadedModel {
  readonly #token = BigInt64Array.of(0n);
  readonly #states: HostStates;

  private constructor(
    private readonly session: Session,
    private readonly about: Pick<EvaluationFile, "input" | "states" | "vocabulary">,
    /** What messages call the model. */
    readonly file: string,
    private readonly isStopped: () => boolean = () => false,
  ) {
    this.#states = new HostStates(about.states, 1);
  }

  /**
   * @throws {UserError} if the bytes are no evaluation model of this project: see {@linkcode decodeEvaluation}
   */
  static async open(model: Uint8Array, options: OpenOptions = {}): Promise<LoadedModel> {
    const { threads = 1, file = "the model", isStopped } = options;
    const { proto, input, states, vocabulary } = decodeEvaluation(model, file);
    // Written again: what runs is what was checked, without the parts of a file that nobody read (data in other files, functions).
    const session = await openSession(encodeModel(proto), threads).catch((error) => {
      throw new UserError(`Cannot open ${file}: it is damaged (${messageOf(error)})`);
    });
    return new LoadedModel(session, { input, states, vocabulary }, file, isStopped);
  }

  /** Tokens are the numbers below. */
  get vocabulary(): number {
    return this.about.vocabulary;
  }

  /** Reads a token and returns the logits of the next, `[vocabulary]`. */
  async step(token: number): Promise<Float32Array> {
    if (this.isStopped()) throw new Error("Cannot compute logits: it was stopped");
    this.#token[0] = BigInt(token);
    const feeds: Record<string, ort.Tensor> = { [this.about.input]: new ort.Tensor("int64", this.#token, [1]) };
    const fetches: Record<string, ort.Tensor | null> = { [LOGITS]: null };
    this.#states.prepare(feeds, fetches);
    const results = await this.session.run(feeds, fetches).catch((error) => {
      throw new UserError(`Cannot run ${this.file}: ${messageOf(error)}`);
    });
    this.#states.take();
    return numbersOf(results[LOGITS], LOGITS, this.vocabulary, this.file);
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/**
 * The numbers of an output. What a file declares of its outputs is checked when it is opened; what comes of them is checked here.
 *
 * @throws {UserError} if they are not so many floats
 */
export function numbersOf({ data, type, dims }: ort.Tensor, output: string, size: number, file: string): Float32Array {
  if (data instanceof Float32Array && data.length === size) return data;
  throw new UserError(`Cannot run ${file}: its '${output}' came as ${type} [${dims}], must have ${size} numbers`);
}
