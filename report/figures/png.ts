/** SVG -> PNG, with the fonts of an npm package alone, so that a picture is the same on every machine. */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { crc32 } from "node:zlib";
import { Resvg } from "@resvg/resvg-js";
import { PNG_MARK } from "../../experiments/study/ownership.ts";
// Puts the package into the module graph, so that Deno fetches it; the fonts lie beside this file.
import "dejavu-fonts-ttf/package.json" with { type: "json" };

/** Pixels of the PNG per pixel of the SVG. */
const ZOOM = 2;

const FONTS = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"];

/** Draws an SVG at twice its size, on white. Text is drawn in DejaVu Sans, whatever fonts the machine has. */
export function pngOf(svg: string): Uint8Array {
  const drawn = new Resvg(svg, { background: "white", fitTo: { mode: "zoom", value: ZOOM }, font: fontOptions() });
  return withMark(drawn.render().asPng());
}

/** The fonts that text is drawn with, for resvg. */
export function fontOptions(): { loadSystemFonts: false; fontFiles: string[]; defaultFontFamily: string } {
  const require = createRequire(import.meta.url);
  return {
    loadSystemFonts: false,
    fontFiles: FONTS.map((file) => require.resolve(`dejavu-fonts-ttf/ttf/${file}`)),
    defaultFontFamily: "DejaVu Sans",
  };
}

/** Where the first chunk of a PNG, its header, ends: behind eight bytes of magic come length, type, 13 bytes and a sum. */
const HEADER_END = 8 + 4 + 4 + 13 + 4;

/** The same picture with a text chunk that says who made it, so that nobody else's is ever taken for it. */
function withMark(png: Uint8Array): Uint8Array {
  const { keyword, text } = PNG_MARK, content = Buffer.from(`tEXt${keyword}\0${text}`, "latin1");
  const length = Buffer.alloc(4), sum = Buffer.alloc(4);
  length.writeUInt32BE(content.length - 4);
  sum.writeUInt32BE(crc32(content));
  return Buffer.concat([png.subarray(0, HEADER_END), length, content, sum, png.subarray(HEADER_END)]);
}
