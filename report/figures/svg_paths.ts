/** Shorter SVG for the same shapes: a page holds hundreds of curves. */
import type { SvgElement } from "./dom.ts";

export type Point = readonly [x: number, y: number];

/** A line through points, in offsets from point to point, which have fewer digits than positions. */
export function polyline([first, ...rest]: readonly Point[], decimals = 0): string {
  let [x, y] = first;
  const offsets = rest.map(([nextX, nextY]) => {
    // Rounded positions, not rounded offsets: errors must not add up along the line.
    const offset = `${Number((nextX - x).toFixed(decimals))},${Number((nextY - y).toFixed(decimals))}`;
    [x, y] = [nextX, nextY];
    return offset;
  });
  return `M${first}${offsets.length ? `l${offsets.join(" ")}` : ""}`;
}

const NUMBER = String.raw`-?\d+(?:\.\d+)?`;
const STRAIGHT = new RegExp(`^(M${NUMBER},${NUMBER}(L${NUMBER},${NUMBER})*Z?)+$`);

/** Rewrites a path of absolute straight lines, in each of its pieces, with {@linkcode polyline}; other paths stay as they are. */
export function shortenPath(path: string, decimals: number): string {
  if (!STRAIGHT.test(path)) return path;
  return path.split("M").slice(1).map((piece) => {
    const points = piece.replace("Z", "").split("L").map((pair): Point => {
      const [x, y] = pair.split(",").map(Number);
      return [x, y];
    });
    return polyline(points, decimals) + (piece.endsWith("Z") ? "Z" : "");
  }).join("");
}

const ENDS = ["x1", "y1", "x2", "y2"] as const;

/** Joins lines that follow each other and differ in their ends alone into one path each. Lines of a named run stay apart. */
export function joinLines(
  parent: SvgElement,
  create: (attributes: Record<string, string>) => SvgElement,
): void {
  const children = [...parent.children];
  const looksOf = (line: SvgElement) =>
    line.tagName.toLowerCase() === "line" && line.getAttribute("data-run") === null
      ? LOOKS.map((key) => line.getAttribute(key)).join("|")
      : undefined;
  for (let from = 0; from < children.length;) {
    const looks = looksOf(children[from]);
    let to = from + 1;
    while (looks !== undefined && to < children.length && looksOf(children[to]) === looks) to++;
    if (to - from > 1) joinOne(children.slice(from, to), create);
    from = to;
  }
}

/** What a line can look like in our pictures. */
const LOOKS = ["stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "transform", "class"] as const;

function joinOne(lines: SvgElement[], create: (attributes: Record<string, string>) => SvgElement): void {
  const d = lines.map((line) => {
    const [x1, y1, x2, y2] = ENDS.map((key) => line.getAttribute(key) ?? "0");
    return `M${x1},${y1}` + (x1 === x2 ? `V${y2}` : y1 === y2 ? `H${x2}` : `L${x2},${y2}`);
  }).join("");
  const looks = LOOKS.flatMap((key) => {
    const value = lines[0].getAttribute(key);
    return value === null ? [] : [[key, value] as const];
  });
  lines[0].before(create({ ...Object.fromEntries(looks), d }));
  for (const line of lines) line.remove();
}
