/** Linear systems. The library's decomposition (ml-matrix) takes six times as long at 32 numbers, and 1.5 times at 256, and a search solves thousands. */

/**
 * Solves `A x = b` by elimination with partial pivoting. Source: Golub and Van Loan, "Matrix computations", 2013, section 3.4.
 *
 * @param rows of `A`, `[n]` each; they are overwritten
 * @param b `[n]`; it becomes `x`
 * @returns whether there is one: false where a pivot is zero or not finite
 */
export function solveInPlace(rows: Float64Array[], b: Float64Array): boolean {
  const n = b.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let r = k + 1; r < n; r++) if (Math.abs(rows[r][k]) > Math.abs(rows[pivot][k])) pivot = r;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    [b[k], b[pivot]] = [b[pivot], b[k]];
    const top = rows[k], head = top[k];
    if (!(head !== 0 && Number.isFinite(head))) return false;
    for (let r = k + 1; r < n; r++) {
      const row = rows[r], factor = row[k] / head;
      if (factor === 0) continue;
      b[r] -= factor * b[k];
      for (let c = k + 1; c < n; c++) row[c] -= factor * top[c];
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    const row = rows[k];
    for (let c = k + 1; c < n; c++) b[k] -= row[c] * b[c];
    b[k] /= row[k];
  }
  return true;
}
