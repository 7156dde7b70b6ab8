/**
 * The three matrix products of `linear`: forward (NT), input gradient (NN) and weight gradient (TN). One tiled template; they
 * differ in how a tile is loaded, never in how it is multiplied. Inputs that stand side by side, and products that are added
 * up, are *segments* of one long sum: nothing is joined in memory.
 */
import { isOp, type Tensor } from "../../../../cells/graph/tensor.ts";
import { buildEpilogue } from "./epilogue.ts";
import { INVOCATIONS, type KernelTemplate, type KernelUse, type Locations, type VectorWidth, word } from "./kernel.ts";
import { isProduct } from "../plan/rewrite.ts";
import type { Task } from "../plan/tasks.ts";

/** Invocations of a workgroup stand in a square; each makes `width × width` elements of the tile. */
const SQUARE = 8;
/** Invocations that bring one operand: half a workgroup each. */
const BRINGERS = INVOCATIONS / 2;

/** Elements that an invocation makes along each axis: 8, or 4 where tiles of 64 would be half empty. */
type Width = 4 | 8;

/** Steps of the sum that are in workgroup memory at a time: each invocation brings a block of 4 × 4 numbers. */
const depthOf = (width: Width) => 16 * BRINGERS / (SQUARE * width);
/** Large tiles have two buffers: one is written while the other is read, and a part of the sum takes one barrier. */
const buffersOf = (width: Width) => width === 8 ? 2 : 1;
/** Sums are padded to this with zeros, so that a tile's size changes no bit. */
const PADDED_DEPTH = 16;

/**
 * Rows that go through the epilogue together. With more, RADV takes more registers than the inner products need: fewer waves stand beside
 * one another, or numbers are spilled (`tests/bench/radv/`).
 */
const epilogueRowsOf = (width: Width) => width === 8 ? 2 : 1;

/** How the two operands lie: NT reads rows of both along the sum, NN the second across it, TN both across it. */
const MODES = { linear: 0, linear_input_gradient: 1, linear_weight_gradient: 2 } as const;

/** Words of an instance after its tag; the epilogue's follow, then the segments'. */
const HEAD = { rows: 1, columns: 2, rowLength: 3, firstColumn: 4, mode: 5, tiles: 6, segments: 7 } as const;
const FIRST_EPILOGUE_WORD = 8;
/** Words of a segment: where each operand starts, the length of its rows, and how many steps the sum has here. */
const SEGMENT = { a: 0, aRow: 1, b: 2, bRow: 3, steps: 4 } as const;
const SEGMENT_WORDS = 5;

const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

/** Hands values to the epilogue, one or several rows of them. */
const chainCall = (epilogueRows: number, f: string, column: string, value: (row: number) => string) =>
  epilogueRows === 1
    ? `chain(${f}, ${column}, ${value(0)});`
    : `chain(${f}, row_vectors, rows - row, ${column}, ${
      Array.from({ length: epilogueRows }, (_, row) => value(row)).join(", ")
    });`;

const productTemplate = (vectorWidth: VectorWidth, width: Width): KernelTemplate => ({
  key: `product ${SQUARE * width}x${SQUARE * width} f32x${vectorWidth}`,
  vectorWidth,
  epilogueRows: epilogueRowsOf(width),
  source: () => productSource(vectorWidth, width),
});

function productSource(vectorWidth: VectorWidth, width: Width) {
  const halves = width / 4, tile = SQUARE * width, depth = depthOf(width), buffers = buffersOf(width);
  const epilogueRows = epilogueRowsOf(width);
  const stepQuads = depth / 4, quads = tile / 4;

  // tiles[buffer][quad of steps][step][half of A, half of B][quad of the tile's axis]. All but the last index are constants where a
  // tile is multiplied: naga's clamps, one for each index that is none, stand outside of the inner products. The last index is
  // swizzled: neither those who store transposed nor those who load meet in a bank.
  const swizzle = SQUARE / stepQuads;
  const item = (name: "a" | "b", k: number, half: number) => {
    const [operand, at] = name === "a" ? [0, "ty"] : [1, "tx"], shift = swizzle * (k >> 2);
    return `tiles[buffer][${k >> 2}][${k & 3}][${operand * halves + half}][${shift ? `${at} ^ ${shift}u` : at}]`;
  };

  // naga guards each loop with a counter, so the inner products are written out; only the loop over tiles of the sum is left.
  const multiply = lines(depth, (k) => `
    {
${lines(halves, (half) => `      let a${half} = ${item("a", k, half)}; let b${half} = ${item("b", k, half)};`)}
${
    lines(4 * halves, (row) =>
      lines(halves, (half) =>
        `      c${row}_${half} = fma(vec4f(a${row >> 2}[${row & 3}]), b${half}, c${row}_${half});`))
  } }`);

  const four = (name: (i: number) => string) => [0, 1, 2, 3].map(name).join(", ");
  // Registers cannot be indexed, and the epilogue is to be there once, in a loop: so each round takes its own quads, which are one below
  // the other.
  const together = (name: (i: number) => string) => Array.from({ length: epilogueRows }, (_, i) => name(i));
  const rounds = 4 * halves * halves / epilogueRows;
  const take = (round: number) => {
    const first = epilogueRows * Math.floor(round / halves), half = round % halves;
    return together((j) => `q${j} = c${first + j}_${half};`).join(" ");
  };
  const finish = `
  for (var round = 0u; round < ${rounds}u; round++) {
    ${together((j) => `var q${j} = vec4f();`).join(" ")}
    switch (round) {
${lines(rounds - 1, (round) => `      case ${round}u: { ${take(round)} }`)}
      default: { ${take(rounds - 1)} }
    }
    let in_tile = ${epilogueRows}u * (round / ${halves}u);
    let row = m0 + ${SQUARE}u * (in_tile & ~3u) + 4u * ty + (in_tile & 3u);
    let left = n0 + (round % ${halves}u) * ${4 * SQUARE}u + 4u * tx;
    if (row < rows && left < columns) {
      let column = (${word(HEAD.firstColumn)} + left) / ${vectorWidth}u;
      let row_vectors = ${word(HEAD.rowLength)} / ${vectorWidth}u;
      let f = row * row_vectors + column;
      ${
    vectorWidth === 4
      ? chainCall(epilogueRows, "f", "column", (i) => `q${i}`)
      : `for (var j = 0u; j < min(4u, columns - left); j++) { ${
        chainCall(epilogueRows, "f + j", "column + j", (i) => `q${i}[j]`)
      } }`
  }
    }
  }`;

  return {
    declarations: `
var<workgroup> tiles: array<array<array<array<array<vec4f, ${SQUARE}>, ${2 * halves}>, 4>, ${stepQuads}>, ${buffers}>;
// Four elements (row, column …) of a matrix, which start at a vector of the arena; zero beyond its edges. No branch: a load that nobody
// waits for may be followed by others.
fn fetch(at: u32, row: u32, rows: u32, column: u32, columns: u32) -> vec4f {
${
      vectorWidth === 4
        ? `  let inside = (row < rows) & (column < columns);
  return select(vec4f(), arena[select(0u, at, inside)], inside);`
        : `  let inside = (vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(columns)) & vec4<bool>(row < rows);
  let places = select(vec4u(), vec4u(at) + vec4u(0u, 1u, 2u, 3u), inside);
  return select(vec4f(), vec4f(${four((i) => `arena[places[${i}]]`)}), inside);`
    }
}
fn fetch_inside(at: u32) -> vec4f { return ${
      vectorWidth === 4 ? "arena[at]" : `vec4f(${four((i) => `arena[at + ${i}u]`)})`
    }; }`,
    body: `
  let rows = ${word(HEAD.rows)}; let columns = ${word(HEAD.columns)}; let all_tiles = ${word(HEAD.tiles)} * ${
      PADDED_DEPTH / depth
    }u;
  let mode = ${word(HEAD.mode)};
  let tiles_across = (columns + ${tile - 1}u) / ${tile}u;
  let m0 = (group / tiles_across) * ${tile}u; let n0 = (group % tiles_across) * ${tile}u;
  // Neighbours share an operand in pairs: a GPU loads four words for both at once.
  let tx = (local >> 1u) & 7u; let ty = (local & 1u) | ((local & 48u) >> 3u);
  // What this invocation brings: 4 × 4 numbers of one operand, along the sum or across it.
  let brings_b = local >= ${BRINGERS}u; let bringer = local % ${BRINGERS}u;
  let along = select(mode != ${MODES.linear_weight_gradient}u, mode == ${MODES.linear}u, brings_b);
  let limit = select(rows, columns, brings_b);
  let quad = select(bringer % ${quads}u, bringer / ${stepQuads}u, along);
  let step_quad = select(bringer / ${quads}u, bringer % ${stepQuads}u, along);
  let axis = select(m0, n0, brings_b) + 4u * quad;
  let part = select(0u, ${halves}u, brings_b) + quad / ${SQUARE}u;
  let swizzled = (quad % ${SQUARE}u) ^ (${swizzle}u * step_quad);
  let is_whole = (m0 + ${tile}u <= rows) & (n0 + ${tile}u <= columns);
${lines(4 * halves, (row) => `  ${lines(halves, (half) => `var c${row}_${half} = vec4f();`).replaceAll("\n", " ")}`)}
  var f0 = vec4f(); var f1 = vec4f(); var f2 = vec4f(); var f3 = vec4f();
  var segment = instance + ${word(HEAD.segments)};
  var at = 0u; var stride = 0u; var advance = 0u; var steps = 0u; var padded = 0u; var k0 = 0u;
  // The next part of the sum is on its way into registers while the last one is multiplied.
  for (var number = 0u; number <= all_tiles; number++) {
    let buffer = ${buffers === 1 ? "0u" : "number & 1u"};
    if (number > 0u) {
      if (along) {
        let t0 = f0; let t1 = f1; let t2 = f2; let t3 = f3;
${lines(4, (c) => `        f${c} = vec4f(${four((i) => `t${i}[${c}]`)});`)}
      }
      ${buffers === 1 ? "workgroupBarrier();" : ""}
${lines(4, (c) => `      tiles[buffer][step_quad][${c}][part][swizzled] = f${c};`)}
      workgroupBarrier();
      k0 += ${depth}u;
      at += advance;
      if (k0 >= padded) { segment += ${SEGMENT_WORDS}u; k0 = 0u; }
    }
    if (number < all_tiles) {
      if (k0 == 0u) {
        let operand = segment + select(${SEGMENT.a}u, ${SEGMENT.b}u, brings_b);
        let row_length = tables[operand + 1u];
        steps = tables[segment + ${SEGMENT.steps}u];
        padded = (steps + ${PADDED_DEPTH - 1}u) & ${~(PADDED_DEPTH - 1) >>> 0}u;
        stride = row_length / ${vectorWidth}u;
        advance = ${depth}u * select(row_length, 1u, along) / ${vectorWidth}u;
        at = tables[operand] + select(4u * step_quad * row_length + axis, axis * row_length + 4u * step_quad, along) / ${vectorWidth}u;
      }
      if (is_whole & (k0 + ${depth}u <= steps)) {
${lines(4, (i) => `        f${i} = fetch_inside(at + ${i}u * stride);`)}
      } else {
        let step = k0 + 4u * step_quad;
        let row = select(step, axis, along); let in_rows = select(steps, limit, along);
        let column = select(axis, step, along); let in_columns = select(limit, steps, along);
${lines(4, (i) => `        f${i} = fetch(at + ${i}u * stride, row + ${i}u, in_rows, column, in_columns);`)}
      }
    }
    if (number > 0u) {
      ${multiply}
    }
  }
  prepare(instance);
${finish}`,
  };
}

/** One sum of products: A is rows × steps, B steps × columns, in floats. */
interface Segment {
  readonly a: number;
  readonly aRow: number;
  readonly b: number;
  readonly bRow: number;
  readonly steps: number;
}

/** A window of a product's result: some of its columns, and what is summed for them. */
interface Window {
  readonly columns: number;
  readonly firstColumn: number;
  readonly segments: readonly Segment[];
}

/** What each product sums, from its node. */
function windowsOf(node: Tensor, { locate }: Locations): Window[] {
  if (isOp(node, "linear")) {
    // y[m,n] = Σ_k x[m,k] W[n,k]: a segment per input
    const xs = node.inputs.slice(0, -2), [weight] = node.inputs.slice(-2), aRowOfB = weight.shape[1];
    let column = 0;
    const segments = xs.map((x): Segment => {
      const steps = x.shape[1], b = locate(weight) + column;
      column += steps;
      return { a: locate(x), aRow: steps, b, bRow: aRowOfB, steps };
    });
    return [{ columns: node.shape[1], firstColumn: 0, segments }];
  }
  if (isOp(node, "linear_input_gradient")) {
    // dx[m,n] = Σ_k dy[m,k] W[k, offset+n]
    const [dy, weight] = node.inputs, steps = dy.shape[1];
    const segment = {
      a: locate(dy),
      aRow: steps,
      b: locate(weight) + node.attributes.offset,
      bRow: weight.shape[1],
      steps,
    };
    return [{ columns: node.shape[1], firstColumn: 0, segments: [segment] }];
  }
  // dW[m,n] = Σ_k dy[k,m] x[k,n]: a window per input
  const [dy, ...xs] = node.inputs;
  let firstColumn = 0;
  return xs.map((x) => {
    const columns = x.shape[1];
    const segment = { a: locate(dy), aRow: dy.shape[1], b: locate(x), bRow: columns, steps: dy.shape[0] };
    const window = { columns, firstColumn, segments: [segment] };
    firstColumn += columns;
    return window;
  });
}

/** A task whose heads are products: an instance for each window of their result. */
export function productUses(task: Task, locations: Locations): KernelUse[] {
  const heads = task.heads.filter(isProduct);
  const [{ op, shape: [rows, rowLength] }] = heads;
  const parts = heads.map((head) => windowsOf(head, locations));
  return parts[0].map(({ columns, firstColumn }, i) => {
    const segments = parts.flatMap((windows) => windows[i].segments);
    const across = op === "linear_weight_gradient" ? [rows] : segments.map(({ steps }) => steps);
    const whole = [
      columns,
      firstColumn,
      rowLength,
      ...across,
      ...segments.flatMap(({ a, aRow, b, bRow }) => [a, aRow, b, bRow]),
    ];
    const vectorWidth: VectorWidth = whole.every((size) => size % 4 === 0) ? 4 : 1;
    const epilogue = buildEpilogue(task, locations, vectorWidth, FIRST_EPILOGUE_WORD);
    const width: Width = Math.min(rows, columns) > 4 * SQUARE ? 8 : 4;
    const tiles = segments.reduce((total, { steps }) => total + Math.ceil(steps / PADDED_DEPTH), 0);
    const words = [
      rows,
      columns,
      rowLength,
      firstColumn,
      MODES[op],
      tiles,
      FIRST_EPILOGUE_WORD + epilogue.words.length,
      ...epilogue.words,
      ...segments.flatMap(({ a, aRow, b, bRow, steps }) => [a / vectorWidth, aRow, b / vectorWidth, bRow, steps]),
    ];
    const side = SQUARE * width;
    return {
      template: productTemplate(vectorWidth, width),
      epilogue,
      words,
      workgroups: Math.ceil(rows / side) * Math.ceil(columns / side),
      cost: tiles,
    };
  });
}
