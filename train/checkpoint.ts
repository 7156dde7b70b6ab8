/** A model's weights as a file: PyTorch's names and layout, so that they travel both ways. */
import { UserError } from "../cells/errors.ts";
import type { Parameter } from "../cells/cell.ts";
import { canonicalJson, type CellConfig, parseConfig } from "../cells/config.ts";
import type { TensorMap } from "./engines/engine.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

/** Key of the metadata under which the configuration stands. */
const CONFIG_KEY = "config";

/** The `.safetensors` file of a model: every weight, and in the metadata its configuration and whatever is given. */
export function encodeWeights(
  config: CellConfig,
  parameters: readonly Parameter[],
  tensors: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const stored = parameters.map(({ name, shape }) => {
    const values = tensors.get(name);
    if (!values) throw new UserError(`Cannot save weights: '${name}' is missing`);
    return [name, { shape, values: Float32Array.from(values) }] as const;
  });
  return encodeSafetensors({
    tensors: new Map(stored),
    metadata: { ...metadata, [CONFIG_KEY]: canonicalJson(config) },
  });
}

export interface StoredWeights {
  readonly weights: Map<string, Float32Array>;
  /** The configuration, where the file names one: a file from PyTorch need not. */
  readonly config?: CellConfig;
}

/**
 * Reads weights for a model.
 *
 * @param parameters what the model needs; further tensors in the file (moments, say) are left aside
 * @throws {UserError} if the file is damaged, or a weight is missing or has another shape
 */
export function decodeWeights(bytes: Uint8Array, parameters: readonly Parameter[], file: string): StoredWeights {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const weights = new Map(parameters.map(({ name, shape }) => {
    const stored = tensors.get(name);
    if (!stored) throw new UserError(`Cannot read ${file}: weight '${name}' is missing`);
    if (stored.shape.join() !== shape.join()) {
      throw new UserError(`Cannot read ${file}: weight '${name}' is [${stored.shape}], must be [${shape}]`);
    }
    return [name, stored.values];
  }));
  return metadata[CONFIG_KEY] ? { weights, config: parseConfig(JSON.parse(metadata[CONFIG_KEY]), file) } : { weights };
}
