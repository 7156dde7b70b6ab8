/**
 * cellspace: explores gated recurrent cells systematically.
 *
 * A cell is one short function; from it come the training step with its gradient, every engine, the ONNX model, the picture
 * and the equations.
 *
 * @example Define a cell, train it, look at it
 * ```ts
 * import { defineCell, equations, evaluationModel, loadCorpus, openReferenceEngine, ops, trainCell } from "./mod.ts";
 *
 * const { add, mul, named, sigmoid, sub } = ops;
 * const lightCell = defineCell({
 *   name: "light",
 *   states: ["h"],
 *   forward(layer, x, { h }) {
 *     const z = named("z", sigmoid(layer.linear("gate_nn", [x, h])));
 *     const n = named("n", add(mul(z, x), mul(sub(1, z), h)));
 *     return { output: layer.linear("output_nn", [n, x]), states: { h: n } };
 *   },
 * });
 *
 * const corpus = await loadCorpus("embedded", 20);
 * const engine = openReferenceEngine();
 * const settings = { steps: 38, batch: 4, history: 20, log_every: 19 };
 * const run = await trainCell(engine, lightCell, { n_layers: 1, state_size: 8, seed: 0 }, settings, corpus.train);
 * console.log(run.curve);
 * console.log(equations(evaluationModel(lightCell, { n_layers: 1, state_size: 8 }).graph).join("\n"));
 * ```
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
export { decodeWeights, encodeWeights } from "./train/checkpoint.ts";
export type { Engine, EngineRun, TrainingGroup } from "./train/engines/engine.ts";
export { openOnnxEngine } from "./train/engines/onnx/engine.ts";
export { openReferenceEngine } from "./train/engines/reference.ts";
export { openWebGpuEngine } from "./train/engines/webgpu/engine.ts";
export { evaluateModel, exportCell, exportModel, type Score } from "./train/evaluate.ts";
export { trainCell, type TrainedRun, trainGroup, type TrainingSettings } from "./train/trainer.ts";
export { grid } from "./experiments/grid.ts";
