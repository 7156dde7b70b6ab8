/** What the ONNX engine and its workers say to each other. */
import type { Tokens } from "../../corpus/tokens/tokenizer.ts";
import type { TensorMap } from "../engine.ts";
import type { StepPlan } from "./plan.ts";

/** Everything that a worker needs to train one run. */
export interface OpenRequest {
  readonly kind: "open";
  readonly plan: StepPlan;
  /** What the run starts with, `[out, in]` as everywhere outside of the worker; what is absent is zero. */
  readonly tensors: TensorMap;
  /** Names of what is set to zero when a pass begins. */
  readonly states: readonly string[];
  readonly batch: number;
  readonly text: Tokens;
  readonly threads: number;
  readonly stepsDone: number;
  readonly learningRate: number;
}

export type Request =
  | OpenRequest
  | { readonly kind: "begin_pass"; readonly offsets: Uint32Array; readonly position: number }
  | { readonly kind: "advance"; readonly count: number }
  | { readonly kind: "read"; readonly names: readonly string[] }
  | { readonly kind: "close" };

export interface Reply {
  readonly losses?: Float64Array<ArrayBuffer>;
  /** Handed over rather than copied. */
  readonly tensors?: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}
