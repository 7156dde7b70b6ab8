/**
 * The WGSL of a matrix product. Both operands go through workgroup memory in tiles; the three kinds of product differ in how a tile is
 * loaded, never in how it is multiplied.
 */
import { INVOCATIONS, type KernelTemplate, type VectorWidth, word } from "./kernel.ts";

/** Invocations of a workgroup stand in a square; each makes `width × width` elements of the tile. */
export const SQUARE = 8;
/** Invocations that load one operand: half a workgroup each. */
const LOADERS = INVOCATIONS / 2;

/** Elements that an invocation makes along each axis: 8, or 4 in small tiles. */
export type Width = 4 | 8;

/** Sums are padded to this with zeros, so that a tile's size changes no bit. */
export const PADDED_DEPTH = 16;

/** How the two operands lie: NT reads rows of both along the sum, NN the second across it, TN both across it. */
export const MODES = { linear: 0, linear_input_gradient: 1, linear_weight_gradient: 2 } as const;

/** Words of an instance after its tag; the epilogue's follow, then the segments'. `parts`: how many of {@linkcode PADDED_DEPTH} steps. */
const HEAD = { rows: 1, columns: 2, rowLength: 3, firstColumn: 4, mode: 5, parts: 6, segments: 7 } as const;
export const FIRST_EPILOGUE_WORD = 8;
/** Words of a segment: where each operand starts, the length of its rows, and how many steps the sum has here. */
const SEGMENT = { a: 0, aRow: 1, b: 2, bRow: 3, steps: 4 } as const;
const SEGMENT_WORDS = 5;

/** What follows from the width of a tile. */
interface Shape {
  readonly vectorWidth: VectorWidth;
  /** Quads that an invocation makes along each axis; they are half a tile apart. */
  readonly halves: number;
  readonly tile: number;
  /** Steps of the sum that are in workgroup memory at a time: each invocation loads a block of 4 × 4 numbers. */
  readonly depth: number;
  /** Large tiles have two buffers: one is written while the other is read, and a part of the sum takes one barrier. */
  readonly buffers: number;
  /**
   * Rows that go through the epilogue together. With more, RADV takes more registers than the inner products need: fewer waves stand
   * beside one another, or numbers are spilled (`tests/bench/radv/`).
   */
  readonly epilogueRows: number;
}

function shapeOf(vectorWidth: VectorWidth, width: Width): Shape {
  const tile = SQUARE * width, isLarge = width === 8;
  const [buffers, epilogueRows] = isLarge ? [2, 2] : [1, 1];
  return { vectorWidth, halves: width / 4, tile, depth: 16 * LOADERS / tile, buffers, epilogueRows };
}

/** The last index of `tiles` is swizzled by so much for each quad of steps: invocations that store transposed meet in no bank. */
const swizzleOf = ({ depth }: Shape) => SQUARE / (depth / 4);

const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

const four = (name: (i: number) => string) => [0, 1, 2, 3].map(name).join(", ");

export function productTemplate(vectorWidth: VectorWidth, width: Width): KernelTemplate {
  const shape = shapeOf(vectorWidth, width);
  return {
    key: `product ${shape.tile}x${shape.tile} f32x${vectorWidth}`,
    vectorWidth,
    epilogueRows: shape.epilogueRows,
    source: () => ({ declarations: declarations(shape), body: `${prologue(shape)}\n${sum(shape)}\n${finish(shape)}` }),
  };
}

/**
 * Tiles, and how a quad of a matrix is fetched. All but the last index of `tiles` are constants where a tile is multiplied: naga's
 * clamps, one for each index that is none, stand outside of the inner products.
 */
const declarations = ({ vectorWidth, halves, depth, buffers }: Shape) => `
// [buffer][quad of steps][step][half of A, half of B][quad of the tile's axis, swizzled]
var<workgroup> tiles: array<array<array<array<array<vec4f, ${SQUARE}>, ${2 * halves}>, 4>, ${depth / 4}>, ${buffers}>;
// Four elements (row, column …) of a matrix, which start at a vector of the arena; zero beyond its edges. No branch: loads that nobody
// waits for yet may follow one another.
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
}; }`;

/** Where the tile lies, what an invocation multiplies (tx, ty), and what it loads. */
const prologue = (shape: Shape) => {
  const { halves, tile, depth } = shape, quads = tile / 4, stepQuads = depth / 4;
  return `
  let rows = ${word(HEAD.rows)}; let columns = ${word(HEAD.columns)};
  let all_parts = ${word(HEAD.parts)} * ${PADDED_DEPTH / depth}u; let mode = ${word(HEAD.mode)};
  let tiles_across = (columns + ${tile - 1}u) / ${tile}u;
  let m0 = (group / tiles_across) * ${tile}u; let n0 = (group % tiles_across) * ${tile}u;
  // Neighbours share an operand in pairs: a GPU loads four words for both at once.
  let tx = (local >> 1u) & 7u; let ty = (local & 1u) | ((local & 48u) >> 3u);
  // Half a workgroup loads 4 × 4 numbers each of A, half of B, along the sum or across it.
  let loads_b = local >= ${LOADERS}u; let loader = local % ${LOADERS}u;
  let along = select(mode != ${MODES.linear_weight_gradient}u, mode == ${MODES.linear}u, loads_b);
  let limit = select(rows, columns, loads_b);
  let quad = select(loader % ${quads}u, loader / ${stepQuads}u, along);
  let step_quad = select(loader / ${quads}u, loader % ${stepQuads}u, along);
  let axis = select(m0, n0, loads_b) + 4u * quad;
  let part = select(0u, ${halves}u, loads_b) + quad / ${SQUARE}u;
  let swizzled = (quad % ${SQUARE}u) ^ (${swizzleOf(shape)}u * step_quad);
  let is_whole = (m0 + ${tile}u <= rows) & (n0 + ${tile}u <= columns);`;
};

/** The sum of products, part by part: `c<row>_<half>` are quads of the tile. */
const sum = (shape: Shape) => {
  const { vectorWidth, halves, depth, buffers } = shape;
  return `
${lines(4 * halves, (row) => `  ${lines(halves, (half) => `var c${row}_${half} = vec4f();`).replaceAll("\n", " ")}`)}
  var f0 = vec4f(); var f1 = vec4f(); var f2 = vec4f(); var f3 = vec4f();
  var segment = instance + ${word(HEAD.segments)};
  var at = 0u; var stride = 0u; var advance = 0u; var steps = 0u; var padded = 0u; var k0 = 0u;
  // The next part of the sum is on its way into registers while the last one is multiplied.
  for (var number = 0u; number <= all_parts; number++) {
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
    if (number < all_parts) {
      if (k0 == 0u) {
        let operand = segment + select(${SEGMENT.a}u, ${SEGMENT.b}u, loads_b);
        let row_length = tables[operand + ${SEGMENT.aRow - SEGMENT.a}u];
        steps = tables[segment + ${SEGMENT.steps}u];
        padded = (steps + ${PADDED_DEPTH - 1}u) & ~${PADDED_DEPTH - 1}u;
        stride = row_length / ${vectorWidth}u;
        advance = ${depth}u * select(row_length, 1u, along) / ${vectorWidth}u;
        at = tables[operand] +
          select(4u * step_quad * row_length + axis, axis * row_length + 4u * step_quad, along) / ${vectorWidth}u;
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
${multiply(shape)}
    }
  }`;
};

/** One part of the sum. naga guards each loop with a counter, so the inner products are written out. */
function multiply(shape: Shape): string {
  const { halves, depth } = shape;
  const item = (operand: number, at: string, k: number, half: number) => {
    const shift = swizzleOf(shape) * (k >> 2);
    return `tiles[buffer][${k >> 2}][${k & 3}][${operand * halves + half}][${shift ? `${at} ^ ${shift}u` : at}]`;
  };
  return lines(depth, (k) => `
    {
${lines(halves, (half) => `      let a${half} = ${item(0, "ty", k, half)}; let b${half} = ${item(1, "tx", k, half)};`)}
${
    lines(4 * halves, (row) =>
      lines(halves, (half) =>
        `      c${row}_${half} = fma(vec4f(a${row >> 2}[${row & 3}]), b${half}, c${row}_${half});`))
  } }`);
}

/**
 * Hands the results to the epilogue. Registers cannot be indexed, and the epilogue is to be there once, in a loop: so each round takes
 * its own quads, which are one below the other.
 */
function finish({ vectorWidth, halves, epilogueRows }: Shape): string {
  const rounds = 4 * halves * halves / epilogueRows;
  const together = (name: (i: number) => string) => Array.from({ length: epilogueRows }, (_, i) => name(i));
  const take = (round: number) => {
    const first = epilogueRows * Math.floor(round / halves), half = round % halves;
    return together((j) => `q${j} = c${first + j}_${half};`).join(" ");
  };
  const chain = (f: string, column: string, values: readonly string[]) =>
    `chain(${[f, ...epilogueRows === 1 ? [] : ["row_vectors", "rows - row"], column, ...values].join(", ")});`;
  return `
  prepare(instance);
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
      ? chain("f", "column", together((i) => `q${i}`))
      : `for (var j = 0u; j < min(4u, columns - left); j++) { ${
        chain(
          "f + j",
          "column + j",
          together((i) => `q${i}[j]`),
        )
      } }`
  }
    }
  }`;
}
