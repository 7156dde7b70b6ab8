import assert from "node:assert/strict";
import { promptly } from "../../../train/process/promptly.ts";
import { configId } from "../../../cells/config.ts";
import { catalogConfig, CELL_NAMES, cellOf } from "../../../cells/catalog/catalog.ts";
import { interpret } from "../../../cells/graph/interpreter.ts";
import { BYTE_VOCABULARY, evaluationModel } from "../../../cells/language_model.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { generateEmbedded } from "../../../train/corpus/embedded.ts";
import { initialWeights } from "../../../train/corpus/random.ts";
import { BytePairTokenizer, type Tokens } from "../../../train/corpus/tokens/tokenizer.ts";
import { openOnnxEngine } from "../../../train/engines/onnx/engine.ts";
import { decodeModel } from "../../../train/engines/onnx/proto.ts";
import { cutFor, evaluateModel } from "../../../train/scoring/evaluate.ts";
import { exportModel } from "../../../train/scoring/export_model.ts";
import { scoreTexts } from "../../../train/scoring/score.ts";
import { VALIDATION_BYTES, validationPart } from "../../../train/scoring/validation.ts";
import type { Corpus } from "../../../train/corpus/corpus.ts";
import { TokenizedCorpus } from "../../../train/corpus/tokens/tokenized.ts";
import { LoadedModel } from "../../../train/scoring/model.ts";
import { ScoringModel } from "../../../train/scoring/scoring_model.ts";
import { trainCell } from "../../../train/training/trainer.ts";
import type { CellConfig } from "../../../cells/config.ts";

/** Logits of one row, token after token, on the float64 interpreter. */
function* referenceLogits(
  config: CellConfig,
  weights: Map<string, Float32Array>,
  text: Tokens,
  vocabulary: number = BYTE_VOCABULARY,
) {
  const model = evaluationModel(cellOf(config), { ...config, vocabulary });
  const input = vocabulary > BYTE_VOCABULARY ? "tokens" : "bytes";
  const feeds = new Map<string, ArrayLike<number>>(weights);
  for (const { name, shape } of model.states) feeds.set(name, new Float64Array(shape[0] * shape[1]));
  for (const token of text) {
    const outputs = interpret(model.graph, feeds.set(input, [token]));
    for (const { name } of model.states) feeds.set(name, outputs.get(name)!);
    yield outputs.get("logits")!;
  }
}

function setUp(config: CellConfig, bytes: number) {
  const weights = initialWeights(evaluationModel(cellOf(config), config).parameters, 0);
  return { weights, text: generateEmbedded(1, bytes).text, model: exportModel(config, weights, { corpus: "test" }) };
}

Deno.test("evaluateModel() gives a score up soon after its signal, and the next one is right", async () => {
  const { model, text } = setUp(SMALL_CONFIG, 2000), whole = await evaluateModel(model, text);
  // Left to itself this would take minutes.
  const endless = new Uint8Array(20_000_000), controller = new AbortController();
  const given = evaluateModel(model, endless, 2, cutFor(endless.length), { signal: controller.signal });
  setTimeout(() => controller.abort(), 300);
  await assert.rejects(given, { name: "AbortError" });
  await assert.rejects(evaluateModel(model, endless, 1, cutFor(endless.length), { signal: controller.signal }), {
    name: "AbortError",
  });
  assert.deepEqual(await evaluateModel(model, text, 2), whole);
});

Deno.test("promptly() does not wait for work that goes on behind a signal, nor hears of it", async () => {
  const controller = new AbortController(), { promise, reject } = Promise.withResolvers<never>();
  const given = promptly(promise, controller.signal);
  controller.abort();
  await assert.rejects(given, { name: "AbortError" });
  reject(new Error("it ends later"));
  await assert.rejects(promptly(new Promise(() => {}), controller.signal), { name: "AbortError" });
  const { signal } = new AbortController();
  assert.equal(await promptly(Promise.resolve(3), signal), 3);
  await assert.rejects(promptly(Promise.reject(new Error("own")), signal), { message: "own" });
});

for (const cell of CELL_NAMES) {
  Deno.test(`exportModel() of cell ${cell} gives the logits of the reference within 1e-5, with carried states`, async () => {
    const config = cell === "gated" ? { ...SMALL_CONFIG, n_layers: 2, state_size: 12 } : catalogConfig(cell, 2, 12);
    const { weights, text, model } = setUp(config, 30);
    const loaded = await LoadedModel.open(model);
    let furthest = 0, t = 0;
    for (const expected of referenceLogits(config, weights, text)) {
      const logits = await loaded.step(text[t++]);
      assert.equal(logits.length, 256);
      furthest = Math.max(furthest, ...expected.map((x, i) => Math.abs(x - logits[i])));
    }
    await loaded.close();
    assert.ok(furthest < 1e-5, `they differ by ${furthest}`);
  });
}

Deno.test("exportModel() names inputs and outputs as documented, and says what it is of", () => {
  const { model } = setUp(SMALL_CONFIG, 10);
  const { graph, metadata_props, opset_import } = decodeModel(model);
  const dims = (i: (typeof graph.input)[number]) =>
    i.type.tensor_type.shape.dim.map((d) => "dim_param" in d ? d.dim_param : d.dim_value);
  assert.deepEqual(graph.input.map((i) => [i.name, ...dims(i)]), [["bytes", "batch"], ["layers.0.h", "batch", 32]]);
  assert.deepEqual(graph.output.map((o) => [o.name, ...dims(o)]), [["logits", "batch", 256], [
    "layers.0.h.next",
    "batch",
    32,
  ]]);
  assert.deepEqual(opset_import.map(({ version }) => version), [17]);
  const metadata = Object.fromEntries(metadata_props.map(({ key, value }) => [key, value]));
  assert.equal(metadata.id, configId(SMALL_CONFIG));
  assert.equal(metadata.corpus, "test");
  assert.equal(JSON.parse(metadata.config).state_size, 32);
});

Deno.test("evaluateModel() in one stream is the mean negative log-likelihood of the reference, each byte but the first once", async () => {
  const { weights, text, model } = setUp({ ...SMALL_CONFIG, state_size: 8 }, 200);
  let total = 0, t = 0;
  for (const logits of referenceLogits({ ...SMALL_CONFIG, state_size: 8 }, weights, text.subarray(0, -1))) {
    const peak = Math.max(...logits);
    total += peak + Math.log(logits.reduce((a, x) => a + Math.exp(x - peak), 0)) - logits[text[++t]];
  }
  const score = await evaluateModel(model, text, 1, { streams: 1, warm_up: 0 });
  assert.equal(score.bytes, 199);
  assert.ok(Math.abs(score.nats - total / 199) < 1e-5, `${score.nats} against ${total / 199}`);
  assert.ok(Math.abs(score.bits_per_byte - score.nats / Math.LN2) < 1e-12);
});

Deno.test("evaluateModel() scores tokens in nats per token, and in bits per byte of all that they stand for", async () => {
  const { text } = generateEmbedded(1, 3000), tokenizer = BytePairTokenizer.learn(text, 320);
  const config = { ...SMALL_CONFIG, state_size: 8 }, vocabulary = tokenizer.vocabulary;
  const weights = initialWeights(evaluationModel(cellOf(config), { ...config, vocabulary }).parameters, 0);
  const model = exportModel(config, weights, {}, vocabulary);
  const { graph } = decodeModel(model);
  assert.equal(graph.input[0].name, "tokens");
  assert.deepEqual(graph.output[0].type.tensor_type.shape.dim.at(-1), { dim_value: 320 });
  const tokens = tokenizer.encode(text).subarray(0, 201);
  let total = 0, t = 0;
  for (const logits of referenceLogits(config, weights, tokens.subarray(0, -1), vocabulary)) {
    const peak = Math.max(...logits);
    total += peak + Math.log(logits.reduce((a, x) => a + Math.exp(x - peak), 0)) - logits[tokens[++t]];
  }
  // The first token is read and not scored.
  const bytes = tokenizer.decode(tokens.subarray(1)).length;
  const score = await evaluateModel(model, tokens, 2, { streams: 1, warm_up: 0 }, { memory: true, tokenizer });
  assert.deepEqual([score.tokens, score.bytes], [200, bytes]);
  assert.ok(bytes > 300, "tokens must stand for several bytes");
  assert.ok(Math.abs(score.nats - total / 200) < 1e-5, `${score.nats} against ${total / 200}`);
  assert.ok(Math.abs(score.bits_per_byte - total / bytes / Math.LN2) < 1e-5);
  // All of so short a text is scored with resets, too: the same total over the same bytes.
  assert.equal(score.memory!.bytes, bytes);
  assert.ok(Math.abs(score.memory!.carried - score.bits_per_byte) < 1e-5);
});

Deno.test("evaluateModel() in many streams is the reference's score, cut the same way: each byte once, warm-ups unscored", async () => {
  const config = { ...SMALL_CONFIG, state_size: 8 };
  const { weights, text } = setUp(config, 301);
  // Weights as drawn hardly use their state: larger ones make a wrong start of a stream cost much.
  for (const [name, values] of weights) {
    if (name.includes("state_nn") || name.includes("output")) {
      weights.set(
        name,
        values.map((x) => 4 * x),
      );
    }
  }
  const cut = { streams: 4, warm_up: 20 };
  const length = 75;
  let total = 0, scored = 0;
  for (let stream = 0; stream < cut.streams; stream++) {
    const start = Math.max(0, stream * length - cut.warm_up);
    let t = start;
    for (const logits of referenceLogits(config, weights, text.subarray(start, (stream + 1) * length))) {
      if (++t <= stream * length) continue;
      const peak = Math.max(...logits);
      total += peak + Math.log(logits.reduce((a, x) => a + Math.exp(x - peak), 0)) - logits[text[t]];
      scored++;
    }
  }
  assert.equal(scored, 300);
  const score = await evaluateModel(exportModel(config, weights), text, 1, cut);
  assert.equal(score.bytes, 300);
  assert.ok(Math.abs(score.nats - total / 300) < 1e-5, `${score.nats} against ${total / 300}`);
  // The check would see a lost warm-up, or a first stream that does not start from zero.
  const other = await evaluateModel(exportModel(config, weights), text, 1, { ...cut, warm_up: 0 });
  assert.ok(Math.abs(other.nats - score.nats) > 1e-4, "the warm-up makes no difference here");
});

Deno.test("evaluateModel() gives the same bits whatever the number of workers", async () => {
  const { text, model } = setUp({ ...SMALL_CONFIG, n_layers: 2 }, 3000);
  const cut = { streams: 7, warm_up: 10 };
  const alone = await evaluateModel(model, text, 1, cut);
  assert.equal(alone.bytes, 2999);
  // More workers than streams: some would have nothing to do.
  for (const threads of [2, 3, 9]) assert.deepEqual(await evaluateModel(model, text, threads, cut), alone);
});

Deno.test("evaluateModel() in many streams is as in one within 1e-6 bits per byte, when the model is trained and warms up", async () => {
  const { text } = generateEmbedded(1, 60_000);
  const settings = { steps: 400, batch: 64, history: 401, log_every: 100 };
  const job = { n_layers: SMALL_CONFIG.n_layers, state_size: SMALL_CONFIG.state_size, seed: 0 };
  const engine = await openOnnxEngine(1);
  const { weights } = await trainCell(engine, cellOf(SMALL_CONFIG), job, settings, text.subarray(0, 40_000));
  const model = exportModel(SMALL_CONFIG, weights), test = text.subarray(40_000);
  const score = async (streams: number, warm_up: number) =>
    (await evaluateModel(model, test, 1, { streams, warm_up })).bits_per_byte;
  const [one, many, cold] = [await score(1, 0), await score(64, 256), await score(64, 0)];
  assert.ok(Math.abs(many - one) < 1e-6, `${many} against ${one}`);
  assert.ok(Math.abs(cold - one) > 1e-4, `without a warm-up it would be as good: ${cold} against ${one}`);
});

Deno.test("evaluateModel() scores a second text beside the first, each with the bits that it has alone", async () => {
  const { text, model } = setUp({ ...SMALL_CONFIG, n_layers: 2, state_size: 8 }, 6500);
  // Cuts of several streams and of one, so that each of the two ends first once; with many workers some have none of the second.
  for (const [ends, starts] of [[[0, 2100], [2100, 6500]], [[0, 4100], [4100, 4200]], [[0, 700], [700, 2900]]]) {
    const [test, validation] = [ends, starts].map(([from, to]) => text.subarray(from, to));
    const one = await evaluateModel(model, test), { location, ...two } = await evaluateModel(model, validation);
    assert.deepEqual(location, { provider: "cpu" });
    for (const threads of [1, 3]) {
      const { validation: second, ...first } = await evaluateModel(model, test, threads, undefined, { validation });
      assert.deepEqual([first, second], [one, two]);
    }
  }
});

Deno.test("scoreTexts() scores texts of more than 256 rows one after the other, with the same bits", async () => {
  const { text, model } = setUp({ ...SMALL_CONFIG, state_size: 4 }, 6000);
  const loaded = await ScoringModel.open(model);
  const texts = [200, 256].map((streams, i) => ({
    text: text.subarray(3000 * i, 3000 * (i + 1)),
    cut: { streams, warm_up: 3 },
    share: { first: 0, streams },
  }));
  const both = await scoreTexts(loaded, texts);
  for (const [i, each] of texts.entries()) assert.deepEqual([both[i]], await scoreTexts(loaded, [each]));
  assert.equal(both[1].tokens.reduce((sum, count) => sum + count, 0), 2999);
  await loaded.close();
});

Deno.test("evaluateModel() refuses a second text that cannot be scored", async () => {
  const { text, model } = setUp(SMALL_CONFIG, 100);
  await assert.rejects(
    evaluateModel(model, text, 1, undefined, { validation: text.subarray(0, 1) }),
    /^RangeError: Cannot evaluate a model: the validation text has 1 tokens, must have at least 2$/,
  );
  await assert.rejects(
    evaluateModel(model, text, 1, undefined, { validation: Uint16Array.of(1, 300) }),
    /RangeError/,
  );
});

Deno.test("validationPart() is the beginning of the validation split, and nothing where that is too short", () => {
  const corpusOf = (validation: Uint8Array) => ({ validation }) as unknown as Corpus;
  const partOf = (bytes: number) => validationPart(new TokenizedCorpus(corpusOf(new Uint8Array(bytes).fill(97))));
  assert.deepEqual([0, 1, 2, 300, VALIDATION_BYTES, 300_000].map((bytes) => partOf(bytes)?.length), [
    undefined,
    undefined,
    2,
    300,
    VALIDATION_BYTES,
    VALIDATION_BYTES,
  ]);
  const { text } = generateEmbedded(1, 400_000), tokenizer = BytePairTokenizer.learn(text, 400);
  const part = validationPart(new TokenizedCorpus(corpusOf(text), tokenizer))!;
  const bytes = tokenizer.decode(part);
  assert.deepEqual(bytes, text.subarray(0, bytes.length));
  assert.ok(bytes.length <= VALIDATION_BYTES && bytes.length > VALIDATION_BYTES - 20, `${bytes.length}`);
  // Two tokens are taken, however many bytes each stands for.
  const long = {
    ...tokenizer,
    lengths: new Uint32Array(400).fill(VALIDATION_BYTES),
    encode: () => Uint16Array.of(1, 2, 3),
  };
  assert.equal(validationPart(new TokenizedCorpus(corpusOf(text), long as unknown as BytePairTokenizer))!.length, 2);
});

Deno.test("cutFor() reads a short text as one stream, and warms the many streams of a long one up for longer", () => {
  const cut = (streams: number, warm_up: number) => ({ streams, warm_up });
  assert.deepEqual(cutFor(500), cut(1, 0));
  assert.deepEqual(cutFor(10_240), cut(10, 256));
  assert.deepEqual(cutFor(1_000_000), cut(256, 256));
  assert.deepEqual(cutFor(5_000_000), cut(1024, 1024));
});

Deno.test("LoadedModel.open() refuses a file that is no evaluation model", async () => {
  await assert.rejects(
    LoadedModel.open(new Uint8Array([255, 255, 255]), { file: "x.onnx" }),
    /^UserError: Cannot read x.onnx: it is damaged/,
  );
  await assert.rejects(
    LoadedModel.open(new Uint8Array(), { file: "x.onnx" }),
    /Cannot open x.onnx: it is not an evaluation model/,
  );
});
