/** The table from operations to kernels; and the small kernels: embedding, sums, loss, and what begins and ends a step. */
import { type OpName, sizeOf, type Tensor } from "../../../cells/graph/tensor.ts";
import { type Kernel, type KernelUse, type Locate, shader } from "./kernel.ts";
import { product } from "./product.ts";

const WORKGROUP = 64;

const word = (i: number) => `tables[instance + ${i}u]`;

/** A kernel in which each invocation does one item; word 0 of the instance is the number of items. */
function perItem(key: string, body: string): Kernel {
  const head = `  let item = group * ${WORKGROUP}u + local;\n  if (item >= ${word(0)}) { return; }\n`;
  return { key, source: () => shader(WORKGROUP, head + body) };
}

function items(kernel: Kernel, count: number, words: readonly number[]): KernelUse {
  return { kernel, instance: { words: [count, ...words], workgroups: Math.ceil(count / WORKGROUP) } };
}

// Words: items, out, indices, weight, bias, features, vocabulary. Indices lie in the arena as floats.
const EMBEDDING = perItem(
  "embedding",
  `  let column = u32(arena[${word(2)} + item / ${word(5)}]);
  let feature = item % ${word(5)};
  arena[${word(1)} + item] = arena[${word(3)} + feature * ${word(6)} + column] + arena[${word(4)} + feature];`,
);

// Words: features, out, dy, indices, batch, vocabulary. An invocation owns a row of the result and adds the batch in its
// order: no atomics, so that the sum is the same each time.
const EMBEDDING_WEIGHT_GRADIENT = perItem(
  "embedding_weight_gradient",
  `  let row = ${word(1)} + item * ${word(5)};
  for (var v = 0u; v < ${word(5)}; v++) { arena[row + v] = 0.0; }
  for (var b = 0u; b < ${word(4)}; b++) {
    let at = row + u32(arena[${word(3)} + b]);
    arena[at] += arena[${word(2)} + b * ${word(0)} + item];
  }`,
);

// Words: columns, out, x, rows.
const SUM = perItem(
  "sum",
  `  var total = 0.0;
  for (var row = 0u; row < ${word(3)}; row++) { total += arena[${word(2)} + row * ${word(0)} + item]; }
  arena[${word(1)} + item] = total;`,
);

// Words: rows, out, logits, targets, vocabulary. ln Σ exp, with the row's maximum taken off first.
const ROW_STATISTICS = `
fn row_peak(row: u32, vocabulary: u32) -> f32 {
  var peak = arena[row];
  for (var v = 1u; v < vocabulary; v++) { peak = max(peak, arena[row + v]); }
  return peak;
}
fn row_total(row: u32, vocabulary: u32, peak: f32) -> f32 {
  var total = 0.0;
  for (var v = 0u; v < vocabulary; v++) { total += exp(arena[row + v] - peak); }
  return total;
}`;

const SOFTMAX_CROSS_ENTROPY: Kernel = {
  key: "softmax_cross_entropy",
  source: () =>
    shader(
      WORKGROUP,
      // One workgroup per loss: each invocation adds rows, then the partial sums are added as a tree.
      `
  var total = 0.0;
  for (var b = local; b < ${word(0)}; b += ${WORKGROUP}u) {
    let row = ${word(2)} + b * ${word(4)};
    let peak = row_peak(row, ${word(4)});
    total += peak + log(row_total(row, ${word(4)}, peak)) - arena[row + u32(arena[${word(3)} + b])];
  }
  partial[local] = total;
  workgroupBarrier();
  for (var half = ${WORKGROUP / 2}u; half > 0u; half /= 2u) {
    if (local < half) { partial[local] += partial[local + half]; }
    workgroupBarrier();
  }
  if (local == 0u) { arena[${word(1)}] = partial[0] / f32(${word(0)}); }`,
      `${ROW_STATISTICS}\nvar<workgroup> partial: array<f32, ${WORKGROUP}>;`,
    ),
};

const SOFTMAX_CROSS_ENTROPY_GRADIENT: Kernel = {
  key: "softmax_cross_entropy_gradient",
  source: () =>
    shader(
      WORKGROUP,
      `
  let b = group * ${WORKGROUP}u + local;
  if (b >= ${word(0)}) { return; }
  let row = ${word(2)} + b * ${word(4)};
  let peak = row_peak(row, ${word(4)});
  let total = row_total(row, ${word(4)}, peak);
  let right = u32(arena[${word(3)} + b]);
  for (var v = 0u; v < ${word(4)}; v++) {
    let probability = exp(arena[row + v] - peak) / total;
    arena[${word(1)} + b * ${word(4)} + v] = (probability - select(0.0, 1.0, v == right)) / f32(${word(0)});
  }`,
      ROW_STATISTICS,
    ),
};

function lossWords(node: Tensor, locate: Locate): number[] {
  const [logits, targets] = node.inputs;
  return [logits.shape[0], locate(node), locate(logits), locate(targets), logits.shape[1]];
}

type KernelFor<K extends OpName> = (node: Tensor<K>, locate: Locate) => KernelUse;

/** Why an operation needs no kernel of its own. */
const inCluster = (node: Tensor): never => {
  throw new TypeError(`Cannot launch '${node.op}' alone: elementwise operations are joined into chains`);
};
const inMemory = (node: Tensor): never => {
  throw new TypeError(`Cannot launch '${node.op}': it is in memory from the start`);
};

const KERNELS: { readonly [K in OpName]: KernelFor<K> } = {
  input: inMemory,
  constant: inMemory,
  add: inCluster,
  sub: inCluster,
  mul: inCluster,
  div: inCluster,
  exp: inCluster,
  log: inCluster,
  sqrt: inCluster,
  sigmoid: inCluster,
  tanh: inCluster,
  relu: inCluster,
  step: inCluster,
  linear: product,
  linear_input_gradient: product,
  linear_weight_gradient: product,
  embedding: (node, locate) => {
    const [indices, weight, bias] = node.inputs;
    const words = [locate(node), locate(indices), locate(weight), locate(bias), ...weight.shape];
    return items(EMBEDDING, sizeOf(node.shape), words);
  },
  embedding_weight_gradient: (node, locate) => {
    const [dy, indices] = node.inputs;
    const words = [locate(node), locate(dy), locate(indices), dy.shape[0], node.attributes.vocabulary];
    return items(EMBEDDING_WEIGHT_GRADIENT, node.shape[0], words);
  },
  sum: (node, locate) => {
    const [x] = node.inputs;
    return items(SUM, sizeOf(node.shape), [locate(node), locate(x), x.shape[0]]);
  },
  softmax_cross_entropy: (node, locate) => (
    { kernel: SOFTMAX_CROSS_ENTROPY, instance: { words: lossWords(node, locate), workgroups: 1 } }
  ),
  softmax_cross_entropy_gradient: (node, locate) => {
    const words = lossWords(node, locate);
    return { kernel: SOFTMAX_CROSS_ENTROPY_GRADIENT, instance: { words, workgroups: Math.ceil(words[0] / WORKGROUP) } };
  },
};

export function operationKernel<K extends OpName>(node: Tensor<K>, locate: Locate): KernelUse {
  return KERNELS[node.op](node, locate);
}

/** Where a run's inputs of one step come from and go to. Offsets in floats (arena) and words (step data). */
export interface StepInputs {
  readonly batch: number;
  /** Start of the run's row offsets in the step data. */
  readonly rowOffsets: number;
  readonly bytes: number;
  readonly targets: number;
  /** Start of the run's scalars of step 0 in the step data, and the distance to those of the next step. */
  readonly scalars: number;
  readonly scalarStride: number;
  readonly scalarTargets: readonly number[];
}

// Words: rows, row offsets, bytes, targets, scalars, stride, number of scalars, and a place for each.
const STEP_INPUTS = perItem(
  "step_inputs",
  `  let at = step_data[${word(1)} + item] + step.x;
  arena[${word(2)} + item] = f32((text[at / 4u] >> (8u * (at % 4u))) & 255u);
  let next = at + 1u;
  arena[${word(3)} + item] = f32((text[next / 4u] >> (8u * (next % 4u))) & 255u);
  if (item == 0u) {
    for (var i = 0u; i < ${word(6)}; i++) {
      arena[tables[instance + 7u + i]] = bitcast<f32>(step_data[${word(4)} + step.y * ${word(5)} + i]);
    }
  }`,
);

/** Draws a step's bytes from the text, and puts its scalars in place. */
export function stepInputsKernel(s: StepInputs): KernelUse {
  const words = [
    s.rowOffsets,
    s.bytes,
    s.targets,
    s.scalars,
    s.scalarStride,
    s.scalarTargets.length,
    ...s.scalarTargets,
  ];
  return items(STEP_INPUTS, s.batch, words);
}

const LOG_LOSS = perItem("log_loss", `  losses[${word(2)} + step.y] = arena[${word(1)}];`);

/** Keeps a step's loss until the host asks for it. */
export function logLossKernel(loss: number, slot: number): KernelUse {
  return items(LOG_LOSS, 1, [loss, slot]);
}
