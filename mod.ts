/**
 * cellspace: explores gated recurrent cells systematically.
 *
 * A cell is one short function; from it come the training step with its gradient, every engine, the ONNX model, the picture
 * and the equations.
 *
 * The README shows how to add a cell; that example runs as a test.
 *
 * @module
 */
export { type Cell, type CellOutput, defineCell, type Layer, type Parameter } from "./cells/cell.ts";
export { catalogConfig, CELL_NAMES, cellOf, gruCell, lstmCell, minGruCell, vanillaCell } from "./cells/catalog.ts";
export { canonicalJson, type CellConfig, configId, describeConfig, parseConfig, SWITCHES } from "./cells/config.ts";
export { gatedCell } from "./cells/gated_cell.ts";
export * as ops from "./cells/graph/builder.ts";
export { gradients } from "./cells/graph/gradient.ts";
export { buildGraph, type Graph } from "./cells/graph/graph.ts";
export { interpret } from "./cells/graph/interpreter.ts";
export { toSvg } from "./cells/graph/picture.ts";
export { equations, printGraph } from "./cells/graph/printer.ts";
export type { Tensor } from "./cells/graph/tensor.ts";
export { buildTrainingStep, evaluationModel, type ModelSizes, type TrainingStep } from "./cells/language_model.ts";
export { type Corpus, loadCorpus, makeCorpus } from "./train/corpus/corpus.ts";
export { BytePairTokenizer, type Tokenizer, type Tokens } from "./train/corpus/tokens/tokenizer.ts";
export { decodeTokenizer, encodeTokenizer } from "./train/corpus/tokens/tokenizer_json.ts";
export { decodeWeights, encodeWeights } from "./train/checkpoint.ts";
export type { Engine, EngineRun, TrainingGroup } from "./train/engines/engine.ts";
export { openOnnxEngine } from "./train/engines/onnx/engine.ts";
export { openReferenceEngine } from "./train/engines/reference.ts";
export { openWebGpuEngine } from "./train/engines/webgpu/engine.ts";
export { evaluateModel, exportCell, exportModel, type Score } from "./train/evaluate.ts";
export { type TrainingSettings } from "./train/settings.ts";
export { trainCell, type TrainedRun, trainGroup } from "./train/trainer.ts";
export { grid } from "./experiments/grid.ts";
