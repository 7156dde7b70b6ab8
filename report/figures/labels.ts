/** Where labels stand so that they do not lie on each other. */
import { widest } from "./text.ts";

/**
 * Places near `ys` that are at least `gap` apart and within a range, as far as it has room: neighbours that are too close are spread around
 * their middle, in their order.
 *
 * @param ys in pixels
 * @returns in the order of `ys`
 */
export function dodged(ys: readonly number[], gap: number, [low, high]: readonly [number, number]): number[] {
  const order = ys.map((_, i) => i).sort((a, b) => ys[a] - ys[b] || a - b);
  // Neighbours that touch are one block, whose middle lies at the mean of what its members would have.
  const blocks: { first: number; members: number[] }[] = [];
  const place = (members: readonly number[]) => {
    const room = (members.length - 1) * gap;
    const wanted = members.reduce((sum, i, k) => sum + ys[i] - k * gap, 0) / members.length;
    return Math.max(low, Math.min(high - room, wanted));
  };
  for (const i of order) {
    let block = { first: place([i]), members: [i] };
    for (let last = blocks.at(-1); last && last.first + last.members.length * gap > block.first; last = blocks.at(-1)) {
      blocks.pop();
      const members = [...last.members, ...block.members];
      block = { first: place(members), members };
    }
    blocks.push(block);
  }
  const places = new Array<number>(ys.length);
  for (const { first, members } of blocks) for (const [k, i] of members.entries()) places[i] = first + k * gap;
  return places;
}

/** A point of a panel, in pixels. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** A label beside its point: its offset in pixels, and which end of it that is. */
export interface PlacedLabel {
  readonly dx: number;
  readonly dy: number;
  readonly textAnchor: "start" | "middle" | "end";
}

/** Where something stands in a panel, in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** To the right, to the left, above, below, and at the corners. */
const WAYS: readonly PlacedLabel[] = [10, 16].flatMap((away): PlacedLabel[] => [
  { dx: away, dy: 0, textAnchor: "start" },
  { dx: -away, dy: 0, textAnchor: "end" },
  { dx: 0, dy: -away - 5, textAnchor: "middle" },
  { dx: 0, dy: away + 5, textAnchor: "middle" },
  { dx: away, dy: -away, textAnchor: "start" },
  { dx: away, dy: away, textAnchor: "start" },
  { dx: -away, dy: -away, textAnchor: "end" },
  { dx: -away, dy: away, textAnchor: "end" },
]);

function boxOf({ x, y }: Spot, { dx, dy, textAnchor }: PlacedLabel, width: number, size: number): Box {
  const left = x + dx - (textAnchor === "end" ? width : textAnchor === "middle" ? width / 2 : 0);
  return { left, right: left + width, top: y + dy - 0.55 * size, bottom: y + dy + 0.55 * size };
}

export function touches(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/**
 * Places a label beside each point, one after the other: where it leaves the panel or lies on an earlier label it is not placed, and of
 * the ways that are left the one that covers the fewest dots is taken; of labels that are not needed, only one that covers none.
 *
 * @param area of the panel, in pixels
 * @param dots that should stay visible
 * @param reach how far around its middle a dot is drawn, in pixels
 * @param taken where other texts stand already
 * @returns for each point its label; undefined where there is no room
 */
export function placeLabels(
  points: readonly (Spot & { readonly text: string; readonly needed: boolean })[],
  dots: readonly Spot[],
  { area, size, reach, taken = [] }: { area: Box; size: number; reach: number; taken?: readonly Box[] },
): (PlacedLabel | undefined)[] {
  const placed: Box[] = [...taken];
  return points.map((point) => {
    const width = widest([point.text], size);
    const ways = WAYS.map((way) => ({ way, box: boxOf(point, way, width, size) })).filter(({ box }) =>
      box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom &&
      !placed.some((other) => touches(box, other))
    );
    const covered = ({ left, right, top, bottom }: Box) =>
      dots.filter(({ x, y }) => x > left - reach && x < right + reach && y > top - reach && y < bottom + reach).length;
    const counts = ways.map(({ box }) => covered(box));
    const best = counts.reduce((best, count, i) => count < counts[best] ? i : best, 0);
    if (!ways.length || counts[best] && !point.needed) return undefined;
    placed.push(ways[best].box);
    return ways[best].way;
  });
}
