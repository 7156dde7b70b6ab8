/**
 * The frame of a picture: a document to draw in, Plot panels put in place, title, legend and axis labels, and the
 * finished SVG as text. Everything is text and shapes in one `<svg>`, because a PNG is drawn from the same text and
 * Plot's own titles and legends are HTML.
 */
import type { Level } from "../data/levels.ts";
import * as Plot from "@observablehq/plot";
import { Node, parseHTML } from "linkedom";
import type { SvgDocument, SvgElement } from "./dom.ts";
import { joinLines, shortenPath } from "./svg_paths.ts";
import { brokenTo, fitTogether, scaledToFit, textWidth } from "./text.ts";
import { COLOUR, FONT_FAMILY, SIZE } from "./theme.ts";

export type { SvgDocument, SvgElement };

// linkedom gives every node, attributes included, a weak map of listeners, which costs a third of the time of drawing; nothing listens to a
// picture. The exported Node is a facade of the real class (its prototype), which is made to extend an empty class here. This holds for the
// whole process.
Object.setPrototypeOf(Object.getPrototypeOf(Node), class {});

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** A new empty document, to be handed to the figures. */
export function figureDocument(): SvgDocument {
  return (parseHTML("<html><body></body></html>") as unknown as { document: SvgDocument }).document;
}

/** A new SVG element; text children are escaped on the way out. Attribute values must not come from outside. */
export function element(
  document: SvgDocument,
  name: string,
  attributes: Record<string, string | number>,
  ...children: (SvgElement | string)[]
): SvgElement {
  const made = document.createElementNS(SVG_NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  made.append(...children);
  return made;
}

/**
 * Draws marks with Plot and returns them as a group at `[x, y]`, without Plot's style sheet, whose `:where` rules
 * the PNG renderer does not know, and so without class names.
 *
 * @throws {Error} where Plot warns: a warning means that the picture does not show what was asked for
 */
export function panel(
  document: SvgDocument,
  [x, y]: readonly [number, number],
  options: Omit<Plot.PlotOptions, "document">,
): SvgElement {
  const plot = Plot.plot({ ...options, document, className: "panel" } as Plot.PlotOptions) as unknown as SvgElement;
  const children = [...plot.children];
  // Plot marks a warned-about picture with this sign as a child of its root; the message itself is on the console.
  const warned = children.some((child) => child.tagName.toLowerCase() === "text" && child.textContent.includes("⚠"));
  if (warned) throw new Error("Cannot draw a panel: Plot warns (see the line above), it must not");
  const shapes = children.filter((child) => child.tagName.toLowerCase() !== "style");
  const attributes = { transform: `translate(${x},${y})`, "text-anchor": "middle", "font-size": SIZE.tick };
  return element(document, "g", attributes, ...shapes);
}

/**
 * A mark's `render` that gives each drawn element its row's name as `data-run`: so a page finds all marks of a run. Of a mark
 * that draws one element per series, the series must be rows.
 *
 * @param data what the mark draws, untransformed
 */
export function naming<Datum>(
  data: readonly Datum[],
  nameOf: (datum: Datum) => string,
): Pick<Plot.MarkOptions, "render"> {
  return {
    render(index, scales, values, dimensions, context, next) {
      const group = next!(index, scales, values, dimensions, context);
      let shapes = [...(group as unknown as SvgElement).children];
      // A clipped mark has a group within its group.
      while (shapes.length === 1 && shapes[0].tagName.toLowerCase() === "g") shapes = [...shapes[0].children];
      const all = Array.from(index, (i) => nameOf(data[i]));
      const names = shapes.length === all.length ? all : [...new Set(all)];
      if (shapes.length !== names.length) {
        throw new Error(`Cannot name the marks of a panel: it has ${shapes.length}, must have ${names.length}`);
      }
      for (const [i, shape] of shapes.entries()) shape.setAttribute("data-run", names[i]);
      return group;
    },
  };
}

/** Label of marks that show the spread over a run's seeds and carry no run's name: a page hides them where it shows some runs alone. */
export const SEEDS_LABEL = "spread over seeds";

/** The shapes of dots: a Plot symbol each. */
export const SHAPES = ["circle", "triangle", "square", "diamond", "star"] as const;
export type Shape = typeof SHAPES[number];

/** How a legend shows an entry: a dot, one of the shapes, the outline of a diamond, a line, a broken line, one of dashes and dots, or a thick line. */
export type Mark = "dot" | Shape | "outline" | "line" | "dashes" | "dashdot" | "bar";

/** One entry of a legend. */
export interface LegendEntry {
  mark: Mark;
  colour: string;
  text: string;
  /** Of a line: its dashes, where they are others than the mark's. */
  dashes?: string;
  /** Of a line: the shape of the dots on it. */
  shape?: Shape;
}

/** A line of the legend: entries side by side, after a heading where there is one. */
export interface LegendLine {
  heading?: string;
  entries: LegendEntry[];
}

/** What stands around the panels of a picture. Text may hold any characters. */
export interface Frame {
  /** The picture's file name without its ending; prefix of all ids. */
  name: string;
  title: string;
  subtitle: readonly string[];
  legend: readonly LegendLine[];
  /** Axis labels, centred along the panels; none in a picture without panels. */
  x?: string;
  y?: string;
}

/** Options of every figure. */
export interface FigureOptions {
  /** File name without its ending. */
  name: string;
  title: string;
  /** First line of the subtitle: runs and corpus. */
  subtitle: string;
  /** What losses are held against, nats per what the models read. */
  levels?: readonly Level[];
}

/** Of broken lines. */
export const DASHES = "5,3";
/** Of the lines of baselines: a dash and a dot. */
export const BASELINE_DASHES = "8,3,2,3";

const LINE_HEIGHT = 21;
/** Between two entries of a legend. */
const ENTRY_GAP = 22;
const TITLE_BASELINE = 38;
const FIRST_LINE = 66;

/** Where the panels begin, and how much room axis labels need below and to the left of them. */
export function panelArea(frame: Pick<Frame, "subtitle" | "legend">): { top: number; left: number; bottom: number } {
  const lines = subtitleLines(frame).length + wrapLegend(frame.legend).length;
  return { top: FIRST_LINE + lines * LINE_HEIGHT + 4, left: SIZE.margin + 22, bottom: 40 };
}

/** The lines under the title, all of one size: what is too long goes on in the next one. */
function subtitleLines({ subtitle }: Pick<Frame, "subtitle">): string[] {
  return subtitle.flatMap((line) => brokenTo(line, SIZE.width - 2 * SIZE.margin, SIZE.text));
}

/** How much longer than the panels a label of y may be, in pixels. */
const Y_LABEL_OVERHANG = 30;

/** Puts panels into their frame and prints the picture. `height` is that of the panels together, in pixels. */
export function composeFigure(document: SvgDocument, frame: Frame, panels: SvgElement[], height: number): string {
  const area = panelArea(frame);
  const total = Math.ceil(area.top + height + area.bottom);
  const text = (attributes: Record<string, string | number>, ...children: (SvgElement | string)[]) =>
    element(document, "text", { "font-size": SIZE.text, fill: COLOUR.text, ...attributes }, ...children);
  const middle = area.top + height / 2;
  const subtitle = subtitleLines(frame);
  const lines = subtitle.map((whole, i) => {
    const { line, size } = fitLine(whole);
    return text({ x: SIZE.margin, y: FIRST_LINE + i * LINE_HEIGHT, fill: COLOUR.muted, "font-size": size }, line);
  });
  const legend = wrapLegend(frame.legend).map((line, i) =>
    legendLine(document, line, FIRST_LINE + 5 + (subtitle.length + i) * LINE_HEIGHT)
  );
  const label = (content: string | undefined, position: Record<string, string | number>) =>
    content === undefined ? [] : [text({ ...position, "text-anchor": "middle" }, content)];
  const root = element(
    document,
    "svg",
    {
      xmlns: SVG_NAMESPACE,
      width: SIZE.width,
      height: total,
      viewBox: `0 0 ${SIZE.width} ${total}`,
      "font-family": FONT_FAMILY,
      fill: COLOUR.text,
      role: "img",
      "aria-labelledby": "title",
    },
    element(document, "title", { id: "title" }, frame.title),
    element(document, "desc", {}, frame.subtitle.join(" ")),
    element(document, "rect", { width: SIZE.width, height: total, fill: COLOUR.background }),
    text({ x: SIZE.margin, y: TITLE_BASELINE, "font-size": SIZE.title, "font-weight": "bold" }, frame.title),
    ...lines,
    ...legend,
    ...panels,
    ...label(frame.x, { x: (area.left + SIZE.width) / 2, y: total - 14 }),
    ...label(frame.y, {
      transform: `translate(${SIZE.margin},${middle}) rotate(-90)`,
      // Along one low row of panels a label of the usual size would run into the legend.
      "font-size": scaledToFit(textWidth(frame.y ?? ""), height + Y_LABEL_OVERHANG, SIZE.text),
    }),
  );
  // Plot labels groups of marks; without a role such a label must not be.
  for (const group of root.querySelectorAll("g[aria-label]")) group.setAttribute("role", "group");
  return print(document, root, frame.name);
}

/** A line of the usual size, or a smaller or shorter one where it would not fit between `x` and the right margin. */
function fitLine(text: string, x: number = SIZE.margin): { line: string; size: number } {
  const { texts: [line], size } = fitTogether([text], SIZE.width - SIZE.margin - x, SIZE.text);
  return { line, size };
}

/** Where a legend's first entry stands. */
function legendStart({ heading }: LegendLine): number {
  return SIZE.margin + (heading ? textWidth(heading) + 6 : 0);
}

/** Where an entry's text begins, and where the next entry stands, from where the entry stands itself. */
function entryExtent({ mark, text }: LegendEntry, x: number): { text: number; end: number } {
  const start = x + (LINES.has(mark) ? 34 : 18);
  return { text: start, end: start + textWidth(text) + ENTRY_GAP };
}

/** An entry, or a part of its text; the mark stands before the first part. */
interface LaidEntry extends LegendEntry {
  readonly part?: number;
}

/** A line of {@linkcode wrapLegend}. */
interface LaidLine {
  readonly heading?: string;
  readonly entries: LaidEntry[];
}

/** An entry whose text is too long for a line of its own, in parts that are not. */
function partsOf(entry: LegendEntry): LaidEntry[] {
  const room = SIZE.width - SIZE.margin - entryExtent(entry, SIZE.margin).text;
  const parts = brokenTo(entry.text, room, SIZE.text);
  return parts.length > 1 ? parts.map((text, part) => ({ ...entry, text, part })) : [entry];
}

/** Lines of a legend that have room for their entries: those that do not stand on the next line, without a heading. */
function wrapLegend(lines: readonly LegendLine[]): LaidLine[] {
  return lines.flatMap(({ heading, entries }) => {
    const wrapped: LaidLine[] = [{ heading, entries: [] }];
    let x = legendStart({ heading, entries });
    for (const entry of entries.flatMap(partsOf)) {
      const isFirst = !wrapped.at(-1)!.entries.length,
        isTooLong = entryExtent(entry, x).end - ENTRY_GAP > SIZE.width - SIZE.margin;
      if (!isFirst && (entry.part !== undefined || isTooLong)) {
        wrapped.push({ entries: [] });
        x = SIZE.margin;
      }
      wrapped.at(-1)!.entries.push(entry);
      x = entryExtent(entry, x).end;
    }
    return wrapped;
  });
}

function legendLine(document: SvgDocument, line: LaidLine, baseline: number): SvgElement {
  const group = element(document, "g", { "aria-label": "legend", "font-size": SIZE.text });
  let x = legendStart(line);
  if (line.heading) group.append(element(document, "text", { x: SIZE.margin, y: baseline }, line.heading));
  for (const entry of line.entries) {
    if (!entry.part) group.append(legendMark(document, entry, x, baseline - 5));
    const { text, end } = entryExtent(entry, x), fitted = fitLine(entry.text, text);
    group.append(element(document, "text", { x: text, y: baseline, "font-size": fitted.size }, fitted.line));
    x = end;
  }
  return group;
}

/** The entries that are lines. */
const LINES: ReadonlySet<Mark> = new Set<Mark>(["line", "dashes", "dashdot", "bar"]);

function legendMark(document: SvgDocument, entry: LegendEntry, x: number, y: number): SvgElement {
  const { mark, colour, shape } = entry;
  if (mark === "dot") return element(document, "circle", { cx: x + 6, cy: y, r: 5.5, fill: colour });
  if (LINES.has(mark)) {
    const line = { x1: x, x2: x + 27, y1: y, y2: y, stroke: colour, "stroke-width": mark === "bar" ? 3.5 : 2.5 };
    const dashes = entry.dashes ?? (mark === "dashes" ? DASHES : mark === "dashdot" ? BASELINE_DASHES : undefined);
    const drawn = element(document, "line", dashes ? { ...line, "stroke-dasharray": dashes } : line);
    if (!shape) return drawn;
    const both = element(document, "g", {});
    // Small, so that the dashes are seen beside it.
    both.append(drawn, legendShape(document, shape, colour, x + 7.5, y, 3.4));
    return both;
  }
  return legendShape(document, mark as Shape | "outline", colour, x, y, 5);
}

function legendShape(
  document: SvgDocument,
  mark: Shape | "outline",
  colour: string,
  x: number,
  y: number,
  r: number,
): SvgElement {
  const outline = mark === "outline";
  return panel(document, [x, y - 6], {
    width: 12,
    height: 12,
    margin: 0,
    axis: null,
    marks: [Plot.dot([mark], {
      symbol: outline ? "diamond" : mark,
      frameAnchor: "middle",
      r,
      fill: outline ? "none" : colour,
      stroke: colour,
    })],
  });
}

/** Attributes that hold pixels, and their decimals: a hundredth is invisible, a tenth is enough along a curve. */
const DECIMALS: ReadonlyMap<string, number> = new Map([
  ...["x", "y", "r", "dy", "width", "height", "transform"].map((key) => [key, 2] as const),
  ...["d", "x1", "x2", "y1", "y2", "cx", "cy"].map((key) => [key, 1] as const),
]);

/** The SVG's text: numbers rounded, colours fixed, ids that hold the picture's name and count from 0. */
function print(document: SvgDocument, root: SvgElement, name: string): string {
  const elements = [root, ...root.querySelectorAll("*")];
  const ids = new Map<string, string>();
  for (const one of elements) {
    const id = one.getAttribute("id");
    if (id) ids.set(id, `${name}-${ids.size}`);
  }
  for (const one of elements) {
    for (const key of one.getAttributeNames()) {
      const value = one.getAttribute(key)!, printed = printedValue(key, value, ids);
      if (printed !== value) one.setAttribute(key, printed);
    }
  }
  for (const group of root.querySelectorAll("g")) {
    joinLines(group, (attributes) => element(document, "path", attributes));
  }
  return `${root.outerHTML}\n`;
}

/** An attribute as it is printed. */
function printedValue(key: string, value: string, ids: ReadonlyMap<string, string>): string {
  const decimals = DECIMALS.get(key);
  if (decimals !== undefined) {
    const rounded = roundNumbers(value, decimals);
    return key === "d" ? shortenPath(rounded, decimals) : rounded;
  }
  switch (key) {
    case "id":
    case "aria-labelledby":
      return value && ids.get(value)!;
    case "clip-path":
      return value.replace(/#([^)]+)/, (_, id: string) => `#${ids.get(id)}`);
    // A dark page must not turn the axes of a white picture white.
    case "fill":
    case "stroke":
      return value === "currentColor" ? COLOUR.text : value;
    default:
      return value;
  }
}

/** Rounds each number in an attribute; trailing zeros go. */
export function roundNumbers(text: string, decimals: number): string {
  const rounded = text.replace(
    /-?\d+\.\d+(e[-+]?\d+)?|-?\d+e[-+]?\d+/g,
    (number) => `${Number(Number(number).toFixed(decimals))}`,
  );
  return rounded.includes("-0") ? rounded.replace(/(?<![\d.])-0(?![\d.])/g, "0") : rounded;
}
