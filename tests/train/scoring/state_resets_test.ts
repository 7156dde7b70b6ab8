/** The loss increase under state resets: against the interpreter, for a cell that carries nothing, and for made-up losses. */
import assert from "node:assert/strict";
import { type Cell, defineCell } from "../../../cells/cell.ts";
import { cellOf } from "../../../cells/catalog/catalog.ts";
import { tanh } from "../../../cells/graph/builder.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { evaluationModel } from "../../../cells/language_model.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { generateEmbedded } from "../../../train/corpus/embedded.ts";
import { ngramBaselines } from "../../../train/corpus/ngrams/baselines.ts";
import { initialWeights } from "../../../train/corpus/random.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { evaluateModel } from "../../../train/scoring/evaluate.ts";
import { exportCell, exportModel } from "../../../train/scoring/export_model.ts";
import { memoryCurve, rangeOf, RESETS, scoreWindows, type WindowScores } from "../../../train/scoring/state_resets.ts";
import { ScoringModel } from "../../../train/scoring/scoring_model.ts";
import { trainCell } from "../../../train/training/trainer.ts";

const config = { ...SMALL_CONFIG, state_size: 6 };
const { text } = generateEmbedded(1, 700);

/** Weights that make much of the state: as drawn, they hardly do. */
function forgetfulWeights() {
  const weights = initialWeights(evaluationModel(cellOf(config), config).parameters, 0);
  return new Map([...weights].map(([name, values]) => [name, values.map((x) => 4 * x)]));
}

/** Bits per byte on the float64 interpreter, with the state set to zero every so many bytes. */
function referenceBits(weights: Map<string, Float32Array>, every: number): number {
  const { graph, states } = evaluationModel(cellOf(config), config);
  const feeds = new Map<string, ArrayLike<number>>(weights);
  let nats = 0;
  for (let t = 0; t + 1 < text.length; t++) {
    if (t % every === 0) {
      for (const { name, shape } of states) feeds.set(name, new Float64Array(shape[0] * shape[1]));
    }
    const outputs = interpret(graph, feeds.set("bytes", [text[t]]));
    for (const { name } of states) feeds.set(name, outputs.get(name)!);
    const logits = Array.from(outputs.get("logits")!), peak = Math.max(...logits);
    nats += peak + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - peak), 0)) - logits[text[t + 1]];
  }
  return nats / (text.length - 1) / Math.LN2;
}

Deno.test("evaluateModel() scores with resets as the interpreter does, each byte once for each of them", async () => {
  const weights = forgetfulWeights();
  const { memory, bits_per_byte } = await evaluateModel(exportModel(config, weights), text, 1, undefined, {
    memory: true,
  });
  assert.equal(memory!.bytes, 699);
  assert.ok(Math.abs(memory!.carried - bits_per_byte) < 1e-6);
  assert.ok(Math.abs(memory!.carried - referenceBits(weights, Infinity)) < 1e-5);
  assert.deepEqual(memory!.reset.map(({ every }) => every), [...RESETS]);
  for (const { every, bits_per_byte } of memory!.reset) {
    const expected = referenceBits(weights, every);
    assert.ok(Math.abs(bits_per_byte - expected) < 1e-5, `every ${every}: ${bits_per_byte}, must be ${expected}`);
  }
  assert.ok(Math.abs(memory!.gain - (referenceBits(weights, 1) - referenceBits(weights, Infinity))) < 1e-5);
  assert.ok(Math.abs(memory!.gain) > 0.01, "a reset makes no difference here");
});

Deno.test("evaluateModel() gives the same curve whatever the number of workers", async () => {
  const model = exportModel(config, forgetfulWeights()), cut = { streams: 5, warm_up: 20 };
  const alone = await evaluateModel(model, text, 1, cut, { memory: true });
  assert.deepEqual(await evaluateModel(model, text, 3, cut, { memory: true }), alone);
});

/** Each window by itself, from a zero state, in two rows alike: a lone row is multiplied in another order. */
async function windowsAlone(model: ScoringModel, tokens: Uint8Array, count: number): Promise<WindowScores> {
  const scores = RESETS.map((every) => new Float64Array(Math.ceil(count / every))), reader = model.reader(2);
  for (let start = 0; start < count; start++) {
    const length = RESETS.findLast((every) => start % every === 0)!;
    reader.reset();
    for (let t = 0, sum = 0; t < length; t++) {
      const [read, following] = [start + t, start + t + 1].map((at) => tokens[at] ?? 0);
      const [nll] = await reader.nll(Int32Array.of(read, read, following, following), 1);
      if (start + t < count) sum += nll;
      const level = RESETS.findIndex((every) => every === t + 1);
      if (level >= 0) scores[level][start / RESETS[level]] = sum;
    }
  }
  return scores;
}

Deno.test("scoreWindows() gives each window the bits that it has by itself, however many rows are read at once", async () => {
  const model = await ScoringModel.open(exportModel(config, forgetfulWeights()));
  try {
    // Some beginnings often, as in a text, and some windows that the text cuts off.
    const tokens = text.subarray(0, 300), count = tokens.length - 1;
    const alone = await windowsAlone(model, tokens, count);
    for (const rows of [2, 7, 256]) {
      const found = await scoreWindows(model, tokens, count, { first: 0, end: count }, rows);
      assert.deepEqual(found, alone, `${rows} rows`);
    }
  } finally {
    await model.close();
  }
});

/** Reads its byte and nothing else. */
const feedForward = defineCell({
  name: "feed_forward",
  states: ["h"],
  forward(layer, x) {
    const n = tanh(layer.linear("state_nn", [x]));
    return { output: n, states: { h: n } };
  },
});

Deno.test("a cell that carries nothing loses nothing under resets and needs no context", async () => {
  const sizes = { n_layers: 2, state_size: 6 };
  const weights = initialWeights(evaluationModel(feedForward, sizes).parameters, 0);
  const { memory } = await evaluateModel(exportCell(feedForward, sizes, weights), text, 2, undefined, { memory: true });
  assert.ok(Math.abs(memory!.gain) < 1e-6, `it loses ${memory!.gain} bits per byte`);
  assert.equal(memory!.context, 0);
});

Deno.test("a trained cell that carries nothing comes near the order-1 baseline and does not beat it, one that carries something does", async () => {
  const all = generateEmbedded(1, 200_000).text, train = all.subarray(0, 180_000), test = all.subarray(180_000);
  const baselines = await ngramBaselines(train, test);
  const settings = { steps: 3000, batch: 64, history: 501, log_every: 500 }, sizes = { n_layers: 1, state_size: 32 };
  const lossOf = async (cell: Cell) => {
    const { weights } = await trainCell(await openOnnxEngine(1), cell, { ...sizes, seed: 0 }, settings, train);
    return (await evaluateModel(exportCell(cell, sizes, weights), test)).nats;
  };
  // The baseline is measured on 20,000 bytes, of which the model could be luckier by a few standard errors of the difference.
  const without = await lossOf(feedForward), baseline = baselines[1].nats;
  assert.ok(without > baseline - 0.01 && without < baseline + 0.15, `${without} nats, the baseline is ${baseline}`);
  assert.ok(await lossOf(cellOf(config)) < baseline - 0.1, "a cell with memory is no better");
});

/** Windows over so many bytes, of a model that loses so many nats at the `n`th byte since a reset. */
function madeUp(bytes: number, loss: (read: number) => number): WindowScores {
  const firstOf = (length: number) => Array.from({ length }, (_, i) => loss(i + 1)).reduce((a, b) => a + b, 0);
  return RESETS.map((every) =>
    new Float64Array(Math.ceil(bytes / every)).map((_, i) => firstOf(Math.min(every, bytes - i * every)))
  );
}

Deno.test("memoryCurve() tells after how many bytes more do not help", () => {
  const contextOf = (needed: number) =>
    memoryCurve([madeUp(1000, (read) => read < needed ? 3 : 1)], new Float32Array(1000).fill(1)).context;
  assert.deepEqual([1, 2, 3, 4, 8, 9, 128].map(contextOf), [0, 1, 2, 4, 8, 8, 128]);
  assert.equal(contextOf(500), null);
  const { gain, carried } = memoryCurve([madeUp(1000, (read) => read < 5 ? 3 : 1)], new Float32Array(1000).fill(1));
  assert.ok(Math.abs(gain - 2 / Math.LN2) < 1e-9 && Math.abs(carried - 1 / Math.LN2) < 1e-9);
});

Deno.test("rangeOf() gives each worker whole windows, and all of the text to all of them", () => {
  for (const [bytes, workers] of [[700, 1], [700, 2], [700, 3], [100, 4], [32_768, 7]]) {
    const ranges = Array.from({ length: workers }, (_, i) => rangeOf(bytes, i, workers));
    assert.equal(ranges[0].first, 0);
    assert.equal(ranges.at(-1)!.end, bytes);
    ranges.slice(1).forEach(({ first }, i) => assert.equal(first, ranges[i].end));
    for (const { end } of ranges) assert.ok(end % 256 === 0 || end === bytes);
  }
});
