/**
 * The three matrix products of `linear`: forward (NT), input gradient (NN) and weight gradient (TN). One tiled template; they
 * differ in how a tile is loaded, never in how it is multiplied. Inputs that stand side by side, and products that are added
 * up, are *segments* of one long sum: nothing is joined in memory.
 */
import { isOp, type Tensor } from "../../../../cells/graph/tensor.ts";
import { buildEpilogue } from "./epilogue.ts";
import {
  INVOCATIONS,
  type KernelTemplate,
  type KernelUse,
  type Locations,
  vectorType,
  type VectorWidth,
  word,
} from "./kernel.ts";
import { isProduct } from "../plan/rewrite.ts";
import type { Task } from "../plan/tasks.ts";

/** Invocations of a workgroup stand in a square; each makes `width × width` elements of the tile. */
const SQUARE = 8;
/** Steps of the sum that are in workgroup memory at a time. */
const DEPTH = 16;

/** Elements that an invocation makes along each axis: 8, or 4 where tiles of 64 would be half empty. */
type Width = 4 | 8;

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

const productTemplate = (vectorWidth: VectorWidth, width: Width): KernelTemplate => ({
  key: `product ${SQUARE * width}x${SQUARE * width} f32x${vectorWidth}`,
  vectorWidth,
  source: () => productSource(vectorWidth, width),
});

function productSource(vectorWidth: VectorWidth, width: Width) {
  const halves = width / 4, tile = SQUARE * width;
  /** Vectors of one operand's part of the tile, and of those that each invocation brings. */
  const vectors = DEPTH * tile / 4, each = vectors / INVOCATIONS;
  // naga clamps each index into workgroup memory: a pair of vectors is loaded for one clamp.
  const Item = halves === 2 ? "Pair" : "vec4f";
  const part = (name: string, half: number) => halves === 2 ? `${name}.${half ? "hi" : "lo"}` : name;

  /** Brings an operand's next vectors into registers `<name>0 …`. Along the sum: a block of 4 rows × 4 steps; across: rows of the tile. */
  const fetch = (name: "a" | "b", limit: string, first: string) => `
    if (${name}_along) {
      let step_at = k0 + 4u * (local & 3u); let at = ${first} + 4u * (local >> 2u);
      if (${halves === 2 ? "true" : `local < ${INVOCATIONS / 2}u`}) {
${lines(4, (i) => `        ${name}${i} = fetch(${name}_base, ${name}_row, at + ${i}u, ${limit}, step_at, steps);`)}
      }
    } else {
${
    lines(each, (i) =>
      `      ${name}${i} = fetch(${name}_base, ${name}_row, k0 + across_step + ${
        i * DEPTH / each
      }u, steps, ${first} + 4u * across_quad, ${limit});`)
  }
    }`;
  const item = (name: "a" | "b", row: string, square: string) =>
    `tiles[${name === "b" ? `${DEPTH * SQUARE}u + ` : ""}(${row}) * ${SQUARE}u + ${square}]`;
  /** Puts them into workgroup memory: item (step, quad of the tile's axis). */
  const put = (name: "a" | "b") => {
    const store = (row: string, quad: string, value: string) =>
      halves === 1
        ? `${item(name, row, quad)} = ${value};`
        : `if (${quad} < ${SQUARE}u) { ${item(name, row, quad)}.lo = ${value}; } else { ${
          item(name, row, `(${quad} - ${SQUARE}u)`)
        }.hi = ${value}; }`;
    const column = (c: number) => `vec4f(${[0, 1, 2, 3].map((i) => `${name}${i}[${c}]`).join(", ")})`;
    return `
    if (${name}_along) {
      if (${halves === 2 ? "true" : `local < ${INVOCATIONS / 2}u`}) {
${lines(4, (c) => `        ${store(`4u * (local & 3u) + ${c}u`, "(local >> 2u)", column(c))}`)}
      }
    } else {
${lines(each, (i) => `      ${store(`across_step + ${i * DEPTH / each}u`, "across_quad", `${name}${i}`)}`)}
    }`;
  };

  // naga guards each loop with a counter, so the inner products are written out; only the loop over tiles of the sum is left.
  const multiply = lines(DEPTH, (k) => `
    { let a = ${item("a", `${k}u`, "ty")}; let b = ${item("b", `${k}u`, "tx")};
${
    lines(4 * halves, (row) =>
      lines(halves, (half) =>
        `      c${row}_${half} = fma(vec4f(${part("a", row >> 2)}[${row & 3}]), ${part("b", half)}, c${row}_${half});`))
  } }`);

  const V = vectorType(vectorWidth);
  // An invocation parks its results in workgroup memory, at a location of its own: registers cannot be indexed, and the epilogue is
  // to be there once, in a loop, rather than once for each vector.
  const finish = (half: number) => `
${
    lines(4, (row) =>
      `  tiles[${row * INVOCATIONS}u + local] = ${
        halves === 2 ? `Pair(c${4 * half + row}_0, c${4 * half + row}_1)` : `c${row}_0`
      };`)
  }
  for (var i = 0u; i < ${4 * halves}u; i++) {
    let row = m0 + ${half * 4 * SQUARE}u + 4u * ty + i / ${halves}u;
    let left = n0 + 4u * tx + (i % ${halves}u) * ${4 * SQUARE}u;
    if (row < rows && left < columns) {
      let parked = tiles[(i / ${halves}u) * ${INVOCATIONS}u + local];
      let quad = ${halves === 2 ? "select(parked.lo, parked.hi, i % 2u == 1u)" : "parked"};
      let column = (${word(HEAD.firstColumn)} + left) / ${vectorWidth}u;
      ${
    vectorWidth === 4
      ? `chain(row * (${word(HEAD.rowLength)} / 4u) + column, column, quad);`
      : `for (var j = 0u; j < min(4u, columns - left); j++) { chain(row * ${
        word(HEAD.rowLength)
      } + column + j, column + j, quad[j]); }`
  }
    }
  }`;

  return {
    declarations: `${
      halves === 2 ? "struct Pair { lo: vec4f, hi: vec4f }\n" : ""
    }var<workgroup> tiles: array<${Item}, ${2 * DEPTH * SQUARE}>;
// Four elements (row, column …) of a matrix; zero beyond its edges.
fn fetch(base: u32, row_length: u32, row: u32, rows: u32, column: u32, columns: u32) -> vec4f {
  if (row >= rows || column >= columns) { return vec4f(); }
${
      vectorWidth === 4
        ? "  return arena[base + (row * row_length + column) / 4u];"
        : `  let at = base + row * row_length + column;
  return vec4f(arena[at], ${[1, 2, 3].map((i) => `element(at + ${i}u, column + ${i}u < columns)`).join(", ")});`
    }
}
${
      vectorWidth === 4 ? "" : `fn element(at: u32, inside: bool) -> ${V} {
  if (!inside) { return 0.0; }
  return arena[at];
}`
    }`,
    body: `
  let rows = ${word(HEAD.rows)}; let columns = ${word(HEAD.columns)}; let all_tiles = ${word(HEAD.tiles)};
  let a_along = ${word(HEAD.mode)} != ${MODES.linear_weight_gradient}u; let b_along = ${
      word(HEAD.mode)
    } == ${MODES.linear}u;
  let tiles_across = (columns + ${tile - 1}u) / ${tile}u;
  let m0 = (group / tiles_across) * ${tile}u; let n0 = (group % tiles_across) * ${tile}u;
  let ty = local / ${SQUARE}u; let tx = local % ${SQUARE}u;
  // ${
      halves === 2
        ? "half a workgroup each takes the low and the high quads, so that none diverges"
        : "a row of quads after the other"
    }
  let across_quad = ${halves === 2 ? `(local & 7u) + ${SQUARE}u * (local >> 5u)` : "local & 7u"};
  let across_step = ${halves === 2 ? "(local >> 3u) & 3u" : "local >> 3u"};
${lines(4 * halves, (row) => `  ${lines(halves, (half) => `var c${row}_${half} = vec4f();`).replaceAll("\n", " ")}`)}
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
  var segment = instance + ${word(HEAD.segments)};
  var a_base = 0u; var a_row = 0u; var b_base = 0u; var b_row = 0u; var steps = 0u; var k0 = 0u;
  // The next part of the sum is on its way into registers while the last one is multiplied.
  for (var number = 0u; number <= all_tiles; number++) {
    if (number > 0u) {
      workgroupBarrier();
      ${put("a")}
      ${put("b")}
      workgroupBarrier();
      k0 += ${DEPTH}u;
      if (k0 >= steps) { segment += ${SEGMENT_WORDS}u; k0 = 0u; }
    }
    if (number < all_tiles) {
      if (k0 == 0u) {
        a_base = tables[segment + ${SEGMENT.a}u]; a_row = tables[segment + ${SEGMENT.aRow}u];
        b_base = tables[segment + ${SEGMENT.b}u]; b_row = tables[segment + ${SEGMENT.bRow}u];
        steps = tables[segment + ${SEGMENT.steps}u];
      }
      ${fetch("a", "rows", "m0")}
      ${fetch("b", "columns", "n0")}
    }
    if (number > 0u) {
      ${multiply}
    }
  }
  workgroupBarrier();
  prepare(instance);
${lines(halves, finish)}`,
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
    const tiles = segments.reduce((total, { steps }) => total + Math.ceil(steps / DEPTH), 0);
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
