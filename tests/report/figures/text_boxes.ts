/** Where the texts of a picture stand, measured with the font that it is drawn with. */
import { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";
import { escapeHtml } from "../../../cells/markup.ts";
import type { SvgElement } from "../../../report/figures/dom.ts";
import { fontOptions } from "../../../report/figures/png.ts";

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

/** How wide a line is drawn at a size of one pixel. */
function advance(text: string, weight: string): number {
  const key = `${weight} ${text}`;
  if (!widths.has(key)) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="4000" height="100"><text x="10" y="50" ` +
      `font-family="DejaVu Sans" font-weight="${weight}" font-size="${MEASURED}">${escapeHtml(text)}</text></svg>`;
    widths.set(key, (new Resvg(svg, { font }).getBBox()?.width ?? 0) / MEASURED);
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

/** The lines of all texts that are not turned. */
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
    if (element.getAttribute("transform")?.includes("rotate")) return;
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
  const start = { x: 0, y: 0, size: 10, anchor: "start", weight: "normal", stroke: "none" };
  visit(document.querySelector("svg"), start);
  return boxes;
}
