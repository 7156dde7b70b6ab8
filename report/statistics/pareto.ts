/** The Pareto front: what cannot be had cheaper without being worse. */

/** A point with a cost and a loss; of both, less is better. */
export interface Candidate {
  x: number;
  y: number;
}

/**
 * The points that no other point beats: none costs at most as much and has a smaller loss, or costs less and has no larger
 * loss. Of equal points the first stays.
 *
 * @returns ascending by cost, so descending by loss
 */
export function paretoFront<Point extends Candidate>(points: readonly Point[]): Point[] {
  const front: Point[] = [];
  for (const point of points.toSorted((a, b) => a.x - b.x || a.y - b.y)) {
    if (!front.length || point.y < front.at(-1)!.y) front.push(point);
  }
  return front;
}
