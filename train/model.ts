/** A trained model as an ONNX file, run step by step: for scoring and for sampling. */
import { UserError } from "../cells/errors.ts";
import * as ort from "onnxruntime-node";
import { openSession } from "./engines/onnx/session.ts";
import { NEXT } from "./engines/onnx/export.ts";
import { decodeModel } from "./engines/onnx/proto.ts";

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
    const decoded = decodeModel(model, file), { graph } = decoded;
    const inputs = graph?.input ?? [];
    const shapes = new Map(
      inputs.filter(({ name }) => name !== "bytes").map(({ name, type }) => {
        const last = type.tensor_type.shape.dim.at(-1);
        return [name, last && "dim_value" in last ? Number(last.dim_value) : 0];
      }),
    );
    const outputs = new Set(graph?.output.map(({ name }) => name));
    const right = inputs.some(({ name }) => name === "bytes") && outputs.has("logits") &&
      [...shapes.keys()].every((name) => outputs.has(name + NEXT));
    if (!right) {
      throw new UserError(
        `Cannot open ${file}: it is no evaluation model (inputs 'bytes' and states, outputs 'logits' and states)`,
      );
    }
    return new LoadedModel(await openSession(model, threads), rows, shapes, metadataIn(decoded));
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
 * @throws {UserError} if the bytes are no ONNX model
 */
export function metadataOf(model: Uint8Array, file: string): Record<string, string> {
  return metadataIn(decodeModel(model, file));
}

function metadataIn({ metadata_props }: ReturnType<typeof decodeModel>): Record<string, string> {
  return Object.fromEntries(metadata_props.map(({ key, value }) => [key, value]));
}
