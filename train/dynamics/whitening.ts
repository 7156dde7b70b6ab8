/** Whitening: states as numbers that do not correlate, so that one step size fits all directions of them. */
import { input, linear, makeNode } from "../../cells/graph/builder.ts";
import { buildGraph, type Graph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { Float64Graph } from "./float64.ts";

/**
 * What is added to each number's own variance, in units of it: directions in which states vary less than that, next to the numbers they are made of,
 * are rounding errors, and stay small.
 */
const LEAST_VARIANCE = 1e-10;

/** Rows that go through a graph at once. */
const ROWS = 256;

/**
 * Whitens rows, in place: `x ← L⁻¹ (x − μ)/σ`, with `LLᵀ` the correlation matrix. A number that does not vary becomes 0.
 *
 * @param rows `[rows, size]`, row-major
 * @param known the first so many rows are those that mean, deviation and correlation are taken of
 */
export async function whiten(rows: Values, size: number, known: number): Promise<void> {
  standardize(rows, size, known);
  const x = input("x", [ROWS, size]), products = new Float64Array(size * size);
  await eachChunk(rows.subarray(0, known * size), size, {
    graph: buildGraph({ products: makeNode("linear_weight_gradient", [x, x], {}) }),
    weights: new Map(),
    // Rows of zeros, which fill up the last chunk, add nothing.
    take: (results) => results.get("products")!.forEach((product, i) => products[i] += product / known),
  });
  for (let i = 0; i < size; i++) products[i * size + i] += LEAST_VARIANCE;
  const whitened = linear([x], input("factor", [size, size]), input("zeros", [size]));
  await eachChunk(rows, size, {
    graph: buildGraph({ whitened }),
    weights: new Map([["factor", inverseFactor(products, size)], ["zeros", new Float64Array(size)]]),
    take: (results, chunk) => chunk.set(results.get("whitened")!.subarray(0, chunk.length)),
  });
}

/** Mean 0 and deviation 1, by the first `known` rows; zeros where a number does not vary. */
function standardize(rows: Values, size: number, known: number): void {
  const mean = new Float64Array(size), deviation = new Float64Array(size);
  for (let at = 0; at < known * size; at += size) {
    for (let i = 0; i < size; i++) mean[i] += rows[at + i] / known;
  }
  for (let at = 0; at < known * size; at += size) {
    for (let i = 0; i < size; i++) deviation[i] += (rows[at + i] - mean[i]) ** 2 / known;
  }
  // A number that stays the same differs from its own mean by rounding.
  const factor = deviation.map((squares, i) => squares > (1e-12 * mean[i]) ** 2 ? 1 / Math.sqrt(squares) : 0);
  for (let at = 0; at < rows.length; at += size) {
    for (let i = 0; i < size; i++) rows[at + i] = (rows[at + i] - mean[i]) * factor[i];
  }
}

/** What is done with rows, chunk by chunk: the graph reads `x`. */
interface Work {
  readonly graph: Graph;
  readonly weights: ReadonlyMap<string, Values>;
  readonly take: (results: ReadonlyMap<string, Values>, chunk: Values) => void;
}

async function eachChunk(rows: Values, size: number, { graph, weights, take }: Work): Promise<void> {
  await using opened = await Float64Graph.open(graph, { weights });
  for (let at = 0; at < rows.length; at += ROWS * size) {
    const chunk = rows.subarray(at, at + ROWS * size);
    const isFull = chunk.length === ROWS * size, x = isFull ? chunk : new Float64Array(ROWS * size);
    if (!isFull) x.set(chunk);
    take(await opened.run(new Map([["x", x]])), chunk);
  }
}

/** `L⁻¹`, lower triangular, of `LLᵀ = A` for a symmetric positive definite `A`, `[size, size]`; what stands in `A` is lost. */
function inverseFactor(a: Values, size: number): Values {
  // Cholesky, row by row: L stands in the lower triangle.
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let left = a[i * size + j];
      for (let k = 0; k < j; k++) left -= a[i * size + k] * a[j * size + k];
      a[i * size + j] = i === j ? Math.sqrt(Math.max(left, LEAST_VARIANCE / 2)) : left / a[j * size + j];
    }
  }
  // L·X = I forwards, each row of X from those above it.
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const row = inverse.subarray(i * size, i * size + i + 1);
    for (let k = 0; k < i; k++) {
      const factor = a[i * size + k];
      for (let j = 0; j <= k; j++) row[j] -= factor * inverse[k * size + j];
    }
    row[i] = 1;
    for (let j = 0; j <= i; j++) row[j] /= a[i * size + i];
  }
  return inverse;
}
