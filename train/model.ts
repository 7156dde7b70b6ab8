/** A trained model as an ONNX file, run step by step: for scoring and for sampling. */
import { messageOf, UserError } from "../cells/errors.ts";
import { INPUTS } from "../cells/language_model.ts";
import * as ort from "./engines/onnx/runtime.ts";
import { z } from "zod";
import { openSession } from "./engines/onnx/session.ts";
import { NEXT } from "./engines/onnx/export.ts";
import { decodeModel, encodeModel } from "./engines/onnx/proto.ts";
import { SURPRISE, TARGETS, withSurprise } from "./engines/onnx/surprise.ts";

/** Inputs that take text: a model has one of them, and all its others are states. */
const TEXT_INPUTS: readonly string[] = [INPUTS.bytes, INPUTS.tokens];

/** What is used of the file of an evaluation model. */
const tensorType = z.object({
  shape: z.object({ dim: z.array(z.object({ dim_value: z.number().optional() })).min(1) }),
});
const evaluationSchema = z.object({
  graph: z.object({
    input: z.array(z.object({ name: z.string(), type: z.object({ tensor_type: tensorType }) })),
    output: z.array(z.object({ name: z.string() })),
  }),
  metadata_props: z.array(z.object({ key: z.string(), value: z.string() })),
}).refine(({ graph }) => {
  const outputs = new Set(graph.output.map(({ name }) => name));
  return graph.input.filter(({ name }) => TEXT_INPUTS.includes(name)).length === 1 && outputs.has("logits") &&
    graph.input.every(({ name }) => TEXT_INPUTS.includes(name) || outputs.has(name + NEXT));
});

/** How a model is opened. */
export interface OpenOptions {
  /** Rows with a state of their own, read side by side. */
  readonly rows?: number;
  readonly threads?: number;
  /** For {@linkcode LoadedModel.surprise}, instead of {@linkcode LoadedModel.step}. */
  readonly scores?: boolean;
  /** What messages call the model. */
  readonly file?: string;
  /** Asked before each token; the model throws once it is true. */
  readonly isStopped?: () => boolean;
}

/** An open evaluation model with `rows` independent states. */
export class LoadedModel {
  /** Metadata of the file: configuration, id, corpus. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #tokens: BigInt64Array;
  readonly #targets: BigInt64Array;
  /** Each state twice: a step reads one and writes the other. */
  readonly #states = new Map<string, { now: ort.Tensor; next: ort.Tensor }>();

  private constructor(
    private readonly session: ort.InferenceSession,
    readonly rows: number,
    private readonly input: string,
    shapes: ReadonlyMap<string, number>,
    metadata: Readonly<Record<string, string>>,
    private readonly isStopped: () => boolean = () => false,
  ) {
    this.metadata = metadata;
    this.#tokens = new BigInt64Array(rows);
    this.#targets = new BigInt64Array(rows);
    for (const [name, size] of shapes) {
      const zeros = () => new ort.Tensor("float32", new Float32Array(rows * size), [rows, size]);
      this.#states.set(name, { now: zeros(), next: zeros() });
    }
  }

  /**
   * @throws {UserError} if the bytes are no evaluation model of this project
   */
  static async open(model: Uint8Array, options: OpenOptions = {}): Promise<LoadedModel> {
    const { rows = 1, threads = 1, scores = false, file = "the model", isStopped } = options;
    const { proto, input, states, metadata } = decodeEvaluation(model, file);
    const session = await openSession(scores ? encodeModel(withSurprise(proto)) : model, threads).catch((error) => {
      throw new UserError(`Cannot open ${file}: it is damaged (${messageOf(error)})`);
    });
    return new LoadedModel(session, rows, input, states, metadata, isStopped);
  }

  /** Reads one token per row and returns the logits of the next, `[rows, vocabulary]`, row-major. */
  async step(tokens: ArrayLike<number>): Promise<Float32Array> {
    return await this.#run("logits", { [this.input]: fill(this.#tokens, tokens) });
  }

  /** Reads one token per row; returns for each row `−ln p(target)`, nats: how little it expected the one that follows. */
  async surprise(tokens: ArrayLike<number>, targets: ArrayLike<number>): Promise<Float32Array> {
    return await this.#run(SURPRISE, {
      [this.input]: fill(this.#tokens, tokens),
      [TARGETS]: fill(this.#targets, targets),
    });
  }

  async #run(output: string, indices: Record<string, BigInt64Array>): Promise<Float32Array> {
    if (this.isStopped()) throw new Error(`Cannot compute ${output}: it was stopped`);
    if (!this.session.outputNames.includes(output)) {
      throw new TypeError(
        `Cannot compute ${output}: the model was opened ${output === SURPRISE ? "for logits" : "for scores"}`,
      );
    }
    const feeds: Record<string, ort.Tensor> = {}, fetches: Record<string, ort.Tensor | null> = { [output]: null };
    for (const [name, values] of Object.entries(indices)) feeds[name] = new ort.Tensor("int64", values, [this.rows]);
    for (const [name, { now, next }] of this.#states) {
      feeds[name] = now;
      fetches[name + NEXT] = next;
    }
    const results = await this.session.run(feeds, fetches);
    for (const [name, { now, next }] of this.#states) this.#states.set(name, { now: next, next: now });
    return results[output].data as Float32Array;
  }

  /** The same model with other rows, all of them with a zero state. It is closed with this one. */
  withRows(rows: number): LoadedModel {
    const sizes = new Map([...this.#states].map(([name, { now }]) => [name, now.dims[1]]));
    return new LoadedModel(this.session, rows, this.input, sizes, this.metadata, this.isStopped);
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

/**
 * What a model file says of itself: configuration, id, corpus, seed, steps.
 *
 * @throws {UserError} if the bytes are no evaluation model
 */
export function metadataOf(model: Uint8Array, file: string): Record<string, string> {
  return decodeEvaluation(model, file).metadata;
}

/** An evaluation model's metadata, and the size of each of its states by name. */
function decodeEvaluation(model: Uint8Array, file: string) {
  const proto = decodeModel(model, file);
  const { data } = evaluationSchema.safeParse(proto);
  if (!data) {
    throw new UserError(
      `Cannot open ${file}: it is no evaluation model (inputs '${
        TEXT_INPUTS.join("' or '")
      }' and states, outputs 'logits' and states)`,
    );
  }
  const input = data.graph.input.find(({ name }) => TEXT_INPUTS.includes(name))!.name;
  const states = data.graph.input.filter(({ name }) => name !== input)
    .map(({ name, type }) => [name, type.tensor_type.shape.dim.at(-1)!.dim_value ?? 0] as const);
  const metadata = Object.fromEntries(data.metadata_props.map(({ key, value }) => [key, value]));
  return { proto, input, states: new Map(states), metadata };
}
