/** Edges of the public interface, where it works on studies and with trained models: see `library_test.ts`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as library from "../../mod.ts";
import { cell, type Row, settings, sizes, step, text, tokenizer, train, weights } from "./library_edges.ts";

/** A new study of a folder of its own, which goes with it. */
async function onStudy(
  use: (study: library.Study) => unknown,
  change: Partial<library.StudyCreation> = {},
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    const corpus = join(dir, "text.txt");
    Deno.writeFileSync(corpus, text);
    const { batch, history, steps } = { ...settings, steps: 50 };
    using study = await library.Study.create({
      dir: join(dir, "study"),
      corpus,
      seeds: 1,
      batch,
      history,
      steps,
      ...change,
    });
    await use(study);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const creating = (change: Partial<library.StudyCreation>) => () => onStudy(() => {}, change);
const listing = (options: library.StudyListing) => () => onStudy((study) => study.init(options));
const training = (options: library.StudyTraining) => () =>
  onStudy(async (study) => {
    await study.init({ cells: ["vanilla"], levels: { n_layers: [1], state_size: [4] } });
    await study.train({ engine: "onnx", ...options });
  });

const measuring = (options: library.StudyMeasuring) => () => onStudy((study) => study.dynamics(options));

const model = (given = weights) => new library.TrainedModel(step, given);
const sampling = (options: library.ModelSampleOptions) => async () =>
  void assert.equal(typeof await model().sample({ bytes: 3, ...options }), "string");

/** The rows of studies and of trained models. */
export const STUDY_ROWS = {
  TrainedModel: [
    ["its defaults", sampling({}), "works"],
    ["options that are left out by name", sampling({ prompt: undefined, temperature: undefined }), "works"],
    ["no bytes", async () => assert.equal(await model().sample({ bytes: 0 }), ""), "works"],
    ["bytes below zero", sampling({ bytes: -1 }), ["RangeError", /bytes is -1, must be a whole number/]],
    ["a temperature below zero", sampling({ temperature: -1 }), ["RangeError", /temperature is -1, must be/]],
    ["half a seed", sampling({ seed: 0.5 }), ["RangeError", /the seed is 0\.5/]],
    ["a tokenizer of more tokens", sampling({ tokenizer }), [
      "RangeError",
      /the model reads 256 tokens, those of bpe:260 are 260, must be as many/,
    ]],
    [
      "tokens",
      async () => (await model().sampleTokens({ prompt: text, bytes: 3, temperature: 0, seed: 0 })).length,
      "works",
    ],
    ["a weight less", () => model(new Map()).toOnnx(), ["UserError", /'input_embedding.bias' is missing/]],
    ["a step without a cell", () => new library.TrainedModel({ sizes: step.sizes }, weights).toOnnx(), [
      "TypeError",
      /Cannot make a model: its training step was not built from a cell/,
    ]],
    ["a text", () => model().score(text), "works"],
    ["no text", () => model().score(new Uint8Array()), ["RangeError", /the text has 0 tokens/]],
    ["no threads", () => model().score(text, { threads: 0 }), ["RangeError", /threads is 0/]],
    ["the model of a trained run", async () => {
      const run = await train({});
      const file = library.exportCell(cell, sizes, run!.weights);
      assert.deepEqual(run!.model.toOnnx(), file);
    }, "works"],
  ],
  Study: [
    ["no folder", () => library.Study.open(""), ["RangeError", /its folder is '', must be a path/]],
    ["a folder that is none", () => library.Study.create({} as library.StudyCreation), [
      "RangeError",
      /its folder is 'undefined', must be a path/,
    ]],
    ["a folder without a study", () => library.Study.open("/nowhere"), ["UserError", /Cannot open study \/nowhere/]],
    ["a new study", creating({}), "works"],
    ["a study that is there", () => onStudy(({ dir }) => library.Study.create({ dir })), [
      "UserError",
      /Cannot create study \S+: it exists; open it/,
    ]],
    ["a corpus that is none", creating({ corpus: "/nowhere/text" }), [
      "UserError",
      /Cannot read corpus \/nowhere\/text/,
    ]],
    ["a space that is none", creating({ space: "/nowhere/space.ts" }), ["UserError", /there is no such file/]],
    ["no seeds", creating({ seeds: 0 }), ["UserError", /Cannot use seeds 0: must be a whole number/]],
    ["steps that are no number", creating({ steps: NaN }), ["UserError", /Cannot use steps NaN/]],
    ["a budget that is none", creating({ budget: "bytes" as "tokens" }), [
      "UserError",
      /Cannot use budget 'bytes': must be one of tokens, updates/,
    ]],
    ["fewer tokens than bytes", creating({ tokens: 255 }), [
      "RangeError",
      /tokens is 255, must be .* from 256 to 65536/,
    ]],
    ["a factor that there is not", listing({ levels: { layers: [1] } }), [
      "UserError",
      /Cannot list levels of 'layers': must be one of/,
    ]],
    ["levels that are no list", listing({ levels: { n_layers: 1 as never } }), [
      "TypeError",
      /Cannot list n_layers 1: must be a list/,
    ]],
    ["half a layer", listing({ levels: { n_layers: [0.5] } }), ["UserError", /the layer counts of a grid/]],
    ["a cell that there is not", listing({ cells: ["mine"] }), [
      "UserError",
      /Cannot list cell 'mine': must be one of/,
    ]],
    ["cells that are no list", listing({ cells: "gru" as never }), [
      "TypeError",
      /Cannot list cells gru: must be a list/,
    ]],
    ["an expression that is none", listing({ only: "layers=1" }), [
      "UserError",
      /Cannot use only 'layers=1': 'layers=1' names no key/,
    ]],
    ["no parameters", listing({ parameters: 0 }), ["RangeError", /parameters is 0, must be a whole number/]],
    ["parameters that are no number", listing({ parameters: "many" }), [
      "UserError",
      /Cannot use parameters 'many': must be a number of parameters/,
    ]],
    ["no best", listing({ best: 0 }), ["RangeError", /best is 0, must be a whole number/]],
    ["controls below zero", listing({ controls: -1 }), ["RangeError", /controls is -1/]],
    ["an experiment that there is not", listing({ experiment: "03" as "02" }), [
      "RangeError",
      /Cannot find experiment '03': must be one of 01, 02/,
    ]],
    ["a list of nothing", () => onStudy((study) => study.train({ engine: "onnx" })), [
      "UserError",
      /it has no configurations/,
    ]],
    ["an engine that there is not", training({ engine: "tpu" as "onnx" }), [
      "UserError",
      /Cannot open engine 'tpu': must be one of auto, webgpu, onnx/,
    ]],
    ["an engine that trains no studies", training({ engine: "reference" }), [
      "UserError",
      /Cannot open engine 'reference': must be one of auto/,
    ]],
    ["no run", training({ limit: 0 }), ["RangeError", /limit is 0, must be a whole number/]],
    ["a queue that is none", training({ queue: "mysql://a@b/c" }), [
      "UserError",
      /Cannot use the address of the queue: .*must be postgres/,
    ]],
    ["no share", training({ shard: "4/3" }), ["UserError", /Cannot use shard '4\/3': must be i\/K/]],
    ["no run at a time", training({ parallel: 0 }), ["RangeError", /parallel is 0, must be a whole number/]],
    ["a signal that has come", training({ signal: AbortSignal.abort() }), "works"],
    ["no results", () => onStudy(async (study) => assert.deepEqual((await study.results()).runs, [])), "works"],
    ["nothing to draw", () => onStudy((study) => study.report()), [
      "UserError",
      /no run of experiment 01 has finished/,
    ]],
    ["studies to compare with that are no list", () => onStudy((study) => study.report({ with: "a" as never })), [
      "TypeError",
      /Cannot compare with a: must be a list of folders/,
    ]],
    ["a study to compare with that is no folder", () => onStudy((study) => study.report({ with: [""] })), [
      "RangeError",
      /its folder is '', must be a path/,
    ]],
    ["a study to compare with that is not there", () => onStudy((study) => study.report({ with: ["/nowhere"] })), [
      "UserError",
      /Cannot open study \/nowhere/,
    ]],
    ["nothing to draw from", () => onStudy((study) => study.sample()), ["UserError", /no run of .* has finished/]],
    ["nothing to export", () => onStudy((study) => study.export()), ["UserError", /no run of experiment 01 has begun/]],
    ["an export as nothing", () => onStudy((study) => study.export({ formats: [] })), [
      "RangeError",
      /must be of csv, parquet, tensorboard, dataset/,
    ]],
    ["a licence that is none", () => onStudy((study) => study.export({ formats: ["dataset"], license: "my own" })), [
      "UserError",
      /Cannot use license 'my own': must be an SPDX id/,
    ]],
    ["a licence without a data set", () => onStudy((study) => study.export({ license: "MIT" })), [
      "UserError",
      /--license is of a data set, the formats are csv, parquet, tensorboard; must be with --format dataset/,
    ]],
    ["a part that no data set has", () => onStudy((study) => study.export({ include: ["weights" as "models"] })), [
      "RangeError",
      /Cannot include 'weights' in a data set: must be of models, test/,
    ]],
    ["a part that is no list", () => onStudy((study) => study.export({ include: "test" as unknown as [] })), [
      "TypeError",
      /Cannot include test in a data set: must be a list/,
    ]],
    ["nothing to remove", () => onStudy((study) => study.remove({})), ["UserError", /must have --only or --id/]],
    ["an id that is none", () => onStudy((study) => study.remove({ id: "xyz" })), [
      "UserError",
      /Cannot use id 'xyz': must be the beginning of an id/,
    ]],
    ["nothing to score", () => onStudy(async (study) => (await study.evaluate()).scored), "works"],
    ["nothing to measure", () => onStudy(async (study) => assert.equal((await study.dynamics()).measured, 0)), "works"],
    ["options of dynamics that are left out by name", measuring({ top: undefined, streams: undefined }), "works"],
    ["no stream", measuring({ streams: 0 }), ["RangeError", /streams is 0, must be a whole number from 1 to 65536/]],
    ["half a token", measuring({ tokens: 0.5 }), ["RangeError", /tokens is 0\.5, must be a whole number/]],
    ["no exponent", measuring({ exponents: 0 }), ["RangeError", /exponents is 0, must be a whole number/]],
    ["none of the best", measuring({ top: 0 }), ["RangeError", /top is 0, must be a whole number/]],
    ["no measurement at a time", measuring({ parallel: 0 }), ["RangeError", /parallel is 0, must be a whole number/]],
    ["an expression that selects by nothing", measuring({ only: "layers=1" }), [
      "UserError",
      /Cannot use only 'layers=1': 'layers=1' names no key/,
    ]],
    ["nothing to merge", () => onStudy((study) => study.merge({ from: [] })), [
      "UserError",
      /must have the folders, as --from/,
    ]],
    ["folders to merge that are no list", () => onStudy((study) => study.merge({ from: "a" as never })), [
      "TypeError",
      /Cannot merge a: must be a list of folders/,
    ]],
    ["a folder to merge that has no name", () => onStudy((study) => study.merge({ from: [""] })), [
      "RangeError",
      /its folder is '', must be a path/,
    ]],
    ["the study itself to merge", () => onStudy((study) => study.merge({ from: [study.dir] })), [
      "UserError",
      /it is the study itself, must be a copy of it/,
    ]],
    ["a study that was closed, to merge", () => onStudy((study) => (study.close(), study.merge({ from: ["a"] }))), [
      "UserError",
      /it was closed; open it again/,
    ]],
    ["a study that was closed, to measure", () => onStudy((study) => (study.close(), study.dynamics())), [
      "UserError",
      /it was closed; open it again/,
    ]],
    ["a study that was closed", () => onStudy((study) => (study.close(), study.status())), [
      "UserError",
      /it was closed; open it again/,
    ]],
    ["a study that was closed twice", () => onStudy((study) => (study.close(), study.close())), "works"],
  ],
} satisfies Partial<Record<keyof typeof library, readonly Row[]>>;
