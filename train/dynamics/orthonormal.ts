/** QR decomposition of some vectors, for Lyapunov exponents. */

/**
 * How much of a vector must be left when its parts along the others are taken off, so that what is left is no rounding error: below this, in
 * units of the vector's own length, it has lost all digits.
 */
const LOST = 2 ** -48;

/** What came of a decomposition. */
export interface Decomposition {
  /** Diagonal of R, from the first vector on: not negative; 0 where a vector depends on those before it, within rounding. */
  readonly diagonal: Float64Array;
  /** The smallest share of a vector's length that was left: its logarithm to base 2 says how many bits of the diagonal are lost. */
  readonly least: number;
}

/**
 * Makes vectors orthonormal, in place: `V = QR` with the vectors as columns of `V`, by modified Gram-Schmidt. A vector that depends on those before
 * it is replaced by another that is orthogonal to them.
 *
 * Where vectors are nearly dependent, the method leaves them orthogonal to fewer digits than Householder's. That does not move exponents: what `Q` then
 * differs by is triangular with a diagonal of ones, and so is what the next `R` gets. Source: Björck, "Solving linear least squares problems by
 * Gram-Schmidt orthogonalization", 1967.
 *
 * @param vectors `[count, size]`, one vector after the other; `count ≤ size`
 */
export function orthonormalize(vectors: Float64Array, size: number): Decomposition {
  const count = vectors.length / size, diagonal = new Float64Array(count);
  const before = Float64Array.from({ length: count }, (_, i) => norm(vectors, i * size, size));
  let least = 1;
  for (let i = 0; i < count; i++) {
    let left = norm(vectors, i * size, size);
    const share = before[i] > 0 ? left / before[i] : 0;
    least = Math.min(least, share);
    // What is no number stays one: the caller says so.
    if (share < LOST) left = replace(vectors, i, size);
    else diagonal[i] = left;
    for (let j = i * size; j < (i + 1) * size; j++) vectors[j] /= left;
    takeOffFromThoseAfter(vectors, i, size);
  }
  return { diagonal, least };
}

/** Takes the parts along vector `i` off all vectors after it. Four at a time keep the processor busy, which one by itself does not. */
function takeOffFromThoseAfter(v: Float64Array, i: number, size: number): void {
  const at = i * size;
  let to = at + size;
  for (; to + 4 * size <= v.length; to += 4 * size) {
    const b = to + size, c = b + size, d = c + size;
    let pa = 0, pb = 0, pc = 0, pd = 0;
    for (let j = 0; j < size; j++) {
      const q = v[at + j];
      pa += q * v[to + j];
      pb += q * v[b + j];
      pc += q * v[c + j];
      pd += q * v[d + j];
    }
    for (let j = 0; j < size; j++) {
      const q = v[at + j];
      v[to + j] -= pa * q;
      v[b + j] -= pb * q;
      v[c + j] -= pc * q;
      v[d + j] -= pd * q;
    }
  }
  for (; to < v.length; to += size) takeOff(v, at, to, size);
}

/** Takes the part along the vector at `from` off the one at `to`. */
function takeOff(v: Float64Array, from: number, to: number, size: number): void {
  let part = 0;
  for (let j = 0; j < size; j++) part += v[from + j] * v[to + j];
  for (let j = 0; j < size; j++) v[to + j] -= part * v[from + j];
}

function norm(v: Float64Array, at: number, size: number): number {
  let squares = 0;
  for (let j = at; j < at + size; j++) squares += v[j] * v[j];
  return Math.sqrt(squares);
}

/** Puts the first axis that is not all but spanned by the vectors before `i` in its place; returns the length that is left of it. */
function replace(vectors: Float64Array, i: number, size: number): number {
  const at = i * size;
  for (let axis = 0; axis < size; axis++) {
    vectors.fill(0, at, at + size);
    vectors[at + axis] = 1;
    for (let from = 0; from < at; from += size) takeOff(vectors, from, at, size);
    const left = norm(vectors, at, size);
    // At least one axis has that much left, since i < size.
    if (left > 0.5 / Math.sqrt(size)) return left;
  }
  return Number.NaN;
}
