/**
 * The language model around a cell: `input_embedding`, layers, `output_embedding`, softmax cross-entropy.
 * From it come two graphs: the training step (loss, gradient, update) and the evaluation (logits, states).
 */
import { checkWhole, MAX_BATCH, MAX_VOCABULARY } from "./bounds.ts";
import { type Cell, Layer, type Parameter, Parameters } from "./cell.ts";
import { MAX_BPTT, MAX_LAYERS, MAX_STATE_SIZE } from "./factors.ts";
import { embedding, input, linear, named, softmaxCrossEntropy } from "./graph/builder.ts";
import { concat, slice } from "./graph/rows.ts";
import { gradients } from "./graph/gradient.ts";
import { buildGraph, type Graph } from "./graph/graph.ts";
import { type Shape, sizeOf, type Tensor } from "./graph/tensor.ts";
import { checkScalars, type Optimizer, updateOf } from "./optimizer.ts";
import { adam } from "./optimizers.ts";

/** Sizes of a model. Every tensor of its graphs has a fixed shape. */
export interface ModelSizes {
  /** Layers of the cell, each on top of the one before: from 1 to 64. */
  readonly n_layers: number;
  /** Numbers in each state, and in what a layer hands to the next: from 1 to 16,384. */
  readonly state_size: number;
  /** Tokens are the numbers below: 256 for bytes, at most 65,536. */
  readonly vocabulary: number;
  /** Batch size (parallel sequences): from 1 to 65,536. */
  readonly batch: number;
}

/** A carried state: `layers.0.h`, `[batch, state_size]`, zero at the start of a pass. */
export interface State {
  /** The graph's input for the state before a step, and its output for the one after. */
  readonly name: string;
  /** `[batch, state_size]`. */
  readonly shape: Shape;
}

/**
 * An input of a training step that is read from the text: at position `p` of its pass, a row that starts at `o` reads
 * `text[o + p + t + offset]` for each of the step's tokens `t`, from 0 to `bptt − 1`. The rows of token 0 come first, then those of token 1.
 */
export interface TextRead {
  /** The input, `index [bptt · batch]`. */
  readonly name: string;
  /** Tokens ahead of the position: 0 for the token that is read there, 1 for the next. */
  readonly offset: number;
}

/** Names of the inputs that are tokens of the text. */
export const INPUTS = {
  /** `index [bptt · batch]`: the bytes read at this step; in a training step also tokens of another kind. */
  bytes: "bytes",
  /** `index [batch]`: the same in the evaluation model of a vocabulary that is larger than that of bytes. */
  tokens: "tokens",
  /** `index [bptt · batch]`: the bytes or tokens to predict. */
  targets: "targets",
} as const;

/** Name of the output that is a weight's gradient. */
export const gradientName = (weight: string): string => `gradient.${weight}`;

/** One training step as a graph, and what its inputs are. */
export interface TrainingStep {
  /** The cell of the model that it trains; absent where it was made for a loss of another kind. */
  readonly cell?: Cell;
  /** Its inputs and outputs: see {@linkcode buildTrainingStep}. */
  readonly graph: Graph;
  /** What it was built for: another batch size needs another graph. */
  readonly sizes: ModelSizes;
  /** All weights and biases, also those that get no gradient; names sorted. */
  readonly parameters: readonly Parameter[];
  /** States that are carried to the next step, layer by layer; those that the cell never reads are left out. */
  readonly states: readonly State[];
  /** Names of the weights that get a gradient; the others are never trained. */
  readonly trained: readonly string[];
  /** What it reads from the text at each position. */
  readonly reads: readonly TextRead[];
  /** Steps back: tokens of each row that it reads, through all of which its gradient goes back. Its states come from before the first. */
  readonly bptt: number;
  /** How the trained weights are updated, and the source of the scalars that each update takes. */
  readonly optimizer: Optimizer;
}

/** One forward step as a graph: inputs `bytes` (or `tokens`), states and weights; outputs `logits [batch, vocabulary]` and states. */
export interface EvaluationModel {
  /** One forward step, without loss and gradient. */
  readonly graph: Graph;
  /** What it was built for, defaults filled in. */
  readonly sizes: ModelSizes;
  /** The weights and biases of the training step with the same sizes; names sorted. */
  readonly parameters: readonly Parameter[];
  /** States to be fed back, as in {@linkcode TrainingStep.states}. */
  readonly states: readonly State[];
}

interface Forward {
  readonly parameters: Parameters;
  readonly states: State[];
  readonly newStates: Record<string, Tensor>;
  readonly logits: Tensor;
}

type LayerSizes = Pick<ModelSizes, "state_size" | "batch">;

/** @param rows of all tokens that are read at once */
function embed(
  parameters: Parameters,
  { state_size, vocabulary }: Pick<ModelSizes, "state_size" | "vocabulary">,
  name: string,
  rows: number,
): Tensor {
  const tokens = input(name, [rows], "index");
  const x = embedding(
    tokens,
    // A one-hot product has `vocabulary` inputs: that is its fan-in, as in PyTorch's Linear.
    parameters.get("input_embedding.weight", [state_size, vocabulary], vocabulary),
    parameters.get("input_embedding.bias", [state_size], vocabulary),
  );
  return named("x", x);
}

/**
 * One layer: its output, and its states before and after the step, by their full names.
 *
 * @param before the states that the step before has made, by their full names; absent: those that the graph is given
 */
function applyLayer(
  cell: Cell,
  index: number,
  parameters: Parameters,
  x: Tensor,
  { state_size, batch }: LayerSizes,
  before?: Readonly<Record<string, Tensor>>,
) {
  const layer = new Layer(`layers.${index}`, batch, state_size, parameters);
  const carried = Object.fromEntries(
    cell.states.map((name) => [name, before?.[`${layer.prefix}.${name}`] ?? layer.state(name)]),
  );
  const { output, states: next } = cell.forward(layer, x, carried);
  const states: State[] = [];
  const newStates: Record<string, Tensor> = {};
  for (const name of cell.states) {
    if (!next[name]) throw new TypeError(`Cannot build cell '${cell.name}': forward() returned no state '${name}'`);
    const full = `${layer.prefix}.${name}`;
    // A graph knows its inputs by their names alone.
    if (parameters.has(full)) {
      throw new TypeError(`Cannot build cell '${cell.name}': '${name}' is a state and a weight, must be one`);
    }
    states.push({ name: full, shape: carried[name].shape });
    newStates[full] = next[name];
  }
  return { output, states, newStates };
}

function readOut(parameters: Parameters, y: Tensor, { state_size, vocabulary }: ModelSizes): Tensor {
  const logits = linear(
    [y],
    parameters.get("output_embedding.weight", [vocabulary, state_size], state_size),
    parameters.get("output_embedding.bias", [vocabulary], state_size),
  );
  return named("logits", logits);
}

/** The most that each size may be: a graph of millions of layers, or a tensor of terabytes, would end the whole program. */
const MOST: Readonly<Record<keyof ModelSizes, number>> = {
  n_layers: MAX_LAYERS,
  state_size: MAX_STATE_SIZE,
  vocabulary: MAX_VOCABULARY,
  batch: MAX_BATCH,
};

/** @throws {RangeError} if a size is not a whole number from 1 to the most that it may be */
function checkSizes({ name }: Cell, sizes: ModelSizes): void {
  for (const what of Object.keys(MOST) as (keyof ModelSizes)[]) {
    checkWhole(`build cell '${name}'`, what, sizes[what], 1, MOST[what]);
  }
}

/** @param bptt steps, of which each reads the states that the one before has made */
function buildForward(cell: Cell, sizes: ModelSizes, name: string = INPUTS.bytes, bptt = 1): Forward {
  checkSizes(cell, sizes);
  checkWhole(`build cell '${cell.name}'`, "bptt", bptt, 1, MAX_BPTT);
  const { batch, n_layers } = sizes, parameters = new Parameters();
  let states: State[] = [], newStates: Record<string, Tensor> | undefined;
  // What has no state reads the rows of all steps at once: large products are the faster ones.
  const embedded = embed(parameters, sizes, name, bptt * batch), outputs: Tensor[] = [];
  for (let t = 0; t < bptt; t++) {
    let x = slice(embedded, t * batch, batch);
    const made: Record<string, Tensor> = {}, read: State[] = [];
    for (let index = 0; index < n_layers; index++) {
      const layer = applyLayer(cell, index, parameters, x, sizes, newStates);
      for (const state of layer.states) read.push(state);
      Object.assign(made, layer.newStates);
      x = layer.output;
    }
    states = read;
    newStates = made;
    outputs.push(x);
  }
  return { parameters, states, newStates: newStates!, logits: readOut(parameters, concat(outputs), sizes) };
}

/** The parts of a model, each as a graph by itself, for equations and pictures: all layers are alike, so one stands for all. */
export interface ModelParts {
  /** `bytes` (or `tokens`) → `x`. */
  readonly input_embedding: Graph;
  /** `x`, the states → the new states under the same names (`layers.0.h`), `y`. */
  readonly layer: Graph;
  /** `y` → `logits`. */
  readonly output_embedding: Graph;
}

/** @param reads the name of what the model reads: `bytes` or `tokens` */
export function modelParts(cell: Cell, state_size: number, reads: string = INPUTS.bytes): ModelParts {
  const parameters = new Parameters();
  const sizes = { n_layers: 1, state_size, vocabulary: BYTE_VOCABULARY, batch: 1 };
  checkSizes(cell, sizes);
  const between = (name: string) => named(name, input(name, [sizes.batch, state_size]));
  const { newStates, output } = applyLayer(cell, 0, parameters, between("x"), sizes);
  return {
    input_embedding: buildGraph({ x: embed(parameters, sizes, reads, sizes.batch) }),
    layer: buildGraph({ ...newStates, y: output }),
    output_embedding: buildGraph({ logits: readOut(parameters, between("y"), sizes) }),
  };
}

/** A state that the cell never reads (a feed-forward cell, to compare with) is nothing to carry. */
function statesRead(graph: Graph, states: readonly State[]): State[] {
  return states.filter(({ name }) => graph.inputs.has(name));
}

/** How a training step is completed from its loss. */
export interface TrainingStepOptions {
  /** Absent: Adam. */
  readonly optimizer?: Optimizer;
  /** Adds an output `gradient.<weight>` for each trained weight. */
  readonly withGradients?: boolean;
  /** Steps back: tokens of each row that a step reads, and through which its gradient goes back; from 1 to 64. Absent: 1. */
  readonly bptt?: number;
}

/**
 * The training step of a cell: forward, loss, gradient and one update, as one graph. Of several tokens the loss is the mean, and the gradient
 * goes back through all of them, to the carried state as a constant. See docs/bptt.md, "What a run does".
 *
 * Inputs: `bytes`, `targets`, the optimizer's scalars, every weight, the moments of each trained weight, every state.
 * Outputs: `loss` (scalar, nats), and under their input's name what is carried to the next step: weights, moments, states.
 *
 * @throws {RangeError} if a size is out of the bounds of {@linkcode ModelSizes}, or `bptt` of those of {@linkcode TrainingStepOptions}
 * @throws {TypeError} if the optimizer gives another number of moments or scalars than it names
 */
export function buildTrainingStep(cell: Cell, sizes: ModelSizes, options: TrainingStepOptions = {}): TrainingStep {
  const { bptt = 1 } = options, { logits, ...forward } = buildForward(cell, sizes, INPUTS.bytes, bptt);
  const targets = input(INPUTS.targets, [bptt * sizes.batch], "index");
  const loss = named("loss", softmaxCrossEntropy(logits, targets));
  const reads = [{ name: INPUTS.bytes, offset: 0 }, { name: INPUTS.targets, offset: 1 }];
  return completeTrainingStep({ ...forward, loss, reads, sizes, cell }, options);
}

/** What a training step is made of before its gradient. */
export interface LossGraph {
  /** The cell, where an evaluation model of it has these weights. */
  readonly cell?: Cell;
  readonly sizes: ModelSizes;
  /** The weights that the loss was built with. */
  readonly parameters: Parameters;
  readonly states: readonly State[];
  /** The states after the step, by name. */
  readonly newStates: Readonly<Record<string, Tensor>>;
  /** A scalar, nats. */
  readonly loss: Tensor;
  /** Where each index input of the loss comes from. */
  readonly reads: readonly TextRead[];
}

/**
 * Adds the gradient of a loss and the update of every weight that has one.
 *
 * @throws {TypeError} if the optimizer gives another number of moments or scalars than it names
 */
export function completeTrainingStep(
  { cell, sizes, parameters, states, newStates, loss, reads }: LossGraph,
  { optimizer = adam, withGradients = false, bptt = 1 }: TrainingStepOptions = {},
): TrainingStep {
  checkScalars(optimizer);
  const entries = parameters.entries();
  // A step of one token keeps its bits, also where a cell reads a weight twice.
  const flows = gradients(loss, entries.map(({ tensor }) => tensor), { joinProducts: bptt > 1 });
  const outputs: Record<string, Tensor> = { loss, ...newStates };
  const trained: string[] = [];
  entries.forEach(({ parameter: { name }, tensor }, i) => {
    const gradient = flows[i];
    if (!gradient) return;
    trained.push(name);
    Object.assign(outputs, updateOf(optimizer, name, tensor, gradient));
    if (withGradients) outputs[gradientName(name)] = gradient;
  });
  const graph = buildGraph(outputs);
  return {
    cell,
    graph,
    sizes,
    parameters: entries.map((e) => e.parameter),
    states: statesRead(graph, states),
    trained,
    reads,
    bptt,
    optimizer,
  };
}

/** Values of a byte: the vocabulary where nothing else is said. */
export const BYTE_VOCABULARY = 256;

/** The forward step of a cell alone, for evaluation, export, sampling and pictures; one row of bytes where nothing else is said. Throws as {@linkcode buildTrainingStep} does. */
export function evaluationModel(
  cell: Cell,
  given: Pick<ModelSizes, "n_layers" | "state_size"> & Partial<ModelSizes>,
): EvaluationModel {
  const { vocabulary = BYTE_VOCABULARY, batch = 1 } = given, sizes = { ...given, vocabulary, batch };
  const name = sizes.vocabulary > BYTE_VOCABULARY ? INPUTS.tokens : INPUTS.bytes;
  const { parameters, states, newStates, logits } = buildForward(cell, sizes, name);
  const graph = buildGraph({ logits, ...newStates });
  return { graph, sizes, parameters: parameters.entries().map((e) => e.parameter), states: statesRead(graph, states) };
}

/** Trainable numbers of a model, frozen ones included. */
export function countParameters(parameters: readonly Parameter[]): number {
  return parameters.reduce((total, { shape }) => total + sizeOf(shape), 0);
}
