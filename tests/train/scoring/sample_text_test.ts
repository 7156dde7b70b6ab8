import assert from "node:assert/strict";
import { evaluationModel } from "../../../cells/language_model.ts";
import { cellOf } from "../../../cells/catalog/catalog.ts";
import { SMALL_CONFIG } from "../../../cells/known_configs.ts";
import { generateEmbedded } from "../../../train/corpus/embedded.ts";
import { initialWeights } from "../../../train/corpus/random.ts";
import { cutFor, evaluateModel } from "../../../train/scoring/evaluate.ts";
import { exportModel } from "../../../train/scoring/export_model.ts";
import type { Tokens } from "../../../train/corpus/tokens/tokenizer.ts";
import { LoadedModel } from "../../../train/scoring/model.ts";
import { draw, promptFrom, type SampleOptions, sampleText } from "../../../train/scoring/sample_text.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

Deno.test("draw() follows softmax of logits over temperature", () => {
  const logits = [Math.log(1), Math.log(3)];
  assert.deepEqual([0.24, 0.26].map((u) => draw(logits, 1, u)), [0, 1]);
  assert.deepEqual([0.09, 0.11].map((u) => draw(logits, 0.5, u)), [0, 1]);
  assert.equal(draw(logits, 0, 0), 1);
});

Deno.test("promptFrom() begins behind the first line's end, and gives 64 bytes", () => {
  const line = "0123456789".repeat(7);
  assert.equal(textOf(promptFrom(bytesOf(`f a line\n${line}\n${line}`))), line.slice(0, 64));
});

Deno.test("promptFrom() begins at the start when there is no line's end, none near, or too little behind it", () => {
  const plain = "no end of a line ".repeat(100);
  assert.equal(textOf(promptFrom(bytesOf(plain))), plain.slice(0, 64));
  assert.equal(textOf(promptFrom(bytesOf(`${plain}\nThen ${plain}`))), plain.slice(0, 64));
  assert.equal(textOf(promptFrom(bytesOf(plain.slice(0, 99) + "\n" + "tail"))), plain.slice(0, 64));
  assert.equal(textOf(promptFrom(bytesOf("short\n"))), "short\n");
});

Deno.test("promptFrom() cuts no character in two when characters have several bytes", () => {
  const text = bytesOf("日本語".repeat(50));
  for (const cut of [0, 1, 2]) {
    const prompt = textOf(promptFrom(text.subarray(cut)));
    assert.match(prompt, /^[日本語]{22}$/, `cut at ${cut}`);
  }
});

Deno.test("promptFrom() gives 64 bytes of what is no UTF-8", () => {
  assert.equal(promptFrom(new Uint8Array(300).fill(0x80)).length, 64);
});

const config = { ...SMALL_CONFIG, state_size: 8 };
const text = generateEmbedded(1, 600).text;
// Weights as drawn hardly use their state: larger ones make what was read matter.
const weights = [...initialWeights(evaluationModel(cellOf(config), config).parameters, 0)]
  .map(([name, values]) => [name, values.map((x) => 6 * x)] as const);
const model = exportModel(config, new Map(weights));
const sampling: SampleOptions = { prompt: bytesOf("The "), bytes: 40, temperature: 0.8, seed: 0 };

async function sampled(options: SampleOptions): Promise<Tokens> {
  const loaded = await LoadedModel.open(model);
  const drawn = await sampleText(loaded, options);
  await loaded.close();
  return drawn;
}

Deno.test("sampleText() draws the same bytes for one seed, and others for another seed or prompt", async () => {
  const drawn = await sampled(sampling);
  assert.equal(drawn.length, 40);
  assert.deepEqual(await sampled(sampling), drawn);
  assert.notDeepEqual(await sampled({ ...sampling, seed: 1 }), drawn);
  assert.notDeepEqual(await sampled({ ...sampling, prompt: bytesOf("A") }), drawn);
});

Deno.test("evaluateModel() draws what sampleText() does, whatever the threads, and scores as without", async () => {
  const drawn = await sampled(sampling);
  const plain = await evaluateModel(model, text);
  for (const threads of [1, 2]) {
    const { drawn: found, ...score } = await evaluateModel(model, text, threads, cutFor(text.length), {
      sample: sampling,
    });
    assert.deepEqual(found, drawn);
    assert.deepEqual(score, plain);
  }
});

Deno.test("sampleText() refuses a model whose logits are no finite numbers, and names it", async () => {
  const large = exportModel(config, new Map(weights.map(([name, values]) => [name, values.map(() => 1e30)])));
  const loaded = await LoadedModel.open(large, { file: "large.onnx" });
  try {
    await assert.rejects(
      sampleText(loaded, sampling),
      /^UserError: Cannot sample from large.onnx: its logit of token 0 is .* after 1 tokens, must be finite$/,
    );
  } finally {
    await loaded.close();
  }
});

const NOTHING: SampleOptions = { prompt: new Uint8Array(), bytes: 0, temperature: 0, seed: 0 };

Deno.test("sampleText() draws nothing, where no bytes are asked for", async () => {
  assert.deepEqual(await sampled(NOTHING), new Uint8Array());
});

for (
  const [name, change, says] of [
    ["bytes below zero", { bytes: -1 }, /bytes is -1, must be a whole number/],
    ["half a byte", { bytes: 0.5 }, /bytes is 0.5/],
    ["a temperature below zero", { temperature: -1 }, /temperature is -1, must be a number of at least 0/],
    ["a temperature that is no number", { temperature: NaN }, /temperature is NaN/],
    ["an infinite temperature", { temperature: Infinity }, /temperature is Infinity/],
    ["a seed below zero", { seed: -1 }, /the seed is -1, must be a whole number of at least 0, and below 2\^53/],
    ["a seed that is not exact", { seed: 2 ** 53 }, /the seed is 9007199254740992/],
    ["tokens that the model has not", { prompt: Uint16Array.of(1, 256) }, /token 1 of the text is 256, must be below/],
    [
      "tokens of no bytes",
      { lengths: new Uint32Array(256) },
      /lengths of 256 tokens are given, must be of 256, each above 0/,
    ],
    ["too few lengths", { lengths: new Uint32Array(3).fill(1) }, /lengths of 3 tokens are given, must be of 256/],
  ] as const
) {
  Deno.test(`sampleText() and evaluateModel() refuse to draw with ${name}`, async () => {
    const options = { ...NOTHING, ...change }, refused = { name: "RangeError", message: says };
    await assert.rejects(sampled(options), refused);
    await assert.rejects(evaluateModel(model, text, 1, undefined, { sample: options }), refused);
  });
}
