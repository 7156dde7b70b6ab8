/**
 * The three matrix products of `linear`: forward (NT), input gradient (NN) and weight gradient (TN). One tiled kernel;
 * they differ in how a tile is loaded, never in how it is multiplied.
 */
import type { Tensor } from "../../../cells/graph/tensor.ts";
import { type Kernel, type KernelUse, type Locate, shader } from "./kernel.ts";

/** Outputs of one workgroup: TILE × TILE, by 64 invocations that hold 4 × 4 each. */
const TILE = 32;
const INVOCATIONS = 64;
/** Columns of A and rows of B that are in workgroup memory at a time. */
const DEPTH = 16;
const NONE = 0xffffffff;

/** Words of an instance: C is M × N, the sum runs over K; the inputs that stand side by side follow, as pairs. */
const WORDS = { M: 0, N: 1, K: 2, out: 3, bias: 4, matrix: 5, stride: 6, inputs: 7, firstInput: 8 } as const;

const w = (name: keyof typeof WORDS) => `tables[instance + ${WORDS[name]}u]`;

/** Element (row, column) of inputs that stand side by side in the product, but not in memory. */
const JOINED = `
fn joined(instance: u32, row: u32, column: u32) -> f32 {
  var at = column;
  var entry = instance + ${WORDS.firstInput}u;
  loop {
    let width = tables[entry + 1u];
    if (at < width) { return arena[tables[entry] + row * width + at]; }
    at -= width;
    entry += 2u;
  }
  return 0.0;
}`;

const matrix = (row: string, column: string) => `arena[${w("matrix")} + (${row}) * ${w("stride")} + ${column}]`;

/** How element (m, k) of A and (k, n) of B are read. */
const LOADERS = {
  // y[m,n] = Σ_k x[m,k] W[n,k]
  linear: { a: "joined(instance, m, k)", b: matrix("n", "k") },
  // dx[m,n] = Σ_k dy[m,k] W[k,n]; the matrix' offset holds the first column
  linear_input_gradient: { a: "joined(instance, m, k)", b: matrix("k", "n") },
  // dW[m,n] = Σ_k dy[k,m] x[k,n]
  linear_weight_gradient: { a: matrix("k", "m"), b: "joined(instance, k, n)" },
} as const;
export type ProductOp = keyof typeof LOADERS;

function productKernel(op: ProductOp): Kernel {
  return { key: `product ${op}`, source: () => productSource(LOADERS[op].a, LOADERS[op].b) };
}

function productSource(loadA: string, loadB: string): string {
  const quarter = TILE / 4;
  const unroll = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");
  // naga guards each loop with a counter, so the inner products are written out; only the loop over K tiles is left.
  const multiply = unroll(DEPTH, (k) => `
    let a${k} = tile_a[${k * quarter}u + ty]; let b${k} = tile_b[${k * quarter}u + tx];
    c0 = fma(vec4f(a${k}.x), b${k}, c0); c1 = fma(vec4f(a${k}.y), b${k}, c1);
    c2 = fma(vec4f(a${k}.z), b${k}, c2); c3 = fma(vec4f(a${k}.w), b${k}, c3);`);
  const load = unroll(DEPTH * quarter / INVOCATIONS, (part) => `
    { let slot = local + ${part * INVOCATIONS}u; let k = first + slot / ${quarter}u; let at = 4u * (slot % ${quarter}u);
      tile_a[slot] = vec4f(load_a(instance, m0 + at, k), load_a(instance, m0 + at + 1u, k), load_a(instance, m0 + at + 2u, k), load_a(instance, m0 + at + 3u, k));
      tile_b[slot] = vec4f(load_b(instance, k, n0 + at), load_b(instance, k, n0 + at + 1u), load_b(instance, k, n0 + at + 2u), load_b(instance, k, n0 + at + 3u)); }`);
  return shader(
    INVOCATIONS,
    `
  let tiles_n = (${w("N")} + ${TILE - 1}u) / ${TILE}u;
  let m0 = (group / tiles_n) * ${TILE}u; let n0 = (group % tiles_n) * ${TILE}u;
  let ty = local / ${quarter}u; let tx = local % ${quarter}u;
  var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f();
  for (var first = 0u; first < ${w("K")}; first += ${DEPTH}u) {
    ${load}
    workgroupBarrier();
    ${multiply}
    workgroupBarrier();
  }
  let m = m0 + 4u * ty; let n = n0 + 4u * tx;
  ${unroll(4, (row) => `store(instance, m + ${row}u, n, c${row});`)}`,
    `${JOINED}
var<workgroup> tile_a: array<vec4f, ${DEPTH * quarter}>;
var<workgroup> tile_b: array<vec4f, ${DEPTH * quarter}>;
fn load_a(instance: u32, m: u32, k: u32) -> f32 {
  if (m >= ${w("M")} || k >= ${w("K")}) { return 0.0; }
  return ${loadA};
}
fn load_b(instance: u32, k: u32, n: u32) -> f32 {
  if (n >= ${w("N")} || k >= ${w("K")}) { return 0.0; }
  return ${loadB};
}
fn store(instance: u32, m: u32, n: u32, row: vec4f) {
  if (m >= ${w("M")}) { return; }
  let bias = ${w("bias")};
  ${
      unroll(4, (i) =>
        `if (n + ${i}u < ${w("N")}) {
    var value = row[${i}];
    if (bias != ${NONE}u) { value += arena[bias + n + ${i}u]; }
    arena[${w("out")} + m * ${w("N")} + n + ${i}u] = value;
  }`)
    }
}`,
  );
}

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly bias?: Tensor;
  readonly matrix: Tensor;
  readonly firstColumn?: number;
  readonly joined: readonly Tensor[];
}

/** The sizes and operands of each product, from its node. */
const PRODUCTS: { readonly [K in ProductOp]: (node: Tensor<K>) => Product } = {
  linear: ({ inputs, shape: [m, n] }) => {
    const [weight, bias] = inputs.slice(-2);
    return { m, n, k: weight.shape[1], bias, matrix: weight, joined: inputs.slice(0, -2) };
  },
  linear_input_gradient: ({ inputs: [dy, weight], shape: [m, n], attributes: { offset } }) => (
    { m, n, k: dy.shape[1], matrix: weight, firstColumn: offset, joined: [dy] }
  ),
  linear_weight_gradient: ({ inputs: [dy, ...xs], shape: [m, n] }) => (
    { m, n, k: dy.shape[0], matrix: dy, joined: xs }
  ),
};

export function product<K extends ProductOp>(node: Tensor<K>, locate: Locate): KernelUse {
  const { m, n, k, bias, matrix, firstColumn = 0, joined } = PRODUCTS[node.op](node);
  const words = [
    m,
    n,
    k,
    locate(node),
    bias ? locate(bias) : NONE,
    locate(matrix) + firstColumn,
    matrix.shape[1],
    joined.length,
    ...joined.flatMap((x) => [locate(x), x.shape[1]]),
  ];
  return {
    kernel: productKernel(node.op),
    instance: { words, workgroups: Math.ceil(m / TILE) * Math.ceil(n / TILE) },
  };
}
