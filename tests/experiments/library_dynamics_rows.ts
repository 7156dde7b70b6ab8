/** Edges of the public interface, where it measures the dynamics of a model: see `library_test.ts`. */
import * as library from "../../mod.ts";
import { cell, config, model, mostRows, type Row, sizes, text, weightRows, weights } from "./library_edges.ts";

const cut = { streams: 2, tokens: 16, warm_up: 4, bptt: [4] };
const measure = (options: library.TruncationGapOptions, given: library.Tokens = text) =>
  library.truncationGap({ cell, sizes, weights }, given, { ...cut, ...options });

const recall = (options: library.ByteRecallOptions, given: library.Tokens = text) =>
  library.byteRecall({ cell, sizes, weights }, given, { streams: 2, tokens: 16, warm_up: 4, lags: 2, ...options });

/** What all measures take that read streams. */
type StreamMeasure = (
  model: library.WeightedModel,
  text: library.Tokens,
  options: library.StreamOptions,
) => Promise<unknown>;

/** The rows that all of them have: their text, their streams and their weights. */
const streamRows = (measure: StreamMeasure): Row[] => {
  const call = (options: library.StreamOptions, given: library.Tokens = text) =>
    measure({ cell, sizes, weights }, given, { streams: 2, tokens: 16, warm_up: 4, ...options });
  return [
    ["no text", () => call({}, new Uint8Array()), ["RangeError", /the text has 0 tokens, must have/]],
    ["a token that the model has not", () => call({}, new Uint16Array(100).fill(60_000)), ["RangeError", /60000/]],
    ["no streams", () => call({ streams: 0 }), ["RangeError", /streams is 0, must be a whole number/]],
    ["half a token", () => call({ tokens: 0.5 }), ["RangeError", /tokens is 0\.5, must be a whole number/]],
    ["a warm-up below zero", () => call({ warm_up: -1 }), ["RangeError", /warm_up is -1, must be a whole number/]],
    ["more tokens than memory", () => call({ tokens: 4e9 }), ["RangeError", /the text has 440 tokens, must have/]],
    ["one stream", () => call({ streams: 1 }), "works"],
    ["no warm-up", () => call({ warm_up: 0 }), "works"],
    ...weightRows((given) => measure({ cell, sizes, weights: given }, text, { streams: 1, tokens: 8, warm_up: 4 })),
  ];
};

/** The rows of what measures dynamics. */
export const DYNAMICS_ROWS = {
  truncationGap: [
    ["a text that is too short for the defaults", () => library.truncationGap({ cell, sizes, weights }, text), [
      "RangeError",
      /the text has 440 tokens, must have at least 6145 for 8 streams of 256 \+ 512/,
    ]],
    ["no text", () => measure({}, new Uint8Array()), ["RangeError", /the text has 0 tokens, must have/]],
    ["no numbers of steps", () => measure({ bptt: [] }), ["RangeError", /bptt is empty, must have/]],
    ["a number of steps that is none", () => measure({ bptt: [NaN] }), ["RangeError", /bptt is NaN, must be/]],
    ["steps that tokens are no multiple of", () => measure({ bptt: [3] }), ["RangeError", /must be a multiple of 3/]],
    ["half a stream", () => measure({ streams: 0.5 }), ["RangeError", /streams is 0\.5, must be a whole number/]],
    ["more streams than memory", () => measure({ streams: 1e9 }), ["RangeError", /the text has 440 tokens, must have/]],
    ["more tokens than memory", () => measure({ tokens: 4e9 }), ["RangeError", /the text has 440 tokens, must have/]],
    ["one stream", () => measure({ streams: 1 }), "works"],
    ["no warm-up", () => measure({ warm_up: 0 }), "works"],
    ...weightRows((given) => library.truncationGap({ cell, sizes, weights: given }, text, cut)),
    ...mostRows((change) => library.truncationGap({ cell, sizes: { ...sizes, ...change }, weights }, text, cut))
      .filter(([what]) => !what.startsWith("batch")),
  ],
  byteRecall: [
    ["a text that is too short for the defaults", () => library.byteRecall({ cell, sizes, weights }, text), [
      "RangeError",
      /the text has 440 tokens, must have at least 36865 for 8 streams of 512 \+ 4096/,
    ]],
    ["no text", () => recall({}, new Uint8Array()), ["RangeError", /the text has 0 tokens, must have/]],
    ["lags below zero", () => recall({ lags: -1 }), ["RangeError", /lags is -1, must be a whole number/]],
    ["lags that are no number", () => recall({ lags: NaN }), ["RangeError", /lags is NaN, must be a whole number/]],
    ["more lags than tokens", () => recall({ lags: 1e6 }), ["RangeError", /tokens is 16, must be at least 1000001/]],
    ["no streams", () => recall({ streams: 0 }), ["RangeError", /streams is 0, must be a whole number/]],
    ["more tokens than memory", () => recall({ tokens: 4e9 }), ["RangeError", /the text has 440 tokens, must have/]],
    ["one stream", () => recall({ streams: 1 }), "works"],
    ["no warm-up", () => recall({ warm_up: 0 }), "works"],
    ["lag 0 alone", () => recall({ lags: 0 }), "works"],
    ...weightRows((given) =>
      library.byteRecall({ cell, sizes, weights: given }, text, { streams: 1, tokens: 32, warm_up: 4 })
    ),
  ],
  lyapunovSpectrum: [
    ...streamRows(library.lyapunovSpectrum),
    ["a text that is too short for the defaults", () => library.lyapunovSpectrum({ cell, sizes, weights }, text), [
      "RangeError",
      /the text has 440 tokens, must have at least 36865 for 8 streams of 512 \+ 4096/,
    ]],
    ...[0, -1, 1.5, NaN].map((exponents): Row => [
      `${exponents} exponents`,
      () => library.lyapunovSpectrum({ cell, sizes, weights }, text, { ...cut, exponents }),
      ["RangeError", /exponents is .*, must be a whole number/],
    ]),
    [
      "more exponents than numbers",
      () => library.lyapunovSpectrum({ cell, sizes, weights }, text, { ...cut, exponents: 1e6 }),
      "works",
    ],
  ],
  echoState: streamRows(library.echoState),
  fixedPoints: streamRows(library.fixedPoints),
  participationRatio: streamRows(library.participationRatio),
  gateActivity: streamRows(library.gateActivity),
  modelFromOnnx: [
    ["its cell", () => library.modelFromOnnx(model, { cell }), "works"],
    ["a file that names a configuration", () => library.modelFromOnnx(library.exportModel(config, weights)), "works"],
    ["a file that names none", () => library.modelFromOnnx(model), ["UserError", /its cell must be given/]],
    ["another cell", () => library.modelFromOnnx(model, { cell: library.lstmCell }), [
      "UserError",
      /Cannot open the model as a model of cell 'lstm': .*, must be/,
    ]],
    ["no bytes", () => library.modelFromOnnx(new Uint8Array()), ["UserError", /the model/]],
  ],
} as const satisfies Record<string, readonly Row[]>;
