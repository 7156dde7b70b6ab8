/** What measures of a model's dynamics take: a cell, its sizes, and weights from wherever they come. */
import { cellOf } from "../../cells/catalog/catalog.ts";
import type { Cell } from "../../cells/cell.ts";
import { parseConfig } from "../../cells/config.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { maxOf } from "../../cells/extremes.ts";
import { BYTE_VOCABULARY, type EvaluationModel, evaluationModel, type ModelSizes } from "../../cells/language_model.ts";
import { decodeEvaluation, differences, type EvaluationFile, floatsOf } from "../scoring/evaluation_file.ts";
import { whyUnusable } from "../training/weights.ts";
import { layerOf } from "./layers.ts";

/**
 * A language model with its weights. A {@linkcode TrainedModel} is one; {@linkcode modelFromOnnx} reads one from a file; and of weights under
 * PyTorch's names, as {@linkcode decodeWeights} reads them from `.safetensors`, it is written down:
 *
 * ```ts ignore
 * const sizes = { n_layers: 2, state_size: 256 };
 * const { parameters } = evaluationModel(gruCell, sizes);
 * const model = { cell: gruCell, sizes, ...decodeWeights(await Deno.readFile("gru.safetensors"), parameters, "gru.safetensors") };
 * ```
 */
export interface WeightedModel {
  /** One layer of it. */
  readonly cell: Cell;
  /** Without a vocabulary: that of bytes. */
  readonly sizes: Pick<ModelSizes, "n_layers" | "state_size"> & Partial<Pick<ModelSizes, "vocabulary">>;
  /** Each weight and bias by PyTorch's name, row-major, in its shape: see {@linkcode EvaluationModel.parameters}. */
  readonly weights: ReadonlyMap<string, Float32Array | Float64Array>;
}

/** A model as it is computed with: all sizes, and its weights in float64. */
export interface CheckedModel {
  readonly cell: Cell;
  readonly sizes: Omit<ModelSizes, "batch">;
  readonly weights: ReadonlyMap<string, Float64Array>;
}

/**
 * Checks a model, and takes the weights that it reads.
 *
 * @param action what an error says was being done
 * @throws {UserError} naming the first weight that is missing, has another number of elements, or is not finite
 * @throws {RangeError} if a size is out of bounds
 */
export function checkModel({ cell, sizes, weights }: WeightedModel, action: string): CheckedModel {
  const { n_layers, state_size, vocabulary = BYTE_VOCABULARY } = sizes;
  const { graph, parameters } = evaluationModel(cell, { n_layers, state_size, vocabulary });
  const read = parameters.filter(({ name }) => graph.inputs.has(name)).map((parameter) => {
    const values = weights.get(parameter.name), why = whyUnusable(parameter, values);
    if (!values || why) throw new UserError(`Cannot ${action}: ${why}`);
    return [parameter.name, Float64Array.from(values)] as const;
  });
  return { cell, sizes: { n_layers, state_size, vocabulary }, weights: new Map(read) };
}

/** The graph of a model's step with so many rows. */
export function modelOfRows({ cell, sizes }: Pick<CheckedModel, "cell" | "sizes">, batch: number): EvaluationModel {
  return evaluationModel(cell, { ...sizes, batch });
}

/** What {@linkcode modelFromOnnx} may be told; all of it may be absent. */
export interface OnnxModelOptions {
  /** The model's cell; absent: that of the configuration which the file names, of the gated cell or of the catalog. */
  readonly cell?: Cell;
  /** What messages call the file; absent: `the model`. */
  readonly file?: string;
}

/**
 * Reads cell, sizes and weights from an `.onnx` file of this project: a study's, or one that {@linkcode exportCell} has made.
 *
 * @throws {UserError} with one line that names the file: it is not an evaluation model, names no configuration where no cell is given, or is
 * none of this cell
 */
export function modelFromOnnx(bytes: Uint8Array, { cell, file = "the model" }: OnnxModelOptions = {}): WeightedModel {
  const found = decodeEvaluation(bytes, file), { weights, vocabulary, proto } = found;
  const known = cell ?? cellIn(found, file), sizes = { ...sizesIn(found), vocabulary };
  const [difference] = differences(found, builtFor(known, sizes, file));
  if (difference) {
    const { is, must } = difference;
    throw new UserError(`Cannot open ${file} as a model of cell '${known.name}': ${is}, must be ${must}`);
  }
  const values = proto.graph.initializer.filter(({ name }) => weights.has(name));
  return { cell: known, sizes, weights: new Map(values.map((tensor) => [tensor.name, floatsOf(tensor)])) };
}

function cellIn({ metadata: { config } }: EvaluationFile, file: string): Cell {
  if (config === undefined) {
    throw new UserError(`Cannot open ${file}: it names no configuration, its cell must be given`);
  }
  try {
    return cellOf(parseConfig(JSON.parse(config)));
  } catch (error) {
    throw new UserError(`Cannot open ${file}: its cell must be given (${messageOf(error)})`);
  }
}

function builtFor(cell: Cell, sizes: Parameters<typeof evaluationModel>[1], file: string): EvaluationModel {
  try {
    return evaluationModel(cell, sizes);
  } catch (error) {
    throw new UserError(`Cannot open ${file} as a model of cell '${cell.name}': ${messageOf(error)}`);
  }
}

/** Sizes as the weights show them. */
function sizesIn({ weights }: EvaluationFile): Pick<ModelSizes, "n_layers" | "state_size"> {
  const layers = [...weights.keys()].map(layerOf);
  const [state_size] = weights.get("input_embedding.bias") ?? weights.get("output_embedding.weight")?.slice(1) ?? [1];
  return { n_layers: maxOf(layers, 0) + 1, state_size };
}
