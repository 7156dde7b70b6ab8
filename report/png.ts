/** SVG -> PNG, with the fonts of an npm package alone, so that a picture is the same on every machine. */
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
// Puts the package into the module graph, so that Deno fetches it; the fonts lie beside this file.
import "dejavu-fonts-ttf/package.json" with { type: "json" };

/** Pixels of the PNG per pixel of the SVG. */
const ZOOM = 2;

const FONTS = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"];

/** Draws an SVG at twice its size, on white. Text is drawn in DejaVu Sans, whatever fonts the machine has. */
export function pngOf(svg: string): Uint8Array {
  const require = createRequire(import.meta.url);
  const drawn = new Resvg(svg, {
    background: "white",
    fitTo: { mode: "zoom", value: ZOOM },
    font: {
      loadSystemFonts: false,
      fontFiles: FONTS.map((file) => require.resolve(`dejavu-fonts-ttf/ttf/${file}`)),
      defaultFontFamily: "DejaVu Sans",
    },
  });
  return drawn.render().asPng();
}
