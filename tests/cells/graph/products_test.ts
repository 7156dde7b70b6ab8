/** Fast loops are compared with the plainest ones, bit by bit. */
import assert from "node:assert/strict";
import { addCombinations, addProducts, sideBySide, transposed } from "../../../cells/graph/products.ts";
import { scattered } from "./finite_differences.ts";

/** Rows, columns and terms: multiples of a tile's sides, one less, one more, and one. */
const SIZES = [[2, 4, 8], [1, 1, 1], [1, 7, 5], [3, 3, 4], [5, 9, 7], [4, 5, 1], [6, 2, 13]] as const;

/** `out[r, c] + a[r, 0]·b(0, c) + a[r, 1]·b(1, c) …`, term by term. */
function plain(
  out: Float64Array,
  a: Float64Array,
  columns: number,
  terms: number,
  b: (i: number, c: number) => number,
) {
  return out.map((first, at) => {
    const r = Math.floor(at / columns), c = at % columns;
    let total = first;
    for (let i = 0; i < terms; i++) total += a[r * terms + i] * b(i, c);
    return total;
  });
}

for (const [rows, columns, terms] of SIZES) {
  const a = scattered(rows * terms, 1), start = scattered(rows * columns, 3);

  Deno.test(`addProducts() gives the bits of a plain loop when ${rows} rows and ${columns} columns have ${terms} terms`, () => {
    const b = scattered(columns * terms, 2), out = start.slice();
    addProducts(out, a, b, terms);
    assert.deepEqual(out, plain(start, a, columns, terms, (i, c) => b[c * terms + i]));
  });

  Deno.test(`addCombinations() gives the bits of a plain loop when ${rows} rows take ${columns} columns of ${terms} rows`, () => {
    const first = 2, width = columns + 3, values = scattered(terms * width, 2), out = start.slice();
    addCombinations(out, a, { values, columns: width, first, count: columns });
    assert.deepEqual(out, plain(start, a, columns, terms, (i, c) => values[i * width + first + c]));
  });
}

Deno.test("transposed() gives the columns of a matrix as rows", () => {
  assert.deepEqual([...transposed(Float64Array.of(1, 2, 3, 4, 5, 6), 3)], [1, 4, 2, 5, 3, 6]);
});

Deno.test("sideBySide() joins the rows of matrices, and leaves one alone", () => {
  const a = Float64Array.of(1, 2, 3, 4), b = Float64Array.of(10, 20);
  assert.deepEqual([...sideBySide([a, b, a], [2, 1, 2])], [1, 2, 10, 1, 2, 3, 4, 20, 3, 4]);
  assert.equal(sideBySide([a], [2]), a);
});
