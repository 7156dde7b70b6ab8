/** Edges of the public interface, where it trains and scores: see `library_test.ts`. */
import assert from "node:assert/strict";
import * as library from "../../mod.ts";
import {
  cell,
  config,
  engine,
  filledFor,
  model,
  mostRows,
  type Row,
  score,
  settings,
  sizeRows,
  sizes,
  small,
  source,
  state,
  step,
  text,
  train,
  weightRows,
  weights,
} from "./library_edges.ts";

/** A run whose step was built for twice as many rows as the settings have. */
const otherBatch = library.trainingRun({ cell, ...sizes, seed: 0 }, { ...settings, batch: 2 * settings.batch });

/** The rows of what opens engines, trains and scores. */
export const TRAINING_ROWS = {
  openOnnxEngine: [
    ["no cores", () => library.openOnnxEngine(0), ["RangeError", /cores is 0, must be a whole number/]],
    ["cores that are no number", () => library.openOnnxEngine(NaN), ["RangeError", /cores is NaN/]],
    ["one core", async () => (await library.openOnnxEngine(1)).close(), "works"],
    [
      "more cores than any machine has",
      async () => library.trainCell(await library.openOnnxEngine(1e6), cell, { ...sizes, seed: 0 }, settings, text),
      "works",
    ],
    [
      "workers to keep, of which there are none",
      async () => (await library.openOnnxEngine(1, { keepWorkers: true })).close(),
      "works",
    ],
  ],
  openEngine: [
    ["nothing", async () => (await library.openEngine()).close(), "works"],
    ["the engine of float64", async () => (await library.openEngine("reference")).close(), "works"],
    ["workers to keep", async () => (await library.openEngine("onnx", { keepWorkers: true })).close(), "works"],
    ["no cores", () => library.openEngine("onnx", { cores: 0 }), ["RangeError", /cores is 0, must be a whole number/]],
    ["an engine that there is not", () => library.openEngine("tpu" as "auto"), [
      "UserError",
      /Cannot open engine 'tpu': must be one of auto, reference, onnx, webgpu/,
    ]],
  ],
  openReferenceEngine: [["nothing", async () => (await library.openReferenceEngine()).close(), "works"]],
  openWebGpuEngine: [["nothing", async () => (await library.openWebGpuEngine())?.close(), "works"]],
  evaluateModel: [
    ["two bytes", () => score(text.subarray(0, 2)), "works"],
    [
      "two bytes, with memory",
      () => library.evaluateModel(model, text.subarray(0, 2), 1, undefined, { memory: true }),
      "works",
    ],
    ["one byte", () => score(text.subarray(0, 1)), ["RangeError", /the text has 1 tokens, must have at least 2/]],
    ["no text", () => score(new Uint8Array()), ["RangeError", /the text has 0 tokens, must have at least 2/]],
    ["no threads", () => score(text, 0), ["RangeError", /threads is 0, must be a whole number/]],
    ["threads that are no number", () => score(text, NaN), ["RangeError", /threads is NaN/]],
    ["no streams", () => score(text, 1, { streams: 0, warm_up: 0 }), [
      "RangeError",
      /streams is 0, must be .* from 1 to 439/,
    ]],
    ["as many streams as bytes to predict", () => score(text.subarray(0, 9), 2, { streams: 8, warm_up: 0 }), "works"],
    ["more streams", () => score(text.subarray(0, 9), 1, { streams: 9, warm_up: 0 }), ["RangeError", /streams is 9/]],
    ["a warm-up as long as the text", () => score(text, 1, { streams: 2, warm_up: 440 }), [
      "RangeError",
      /warm_up is 440/,
    ]],
    ["a warm-up longer than a stream", () => score(text, 1, { streams: 20, warm_up: 100 }), "works"],
    ["a warm-up below zero", () => score(text, 1, { streams: 2, warm_up: -1 }), ["RangeError", /warm_up is -1/]],
    ["a model of fewer tokens", () => score(text, 1, undefined, small), [
      "RangeError",
      /of the text is \d+, must be below the vocabulary, 70/,
    ]],
    ["no model", () => score(text, 1, undefined, new Uint8Array()), ["UserError", /it is not an evaluation model/]],
    ["bytes that are no model", () => score(text, 1, undefined, text), [
      "UserError",
      /it is damaged or not an ONNX model/,
    ]],
    [
      "a tokenizer of fewer tokens",
      () => library.evaluateModel(model, text, 1, undefined, { tokenizer: { lengths: new Uint32Array(9).fill(1) } }),
      ["RangeError", /has a token outside the vocabulary of 9/],
    ],
  ],
  EvaluationWorkers: [
    ["a model, twice", async () => {
      using workers = new library.EvaluationWorkers();
      const scored = () => library.evaluateModel(model, text, 1, undefined, { workers });
      assert.deepEqual(await scored(), await scored());
    }, "works"],
    ["no model", () => void new library.EvaluationWorkers()[Symbol.dispose](), "works"],
  ],
  exportCell: [
    ...weightRows((given) => library.exportCell(cell, sizes, given).length),
    ...sizeRows((all) => library.exportCell(cell, all, filledFor(all)).length),
  ],
  exportModel: [
    ...weightRows((given) => library.exportModel(config, given).length),
    ["no vocabulary", () => library.exportModel(config, weights, {}, 0), ["RangeError", /vocabulary is 0/]],
  ],
  trainCell: [
    ["its settings", () => train({}), "works"],
    ["no steps", () => train({ steps: 0 }), ["RangeError", /Cannot use steps 0: must be a whole number/]],
    ["one step", () => train({ steps: 1 }), "works"],
    ["steps that are no number", () => train({ steps: NaN }), ["RangeError", /Cannot use steps NaN:/]],
    ["no rows", () => train({ batch: 0 }), ["RangeError", /Cannot use batch 0:/]],
    ["a history of one", () => train({ history: 1 }), [
      "RangeError",
      /Cannot use history 1: must be a whole number of at least 2/,
    ]],
    ["a history of two", () => train({ history: 2 }), "works"],
    ["a history as long as the text", () => train({ history: text.length, steps: 1 }, text.subarray(0, 30)), [
      "RangeError",
      /the text has 30 tokens/,
    ]],
    ["a text that fits exactly", () => train({}, text.subarray(0, 5)), "works"],
    ["no text", () => train({}, new Uint8Array()), ["RangeError", /the text has 0 tokens, a sequence reads 5/]],
    ["no logging", () => train({ log_every: 0 }), ["RangeError", /Cannot use log_every 0:/]],
    ["steps that are left out", () => train({ steps: undefined }), ["RangeError", /Cannot use steps undefined:/]],
    ["logging once, at the end", () => train({ log_every: 4 }), "works"],
    ["logging beyond the end", () => train({ log_every: 5 }), [
      "RangeError",
      /Cannot train 4 steps: the loss is logged every 5 steps, so they must be at least as many/,
    ]],
    ...mostRows((all) => train(all)),
    ["a vocabulary of one", () => train({ vocabulary: 1 }), ["RangeError", /must be below the vocabulary, 1/]],
    ["one token, again and again", () => train({ vocabulary: 1 }, new Uint8Array(20)), "works"],
    ["no layers", () => train({ n_layers: 0 }), ["RangeError", /n_layers is 0/]],
    ["no states", () => train({ state_size: 0 }), ["RangeError", /state_size is 0/]],
    ["a seed below zero", () => train({ seed: -1 }), ["RangeError", /the seed is -1/]],
    ["half a seed", () => train({ seed: 1.5 }), ["RangeError", /the seed is 1\.5/]],
    ["a seed that is not exact", () => train({ seed: 2 ** 53 }), ["RangeError", /the seed is 9007199254740992/]],
    ["a rate of zero", () => train({}, text, { learningRate: 0 }), ["RangeError", /the learning rate is 0, must be/]],
    ["a rate that is no number", () => train({}, text, { learningRate: NaN }), ["RangeError", /learning rate is NaN/]],
    [
      "the largest rate, which moves weights far",
      () => train({}, text, { learningRate: 10, optimizer: "sgd" }),
      "works",
    ],
    ["a larger rate", () => train({}, text, { learningRate: 10.5 }), ["RangeError", /above 0 and at most 10/]],
    ["an optimizer that there is not", () => train({}, text, { optimizer: "lion" as "sgd" }), [
      "RangeError",
      /Cannot find optimizer 'lion': must be one of adam, sgd, adam_no_second_moment/,
    ]],
    ["two steps back", () => train({}, text, { bptt: 2 }), "works"],
    ["no step back", () => train({}, text, { bptt: 0 }), [
      "RangeError",
      /bptt is 0, must be a whole number from 1 to 64/,
    ]],
    ["half a step back", () => train({}, text, { bptt: 1.5 }), ["RangeError", /bptt is 1\.5, must be a whole/]],
    ["as many steps back as may be", () => train({ history: 129, steps: 256 }, text, { bptt: 64 }), "works"],
    ["more", () => train({ history: 129, steps: 256 }, text, { bptt: 65 }), ["RangeError", /bptt is 65, must be/]],
    ["more steps back than a pass has tokens", () => train({}, text, { bptt: 5 }), [
      "RangeError",
      /Cannot train with 5 steps back: history 5 is 4 training tokens, must be at least 5/,
    ]],
    ["steps back with which nothing is logged", () => train({}, text, { bptt: 4 }), [
      "RangeError",
      /Cannot train 1 updates with 4 steps back: the loss is logged every 2 updates/,
    ]],
    ["the same, with as many updates", () => train({ budget: "updates" }, text, { bptt: 4 }), "works"],
    ["a budget that is none", () => train({ budget: "bytes" as "tokens" }), [
      "RangeError",
      /Cannot use budget 'bytes': must be one of tokens, updates/,
    ]],
    ["a signal that has come", () => train({}, text, { signal: AbortSignal.abort() }), "works"],
    ["a state of no tensors", () => train({}, text, { from: state }), ["RangeError", /Cannot resume from a state/]],
  ],
  trainGroup: [
    ["no jobs", () => library.trainGroup(engine, [], settings, text), "works"],
    ["no threads", () => library.trainGroup(engine, [], settings, text, { threads: 0 }), [
      "RangeError",
      /threads is 0/,
    ]],
    [
      "jobs of several rates, optimizers and steps back",
      () =>
        library.trainGroup(
          engine,
          [{ learningRate: 0.1 }, { optimizer: "sgd" } as const, { bptt: 2 }].map((more) => ({
            cell,
            ...sizes,
            seed: 0,
            ...more,
          })),
          settings,
          text,
        ),
      "works",
    ],
    [
      "a state of no tensors",
      () => library.trainGroup(engine, [{ cell, ...sizes, seed: 0 }], settings, text, { from: [state] }),
      ["RangeError", /Cannot resume from a state: its '.*' is missing/],
    ],
  ],
  trainRuns: [
    ["no runs", () => library.trainRuns(engine, [], source, settings, text), "works"],
    ["one run", () => library.trainRuns(engine, [{ step, seed: 0 }], source, settings, text), "works"],
    ["no threads", () => library.trainRuns(engine, [], source, settings, text, { threads: 0 }), [
      "RangeError",
      /threads is 0/,
    ]],
    ["half a seed", () => library.trainRuns(engine, [{ step, seed: 0.5 }], source, settings, text), [
      "RangeError",
      /the seed is 0.5/,
    ]],
    ["a step of another batch", () => library.trainRuns(engine, [otherBatch], source, settings, text), [
      "RangeError",
      /its step was built for a batch of \d+, the settings have \d+, must be the same/,
    ]],
    [
      "a state of no tensors",
      () => library.trainRuns(engine, [{ step, seed: 0, from: state }], source, settings, text),
      ["RangeError", /Cannot resume from a state: its '.*' is missing/],
    ],
  ],
  trainingRun: [
    [
      "one job",
      () =>
        library.trainRuns(
          engine,
          [library.trainingRun({ cell, ...sizes, seed: 0 }, settings)],
          source,
          settings,
          text,
        ),
      "works",
    ],
    ["no layer", () => library.trainingRun({ cell, ...sizes, n_layers: 0, seed: 0 }, settings), [
      "RangeError",
      /n_layers is 0/,
    ]],
  ],
} satisfies Partial<Record<keyof typeof library, readonly Row[]>>;
