import assert from "node:assert/strict";
import { pngOf } from "../../../report/figures/png.ts";
import { composeFigure, figureDocument } from "../../../report/figures/svg.ts";

const frame = { name: "picture", title: "Text that must be drawn", subtitle: ["and more of it"], legend: [] };
const svg = composeFigure(figureDocument(), frame, [], 100);

/** Width and height from the header of a PNG. */
function sizeOf(png: Uint8Array): [number, number] {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

Deno.test("pngOf() gives a PNG of twice the size when given an SVG", () => {
  const png = pngOf(svg);
  assert.deepEqual([...png.slice(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const [root] = svg.match(/<svg[^>]*>/)!;
  const [width, height] = ["width", "height"].map((name) => Number(root.match(` ${name}="(\\d+)"`)![1]));
  assert.deepEqual(sizeOf(png), [2 * width, 2 * height]);
});

Deno.test("pngOf() draws the text, regular and bold, when no system font is loaded", () => {
  const without = (pattern: RegExp) => pngOf(svg.replaceAll(pattern, "")).length;
  const whole = pngOf(svg).length;
  const bold = whole - without(/<text[^>]*bold[^>]*>[^<]*<\/text>/g);
  const regular = whole - without(/<text(?![^>]*bold)[^>]*>[^<]*<\/text>/g);
  assert.ok(bold > 1000 && regular > 1000, `bold ${bold}, regular ${regular} bytes`);
});

Deno.test("pngOf() gives the same bytes when called twice", () => {
  assert.deepEqual(pngOf(svg), pngOf(svg));
});
