/** What the ONNX engine and its workers say to each other. */
import type { TextRead } from "../../../cells/language_model.ts";
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
  /** The inputs that are read from the text. */
  readonly reads: readonly TextRead[];
  /** The inputs that change from step to step, in the order in which {@linkcode AdvanceRequest.scalars} has their values. */
  readonly scalarNames: readonly string[];
  readonly batch: number;
  /** Tokens of each row that a step reads. */
  readonly bptt: number;
  readonly text: Tokens;
  readonly threads: number;
}

/** Some steps. */
export interface AdvanceRequest {
  readonly kind: "advance";
  readonly count: number;
  /** The scalars of each step, one after the other. An optimizer's functions do not reach a worker; their values do. */
  readonly scalars: Float64Array;
}

export type Request =
  | OpenRequest
  | { readonly kind: "begin_pass"; readonly offsets: Uint32Array; readonly position: number }
  | AdvanceRequest
  | { readonly kind: "read"; readonly names: readonly string[] }
  | { readonly kind: "close" };

export interface Reply {
  readonly losses?: Float64Array<ArrayBuffer>;
  /** Handed over rather than copied. */
  readonly tensors?: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}
