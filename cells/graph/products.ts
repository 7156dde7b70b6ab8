/**
 * Matrix products in float64, for the interpreter. Each sum is taken term by term in the order of the terms, so the numbers are those of the
 * plainest loop; several sums at a time keep the processor busy, which one by itself does not.
 */

/** Rows and columns of a tile; its sums fill the registers. */
const ROWS = 2, COLUMNS = 4;

/**
 * `out[r, c] += Σ_i a[r, i] · b[c, i]`, with the terms in the order of `i`.
 *
 * @param out `[rows, columns]`; what is in it comes before the first term
 * @param a `[rows, terms]`
 * @param b `[columns, terms]`
 */
export function addProducts(out: Float64Array, a: Float64Array, b: Float64Array, terms: number): void {
  const rows = a.length / terms, columns = b.length / terms;
  for (let c = 0; c < columns; c += COLUMNS) {
    for (let r = 0; r < rows; r += ROWS) addTile(out, a, b, terms, r, c, rows, columns);
  }
}

/** A tile of the sums. At the border its last row and column stand for those that are not there, and come out the same each time. */
function addTile(
  out: Float64Array,
  a: Float64Array,
  b: Float64Array,
  terms: number,
  r: number,
  c: number,
  rows: number,
  columns: number,
): void {
  const r1 = Math.min(r + 1, rows - 1);
  const c1 = Math.min(c + 1, columns - 1), c2 = Math.min(c + 2, columns - 1), c3 = Math.min(c + 3, columns - 1);
  const upper = r * columns, lower = r1 * columns;
  let s00 = out[upper + c], s01 = out[upper + c1], s02 = out[upper + c2], s03 = out[upper + c3];
  let s10 = out[lower + c], s11 = out[lower + c1], s12 = out[lower + c2], s13 = out[lower + c3];
  const a0 = r * terms, a1 = r1 * terms;
  const b0 = c * terms, b1 = c1 * terms, b2 = c2 * terms, b3 = c3 * terms;
  for (let i = 0; i < terms; i++) {
    const x = a[a0 + i], y = a[a1 + i];
    const w0 = b[b0 + i], w1 = b[b1 + i], w2 = b[b2 + i], w3 = b[b3 + i];
    s00 += x * w0;
    s01 += x * w1;
    s02 += x * w2;
    s03 += x * w3;
    s10 += y * w0;
    s11 += y * w1;
    s12 += y * w2;
    s13 += y * w3;
  }
  out[upper + c] = s00;
  out[upper + c1] = s01;
  out[upper + c2] = s02;
  out[upper + c3] = s03;
  out[lower + c] = s10;
  out[lower + c1] = s11;
  out[lower + c2] = s12;
  out[lower + c3] = s13;
}

/** Some columns of a matrix `[rows, columns]`: `count` of them from column `first` on. */
export interface Columns {
  readonly values: Float64Array;
  readonly columns: number;
  readonly first: number;
  readonly count: number;
}

/**
 * `out[r, c] += Σ_i a[r, i] · b[i, c]`, with the terms in the order of `i`: combinations of the rows of `b`, which are read as they lie.
 *
 * @param out `[rows, b.count]`; what is in it comes before the first term
 * @param a `[rows, terms]`
 * @param b `[terms, b.count]`
 */
export function addCombinations(out: Float64Array, a: Float64Array, b: Columns): void {
  const { values: w, columns, first, count } = b, terms = w.length / columns, rows = a.length / terms;
  for (let r = 0; r < rows; r++) {
    const to = r * count, factors = a.subarray(r * terms, (r + 1) * terms);
    let i = 0;
    for (; i + 4 <= terms; i += 4) {
      const x0 = factors[i], x1 = factors[i + 1], x2 = factors[i + 2], x3 = factors[i + 3];
      const b0 = i * columns + first, b1 = b0 + columns, b2 = b1 + columns, b3 = b2 + columns;
      for (let c = 0; c < count; c++) {
        out[to + c] = out[to + c] + x0 * w[b0 + c] + x1 * w[b1 + c] + x2 * w[b2 + c] + x3 * w[b3 + c];
      }
    }
    for (; i < terms; i++) {
      const x = factors[i], b0 = i * columns + first;
      for (let c = 0; c < count; c++) out[to + c] += x * w[b0 + c];
    }
  }
}

/** Columns of a matrix as rows: `[rows, columns]` → `[columns, rows]`. */
export function transposed(x: Float64Array, columns: number): Float64Array {
  const rows = x.length / columns, out = new Float64Array(x.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0, from = r * columns; c < columns; c++) out[c * rows + r] = x[from + c];
  }
  return out;
}

/** Matrices side by side, `[rows, widths[j]]` each; of one, that matrix itself. */
export function sideBySide(xs: readonly Float64Array[], widths: readonly number[]): Float64Array {
  if (xs.length === 1) return xs[0];
  const rows = xs[0].length / widths[0], width = widths.reduce((a, b) => a + b, 0);
  const all = new Float64Array(rows * width);
  let first = 0;
  xs.forEach((x, j) => {
    for (let r = 0, from = 0; r < rows; r++) {
      for (let c = 0, to = r * width + first; c < widths[j]; c++) all[to++] = x[from++];
    }
    first += widths[j];
  });
  return all;
}
