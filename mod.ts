/**
 * cellspace: explores gated recurrent cells systematically.
 *
 * A cell is one short function; from it come the training step with its gradient, every engine, the ONNX model, the picture
 * and the equations.
 *
 * docs/cells.md shows how to add a cell; that example runs as a test.
 *
 * @module
 */
export {
  type Cell,
  type CellOutput,
  defineCell,
  type Layer,
  type LinearDraws,
  type Parameter,
  type ParameterOptions,
} from "./cells/cell.ts";
export type {
  BlockDraw,
  ChronoDraw,
  ColumnBlock,
  ColumnsDraw,
  ConstantDraw,
  Draw,
  IdentityDraw,
  NormalDraw,
  OrthogonalDraw,
  RingDraw,
  SpacedDraw,
  UniformDraw,
} from "./cells/draw.ts";
export type { NamedCell } from "./cells/catalog/named_cell.ts";
export {
  CATALOG,
  catalogConfig,
  CELL_NAMES,
  cellLabel,
  cellOf,
  gruCell,
  lstmCell,
  minGruCell,
  vanillaCell,
} from "./cells/catalog/catalog.ts";
export { canonicalJson, type CellConfig, configId, describeConfig, parseConfig } from "./cells/config.ts";
export {
  type Choice,
  type ChoiceFactor,
  type ConfigOf,
  type Configuration,
  type Factor,
  type FactorBase,
  type FactorTable,
  type FactorValue,
  type IntegerFactor,
  type NumberFactor,
  type QuantityFactor,
  type Rule,
  type SwitchFactor,
  type ValueOf,
} from "./cells/factor.ts";
export {
  type FactorKey,
  FACTORS,
  GATE_INPUTS,
  GATED,
  type GateInputs,
  MAX_BPTT,
  type NamedFactor,
  SWITCHES,
  type SwitchKey,
} from "./cells/factors.ts";
export { GATED_SPACE } from "./cells/catalog/catalog.ts";
export {
  type ChoicesOf,
  type DefinedSpace,
  defineSpace,
  type SpaceDefinition,
  type SpaceRule,
} from "./cells/define_space.ts";
export type { SpaceFactor } from "./cells/space_factor.ts";
export type { Space } from "./cells/space.ts";
export { UserError } from "./cells/errors.ts";
export { gatedCell } from "./cells/catalog/gated_cell.ts";
/** What a cell's `forward` is written with: each function makes a node of the graph, and computes nothing by itself. */
export * as ops from "./cells/graph/builder.ts";
export { type GradientOptions, gradients } from "./cells/graph/gradient.ts";
export { buildGraph, type Graph } from "./cells/graph/graph.ts";
export { interpret, type Values } from "./cells/graph/interpreter.ts";
export { toSvg } from "./cells/graph/picture.ts";
export { equations, printGraph } from "./cells/graph/printer.ts";
export type { ElementwiseOp } from "./cells/graph/elementwise.ts";
export type {
  DType,
  ElementwiseAttributes,
  NoAttributes,
  OpAttributes,
  OpName,
  Shape,
  Tensor,
} from "./cells/graph/tensor.ts";
export {
  buildTrainingStep,
  type EvaluationModel,
  evaluationModel,
  type ModelSizes,
  type State,
  type TextRead,
  type TrainingStep,
  type TrainingStepOptions,
} from "./cells/language_model.ts";
export type { Optimizer, OptimizerUpdate } from "./cells/optimizer.ts";
export { type OptimizerName, OPTIMIZERS } from "./cells/optimizers.ts";
export { type Corpus, loadCorpus, makeCorpus } from "./train/corpus/corpus.ts";
export type { SplitHashes } from "./train/corpus/split.ts";
export type { Merge } from "./train/corpus/tokens/learn.ts";
export { BytePairTokenizer, type Tokenizer, type Tokens } from "./train/corpus/tokens/tokenizer.ts";
export { decodeTokenizer, encodeTokenizer } from "./train/corpus/tokens/tokenizer_json.ts";
export { decodeWeights, encodeWeights, type StoredWeights } from "./train/training/checkpoint.ts";
export {
  type DeviceEngineEntry,
  type Engine,
  type EngineCapabilities,
  type EngineDescription,
  type EngineEntry,
  type EngineKind,
  type EngineOptions,
  type EngineRun,
  type OnPreparing,
  type OpenOptions,
  type OrdinaryEngineEntry,
  type StudyHelp,
  type TensorMap,
  type TrainingGroup,
} from "./train/engines/engine.ts";
export { ENGINE_NAMES, type EngineName, ENGINES, openEngine } from "./train/engines/registry.ts";
export { type OnnxOptions, openOnnxEngine } from "./train/engines/onnx/engine.ts";
export { openReferenceEngine } from "./train/engines/reference.ts";
export { openWebGpuEngine } from "./train/engines/webgpu/engine.ts";
export { evaluateModel, type Evaluation, type Extras, type Score } from "./train/scoring/evaluate.ts";
export type { ScoreChoice, ScoreLocation, ScoreTools } from "./train/scoring/score_on.ts";
export type { ScoreProvider } from "./train/scoring/providers.ts";
export type { AdapterNames } from "./train/engines/webgpu/runtime/device.ts";
export { EvaluationWorkers } from "./train/scoring/evaluation_workers.ts";
export {
  type StepsBackGap,
  type TruncationGap,
  truncationGap,
  type TruncationGapOptions,
} from "./train/dynamics/truncation_gap.ts";
export type { GradientAgreement } from "./train/dynamics/agreement.ts";
export { type EchoState, echoState, type EchoStateOptions } from "./train/dynamics/echo_state.ts";
export {
  type FixedPoint,
  type FixedPoints,
  fixedPoints,
  type FixedPointSearch,
  type FixedPointsOptions,
  type TokenFixedPoints,
} from "./train/dynamics/fixed_points.ts";
export {
  type GateActivities,
  type GateActivity,
  gateActivity,
  type GateActivityOptions,
} from "./train/dynamics/gates.ts";
export {
  type Participation,
  type ParticipationRatio,
  participationRatio,
  type ParticipationRatioOptions,
} from "./train/dynamics/participation_ratio.ts";
export type { StreamOptions } from "./train/dynamics/stream_options.ts";
export type {
  DynamicsSettings,
  Measure,
  MeasuredDynamics,
  MeasuredModel,
  MeasureResults,
} from "./train/dynamics/measure.ts";
export type { Estimate } from "./train/dynamics/estimate.ts";
export {
  type LayerSpectrum,
  type LyapunovOptions,
  type LyapunovSpectrum,
  lyapunovSpectrum,
} from "./train/dynamics/lyapunov.ts";
export type { Watched } from "./train/dynamics/progress.ts";
export { type ByteRecall, byteRecall, type ByteRecallOptions, type RecallAtLag } from "./train/dynamics/byte_recall.ts";
export { modelFromOnnx, type OnnxModelOptions, type WeightedModel } from "./train/dynamics/weighted_model.ts";
export { exportCell, exportModel } from "./train/scoring/export_model.ts";
export type { GroupOptions } from "./train/training/group_training.ts";
export type { Breakdown, TrainingState } from "./train/training/loss_log.ts";
export type { MemoryCurve } from "./train/scoring/state_resets.ts";
export type { SampleOptions } from "./train/scoring/sample_text.ts";
export { type ModelSampleOptions, type ModelScoreOptions, TrainedModel } from "./train/scoring/trained_model.ts";
export type { Cut } from "./train/scoring/score.ts";
export { type Budget, type TrainingSettings } from "./train/training/settings.ts";
export {
  type CellModel,
  type CellOptions,
  trainCell,
  trainGroup,
  type TrainOptions,
  trainRuns,
} from "./train/training/trainer.ts";
export {
  type CellJob,
  type Progress,
  type RunSource,
  type TrainedRun,
  type TrainingRun,
  trainingRun,
} from "./train/training/training_run.ts";
export { grid } from "./experiments/study/grid.ts";
export type { Levels, TableLevels } from "./experiments/study/levels.ts";
export type { Experiment } from "./experiments/study/experiment.ts";
export type { BestRun, ClaimedRun, MeasuredRuns, Overview } from "./experiments/queue/overview.ts";
export type { Preparation, RunningRun, TrainingListener, TrainingProgress } from "./experiments/session/listener.ts";
export type { RunDynamics } from "./experiments/study/dynamics_file.ts";
export type { MergeSummary } from "./experiments/session/merge_study.ts";
export type { MeasureSummary } from "./experiments/session/measure_dynamics.ts";
export type { EvaluateSummary } from "./experiments/session/scoring.ts";
export type { TrainSummary } from "./experiments/session/training.ts";
export {
  type ExportedStudy,
  type ListingSummary,
  type RemovalSummary,
  Study,
  type StudyReport,
} from "./report/study.ts";
export type { ListedConfig, StudyResults, StudyRun } from "./report/study_run.ts";
export type {
  MeasuringProgress,
  ScoringProgress,
  StudyCreation,
  StudyEvaluation,
  StudyExporting,
  StudyListing,
  StudyMeasuring,
  StudyMerging,
  StudyQueue,
  StudyRemoval,
  StudyReporting,
  StudySampling,
  StudySelection,
  StudySettingsOptions,
  StudyTraining,
} from "./report/study_options.ts";
export type { Format, Inclusion } from "./report/export/formats.ts";
export type { Status } from "./report/export/columns.ts";
