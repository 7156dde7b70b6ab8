/** Templates that bring many numbers to one: sums over the batch, the embedding's gradient, the loss. No atomics: sums repeat bit for bit. */
import { sizeOf, type Tensor } from "../../../../cells/graph/tensor.ts";
import { buildEpilogue } from "./epilogue.ts";
import {
  INDEX_WORDS,
  INVOCATIONS,
  type KernelTemplate,
  type KernelUse,
  type Locations,
  vectorType,
  type VectorWidth,
  word,
} from "./kernel.ts";
import type { Task } from "../plan/tasks.ts";

const vectorWidthFor = (columns: number): VectorWidth => columns % 4 === 0 ? 4 : 1;

/** Vectors of columns that a workgroup sums, and the parts into which it divides the rows. */
const SUM_COLUMNS = 4, SUM_PARTS = INVOCATIONS / SUM_COLUMNS;

// Words: vectors of columns, rows, x. Each invocation adds every 16th row; the parts are added as a tree.
const sumTemplate = (vectorWidth: VectorWidth): KernelTemplate => ({
  key: `sum f32x${vectorWidth}`,
  vectorWidth,
  source: () => ({
    declarations: `var<workgroup> partial: array<${vectorType(vectorWidth)}, ${INVOCATIONS}>;`,
    body: `
  let f = group * ${SUM_COLUMNS}u + local % ${SUM_COLUMNS}u;
  var total = ${vectorType(vectorWidth)}();
  if (f < ${word(1)}) {
    for (var row = local / ${SUM_COLUMNS}u; row < ${word(2)}; row += ${SUM_PARTS}u) {
      total += arena[${word(3)} + row * ${word(1)} + f];
    }
  }
  partial[local] = total;
  workgroupBarrier();
  for (var half = ${INVOCATIONS / 2}u; half >= ${SUM_COLUMNS}u; half /= 2u) {
    if (local < half) { partial[local] += partial[local + half]; }
    workgroupBarrier();
  }
  prepare(instance);
  if (local < ${SUM_COLUMNS}u && f < ${word(1)}) { chain(f, f, partial[local]); }`,
  }),
});

export function sumUse(task: Task, locations: Locations): KernelUse {
  const [{ inputs: [x], shape }] = task.heads;
  const columns = sizeOf(shape), vectorWidth = vectorWidthFor(columns);
  const epilogue = buildEpilogue(task, locations, vectorWidth, 4);
  const words = [columns / vectorWidth, x.shape[0], locations.locate(x) / vectorWidth, ...epilogue.words];
  const workgroups = Math.ceil(columns / vectorWidth / SUM_COLUMNS);
  return { template: sumTemplate(vectorWidth), epilogue, words, workgroups, cost: x.shape[0] };
}

/** Part of the embedding's gradient that a workgroup makes: so many features × so many tokens of the vocabulary. */
const FEATURES = INVOCATIONS, TOKENS = 32;
/** Each token's row is a float longer, so that the features of one token and the tokens of one feature lie in different banks. */
const ROW = FEATURES + 1;

// Words: features, vectors of the vocabulary, batch, dy, where tokens come from. An invocation owns a feature and adds the batch in
// its order: dW[s, v] = Σ_{b: token b = v} dy[b, s].
const embeddingGradientTemplate = (vectorWidth: VectorWidth): KernelTemplate => ({
  key: `embedding_weight_gradient f32x${vectorWidth}`,
  vectorWidth,
  source: () => {
    const quads = TOKENS / vectorWidth;
    const element = (i: number) => `sums[(q * ${vectorWidth}u + ${i}u) * ${ROW}u + feature]`;
    return {
      declarations: `var<workgroup> sums: array<f32, ${TOKENS * ROW}>;
var<workgroup> tokens: array<u32, ${INVOCATIONS}>;
fn gradient_at(at: u32) -> f32 { return ${vectorWidth === 4 ? "arena[at / 4u][at % 4u]" : "arena[at]"}; }`,
      body: `
  let blocks = (${word(2)} + ${quads - 1}u) / ${quads}u;
  let first_feature = (group / blocks) * ${FEATURES}u;
  let first_token = (group % blocks) * ${TOKENS}u;
  for (var i = local; i < ${TOKENS * ROW}u; i += ${INVOCATIONS}u) { sums[i] = 0.0; }
  for (var start = 0u; start < ${word(3)}; start += ${INVOCATIONS}u) {
    workgroupBarrier();
    if (start + local < ${word(3)}) { tokens[local] = index_at(${word(5)}, ${word(6)}, ${word(7)}, ${
        word(8)
      }, start + local); }
    workgroupBarrier();
    for (var b = 0u; b < min(${INVOCATIONS}u, ${word(3)} - start); b++) {
      // Below the first token this is a large number: unsigned.
      let v = tokens[b] - first_token;
      if (v < ${TOKENS}u && first_feature + local < ${word(1)}) {
        sums[v * ${ROW}u + local] += gradient_at(${word(4)} + (start + b) * ${word(1)} + first_feature + local);
      }
    }
  }
  workgroupBarrier();
  prepare(instance);
  for (var i = local; i < ${FEATURES * quads}u; i += ${INVOCATIONS}u) {
    let q = i % ${quads}u;
    let feature = i / ${quads}u;
    let column = first_token / ${vectorWidth}u + q;
    if (first_feature + feature < ${word(1)} && column < ${word(2)}) {
      let value = ${vectorWidth === 4 ? `vec4f(${[0, 1, 2, 3].map(element).join(", ")})` : element(0)};
      chain((first_feature + feature) * ${word(2)} + column, column, value);
    }
  }`,
    };
  },
});

export function embeddingGradientUse(task: Task, locations: Locations): KernelUse {
  const [head] = task.heads as [Tensor<"embedding_weight_gradient">];
  const [dy, indices] = head.inputs;
  const [features, vocabulary] = head.shape, vectorWidth = vectorWidthFor(vocabulary);
  const epilogue = buildEpilogue(task, locations, vectorWidth, 5 + INDEX_WORDS);
  const words = [
    features,
    vocabulary / vectorWidth,
    dy.shape[0],
    locations.locate(dy),
    ...locations.index(indices),
    ...epilogue.words,
  ];
  const workgroups = Math.ceil(features / FEATURES) * Math.ceil(vocabulary / TOKENS);
  return { template: embeddingGradientTemplate(vectorWidth), epilogue, words, workgroups, cost: dy.shape[0] };
}

// Words: rows, vectors of the vocabulary, logits, slot of row 0 in the losses, where targets come from. A workgroup per row: its
// largest logit, Σ exp with that taken off, then the row's loss and its part of the gradient, (softmax − onehot) / rows.
const softmaxTemplate = (vectorWidth: VectorWidth, withGradient: boolean): KernelTemplate => ({
  key: `softmax_cross_entropy${withGradient ? " and gradient" : ""} f32x${vectorWidth}`,
  vectorWidth,
  source: () => {
    const V = vectorType(vectorWidth), parts = [..."xyzw"].slice(0, vectorWidth);
    const all = (combine: (a: string, b: string) => string, name: string) =>
      vectorWidth === 1 ? name : parts.map((part) => `${name}.${part}`).reduce(combine);
    const own = vectorWidth === 4
      ? "vec4u(0u, 1u, 2u, 3u) + 4u * column == vec4u(target_token)"
      : "column == target_token";
    const tree = (join: string) => `
  partial[local] = own;
  workgroupBarrier();
  for (var half = ${INVOCATIONS / 2}u; half > 0u; half /= 2u) {
    if (local < half) { partial[local] = ${join}; }
    workgroupBarrier();
  }`;
    return {
      declarations: `var<workgroup> partial: array<f32, ${INVOCATIONS}>;`,
      body: `
  let row = ${word(3)} + group * ${word(2)};
  var own = arena[row]${vectorWidth === 4 ? ".x" : ""};
  for (var v = local; v < ${word(2)}; v += ${INVOCATIONS}u) { let x = arena[row + v]; own = max(own, ${
        all((a, b) => `max(${a}, ${b})`, "x")
      }); }
  ${tree("max(partial[local], partial[local + half])")}
  let peak = partial[0];
  workgroupBarrier();
  own = 0.0;
  for (var v = local; v < ${word(2)}; v += ${INVOCATIONS}u) { let x = exp(arena[row + v] - ${V}(peak)); own += ${
        all((a, b) => `${a} + ${b}`, "x")
      }; }
  ${tree("partial[local] + partial[local + half]")}
  let total = partial[0];
  let target_token = index_at(${word(5)}, ${word(6)}, ${word(7)}, ${word(8)}, group);
  if (local == 0u) {
    let logit = arena[row + target_token / ${vectorWidth}u]${vectorWidth === 4 ? "[target_token % 4u]" : ""};
    losses[${word(4)} + step.y * ${word(1)} + group] = peak + log(total) - logit;
  }
  ${
        withGradient
          ? `prepare(instance);
  for (var column = local; column < ${word(2)}; column += ${INVOCATIONS}u) {
    let probability = exp(arena[row + column] - ${V}(peak)) / ${V}(total);
    let value = (probability - select(${V}(0.0), ${V}(1.0), ${own})) / ${V}(f32(${word(1)}));
    chain(group * ${word(2)} + column, column, value);
  }`
          : ""
      }`,
    };
  },
});

export function softmaxUse(task: Task, locations: Locations): KernelUse {
  const [{ inputs: [logits, targets] }] = task.heads;
  const [rows, vocabulary] = logits.shape, vectorWidth = vectorWidthFor(vocabulary);
  const epilogue = buildEpilogue(task, locations, vectorWidth, 5 + INDEX_WORDS);
  const words = [
    rows,
    vocabulary / vectorWidth,
    locations.locate(logits) / vectorWidth,
    locations.losses,
    ...locations.index(targets),
    ...epilogue.words,
  ];
  return {
    template: softmaxTemplate(vectorWidth, task.value !== undefined),
    epilogue,
    words,
    workgroups: rows,
    cost: vocabulary,
  };
}
