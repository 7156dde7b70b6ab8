/** QR decomposition of some vectors, for Lyapunov exponents. */

/**
 * How much of a vector must be left when its parts along the others are taken off, so that what is left is no rounding error: below this, in
 * units of the vector's own length, it has lost all digits.
 */
const LOST = 2 ** -48;

/** What came of a decomposition. */
export interface Decomposition {
  /** Diagonal of R, from the first vector on: not negative. */
  readonly diagonal: Float64Array;
  /**
   * Of each entry, its share of the longest vector: rounding is in units of that, also in a product by a matrix of which little is left in some directions.
   */
  readonly shares: Float64Array;
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
  const finish = (i: number) => {
    diagonal[i] = norm(vectors, i * size, size);
    const length = diagonal[i] > LOST * before[i] ? diagonal[i] : replace(vectors, i, size);
    for (let j = i * size; j < (i + 1) * size; j++) vectors[j] /= length;
  };
  // Two at a time are taken off those after them: half of the reads and writes.
  for (let i = 0; i < count; i += 2) {
    finish(i);
    if (i + 1 === count) break;
    takeOff(vectors, i * size, (i + 1) * size, size);
    finish(i + 1);
    takePairOff(vectors, i * size, size);
  }
  const longest = before.reduce((a, b) => Math.max(a, b));
  return { diagonal, shares: diagonal.map((length) => length === 0 ? 0 : length / longest) };
}

/**
 * Takes the parts along the vectors at `first` and behind it off all vectors after these two. Four at a time keep the processor busy, which one by itself
 * does not.
 */
function takePairOff(v: Float64Array, first: number, size: number): void {
  const second = first + size;
  let a = second + size;
  for (; a + 4 * size <= v.length; a += 4 * size) {
    const b = a + size, c = b + size, d = c + size;
    let pa = 0, pb = 0, pc = 0, pd = 0, ra = 0, rb = 0, rc = 0, rd = 0;
    for (let j = 0; j < size; j++) {
      const p = v[first + j], r = v[second + j];
      const va = v[a + j], vb = v[b + j], vc = v[c + j], vd = v[d + j];
      pa += p * va;
      pb += p * vb;
      pc += p * vc;
      pd += p * vd;
      ra += r * va;
      rb += r * vb;
      rc += r * vc;
      rd += r * vd;
    }
    for (let j = 0; j < size; j++) {
      const p = v[first + j], r = v[second + j];
      v[a + j] -= pa * p + ra * r;
      v[b + j] -= pb * p + rb * r;
      v[c + j] -= pc * p + rc * r;
      v[d + j] -= pd * p + rd * r;
    }
  }
  for (; a < v.length; a += size) {
    takeOff(v, first, a, size);
    takeOff(v, second, a, size);
  }
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
  // What is no number stays one: the caller says so.
  return Number.NaN;
}
