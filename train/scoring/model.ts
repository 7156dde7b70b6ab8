/** A trained model as an ONNX file, run step by step: for scoring and for sampling. */
import { messageOf, UserError } from "../../cells/errors.ts";
import * as ort from "../engines/onnx/runtime.ts";
import { openSession, type Session } from "../engines/onnx/session.ts";
import { NEXT } from "../engines/onnx/export.ts";
import { encodeModel } from "../engines/onnx/proto.ts";
import { NLL, TARGETS, withNll } from "../engines/onnx/nll.ts";
import { decodeEvaluation, type EvaluationFile, LOGITS } from "./evaluation_file.ts";

/** How a model is opened. */
export interface OpenOptions {
  /** Batch size: so many parallel sequences are read, each with a state of its own. */
  readonly rows?: number;
  readonly threads?: number;
  /** For {@linkcode LoadedModel.nll}, instead of {@linkcode LoadedModel.step}. */
  readonly scores?: boolean;
  /** What messages call the model. */
  readonly file?: string;
  /** Asked before each token; the model throws once it is true. */
  readonly isStopped?: () => boolean;
}

/** An open evaluation model with `rows` independent states. */
export class LoadedModel {
  readonly #tokens: BigInt64Array;
  readonly #targets: BigInt64Array;
  /** Each state twice: a step reads one and writes the other. */
  readonly #states = new Map<string, { now: ort.Tensor; next: ort.Tensor }>();

  private constructor(
    private readonly session: Session,
    readonly rows: number,
    private readonly about: Pick<EvaluationFile, "input" | "states" | "vocabulary">,
    /** What messages call the model. */
    readonly file: string,
    private readonly isStopped: () => boolean = () => false,
  ) {
    this.#tokens = new BigInt64Array(rows);
    this.#targets = new BigInt64Array(rows);
    for (const [name, size] of about.states) {
      const zeros = () => new ort.Tensor("float32", new Float32Array(rows * size), [rows, size]);
      this.#states.set(name, { now: zeros(), next: zeros() });
    }
  }

  /**
   * @throws {UserError} if the bytes are no evaluation model of this project: see {@linkcode decodeEvaluation}
   */
  static async open(model: Uint8Array, options: OpenOptions = {}): Promise<LoadedModel> {
    const { rows = 1, threads = 1, scores = false, file = "the model", isStopped } = options;
    const { proto, input, states, vocabulary } = decodeEvaluation(model, file);
    // Written anew: what runs is what was checked, without the parts of a file that nobody read (data in other files, functions).
    const checked = encodeModel(scores ? withNll(proto) : proto);
    const session = await openSession(checked, threads).catch((error) => {
      throw new UserError(`Cannot open ${file}: it is damaged (${messageOf(error)})`);
    });
    return new LoadedModel(session, rows, { input, states, vocabulary }, file, isStopped);
  }

  /** Tokens are the numbers below. */
  get vocabulary(): number {
    return this.about.vocabulary;
  }

  /** The states as they are now, each `[rows, its size]`, row-major; the next step reads what is written there. */
  get states(): ReadonlyMap<string, Float32Array> {
    return new Map([...this.#states].map(([name, { now }]) => [name, now.data as Float32Array]));
  }

  /** Reads one token per row and returns the logits of the next, `[rows, vocabulary]`, row-major. */
  async step(tokens: ArrayLike<number>): Promise<Float32Array> {
    return await this.#run(LOGITS, { [this.about.input]: fill(this.#tokens, tokens) });
  }

  /** Reads one token per row; returns for each row the negative log-likelihood of the one that follows, `−ln p(target)`, nats. */
  async nll(tokens: ArrayLike<number>, targets: ArrayLike<number>): Promise<Float32Array> {
    return await this.#run(NLL, {
      [this.about.input]: fill(this.#tokens, tokens),
      [TARGETS]: fill(this.#targets, targets),
    });
  }

  async #run(output: string, indices: Record<string, BigInt64Array>): Promise<Float32Array> {
    if (this.isStopped()) throw new Error(`Cannot compute ${output}: it was stopped`);
    if (!this.session.outputNames.includes(output)) {
      throw new TypeError(
        `Cannot compute ${output}: the model was opened ${output === NLL ? "for logits" : "for scores"}`,
      );
    }
    const feeds: Record<string, ort.Tensor> = {}, fetches: Record<string, ort.Tensor | null> = { [output]: null };
    for (const [name, values] of Object.entries(indices)) feeds[name] = new ort.Tensor("int64", values, [this.rows]);
    for (const [name, { now, next }] of this.#states) {
      feeds[name] = now;
      fetches[name + NEXT] = next;
    }
    const results = await this.session.run(feeds, fetches).catch((error) => {
      throw new UserError(`Cannot run ${this.file}: ${messageOf(error)}`);
    });
    for (const [name, { now, next }] of this.#states) this.#states.set(name, { now: next, next: now });
    return this.#numbersOf(output, results[output]);
  }

  /** What a file declares of its outputs is checked when it is opened; what comes of them is checked here. */
  #numbersOf(output: string, { data, type, dims }: ort.Tensor): Float32Array {
    const size = this.rows * (output === LOGITS ? this.vocabulary : 1);
    if (data instanceof Float32Array && data.length === size) return data;
    throw new UserError(
      `Cannot run ${this.file}: its '${output}' came as ${type} [${dims}], must have ${size} numbers`,
    );
  }

  /** The same model with other rows, all of them with a zero state. It is closed with this one. */
  withRows(rows: number): LoadedModel {
    return new LoadedModel(this.session, rows, this.about, this.file, this.isStopped);
  }

  /** Sets all states to zero. */
  reset(): void {
    for (const { now } of this.#states.values()) (now.data as Float32Array).fill(0);
  }

  /** Sets the states of one row to zero. */
  forget(row: number): void {
    for (const { now } of this.#states.values()) {
      const size = now.dims[1];
      (now.data as Float32Array).fill(0, row * size, (row + 1) * size);
    }
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

function fill(indices: BigInt64Array, values: ArrayLike<number>): BigInt64Array {
  for (let row = 0; row < indices.length; row++) indices[row] = BigInt(values[row]);
  return indices;
}
