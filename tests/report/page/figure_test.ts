import assert from "node:assert/strict";
import type { Picture } from "../../../report/figures/pictures.ts";
import { figure } from "../../../report/page/figure.ts";
import { PAGE_STYLE } from "../../../report/page/style.ts";

const PICTURE: Picture = {
  name: "results_01_all",
  caption: "Curves & <more>.",
  svg: "<svg></svg>\n",
  data: () => ({ columns: [], rows: [] }),
};

Deno.test("figure() links the files beside the page, and has downloads that need no file", () => {
  const html = figure(PICTURE), links = [...html.matchAll(/<a ([^>]*)>([^<]*)<\/a>/g)];
  assert.deepEqual(links.map(([, attributes, text]) => [text, /href="([^"]*)"/.exec(attributes)![1]]), [
    ["results_01_all.svg", "results_01_all.svg"],
    ["results_01_all.png", "results_01_all.png"],
    ["CSV", "#results_01_all"],
    ["SVG", "#results_01_all"],
  ]);
  const downloads = links.filter(([, attributes]) => attributes.includes("download"));
  assert.deepEqual(
    downloads.map(([, attributes]) =>
      [...attributes.matchAll(/(download|data-download)="([^"]*)"/g)].map((one) => one[2])
    ),
    [["results_01_all.csv", "csv"], ["results_01_all.svg", "svg"]],
  );
  assert.match(html, /^<figure id="results_01_all">/);
  assert.match(html, /Curves &amp; &lt;more&gt;\./);
});

Deno.test("figure() has its notes in the caption, and shows downloads where the page's script runs alone", () => {
  const html = figure({ ...PICTURE, notes: ["To read: a & b.", "Not shown: c."] });
  assert.match(
    html,
    /<figcaption>[^]*To read: a &amp; b\.[^]*Not shown: c\.[^]*<span class="downloads">[^]*<\/figcaption>/,
  );
  assert.match(PAGE_STYLE, /\.downloads \{ display: none; \} \.script \.downloads \{ display: inline; \}/);
});

Deno.test("captions are of one size, of pictures as of tables", () => {
  const sizes = [...PAGE_STYLE.matchAll(/([^{}]*)\{([^{}]*font-size[^{}]*)\}/g)]
    .filter(([, selector]) => /figcaption|\.muted/.test(selector));
  // On the screen, and on paper.
  assert.equal(sizes.length, 2);
  for (const [, selector] of sizes) assert.ok(/figcaption/.test(selector) && /\.muted/.test(selector), selector);
});
