/** Random orthogonal matrices. */

/**
 * Makes the rows of a matrix orthonormal, in place: modified Gram–Schmidt in float64, each row twice, so that the second time takes away
 * what rounding has left ("twice is enough", Parlett 1980, section 6.9). It is the QR decomposition of the transposed matrix whose R has a
 * positive diagonal. So of normal numbers it makes any orthogonal matrix equally likely, which another choice of signs would not
 * (Mezzadri, "How to generate random matrices from the classical compact groups", 2007).
 *
 * @param matrix `[rows, columns]`, row-major; no more rows than columns, and of full rank
 */
export function orthonormalizeRows(matrix: Float64Array, rows: number, columns: number): void {
  const done: Float64Array[] = [];
  for (let i = 0; i < rows; i++) {
    const row = matrix.subarray(i * columns, (i + 1) * columns);
    for (let time = 0; time < 2; time++) {
      for (const other of done) subtract(row, other, dot(row, other));
    }
    const length = Math.sqrt(dot(row, row));
    for (let at = 0; at < columns; at++) row[at] /= length;
    done.push(row);
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at] * b[at];
  return sum;
}

/** `a ← a − factor·b`. */
function subtract(a: Float64Array, b: Float64Array, factor: number): void {
  for (let at = 0; at < a.length; at++) a[at] -= factor * b[at];
}

/** `[rows, columns]` → `[columns, rows]`, row-major. */
export function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  return matrix.map((_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)]);
}
