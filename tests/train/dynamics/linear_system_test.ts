/** Linear systems against the library's. */
import assert from "node:assert/strict";
import { Matrix, solve } from "ml-matrix";
import { solveInPlace } from "../../../train/dynamics/linear_system.ts";
import { scattered } from "../../cells/graph/finite_differences.ts";

const rowsOf = (values: Float64Array, n: number) =>
  Array.from({ length: n }, (_, r) => values.slice(r * n, (r + 1) * n));

Deno.test("solveInPlace() solves systems as the library does", () => {
  for (const n of [1, 2, 7, 40]) {
    const values = Float64Array.from(scattered(n * n, n)), b = Float64Array.from(scattered(n, 3));
    const wanted = solve(new Matrix(rowsOf(values, n).map((row) => [...row])), Matrix.columnVector(b)).to1DArray();
    const found = b.slice();
    assert.equal(solveInPlace(rowsOf(values, n), found), true);
    // Rounding, times the condition of matrices of some ten numbers.
    found.forEach((x, i) =>
      assert.ok(Math.abs(x - wanted[i]) < 1e-9 * (1 + Math.abs(wanted[i])), `${n}: ${x}, ${wanted[i]}`)
    );
  }
});

Deno.test("solveInPlace() exchanges rows where a pivot is zero", () => {
  const b = Float64Array.of(2, 3);
  assert.equal(solveInPlace([Float64Array.of(0, 1), Float64Array.of(1, 0)], b), true);
  assert.deepEqual([...b], [3, 2]);
});

for (
  const [what, rows] of [["singular", [[1, 2], [2, 4]]], ["of NaN", [[NaN, 1], [1, 0]]], ["infinite", [[Infinity, 1], [
    1,
    0,
  ]]]] as const
) {
  Deno.test(`solveInPlace() says so when a matrix is ${what}`, () => {
    assert.equal(solveInPlace(rows.map((row) => Float64Array.from(row)), Float64Array.of(1, 1)), false);
  });
}
