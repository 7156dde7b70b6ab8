/** The truncation gap against answers by hand, and against a pass that is walked as training walks it. */
import assert from "node:assert/strict";
import { gruCell, lstmCell, minGruCell } from "../../../cells/catalog/catalog.ts";
import { gatedCell } from "../../../cells/catalog/gated_cell.ts";
import { type Cell, defineCell } from "../../../cells/cell.ts";
import { mul, tanh } from "../../../cells/graph/builder.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { buildTrainingStep, evaluationModel, gradientName, INPUTS } from "../../../cells/language_model.ts";
import { momentName } from "../../../cells/optimizer.ts";
import type { GradientAgreement } from "../../../train/dynamics/agreement.ts";
import { cutStreams, firstTokens } from "../../../train/dynamics/streams.ts";
import { visitedStates } from "../../../train/dynamics/walk.ts";
import { gapOf, truncationGap, type TruncationGapOptions } from "../../../train/dynamics/truncation_gap.ts";
import { checkModel, type WeightedModel } from "../../../train/dynamics/weighted_model.ts";
import { gatedConfig } from "../../cells/catalog/golden_cases.ts";
import { drawnWeights } from "../../cells/models.ts";
import { SCALAR_SIZES, SCALAR_WEIGHTS, scalarCell } from "../../cells/scalar_recurrence.ts";

const SIZES = { n_layers: 2, state_size: 3, vocabulary: 5 };
/** Tokens without a pattern. */
const TEXT = Uint8Array.from({ length: 600 }, (_, i) => (i * i + 3 * i + (i >> 3)) % 5);
const CUT = { streams: 3, tokens: 24, warm_up: 7 };

/** Weights three times as large as fresh ones, so that states and gradients reach far enough to tell. */
function modelOf(cell: Cell, sizes = SIZES): WeightedModel {
  const { parameters } = evaluationModel(cell, sizes);
  const weights = [...drawnWeights(parameters)].map(([name, values]) => [name, values.map((x) => 3 * x)] as const);
  return { cell, sizes, weights: new Map(weights) };
}

const near = (found: number | null, wanted: number | null, what: string, limit = 1e-11) =>
  assert.ok(
    found === wanted ||
      (found !== null && wanted !== null && Math.abs(found - wanted) <= limit * Math.max(1, Math.abs(wanted))),
    `${what} is ${found}, must be ${wanted}`,
  );

Deno.test("truncationGap() gives exactly 1, without an error, when one step is compared with one", async () => {
  const { gaps: [gap], untrained_at_1 } = await truncationGap(modelOf(gruCell), TEXT, { ...CUT, bptt: [1] });
  const one = { cosine: 1, ratio: 1, cosine_standard_error: 0, ratio_standard_error: 0 };
  assert.equal(gap.bptt, 1);
  assert.deepEqual(gap.whole, one);
  assert.deepEqual([...new Set(Object.values(gap.weights).map((each) => JSON.stringify(each)))], [JSON.stringify(one)]);
  assert.deepEqual(untrained_at_1, []);
});

/** Its state is carried, and read by nothing. */
const feedForward = defineCell({
  name: "feed_forward",
  states: ["h"],
  forward(layer, x) {
    const y = tanh(layer.linear("state_nn", [x]));
    return { output: y, states: { h: y } };
  },
});

Deno.test("truncationGap() gives 1 for all steps when the cell has no memory", async () => {
  const { gaps } = await truncationGap(modelOf(feedForward), TEXT, { ...CUT, bptt: [2, 3, 8, 24] });
  for (const { bptt, whole, weights } of gaps) {
    for (const [name, { cosine, ratio }] of Object.entries({ whole, ...weights })) {
      near(cosine, 1, `cosine of ${name} at ${bptt}`, 1e-13);
      near(ratio, 1, `ratio of ${name} at ${bptt}`, 1e-13);
    }
  }
});

Deno.test("truncationGap() gives the known ratio when a scalar recurrence rests in its fixed point", async () => {
  // One token alone: h* = b·x/(1 − a), and δ = ∂l/∂h is the same at each token. By a: ∂h_t/∂a = h*·(1 + a + … + a^(t−1)), whose mean over a
  // chunk is h*/k · Σ_t (1 − a^t)/(1 − a); through one step it is h*. The same sums stand with x for b, and with b for what is below.
  const [a] = SCALAR_WEIGHTS["layers.0.a"], steps = [1, 2, 8, 32];
  const weights = new Map(Object.entries(SCALAR_WEIGHTS).map(([name, values]) => [name, Float64Array.from(values)]));
  const model = { cell: scalarCell, sizes: SCALAR_SIZES, weights }, text = new Uint8Array(2 * (300 + 32) + 1).fill(2);
  const { gaps } = await truncationGap(model, text, { streams: 2, tokens: 32, warm_up: 300, bptt: steps });
  for (const [i, { bptt, weights }] of gaps.entries()) {
    let reached = 0;
    for (let t = 1; t <= steps[i]; t++) reached += (1 - a ** t) / (1 - a) / steps[i];
    assert.equal(bptt, steps[i]);
    for (const name of ["layers.0.a", "layers.0.b", "input_embedding.weight", "input_embedding.bias"]) {
      near(weights[name].cosine, 1, `cosine of ${name} at ${bptt}`);
      near(weights[name].ratio, 1 / reached, `ratio of ${name} at ${bptt}`);
      near(weights[name].ratio_standard_error, 0, `standard error of ${name} at ${bptt}`);
    }
    near(weights["output_embedding.weight"].ratio, 1, `ratio of the output embedding at ${bptt}`);
  }
});

type Gradients = Map<string, Float64Array>;

/**
 * The mean gradient of a stream, as training walks it: one row, chunk after chunk, the state carried from one to the next; weights stay.
 * Every weight is there, with zeros where it has no gradient.
 */
function walkedGradients(
  { cell, weights }: WeightedModel,
  from: number,
  bptt: number,
  { tokens, warm_up }: typeof CUT,
) {
  const prepare = (k: number) => {
    const step = buildTrainingStep(cell, { ...SIZES, batch: 1 }, { bptt: k, withGradients: true });
    const feeds = new Map<string, ArrayLike<number>>(weights);
    for (const name of step.trained) {
      for (const moment of step.optimizer.moments) {
        feeds.set(momentName(moment, name), new Float64Array(weights.get(name)!.length));
      }
    }
    for (const name of step.optimizer.scalarNames) feeds.set(name, [1]);
    return { step, feeds };
  };
  const prepared = new Map([1, bptt].map((k) => [k, prepare(k)]));
  const states = new Map<string, ArrayLike<number>>();
  const gradients: Gradients = new Map([...weights].map(([name, { length }]) => [name, new Float64Array(length)]));
  const advance = (k: number, at: number) => {
    const { step, feeds } = prepared.get(k)!;
    for (const { name, shape } of step.states) feeds.set(name, states.get(name) ?? new Float64Array(sizeOf(shape)));
    feeds.set(INPUTS.bytes, TEXT.slice(at, at + k)).set(INPUTS.targets, TEXT.slice(at + 1, at + k + 1));
    const results = interpret(step.graph, feeds);
    for (const { name } of step.states) states.set(name, results.get(name)!);
    return results;
  };
  for (let t = 0; t < warm_up; t++) advance(1, from + t);
  for (let t = 0; t < tokens; t += bptt) {
    const results = advance(bptt, from + warm_up + t);
    for (const [name, sum] of gradients) {
      results.get(gradientName(name))?.forEach((value, i) => sum[i] += value * bptt / tokens);
    }
  }
  return gradients;
}

/** Mean over streams, as one list of numbers. */
function meanOf(streams: readonly Gradients[], names: readonly string[]): number[] {
  return names.flatMap((name) =>
    [...streams[0].get(name)!].map((_, i) =>
      streams.reduce((sum, each) => sum + each.get(name)![i], 0) / streams.length
    )
  );
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** The agreement by its definition, and its standard error from each stream left out in turn. */
function agreementByHand(first: readonly Gradients[], second: readonly Gradients[], names: readonly string[]) {
  const value = (keep: (i: number) => boolean) => {
    const [a, b] = [first, second].map((streams) => meanOf(streams.filter((_, i) => keep(i)), names));
    const [one, several] = [Math.sqrt(dot(a, a)), Math.sqrt(dot(b, b))];
    return { cosine: one && several ? dot(a, b) / (one * several) : null, ratio: several ? one / several : null };
  };
  const count = first.length, without = first.map((_, left) => value((i) => i !== left));
  const error = (key: "cosine" | "ratio") => {
    const values = without.map((each) => each[key]);
    if (values.includes(null)) return null;
    const mean = values.reduce((sum: number, x) => sum + x!, 0) / count;
    return Math.sqrt((count - 1) / count * values.reduce((sum: number, x) => sum + (x! - mean) ** 2, 0));
  };
  return { ...value(() => true), cosine_standard_error: error("cosine"), ratio_standard_error: error("ratio") };
}

const CELLS: readonly (readonly [what: string, cell: Cell])[] = [
  ["gated, with every switch on", gatedCell(gatedConfig({}))],
  ["gated, without the new state", gatedCell(gatedConfig({ use_new_state: false }))],
  ["a GRU", gruCell],
  ["an LSTM", lstmCell],
  ["a minGRU", minGruCell],
];
/** Small ones, and one whose chunks are too many to be read at once. */
const CUTS: readonly (typeof CUT)[] = [CUT, { streams: 2, tokens: 12, warm_up: 0 }];
const WALKS = [
  ...CELLS.flatMap(([what, cell]) => CUTS.map((cut) => ({ what, cell, cut }))),
  { what: "a GRU", cell: gruCell, cut: { streams: 2, tokens: 276, warm_up: 2 } },
];

for (const { what, cell, cut } of WALKS) {
  Deno.test(`truncationGap() equals a walk through ${cut.streams} streams of ${cut.warm_up} + ${cut.tokens} tokens when the cell is ${what}`, async () => {
    const model = modelOf(cell), bptt = [2, 4, 12];
    const { gaps } = await truncationGap(model, TEXT, { ...cut, bptt });
    const length = Math.floor((TEXT.length - 1) / cut.streams);
    const streamsOf = (k: number) =>
      Array.from({ length: cut.streams }, (_, s) => walkedGradients(model, s * length, k, cut));
    const first = streamsOf(1), names = [...model.weights.keys()].sort();
    for (const [i, k] of bptt.entries()) {
      const { whole, weights } = gaps[i], second = streamsOf(k);
      assert.deepEqual(Object.keys(weights), names);
      const compare = (found: GradientAgreement, of: readonly string[], name: string) => {
        const wanted = agreementByHand(first, second, of);
        for (const key of Object.keys(wanted) as (keyof GradientAgreement)[]) {
          near(found[key], wanted[key], `${key} of ${name} at ${k}`, 1e-9);
        }
      };
      compare(whole, names, "the whole");
      for (const name of names) compare(weights[name], [name], name);
      // Else nothing was shown: the two gradients differ.
      assert.ok(whole.cosine! < 0.9999 && whole.cosine_standard_error! > 0, `${whole.cosine} at ${k}`);
    }
  });
}

Deno.test("truncationGap() names the weights that get no gradient through one step", async () => {
  const model = modelOf(gatedCell(gatedConfig({ use_new_state: false }))), bptt = [1, 2];
  const { gaps: [one, two], untrained_at_1 } = await truncationGap(model, TEXT, { ...CUT, bptt });
  const name = "layers.0.state_nn.weight", nothing = { cosine: null, cosine_standard_error: null };
  assert.ok(untrained_at_1.includes(name), untrained_at_1.join());
  assert.ok(!untrained_at_1.includes("output_embedding.weight"), untrained_at_1.join());
  assert.deepEqual(one.weights[name], { ...nothing, ratio: null, ratio_standard_error: null });
  assert.deepEqual(two.weights[name], { ...nothing, ratio: 0, ratio_standard_error: 0 });
  assert.ok(two.whole.ratio! > 0);
});

Deno.test("truncationGap() gives no standard error when there is one stream", async () => {
  const { gaps: [{ whole }] } = await truncationGap(modelOf(gruCell), TEXT, { ...CUT, streams: 1, bptt: [4] });
  assert.ok(whole.cosine! < 1);
  assert.deepEqual([whole.cosine_standard_error, whole.ratio_standard_error], [null, null]);
});

Deno.test("truncationGap() gives the mean loss, what it has read, and gaps in the order that was asked for", async () => {
  const model = modelOf(lstmCell),
    { gaps, loss, ...read } = await truncationGap(model, TEXT, { ...CUT, bptt: [8, 2, 4] });
  assert.deepEqual(gaps.map(({ bptt }) => bptt), [8, 2, 4]);
  assert.deepEqual(read, { ...CUT, untrained_at_1: [] });
  const zero = await truncationGap(
    { ...model, weights: new Map([...model.weights].map(([name, values]) => [name, values.map(() => 0)])) },
    TEXT,
    { ...CUT, bptt: [2] },
  );
  near(zero.loss, Math.log(SIZES.vocabulary), "loss without weights");
  assert.ok(loss !== zero.loss);
});

Deno.test("truncationGap() tells how far it is, and stops when it is told to", async () => {
  const told: number[][] = [], aborted = new AbortController(), bptt = [2, 4];
  const onProgress = (...progress: number[]) => void told.push(progress);
  await truncationGap(modelOf(gruCell), TEXT, { ...CUT, bptt, onProgress });
  assert.deepEqual(told, Array.from({ length: 9 }, (_, i) => [i + 1, 9]));
  told.length = 0;
  const stop = (...progress: number[]) => told.push(progress) === 4 && aborted.abort(new Error("enough"));
  const stopped = truncationGap(modelOf(gruCell), TEXT, { ...CUT, bptt, onProgress: stop, signal: aborted.signal });
  await assert.rejects(stopped, { message: "enough" });
  assert.equal(told.length, 4);
});

/** A cell whose output is zero, and whose gradient is not finite. */
const steepCell = defineCell({
  name: "steep",
  states: ["h"],
  forward(layer, x, { h }) {
    const zero = mul(layer.linear("zero_nn", [x, h]), 0);
    return { output: mul(mul(zero, 1e200), 1e200), states: { h: zero } };
  },
});

const MEASURE = "Cannot measure the truncation gap: ";
const BAD_OPTIONS: readonly (readonly [what: string, options: TruncationGapOptions, message: string])[] = [
  ["no number of steps", { bptt: [] }, "bptt is empty, must have a number of steps"],
  ["zero steps", { bptt: [2, 0] }, "bptt is 0, must be a whole number from 1 to 64"],
  ["too many steps", { bptt: [65] }, "bptt is 65, must be a whole number from 1 to 64"],
  ["half a step", { bptt: [1.5] }, "bptt is 1.5, must be a whole number from 1 to 64"],
  ["the same steps twice", { bptt: [2, 4, 2] }, "bptt has 2 twice, must have it once"],
  ["steps that leave tokens over", { bptt: [2, 5] }, "tokens is 24, must be a multiple of 5 steps"],
  ["no stream", { streams: 0 }, "streams is 0, must be a whole number of at least 1, and below 2^53"],
  ["no token", { tokens: 0 }, "tokens is 0, must be a whole number of at least 1, and below 2^53"],
  ["a warm-up below zero", { warm_up: -1 }, "warm_up is -1, must be a whole number of at least 0, and below 2^53"],
  [
    "more than the text has",
    { streams: 4, tokens: 146, warm_up: 4, bptt: [2] },
    "the text has 600 tokens, must have at least 601 for 4 streams of 4 + 146",
  ],
];
for (const [what, options, message] of BAD_OPTIONS) {
  Deno.test(`truncationGap() refuses ${what}`, async () => {
    const measured = truncationGap(modelOf(gruCell), TEXT, { ...CUT, bptt: [2], ...options });
    await assert.rejects(measured, { name: "RangeError", message: MEASURE + message });
  });
}

Deno.test("truncationGap() reads a text to its last token", async () => {
  const text = TEXT.slice(0, 4 * 100 + 1), more = { streams: 3, tokens: 120, warm_up: 13, bptt: [2] };
  assert.ok((await truncationGap(modelOf(gruCell), text, more)).loss > 0);
});

Deno.test("gapOf() gives the same when streams were walked through before, and further", async () => {
  const model = modelOf(gruCell), checked = checkModel(model, "test"), streams = cutStreams(TEXT, CUT, checked, "test");
  const walked = { streams, states: await visitedStates(checked, streams, "test") };
  const found = await gapOf(checked, firstTokens(walked, 12), { bptt: [4] });
  assert.deepEqual(found, await truncationGap(model, TEXT, { ...CUT, tokens: 12, bptt: [4] }));
});

const changed = (change: (weights: Map<string, Float32Array | Float64Array>) => unknown): WeightedModel => {
  const model = modelOf(gruCell), weights = new Map(model.weights);
  change(weights);
  return { ...model, weights };
};
const BAD_MODELS:
  readonly (readonly [what: string, model: WeightedModel, text: Uint8Array, name: string, message: string])[] = [
    [
      "a model without one of its weights",
      changed((weights) => weights.delete("layers.1.state_nn.bias")),
      TEXT,
      "UserError",
      "'layers.1.state_nn.bias' is missing",
    ],
    [
      "a weight of another size",
      changed((weights) => weights.set("layers.1.state_nn.bias", new Float64Array(2))),
      TEXT,
      "UserError",
      "'layers.1.state_nn.bias' has 2 elements, its shape [3] needs 3",
    ],
    [
      "a weight that is not finite",
      changed((weights) => weights.set("output_embedding.bias", Float64Array.of(0, NaN, 0, 0, 0))),
      TEXT,
      "UserError",
      "'output_embedding.bias' is NaN at element 1, must be finite",
    ],
    [
      "a model whose loss is not finite",
      changed((weights) => weights.set("output_embedding.bias", new Float64Array(5).fill(1e308).with(1, -1e308))),
      TEXT,
      "UserError",
      "the loss is Infinity, must be finite",
    ],
    [
      "a model whose gradient is not finite",
      modelOf(steepCell),
      TEXT,
      "UserError",
      "the gradient of 'input_embedding.bias' is NaN at element 0, must be finite",
    ],
    [
      "a token that the model has not",
      modelOf(gruCell),
      TEXT.with(100, 9),
      "RangeError",
      "token 100 of the text is 9, must be below the vocabulary, 5",
    ],
  ];
for (const [what, model, text, name, message] of BAD_MODELS) {
  Deno.test(`truncationGap() refuses ${what}`, async () => {
    await assert.rejects(truncationGap(model, text, { ...CUT, bptt: [2] }), { name, message: MEASURE + message });
  });
}
