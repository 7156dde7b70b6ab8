/** What the table of the public interface's edges is made of: a small model, calls that change one thing, and rows that several functions share. */
import assert from "node:assert/strict";
import * as library from "../../mod.ts";

export const { ops } = library;
export const sizes = { n_layers: 1, state_size: 4 };
export const cell = library.vanillaCell;
export const text = new TextEncoder().encode("A text to learn from. ".repeat(20));
export const settings: library.TrainingSettings = { steps: 4, batch: 2, history: 5, log_every: 2 };
export const engine = await library.openReferenceEngine();

export const { parameters } = library.evaluationModel(cell, sizes);
export const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
export const filled = (value: (i: number) => number) =>
  new Map(parameters.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape)).map((_, i) => value(i))]));
export const weights = filled((i) => Math.sin(i) / 4);
export const changed = (change: (values: Float32Array) => Float32Array) =>
  new Map(
    [...weights].map(([name, values]) => [name, name === "output_embedding.bias" ? change(values.slice()) : values]),
  );
export const without = (name: string) => new Map([...weights].filter(([key]) => key !== name));
export const model = library.exportCell(cell, sizes, weights);
export const small = library.exportCell(
  cell,
  { ...sizes, vocabulary: 70 },
  new Map([...weights].map(([name, values]) => {
    const { shape } = library.evaluationModel(cell, { ...sizes, vocabulary: 70 }).parameters.find((p) =>
      p.name === name
    )!;
    return [name, values.subarray(0, sizeOf(shape))];
  })),
);
export const config = library.catalogConfig("vanilla", 1, 4);
export const tokenizer = library.BytePairTokenizer.learn(text, 260);

export const train = (
  change: Partial<library.TrainingSettings & typeof sizes & { seed: number }>,
  given = text,
  options: library.CellOptions = {},
) => {
  const { n_layers, state_size, seed, ...own } = { ...sizes, seed: 0, ...settings, ...change };
  return library.trainCell(engine, cell, { n_layers, state_size, seed }, own, given, options);
};
export const score = (given: Uint8Array, threads?: number, cut?: { streams: number; warm_up: number }, of = model) =>
  library.evaluateModel(of, given, threads, cut);

/**
 * Fails if a value holds what is not a finite number, at any depth that a result has.
 *
 * @param seen what has been looked at: many paths lead to a tensor of a graph
 */
export function assertFinite(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value === "number") assert.ok(Number.isFinite(value), `${value}`);
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Map || Array.isArray(value)) { for (const each of value.values()) assertFinite(each, seen); }
  else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    for (const x of value as Float32Array) assertFinite(x);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const each of Object.values(value)) assertFinite(each, seen);
  }
}

/** A line's class and part of what it says; or `works`, where something comes of it that is finite. */
export type Outcome = "works" | readonly ["RangeError" | "TypeError" | "UserError", RegExp];
export type Row = readonly [given: string, call: () => unknown, outcome: Outcome];

export const notWhole: Outcome = ["RangeError", /must be a whole number/];
/** More than each size may be: by one, and by so much that memory or the whole program would end. */
export const mostRows = (call: (sizes: Partial<Record<keyof library.ModelSizes, number>>) => unknown) =>
  Object.entries({ n_layers: [64, 3e6], state_size: [16_384, 1e6], vocabulary: [65_536, 1e12], batch: [65_536, 1e9] })
    .flatMap(([what, [most, much]]) =>
      [most + 1, much].map((size): Row => [
        `${what} ${size}`,
        () => call({ [what]: size }),
        ["RangeError", new RegExp(`\\b${what}\\b.* ${size}\\b.*must be a whole number .*\\b${most}$`)],
      ])
    );
export const sizeRows = (
  call: (sizes: { n_layers: number; state_size: number; vocabulary?: number; batch: number }) => unknown,
) => {
  const all = { ...sizes, batch: 1 };
  return [
    ["no layer", () => call({ ...all, n_layers: 0 }), ["RangeError", /n_layers is 0, must be a whole number/]],
    ["half a layer", () => call({ ...all, n_layers: 1.5 }), notWhole],
    ["no states", () => call({ ...all, state_size: 0 }), ["RangeError", /state_size is 0/]],
    ["one state", () => call({ ...all, state_size: 1 }), "works"],
    ["sizes that are no numbers", () => call({ ...all, state_size: NaN }), ["RangeError", /state_size is NaN/]],
    ["no vocabulary", () => call({ ...all, vocabulary: 0 }), ["RangeError", /vocabulary is 0/]],
    ["a vocabulary that is left out by name", () => call({ ...all, vocabulary: undefined }), "works"],
    ...mostRows((change) => call({ ...all, ...change })),
  ] as const satisfies readonly Row[];
};
export const weightRows = (call: (given: Map<string, Float32Array>) => unknown): readonly Row[] => [
  ["its weights", () => call(weights), "works"],
  ["no weights", () => call(new Map()), ["UserError", /'input_embedding.bias' is missing/]],
  ["a weight less", () => call(without("output_embedding.bias")), ["UserError", /'output_embedding.bias' is missing/]],
  ["a weight too short", () => call(changed((w) => w.subarray(1))), [
    "UserError",
    /has 255 elements, its shape \[256\]/,
  ]],
  ["a NaN", () => call(changed((w) => w.fill(NaN, 5, 6))), [
    "UserError",
    /'output_embedding.bias' is NaN at element 5/,
  ]],
  ["an infinite weight", () => call(changed((w) => w.fill(-Infinity, 0, 1))), [
    "UserError",
    /is -Infinity at element 0/,
  ]],
];
export const isCell: readonly Row[] = [[
  "nothing",
  () => library.evaluationModel(cell, sizes).graph.nodes.length,
  "works",
]];
export const emptyGraph = library.buildGraph({});
export const { graph } = library.evaluationModel(cell, sizes);
export const feeds = (change: Record<string, ArrayLike<number>> = {}) =>
  new Map<string, ArrayLike<number>>([
    ...weights,
    ["bytes", [65]],
    ["layers.0.h", [0, 0, 0, 0]],
    ...Object.entries(change),
  ]);
export const constantList = (
  list: readonly unknown[],
): readonly Row[] => [["nothing", () => assert.ok(list.length), "works"]];
/** The training step of the cell. */
export const step = library.buildTrainingStep(cell, { ...sizes, vocabulary: 256, batch: settings.batch });
/** A source that has no further run, and keeps nothing. */
export const source: library.RunSource<library.TrainingRun> = {
  next: () => Promise.resolve(undefined),
  finished: () => Promise.resolve(),
};
export const state = { steps_done: 4, smoothed_loss: 3, curve: [3, 3], seconds: 1, tensors: new Map() };

export function filledFor(all: Parameters<typeof library.evaluationModel>[1]) {
  return new Map(
    library.evaluationModel(cell, all).parameters.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]),
  );
}

const withFactor = (factor: library.Factor): library.FactorTable => (
  { ...library.GATED, factors: [...library.GATED.factors, factor] }
);
const withoutDefault = {
  key: "use_more",
  kind: "integer",
  label: "more",
  about: "more of it",
  levels: [1],
  least: 1,
  most: 2,
} as const;

/** Tables of factors, as `grid()` takes them. */
export const tableRows: readonly Row[] = [
  ["as it is", () => library.grid({}, library.GATED).length, "works"],
  ["a factor twice", () => library.grid({}, withFactor(library.GATED.factors[0])), [
    "UserError",
    /Cannot use table 'gated': factor 'use_input_gate' is listed twice, must be listed once/,
  ]],
  ["a factor without a default", () => library.grid({}, withFactor(withoutDefault)), [
    "UserError",
    /factor 'use_more' has no default/,
  ]],
  ["a level out of bounds", () => library.grid({}, withFactor({ ...withoutDefault, default: 2, levels: [0] })), [
    "UserError",
    /factor 'use_more' has level 0, must be a whole number of at least 1 and at most 2/,
  ]],
];
