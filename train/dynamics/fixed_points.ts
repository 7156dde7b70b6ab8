/** Fixed points: states that a model keeps while one byte is read again and again. */

/** A state `s` with `F(s, x) = s`. */
export interface FixedPoint {
  /** Starts that Newton's method came from. */
  readonly found_from: number;
  /** Largest absolute value among the eigenvalues of `∂F/∂s`: below 1 it is stable. */
  readonly spectral_radius: number;
  /** Eigenvalues outside of the unit circle: 0 where it is stable. */
  readonly unstable: number;
}

/** Those of one token. */
export interface TokenFixedPoints {
  /** The byte or token that is read again and again. */
  readonly token: number;
  /** Its share of the text. */
  readonly share: number;
  /** Visited states that Newton's method started from. */
  readonly starts: number;
  /** Of them, those that ended at a fixed point, at a slow point, and at neither. */
  readonly converged: number;
  readonly slow: number;
  readonly failed: number;
  /** Distinct fixed points, those found most often first. There may be more: these were found from that many starts. */
  readonly points: readonly FixedPoint[];
}

/** What {@linkcode fixedPoints} finds. */
export interface FixedPoints {
  /** `½‖F(s, x) − s‖²` below which a state counts as fixed, and below which as slow. */
  readonly tolerance: number;
  readonly slow_tolerance: number;
  /** The most frequent tokens of the text, the most frequent first. */
  readonly tokens: readonly TokenFixedPoints[];
}
