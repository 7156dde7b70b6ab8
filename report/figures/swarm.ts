/** A beeswarm: dots of one column moved sideways until none covers another. No randomness: same values, same picture. */
import { maxOf } from "../../cells/extremes.ts";

/** Sideways positions of the dots of one column, in pixels from its middle, in the order of `ys` (their heights, in pixels). */
export function swarm(ys: readonly number[], radius: number): number[] {
  const positions = new Array<number>(ys.length).fill(0);
  const order = ys.map((_, i) => i).sort((a, b) => ys[a] - ys[b] || a - b);
  const diameter = 2 * radius;
  for (const [rank, i] of order.entries()) {
    const near: number[] = [];
    for (let k = rank - 1; k >= 0 && ys[i] - ys[order[k]] < diameter; k--) near.push(order[k]);
    positions[i] = freePosition(ys[i], near.map((k) => ({ x: positions[k], y: ys[k] })), diameter);
  }
  return positions;
}

/** The position nearest to the middle where a dot touches no near one. */
function freePosition(y: number, near: { x: number; y: number }[], diameter: number): number {
  const touching = near.flatMap((dot) => {
    const reach = Math.sqrt(diameter ** 2 - (y - dot.y) ** 2);
    return [dot.x - reach, dot.x + reach];
  });
  const candidates = [0, ...touching].sort((a, b) => Math.abs(a) - Math.abs(b) || a - b);
  // A touching position is computed with an error; without this slack it would count as covering.
  const least = diameter ** 2 * (1 - 1e-9);
  return candidates.find((x) => near.every((dot) => (x - dot.x) ** 2 + (y - dot.y) ** 2 >= least))!;
}

const SMALLEST_RADIUS = 1.3;

/**
 * Swarms of several columns with one radius, the largest up to `radius` at which every column stays within `reach`
 * pixels of its middle. Columns that are too full even for tiny dots are squeezed sideways, so their dots overlap.
 */
export function fitSwarms(
  columns: readonly (readonly number[])[],
  radius: number,
  reach: number | readonly number[],
): { radius: number; positions: number[][] } {
  const reachOf = (i: number) => typeof reach === "number" ? reach : reach[i];
  for (;; radius *= 0.9) {
    const positions = columns.map((ys) => swarm(ys, radius));
    const widest = positions.map((xs) => maxOf(xs.map(Math.abs), 0) + radius);
    const fits = widest.every((width, i) => width <= reachOf(i));
    if (fits) return { radius, positions };
    if (radius * 0.9 < SMALLEST_RADIUS) {
      const squeeze = widest.map((width, i) => Math.min(1, (reachOf(i) - radius) / (width - radius)));
      return { radius, positions: positions.map((xs, i) => xs.map((x) => x * squeeze[i])) };
    }
  }
}
