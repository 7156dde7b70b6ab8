/** Makes the ONNX model that is scored, drawn from, and kept. */
import { canonicalJsonIn, type CellConfig, configIdIn, describeConfigIn } from "../../cells/config.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import type { Cell } from "../../cells/cell.ts";
import { BYTE_VOCABULARY, evaluationModel } from "../../cells/language_model.ts";
import { exportOnnx } from "../engines/onnx/export.ts";
import type { TensorMap } from "../engines/engine.ts";
import { checkedFloats } from "../training/weights.ts";
import { CELLSPACE_VERSION } from "../version.ts";

/**
 * The evaluation model of a configuration with these weights, as the bytes of an `.onnx` file.
 *
 * @param vocabulary absent: that of bytes
 * @param space what the configuration is of
 */
export function exportModel(
  config: CellConfig,
  weights: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
  vocabulary?: number,
  space: Space = GATED_SPACE,
): Uint8Array<ArrayBuffer> {
  const about = { config: canonicalJsonIn(space, config), id: configIdIn(space, config), ...metadata };
  const { n_layers, state_size } = config, sizes = { n_layers, state_size, vocabulary };
  return exportCell(space.cellOf(config), sizes, weights, {
    description: describeConfigIn(space, config),
    metadata: about,
  });
}

/**
 * The evaluation model of any cell. Inputs: `bytes` int64 [batch], or `tokens` where the vocabulary is larger than 256, and each
 * state `layers.<i>.<name>` float32 [batch, state_size]; outputs: `logits` float32 [batch, vocabulary], and each state as
 * `layers.<i>.<name>.next`. Weights are inside.
 *
 * @throws {UserError} if a weight is missing, has another number of elements, or is NaN or infinite; {@linkcode RangeError} if a size is
 * out of bounds
 */
export function exportCell(
  cell: Cell,
  { n_layers, state_size, vocabulary = BYTE_VOCABULARY }: { n_layers: number; state_size: number; vocabulary?: number },
  weights: TensorMap,
  options: { description?: string; metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array<ArrayBuffer> {
  const model = evaluationModel(cell, { n_layers, state_size, vocabulary });
  const own = checkedFloats(weights, model.parameters, `export cell '${cell.name}'`);
  return exportOnnx(model.graph, {
    weights: own,
    openBatch: true,
    name: cell.name,
    producerVersion: CELLSPACE_VERSION,
    ...options,
  });
}
