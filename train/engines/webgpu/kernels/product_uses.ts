/**
 * The three matrix products of `linear`: forward (NT), input gradient (NN) and weight gradient (TN), as instances of one tiled kernel.
 * Inputs that stand side by side, and products that are added up, are *segments* of one long sum: nothing is joined in memory.
 */
import { isOp, type Tensor } from "../../../../cells/graph/tensor.ts";
import { buildEpilogue } from "./epilogue.ts";
import type { KernelUse, Locations, VectorWidth } from "./kernel.ts";
import { FIRST_EPILOGUE_WORD, MODES, PADDED_DEPTH, productTemplate, SQUARE, type Width } from "./product_template.ts";
import { isProduct } from "../plan/rewrite.ts";
import type { Task } from "../plan/tasks.ts";

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

/**
 * What tiles products are made in; no bit depends on it. `large`: 64 × 64 wherever they would not be half empty; `small`: 32 × 32; `by fill`:
 * large, but for products of which so few stand side by side that large ones would leave a GPU's cores idle.
 */
export type Tiles = "large" | "small" | "by fill";

/**
 * Workgroups at least that a level is to have: two on each core of a large GPU, where one of 64 invocations keeps half a core's
 * schedulers busy. Reasoned, not measured.
 */
const FILLING_WORKGROUPS = 256;

/** @param slots how many runs a group has: so many like this product stand at its level, if all are of a kind */
function widthOf(op: keyof typeof MODES, rows: number, columns: number, tiles: Tiles, slots: number): Width {
  if (tiles === "small" || Math.min(rows, columns) <= 4 * SQUARE) return 4;
  // Weight gradients of all layers stand at one level: there are many, however few the runs.
  if (tiles === "large" || op === "linear_weight_gradient") return 8;
  return workgroupsOf(rows, columns, 8) * slots < FILLING_WORKGROUPS ? 4 : 8;
}

const workgroupsOf = (rows: number, columns: number, width: Width) =>
  Math.ceil(rows / (SQUARE * width)) * Math.ceil(columns / (SQUARE * width));

/** A task whose heads are products: an instance for each window of their result. */
export function productUses(task: Task, locations: Locations, tiles: Tiles): KernelUse[] {
  const heads = task.heads.filter(isProduct);
  const [{ op, shape: [rows, rowLength] }] = heads;
  const windowsOfHeads = heads.map((head) => windowsOf(head, locations));
  return windowsOfHeads[0].map(({ columns, firstColumn }, i) => {
    const segments = windowsOfHeads.flatMap((windows) => windows[i].segments);
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
    const width = widthOf(op, rows, columns, tiles, locations.slots);
    const parts = segments.reduce((total, { steps }) => total + Math.ceil(steps / PADDED_DEPTH), 0);
    const words = [
      rows,
      columns,
      rowLength,
      firstColumn,
      MODES[op],
      parts,
      FIRST_EPILOGUE_WORD + epilogue.words.length,
      ...epilogue.words,
      ...segments.flatMap(({ a, aRow, b, bRow, steps }) => [a / vectorWidth, aRow, b / vectorWidth, bRow, steps]),
    ];
    return {
      template: productTemplate(vectorWidth, width),
      epilogue,
      words,
      workgroups: workgroupsOf(rows, columns, width),
      cost: parts,
    };
  });
}
