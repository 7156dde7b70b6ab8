/** How the negative log-likelihood (nll) of the token that came is written behind a model's logits, `−ln softmax(logits)[target]`, nats. */
import { ATTRIBUTE_TYPE, axis, int64s, node, type NodeProto, type TensorProto } from "./proto.ts";

/** Output of a model that scores: float32 `[rows, 1]`. */
export const NLL = "nll";

/** Nodes from logits `[rows, vocabulary]` and targets `[rows, 1]` to {@linkcode NLL}. */
export interface NllForm {
  readonly initializers: readonly TensorProto[];
  readonly nodes: (logits: string, targets: string) => NodeProto[];
}

/** The shortest form, for providers that have `LogSoftmax`. */
export const LOG_SOFTMAX_FORM: NllForm = {
  initializers: [],
  nodes: (logits, targets) => [
    node("LogSoftmax", [logits], "nll.log_softmax", axis(1)),
    node("GatherElements", ["nll.log_softmax", targets], "nll.chosen", axis(1)),
    node("Neg", ["nll.chosen"], NLL),
  ],
};

const AXES = "nll.axes";

/**
 * `ln Σ exp(logits − max) − (logits[target] − max)`: ONNX Runtime's WebGPU provider has no `LogSoftmax`, and would have the CPU compute it. The
 * logarithm of its `Softmax` is no way: where the model is very wrong, that is zero.
 */
export const REDUCED_FORM: NllForm = {
  initializers: [int64s(AXES, [1], [1])],
  nodes: (logits, targets) => [
    node("ReduceMax", [logits], "nll.max", { name: "axes", type: ATTRIBUTE_TYPE.INTS, ints: [1] }),
    node("Sub", [logits, "nll.max"], "nll.shifted"),
    node("Exp", ["nll.shifted"], "nll.exp"),
    // From opset 13 on, the axes of this reduction are an input.
    node("ReduceSum", ["nll.exp", AXES], "nll.sum"),
    node("Log", ["nll.sum"], "nll.log_sum"),
    node("GatherElements", ["nll.shifted", targets], "nll.chosen", axis(1)),
    node("Sub", ["nll.log_sum", "nll.chosen"], NLL),
  ],
};
