/** An evaluation model whose output is the negative log-likelihood (nll) of what came, instead of its logits. */
import { ATTRIBUTE_TYPE, DATA_TYPE, type ModelProto, type NodeProto, type ValueInfoProto } from "./proto.ts";

/** Input of such a model: `int64 [batch]`, the tokens that came. */
export const TARGETS = "targets";
/** Its output: `float32 [batch]`, `−ln p(target)` of each, nats. */
export const NLL = "nll";

/**
 * The model with `−log softmax(logits)[target]` in place of `logits`. ONNX Runtime does it several times faster than JavaScript, and
 * what comes out of it is one number per row.
 *
 * @param model has an output `logits [batch, vocabulary]`
 */
export function withNll(model: ModelProto): ModelProto {
  const { graph } = model;
  const axis = "nll.axis";
  const node = (op_type: string, input: string[], output: string, axis?: number): NodeProto => ({
    op_type,
    name: `node_${output}`,
    input,
    output: [output],
    attribute: axis === undefined ? [] : [{ name: "axis", type: ATTRIBUTE_TYPE.INT, i: axis }],
  });
  const rows = (name: string, elem_type: number): ValueInfoProto => ({
    name,
    type: { tensor_type: { elem_type, shape: { dim: [{ dim_param: "batch" }] } } },
  });
  return {
    ...model,
    graph: {
      ...graph,
      initializer: [
        ...graph.initializer,
        { name: axis, dims: [1], data_type: DATA_TYPE.INT64, raw_data: new Uint8Array(BigInt64Array.of(1n).buffer) },
      ],
      input: [...graph.input, rows(TARGETS, DATA_TYPE.INT64)],
      node: [
        ...graph.node,
        node("LogSoftmax", ["logits"], "nll.log_softmax", 1),
        node("Unsqueeze", [TARGETS, axis], "nll.column"),
        node("GatherElements", ["nll.log_softmax", "nll.column"], "nll.chosen", 1),
        node("Squeeze", ["nll.chosen", axis], "nll.row"),
        node("Neg", ["nll.row"], NLL),
      ],
      output: [...graph.output.filter(({ name }) => name !== "logits"), rows(NLL, DATA_TYPE.FLOAT)],
    },
  };
}
