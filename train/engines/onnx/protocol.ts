/** What the ONNX engine and its workers say to each other. */
import type { TensorMap } from "../engine.ts";

/** Everything that a worker needs to train one run. */
export interface OpenRequest {
  readonly kind: "open";
  /** The training step as an ONNX model. */
  readonly model: Uint8Array<ArrayBuffer>;
  /** Carried and frozen tensors with their shapes, and outputs that are no input (loss, gradients). */
  readonly tensors: TensorMap;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly carried: readonly string[];
  readonly results: readonly string[];
  readonly states: readonly string[];
  readonly batch: number;
  readonly text: Uint8Array;
  readonly threads: number;
  readonly stepsDone: number;
  readonly learningRate: number;
}

export type Request =
  | OpenRequest
  | { readonly kind: "begin_pass"; readonly offsets: Uint32Array; readonly position: number }
  | { readonly kind: "advance"; readonly count: number }
  | { readonly kind: "read" }
  | { readonly kind: "close" };

/** A request with the number under which its reply comes. */
export type NumberedRequest = Request & { readonly number: number };

export interface Reply {
  readonly number: number;
  readonly error?: string;
  readonly losses?: Float64Array<ArrayBuffer>;
  readonly tensors?: TensorMap;
}
