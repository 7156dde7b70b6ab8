/** A trained model as an ONNX file, run step by step: for scoring and for sampling. */
import { messageOf, UserError } from "../cells/errors.ts";
import * as ort from "onnxruntime-node";
import { z } from "zod";
import { openSession } from "./engines/onnx/session.ts";
import { NEXT } from "./engines/onnx/export.ts";
import { decodeModel } from "./engines/onnx/proto.ts";

/** The input that takes text; all others are states. */
const BYTES = "bytes";

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
  return graph.input.some(({ name }) => name === BYTES) && outputs.has("logits") &&
    graph.input.every(({ name }) => name === BYTES || outputs.has(name + NEXT));
});

/** An open evaluation model with `rows` independent states. */
export class LoadedModel {
  /** Metadata of the file: configuration, id, corpus. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #bytes: BigInt64Array;
  readonly #states = new Map<string, ort.Tensor>();

  private constructor(
    private readonly session: ort.InferenceSession,
    readonly rows: number,
    shapes: ReadonlyMap<string, number>,
    metadata: Readonly<Record<string, string>>,
  ) {
    this.metadata = metadata;
    this.#bytes = new BigInt64Array(rows);
    for (const [name, size] of shapes) {
      this.#states.set(name, new ort.Tensor("float32", new Float32Array(rows * size), [rows, size]));
    }
  }

  /**
   * @throws {UserError} if the bytes are no evaluation model of this project
   */
  static async open(model: Uint8Array, { rows = 1, threads = 1, file = "the model" } = {}): Promise<LoadedModel> {
    const { states, metadata } = decodeEvaluation(model, file);
    const session = await openSession(model, threads).catch((error) => {
      throw new UserError(`Cannot open ${file}: it is damaged (${messageOf(error)})`);
    });
    return new LoadedModel(session, rows, states, metadata);
  }

  /** Reads one byte per row and returns the logits of the next, `[rows, vocabulary]`, row-major. */
  async step(bytes: ArrayLike<number>): Promise<Float32Array> {
    for (let row = 0; row < this.rows; row++) this.#bytes[row] = BigInt(bytes[row]);
    const feeds = { bytes: new ort.Tensor("int64", this.#bytes, [this.rows]), ...Object.fromEntries(this.#states) };
    const results = await this.session.run(feeds);
    for (const name of this.#states.keys()) this.#states.set(name, results[name + NEXT]);
    return results.logits.data as Float32Array;
  }

  /** Sets the states of one row to zero. */
  forget(row: number): void {
    for (const state of this.#states.values()) {
      const size = state.dims[1];
      (state.data as Float32Array).fill(0, row * size, (row + 1) * size);
    }
  }

  /** The carried states by name, `[rows, state_size]`, row-major. */
  states(): Map<string, Float32Array> {
    return new Map([...this.#states].map(([name, { data }]) => [name, data as Float32Array]));
  }

  async close(): Promise<void> {
    await this.session.release();
  }
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
  const { data } = evaluationSchema.safeParse(decodeModel(model, file));
  if (!data) {
    throw new UserError(
      `Cannot open ${file}: it is no evaluation model (inputs '${BYTES}' and states, outputs 'logits' and states)`,
    );
  }
  const states = data.graph.input.filter(({ name }) => name !== BYTES)
    .map(({ name, type }) => [name, type.tensor_type.shape.dim.at(-1)!.dim_value ?? 0] as const);
  const metadata = Object.fromEntries(data.metadata_props.map(({ key, value }) => [key, value]));
  return { states: new Map(states), metadata };
}
