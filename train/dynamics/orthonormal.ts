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
   * Of each entry, its share of the longest vector's length: rounding errors are of the size of the longest, also those of a product by a matrix that
   * shrinks some directions much more than others.
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
 * @param vectors as many as they have numbers, at most
 */
export function orthonormalize(vectors: readonly Float64Array[]): Decomposition {
  const count = vectors.length, diagonal = new Float64Array(count), before = Float64Array.from(vectors, norm);
  const finish = (i: number) => {
    diagonal[i] = norm(vectors[i]);
    const length = diagonal[i] > LOST * before[i] ? diagonal[i] : replace(vectors, i);
    scale(vectors[i], 1 / length);
  };
  // Two at a time are taken off those after them: half of the reads and writes.
  for (let i = 0; i < count; i += 2) {
    finish(i);
    if (i + 1 === count) break;
    takeOff(vectors[i], vectors[i + 1]);
    finish(i + 1);
    takePairOff(vectors, i);
  }
  const longest = before.reduce((a, b) => Math.max(a, b));
  return { diagonal, shares: diagonal.map((length) => length === 0 ? 0 : length / longest) };
}

/** Takes the parts along vector `i` and the next off all after these two. */
function takePairOff(vectors: readonly Float64Array[], i: number): void {
  const p = vectors[i], r = vectors[i + 1];
  let k = i + 2;
  for (; k + 4 <= vectors.length; k += 4) {
    takePairOffFour(p, r, vectors[k], vectors[k + 1], vectors[k + 2], vectors[k + 3]);
  }
  for (; k < vectors.length; k++) {
    takeOff(p, vectors[k]);
    takeOff(r, vectors[k]);
  }
}

/** Four at a time keep the processor busy, which one by itself does not; arrays of their own take half the time of parts of one. */
function takePairOffFour(
  p: Float64Array,
  r: Float64Array,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
): void {
  const size = p.length;
  let pa = 0, pb = 0, pc = 0, pd = 0, ra = 0, rb = 0, rc = 0, rd = 0;
  for (let j = 0; j < size; j++) {
    const x = p[j], y = r[j], va = a[j], vb = b[j], vc = c[j], vd = d[j];
    pa += x * va;
    pb += x * vb;
    pc += x * vc;
    pd += x * vd;
    ra += y * va;
    rb += y * vb;
    rc += y * vc;
    rd += y * vd;
  }
  for (let j = 0; j < size; j++) {
    const x = p[j], y = r[j];
    a[j] -= pa * x + ra * y;
    b[j] -= pb * x + rb * y;
    c[j] -= pc * x + rc * y;
    d[j] -= pd * x + rd * y;
  }
}

/** Takes the part along a vector of length 1 off another. */
function takeOff(q: Float64Array, v: Float64Array): void {
  let part = 0;
  for (let j = 0; j < v.length; j++) part += q[j] * v[j];
  for (let j = 0; j < v.length; j++) v[j] -= part * q[j];
}

function norm(v: Float64Array): number {
  let squares = 0;
  for (let j = 0; j < v.length; j++) squares += v[j] * v[j];
  return Math.sqrt(squares);
}

function scale(v: Float64Array, factor: number): void {
  for (let j = 0; j < v.length; j++) v[j] *= factor;
}

/** Puts the first axis that is not all but spanned by the vectors before `i` in its place; returns the length that is left of it. */
function replace(vectors: readonly Float64Array[], i: number): number {
  const v = vectors[i], size = v.length;
  for (let axis = 0; axis < size; axis++) {
    v.fill(0);
    v[axis] = 1;
    for (const q of vectors.slice(0, i)) takeOff(q, v);
    const left = norm(v);
    // At least one axis has that much left, since i < size.
    if (left > 0.5 / Math.sqrt(size)) return left;
  }
  // What is not a number stays one: the caller says so.
  return Number.NaN;
}
