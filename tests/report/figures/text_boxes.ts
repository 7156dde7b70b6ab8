/** Where the texts of a picture stand, measured with the font that it is drawn with, and what is wrong with that. */
import assert from "node:assert/strict";
import { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";
import { escapeHtml } from "../../../cells/markup.ts";
import type { SvgElement } from "../../../report/figures/dom.ts";
import { fontOptions } from "../../../report/figures/png.ts";
import { LEAST_SIZE } from "../../../report/figures/text.ts";

/** One line of text, in pixels of the picture; from its baseline to the height of capitals. */
export interface TextBox {
  readonly text: string;
  readonly size: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Whether it stands on an outline of the background, so that it may lie over other marks. */
  readonly isHaloed: boolean;
}

/** What a text has from the elements around it. */
interface Style {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly anchor: string;
  readonly weight: string;
  readonly stroke: string;
}

const widths = new Map<string, number>(), font = fontOptions();
/** Of the text that is measured. */
const MEASURED = 20;

/** The fonts that a line is drawn with: each is read anew for each line, and the other weight's could only lend a sign beyond these. */
function fontsOf(text: string, weight: string): ReturnType<typeof fontOptions> {
  const isBold = /^(bold|[6-9]00)$/.test(weight), [regular, bold] = font.fontFiles;
  return /^[\u0020-\u024f]*$/.test(text) ? { ...font, fontFiles: [isBold ? bold : regular] } : font;
}

/** How wide a line is drawn at a size of one pixel. */
function advance(text: string, weight: string): number {
  const key = `${weight} ${text}`;
  if (!widths.has(key)) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="4000" height="100"><text x="10" y="50" ` +
      `font-family="DejaVu Sans" font-weight="${weight}" font-size="${MEASURED}">${escapeHtml(text)}</text></svg>`;
    widths.set(key, (new Resvg(svg, { font: fontsOf(text, weight) }).getBBox()?.width ?? 0) / MEASURED);
  }
  return widths.get(key)!;
}

/** Pixels of `0.32em` or `14`. */
function length(value: string | null, size: number): number {
  if (value === null) return 0;
  return value.endsWith("em") ? parseFloat(value) * size : parseFloat(value);
}

function inherit(element: SvgElement, around: Style): Style {
  const own = (name: string) => element.getAttribute(name);
  const [, x = "0", y = "0"] = own("transform")?.match(/^translate\(([-\d.]+),([-\d.]+)\)$/) ?? [];
  return {
    x: around.x + Number(x),
    y: around.y + Number(y),
    size: Number(own("font-size") ?? around.size),
    anchor: own("text-anchor") ?? around.anchor,
    weight: own("font-weight") ?? around.weight,
    stroke: own("stroke") ?? around.stroke,
  };
}

/** Where a text stands that is turned by a quarter to the left, as all turned ones are: its lines are not told apart. */
const TURNED = /^translate\(([-\d.]+),([-\d.]+)\) ?rotate\(-90\)$/;

/** The lines of all texts. */
export function textBoxes(svg: string): TextBox[] {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`) as unknown as {
    document: { querySelector(selector: string): SvgElement };
  };
  const boxes: TextBox[] = [];
  const addLine = (text: string, x: number, y: number, { size, anchor, weight, stroke }: Style) => {
    if (!text) return;
    const width = size * advance(text, weight);
    const left = x - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
    const isHaloed = stroke !== "none";
    boxes.push({ text, size, left, right: left + width, top: y - 0.73 * size, bottom: y, isHaloed });
  };
  const visit = (element: SvgElement, around: Style): void => {
    const turn = element.getAttribute("transform");
    if (turn?.includes("rotate")) return addTurned(element, turn, around);
    const style = inherit(element, around), tag = element.tagName.toLowerCase();
    if (tag !== "text") return [...element.children].forEach((child) => visit(child, style));
    const x = style.x + length(element.getAttribute("x"), style.size), lines = [...element.children];
    let y = style.y + length(element.getAttribute("y"), style.size);
    if (!lines.length) return addLine(element.textContent, x, y, style);
    for (const line of lines) {
      y += length(line.getAttribute("y"), style.size) + length(line.getAttribute("dy"), style.size);
      addLine(line.textContent, x, y, style);
    }
  };
  const addTurned = (element: SvgElement, turn: string, around: Style) => {
    const found = TURNED.exec(turn);
    assert.ok(
      found && ![...element.children].length,
      `a text is turned in a way that is not known: ${element.outerHTML}`,
    );
    const { size, anchor, weight, stroke } = inherit(element, around), text = element.textContent;
    const x = around.x + Number(found[1]) + length(element.getAttribute("y"), size),
      width = size * advance(text, weight);
    const bottom = around.y + Number(found[2]) + (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
    const isHaloed = stroke !== "none";
    boxes.push({ text, size, left: x - 0.73 * size, right: x, top: bottom - width, bottom, isHaloed });
  };
  const start = { x: 0, y: 0, size: 10, anchor: "start", weight: "normal", stroke: "none" };
  visit(document.querySelector("svg"), start);
  return boxes;
}

/** What may be cut off by rounding, in pixels. */
const SLACK = 0.6;

function overlap(a: TextBox, b: TextBox): boolean {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  return across > SLACK && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;
}

/** The pairs of texts that lie on each other. */
export function touchesIn(boxes: readonly TextBox[]): [TextBox, TextBox][] {
  return boxes.flatMap((a, i) =>
    boxes.slice(i + 1).filter((b) => overlap(a, b)).map((b): [TextBox, TextBox] => [a, b])
  );
}

/** Texts that leave the picture, are too small to read, or lie on each other. */
export function problemsIn(svg: string): string[] {
  const [, width, height] = svg.match(/viewBox="0 0 (\d+) (\d+)"/)!, boxes = textBoxes(svg);
  assert.ok(boxes.length > 10, `only ${boxes.length} texts were found`);
  const plain = boxes.filter(({ isHaloed }) => !isHaloed);
  return [
    ...boxes.filter(({ left, right, top, bottom }) => left < 0 || right > +width || top < 0 || bottom > +height)
      .map(({ text, left, right }) => `'${text}' leaves the picture: ${left.toFixed(1)} to ${right.toFixed(1)}`),
    ...boxes.filter(({ size }) => size < LEAST_SIZE).map(({ text, size }) => `'${text}' is ${size} pixels high`),
    ...touchesIn(plain).map(([a, b]) => `'${a.text}' and '${b.text}' overlap`),
  ];
}
