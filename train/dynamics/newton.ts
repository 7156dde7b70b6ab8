/** Newton's method for the fixed points of a map, from many starts side by side. */
import { solveInPlace } from "./linear_system.ts";

/** A map of points of `n` numbers, each for itself. */
export interface PointMap {
  /** `F(s)` of all points. */
  apply(points: readonly Float64Array[]): Promise<Float64Array[]>;
  /**
   * Hands over `∂F/∂s` of some points, one after the other.
   *
   * @param which places of these points
   * @param use called with the place, and `[n, n]`: in row `i` the derivatives of number `i` of `F(s)`; it may be changed
   */
  jacobians(
    points: readonly Float64Array[],
    which: readonly number[],
    use: (place: number, jacobian: Float64Array[]) => void,
  ): Promise<void>;
}

/** Where a start has ended. */
export interface NewtonEnd {
  readonly point: Float64Array;
  /** `½‖F(s) − s‖²`; NaN or infinite where it is at the start. */
  readonly q: number;
}

/** What `q` a search is after. */
export interface Tolerances {
  /** Below it a point is fixed. */
  readonly fixed: number;
  /** Below it a search that gets no further may end. */
  readonly slow: number;
}

/** Newton steps at a stretch, at most. Seen: 4 to 8 are the rule. */
const MOST_STEPS = 50;
/** A search gets no further that so many steps have not brought to a tenth of its `q`: it creeps along a local minimum or a singular Jacobian. */
const CREEPING_STEPS = 5, CREEPING = 0.1;
/** A fixed point is settled when a step leaves more of its `q`: rounding is left. Of a double root a step leaves a sixteenth. */
const SETTLED = 0.25;
/**
 * One that creeps follows the map itself for so many steps, then goes on; the next time it follows it for longer. Seen: a gated cell whose state gate
 * all but shuts takes hundreds of steps to where Newton's method works.
 */
const FOLLOWED = [64, 256];
/** The shortest step, as a part of Newton's: a direction in which even this does not lower `q` leads nowhere. */
const SHORTEST = 2 ** -12;
/** The part of the decrease that a linear map would have which a step must have. Source: Nocedal and Wright, section 11.2. */
const DECREASE = 1e-4;
/** Rounding of some hundred numbers near 1: what is below is exact. */
const EXACT = 1e-26;

interface Search {
  readonly place: number;
  point: Float64Array;
  residual: Float64Array;
  q: number;
  isOver: boolean;
}

/**
 * Newton's method on `F(s) − s = 0` from each start: `(∂F/∂s − I) δ = s − F(s)`, and of `δ` the longest of 1, ½, ¼, … that lowers
 * `q = ½‖F(s) − s‖²` enough. A search ends where its point is fixed to the last digits. Where no step lowers `q` (at a local
 * minimum of it, a singular Jacobian, a number that is not finite) or steps creep, it ends if `q` is slow; if not, it follows the map itself for
 * some steps and tries again, twice. Source: Nocedal and Wright, "Numerical optimization", 2006, section 11.2.
 *
 * @param onStep called after each step of all, with how many searches are over
 */
export async function newton(
  map: PointMap,
  starts: readonly Float64Array[],
  tolerances: Tolerances,
  onStep: (over: number) => void,
): Promise<NewtonEnd[]> {
  const first = residuals(starts, await map.apply(starts));
  const searches = first.map((end, place): Search => ({
    place,
    ...end,
    isOver: !(end.q >= EXACT && end.q < Infinity),
  }));
  await descend(map, searches, tolerances, onStep);
  for (const steps of FOLLOWED) {
    const lost = searches.filter(({ q }) => Number.isFinite(q) && q >= tolerances.slow);
    if (!lost.length) break;
    await follow(map, searches, lost, steps);
    await descend(map, searches, tolerances, onStep);
  }
  return searches.map(({ point, q }) => ({ point, q }));
}

/** Newton steps of all searches that are not over, until they are. */
async function descend(
  map: PointMap,
  searches: readonly Search[],
  { fixed }: Tolerances,
  onStep: (over: number) => void,
): Promise<void> {
  let before = searches.map(({ q }) => q);
  for (let step = 1; step <= MOST_STEPS; step++) {
    const active = searches.filter(({ isOver }) => !isOver);
    if (!active.length) break;
    const points = searches.map(({ point }) => point), directions = new Map<Search, Float64Array>();
    await map.jacobians(points, active.map(({ place }) => place), (place, jacobian) => {
      const direction = newtonDirection(jacobian, searches[place].residual);
      if (direction) directions.set(searches[place], direction);
    });
    for (const search of active) search.isOver = !directions.has(search);
    const last = searches.map(({ q }) => q);
    await takeSteps(map, searches, directions);
    for (const search of active) {
      search.isOver ||= search.q < EXACT || (search.q < fixed && search.q > SETTLED * last[search.place]);
    }
    if (step % CREEPING_STEPS === 0) {
      for (const search of active) search.isOver ||= search.q > CREEPING * before[search.place];
      before = searches.map(({ q }) => q);
    }
    onStep(searches.filter(({ isOver }) => isOver).length);
  }
}

/** Lets the map take steps with some searches, which then go on. */
async function follow(
  map: PointMap,
  searches: readonly Search[],
  some: readonly Search[],
  steps: number,
): Promise<void> {
  const points = searches.map(({ point }) => point);
  let images: Float64Array[] = [];
  for (let step = 0; step <= steps; step++) {
    images = await map.apply(points);
    if (step < steps) { for (const { place } of some) points[place] = images[place]; }
  }
  const found = residuals(points, images);
  for (const search of some) {
    const { q } = found[search.place];
    if (Number.isFinite(q)) Object.assign(search, found[search.place], { isOver: q < EXACT });
  }
}

function residuals(points: readonly Float64Array[], images: readonly Float64Array[]) {
  return points.map((point, i) => {
    const residual = images[i].map((value, j) => value - point[j]);
    return { point, residual, q: residual.reduce((sum, x) => sum + x * x, 0) / 2 };
  });
}

/** @returns undefined where there is none */
function newtonDirection(jacobian: Float64Array[], residual: Float64Array): Float64Array | undefined {
  jacobian.forEach((row, i) => row[i] -= 1);
  const direction = residual.map((x) => -x), isSolved = solveInPlace(jacobian, direction);
  return isSolved && direction.every(Number.isFinite) ? direction : undefined;
}

/** Goes along each direction as far as lowers `q`; where nothing does, the search is over. */
async function takeSteps(
  map: PointMap,
  searches: readonly Search[],
  directions: ReadonlyMap<Search, Float64Array>,
): Promise<void> {
  let waiting = [...directions];
  for (let length = 1; length >= SHORTEST && waiting.length; length /= 2) {
    const trials = searches.map(({ point }) => point);
    for (const [{ place, point }, direction] of waiting) trials[place] = point.map((x, i) => x + length * direction[i]);
    const found = residuals(trials, await map.apply(trials));
    waiting = waiting.filter(([search]) => {
      const { q } = found[search.place];
      const isLower = q <= (1 - 2 * DECREASE * length) * search.q;
      if (isLower) Object.assign(search, found[search.place]);
      return !isLower;
    });
  }
  for (const [search] of waiting) search.isOver = true;
}
