/** Runs for engines to train, cells that use what the gated cell does not, and the comparison of two trainings. */
import assert from "node:assert/strict";
import { type Cell, defineCell, Parameters } from "../../../cells/cell.ts";
import { maxOf } from "../../../cells/extremes.ts";
import { catalogConfig, CELL_NAMES, cellOf } from "../../../cells/catalog/catalog.ts";
import {
  add,
  div,
  embedding,
  exp,
  input,
  linear,
  log,
  mul,
  relu,
  sigmoid,
  softmaxCrossEntropy,
  sqrt,
  sub,
  tanh,
} from "../../../cells/graph/builder.ts";
import type { Tensor } from "../../../cells/graph/tensor.ts";
import {
  buildTrainingStep,
  completeTrainingStep,
  type ModelSizes,
  type TrainingStepOptions,
} from "../../../cells/language_model.ts";
import type { Engine, EngineRun, TensorMap, TrainingGroup } from "../../../train/engines/engine.ts";
import type { Tokens } from "../../../train/corpus/tokens/tokenizer.ts";
import { LISTED } from "../../cells/graph/elementwise_cases.ts";
import { gatedConfig } from "../../cells/catalog/golden_cases.ts";
import { drawnWeights } from "../../cells/models.ts";

/** The catalog's cells beside the gated one. */
export const CATALOG: readonly Cell[] = CELL_NAMES.filter((name) => name !== "gated")
  .map((name) => cellOf(catalogConfig(name, 1, 4)));

/** For each elementwise operation a cell that is made of it, in all shapes of operands: matrices, vectors, scalars, numbers. */
export const ELEMENTWISE_CELLS: readonly Cell[] = LISTED.map(({ op, record, positive, on }) =>
  defineCell({
    name: `elementwise ${op}`,
    states: ["h"],
    forward(layer, x, { h }) {
      const vector = layer.parameter("vector", [layer.state_size]), scalar = layer.parameter("scalar", [], 4);
      const n = layer.linear("state_nn", [x, mul(h, scalar)]);
      const aboveZero = (value: Tensor) => positive ? add(exp(value), 0.5) : value;
      const matrix = aboveZero(n), row = aboveZero(vector), number = aboveZero(scalar);
      const results = record.arity === 1 ? [on(matrix, 0), mul(matrix, on(row, 0)), mul(matrix, on(number, 0))] : [
        on(n, matrix),
        on(n, row),
        on(vector, matrix),
        on(n, number),
        on(scalar, matrix),
        on(0.7, matrix),
        on(n, 0.7),
      ];
      // Each counts differently, so that none cancels another; and within bounds, whatever the operation gives.
      const next = tanh(results.map((result, i) => mul(result, 0.3 / (i + 1))).reduce((a, b) => add(a, b)));
      return { output: next, states: { h: next } };
    },
  })
);

/** Elementwise operations among each other, with all shapes of operands: matrices, vectors, scalars, numbers on either side. */
export const arithmeticCell: Cell = defineCell({
  name: "arithmetic",
  states: ["h"],
  forward(layer, x, { h }) {
    const vector = layer.parameter("vector", [layer.state_size]), scalar = layer.parameter("scalar", [], 4);
    // a vector that is computed, not given, meets a matrix that is there from the start
    const n = layer.linear("state_nn", [x, mul(sigmoid(vector), h)]);
    const positive = add(exp(mul(vector, n)), 0.5);
    const ratio = div(sub(n, vector), sqrt(positive));
    const rectified = relu(add(sub(scalar, n), div(vector, positive)));
    const next = tanh(add(mul(log(positive), sigmoid(ratio)), sub(1, rectified)));
    return { output: add(next, div(1, positive)), states: { h: mul(next, exp(scalar)) } };
  },
});

/** States that only change their names: what is carried into `before` is the very memory that `h` overwrites. */
export const delayCell: Cell = defineCell({
  name: "delay",
  states: ["h", "before", "long_before"],
  forward(layer, x, { h, before, long_before }) {
    const n = tanh(layer.linear("state_nn", [x, h, before, long_before]));
    return { output: n, states: { h: n, before: h, long_before: before } };
  },
});

/** Two states that change places, one of them changed on the way. */
export const swapCell: Cell = defineCell({
  name: "swap",
  states: ["a", "b"],
  forward(layer, x, { a, b }) {
    const n = tanh(layer.linear("state_nn", [x, a]));
    return { output: n, states: { a: b, b: mul(add(a, n), 0.5) } };
  },
});

/** One tensor that is carried under two names, and a state that nobody reads. */
export const twinCell: Cell = defineCell({
  name: "twin",
  states: ["a", "b", "unread"],
  forward(layer, x, { a, b }) {
    const n = tanh(layer.linear("state_nn", [x, a, mul(a, b)]));
    return { output: n, states: { a: n, b: n, unread: n } };
  },
});

/**
 * States that no gradient reads, so that nothing but the forward pass keeps them from being overwritten: `a` and `b` by one
 * tensor, `c` at the very level at which `k` reads it.
 */
export const reservoirCell: Cell = defineCell({
  name: "reservoir",
  states: ["a", "b", "c", "k"],
  forward(layer, x, { a, b, c, k }) {
    const n = tanh(layer.linear("state_nn", [a, b]));
    const driven = add(mul(c, 0.5), layer.parameter("drive", [layer.state_size]));
    const output = tanh(layer.linear("output_nn", [x, k]));
    return { output, states: { a: n, b: n, c: driven, k: layer.linear("read_nn", [a, c]) } };
  },
});

/** A leaky state: all that its update does is cheap enough to be done again by whoever reads it. */
export const leakyCell: Cell = defineCell({
  name: "leaky",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = tanh(layer.linear("state_nn", [x, h]));
    const next = add(mul(h, 0.9), mul(n, 0.1));
    return { output: layer.linear("output_nn", [next, x]), states: { h: next } };
  },
});

/** A product that reads one input twice. */
export const repeatingCell: Cell = defineCell({
  name: "repeating",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = tanh(layer.linear("nn", [x, x, h]));
    return { output: n, states: { h: n } };
  },
});

/** Products with one derivative, of which one reads a part of what the other reads: parts of their gradients are one. */
export const projectingCell: Cell = defineCell({
  name: "projecting",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = tanh(add(layer.linear("a_nn", [x, h]), layer.linear("b_nn", [x])));
    return { output: n, states: { h: n } };
  },
});

/** Two weights that get the same gradient. */
export const doublingCell: Cell = defineCell({
  name: "doubling",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = tanh(add(layer.linear("a_nn", [x, h]), layer.linear("b_nn", [x, h])));
    return { output: n, states: { h: n } };
  },
});

/** A weight that two products read, beside a product whose gradient has a part that equals one of its own. */
export const sharingCell: Cell = defineCell({
  name: "sharing",
  states: ["h"],
  forward(layer, x, { h }) {
    const n = tanh(add(layer.linear("w_nn", [x]), layer.linear("a_nn", [x, h])));
    return { output: add(n, layer.linear("w_nn", [n])), states: { h: n } };
  },
});

/** A state that decays by a number of its own, which is learnt, and is updated by nothing but arithmetic. */
export const decayingCell: Cell = defineCell({
  name: "decaying",
  states: ["h"],
  forward(layer, x, { h }) {
    const decay = layer.parameter("decay", []);
    const n = tanh(layer.linear("nn", [x, h]));
    return { output: mul(n, decay), states: { h: add(mul(h, decay), mul(n, 0.1)) } };
  },
});

/** A state that follows another, which nothing else reads. */
export const tracingCell: Cell = defineCell({
  name: "tracing",
  states: ["h", "last", "trace"],
  forward(layer, x, { h, last, trace }) {
    const n = tanh(layer.linear("nn", [x, h]));
    return { output: n, states: { h: n, last: n, trace: add(mul(trace, 0.9), mul(last, 0.1)) } };
  },
});

/** Cells that a user might write, beside those of the catalog. */
export const UNUSUAL: readonly Cell[] = [
  ...ELEMENTWISE_CELLS,
  arithmeticCell,
  delayCell,
  swapCell,
  twinCell,
  reservoirCell,
  leakyCell,
  repeatingCell,
  projectingCell,
  doublingCell,
  sharingCell,
  decayingCell,
  tracingCell,
];

/** Cells whose gradient is to go back through several steps: all but those that differ in one elementwise operation. */
export const STEPS_BACK: readonly Cell[] = [
  ...CELL_NAMES.map((name) => name === "gated" ? cellOf(gatedConfig({})) : cellOf(catalogConfig(name, 1, 4))),
  ...UNUSUAL.filter((cell) => !ELEMENTWISE_CELLS.includes(cell)),
];

export const SMALL: ModelSizes = { n_layers: 2, state_size: 5, vocabulary: 7, batch: 3 };

export function runOf(cell: Cell, sizes: ModelSizes = SMALL, options: TrainingStepOptions = {}): EngineRun {
  const step = buildTrainingStep(cell, sizes, options);
  const tensors: TensorMap = drawnWeights(step.parameters);
  return { step, tensors, stepsDone: 0, learningRate: 0.02 };
}

/** A step that reads the token at its position and the next, with one embedding, and predicts one that is further ahead. */
export function readingAhead(ahead: number): EngineRun {
  const sizes = { ...SMALL, n_layers: 1 }, { batch, vocabulary, state_size: size } = sizes;
  const parameters = new Parameters();
  const product = (name: string, inputs: readonly Tensor[], out: number) => {
    const width = inputs.reduce((total, { shape }) => total + shape[1], 0);
    return linear(
      inputs,
      parameters.get(`${name}.weight`, [out, width], width),
      parameters.get(`${name}.bias`, [out], width),
    );
  };
  const embed = (name: string) =>
    embedding(
      input(name, [batch], "index"),
      parameters.get("input_embedding.weight", [size, vocabulary], vocabulary),
      parameters.get("input_embedding.bias", [size], vocabulary),
    );
  const n = tanh(product("state_nn", [embed("bytes"), embed("next"), input("h", [batch, size])], size));
  const loss = softmaxCrossEntropy(product("output_embedding", [n], vocabulary), input("targets", [batch], "index"));
  const reads = [{ name: "bytes", offset: 0 }, { name: "next", offset: 1 }, { name: "targets", offset: ahead }];
  const states = [{ name: "h", shape: [batch, size] }];
  const step = completeTrainingStep({ sizes, parameters, states, newStates: { h: n }, loss, reads }, {
    withGradients: true,
  });
  return { step, tensors: drawnWeights(step.parameters), stepsDone: 0, learningRate: 0.02 };
}

/** Tokens below the vocabulary, without a short period. */
export function textOf(length: number, vocabulary: number): Tokens {
  return new (vocabulary > 256 ? Uint16Array : Uint8Array)(length).map((_, i) =>
    (i * i + 3 * i + Math.floor(i / 5)) % vocabulary
  );
}

/** Where the rows of a run start; each run of a group starts elsewhere. */
export function offsetsOf(run: EngineRun, number: number): Uint32Array {
  return new Uint32Array(run.step.sizes.batch).map((_, row) => 3 * row + 11 * number);
}

export interface Trained {
  readonly losses: readonly number[];
  readonly tensors: TensorMap;
}

/**
 * Trains runs as one group: a pass per entry of `passes`, which says how many steps each has.
 *
 * @param first number of the first run: alone, it reads the same text as in the middle of a group
 */
export async function train(
  engine: Engine,
  runs: readonly EngineRun[],
  passes: readonly number[],
  first = 0,
): Promise<Trained[]> {
  const { batch, vocabulary } = runs[0].step.sizes, tokens = maxOf(runs.map(({ step }) => step.bptt));
  const text = textOf(3 * batch + 11 * (first + runs.length) + tokens * maxOf(passes), vocabulary);
  const group = await engine.open(runs, text);
  try {
    const losses: number[][] = runs.map(() => []);
    for (const steps of passes) {
      runs.forEach((run, i) => group.beginPass(i, offsetsOf(run, first + i)));
      (await group.advance(steps)).forEach((part, i) => losses[i].push(...part));
    }
    const tensors = await Promise.all(runs.map((_, i) => group.read(i)));
    return runs.map((_, i) => ({ losses: losses[i], tensors: tensors[i] }));
  } finally {
    await group.close();
  }
}

/**
 * Trains a run within one pass, in parts: each opens a group of its own, with what the part before has left.
 *
 * @param reopen false: one group does all parts, and is told before each where in the pass it is
 */
export async function trainInParts(
  engine: Engine,
  run: EngineRun,
  parts: readonly number[],
  { reopen = true, positions = parts.map((_, i) => run.step.bptt * parts.slice(0, i).reduce((a, b) => a + b, 0)) } = {},
): Promise<Trained> {
  const { batch, vocabulary } = run.step.sizes;
  const text = textOf(3 * batch + 11 + run.step.bptt * parts.reduce((a, b) => a + b), vocabulary);
  const losses: number[] = [];
  let { tensors, stepsDone } = run, group: TrainingGroup | undefined;
  for (const [i, count] of parts.entries()) {
    group ??= await engine.open([{ ...run, tensors, stepsDone }], text);
    try {
      group.beginPass(0, offsetsOf(run, 0), positions[i]);
      losses.push(...(await group.advance(count))[0]);
      tensors = await group.read(0);
      stepsDone += count;
    } finally {
      if (reopen || i === parts.length - 1) await group.close();
    }
    if (reopen) group = undefined;
  }
  return { losses, tensors };
}

/**
 * Largest difference that tensors of an engine in float32 may have after some steps of Adam. It divides by a gradient's size: where that is
 * near zero, rounding is a large part of a step.
 */
export const ADAM_TOLERANCE = 1e-3;

/** Largest differences of losses (relative) and of all tensors (to the tensor's largest entry); NaN counts as Infinity. */
export function differences(actual: Trained, expected: Trained): { losses: number; tensors: number } {
  const largest = (errors: number[]) => errors.reduce((a, b) => (b <= a ? a : Number.isNaN(b) ? Infinity : b), 0);
  const losses = expected.losses.map((loss, t) => Math.abs(actual.losses[t] - loss) / Math.abs(loss));
  const tensors = [...expected.tensors].map(([name, values]) => {
    const other = actual.tensors.get(name);
    if (!other || other.length !== values.length) return Infinity;
    const scale = Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
    return largest(Array.from(values, (x, i) => Math.abs(other[i] - x) / scale));
  });
  return { losses: largest(losses), tensors: largest(tensors) };
}

/**
 * Trains three runs as a group in which the second one's slot is first empty, then another's, and each of the four alone.
 *
 * @returns by run, what it became in the group and what it becomes alone; the second one ends early
 */
export async function trainWithReplacement(
  engine: Engine,
  runs: readonly EngineRun[],
): Promise<{ together: Trained[]; alone: Trained[] }> {
  const [first, second, third, next] = runs, { batch, vocabulary } = first.step.sizes;
  const text = textOf(3 * batch + 11 * runs.length + 20 * maxOf(runs.map(({ step }) => step.bptt)), vocabulary);
  const losses: number[][] = runs.map(() => []);
  // Which run stands in each slot; the last one comes when the others are within a pass.
  const slots: (number | undefined)[] = [0, 1, 2];
  const group = await engine.open([first, second, third], text);
  const advance = async (count: number) => {
    for (const [slot, values] of (await group.advance(count)).entries()) {
      const run = slots[slot];
      if (run === undefined) assert.equal(values.length, 0, "an empty slot has no losses");
      else losses[run].push(...values);
    }
  };
  try {
    for (const slot of [0, 1, 2]) group.beginPass(slot, offsetsOf(runs[slot], slot));
    await advance(3);
    const tensors: TensorMap[] = [];
    tensors[1] = await group.read(1);
    assert.equal(await group.replace(1), true);
    slots[1] = undefined;
    await assert.rejects(group.read(1), RangeError);
    await advance(2);
    assert.equal(await group.replace(1, next), true);
    slots[1] = 3;
    group.beginPass(1, offsetsOf(next, 3));
    // A pass of one run begins while the others are within theirs.
    await advance(4);
    group.beginPass(0, offsetsOf(first, 0));
    await advance(2);
    for (const [slot, run] of [[0, 0], [2, 2], [1, 3]]) tensors[run] = await group.read(slot);
    const alone = [
      ...await train(engine, [first], [9, 2], 0),
      ...await train(engine, [second], [3], 1),
      ...await train(engine, [third], [11], 2),
      ...await train(engine, [next], [6], 3),
    ];
    return { together: runs.map((_, i) => ({ losses: losses[i], tensors: tensors[i] })), alone };
  } finally {
    await group.close();
  }
}
