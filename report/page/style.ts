/** The page's style sheet: light, dark, small screens, paper. */
import { CELL_PICTURE_STYLE } from "../../cells/portrait.ts";
import { BASELINE_COLOUR, COLOUR, DIFFERENCE_COLOUR, SIZE, TINT, TINT_LABEL } from "../figures/theme.ts";
import { COMPARE_STYLE, TABLE_STYLE } from "./table_style.ts";

/** Text on a dark page. */
export const DARK_TEXT = "#e8e8e8";

/** What the pictures' colours become on a dark page; those of categories stay, but the one that would be too dark. */
export const DARK_COLOURS: ReadonlyMap<string, string> = new Map([
  [COLOUR.background, "var(--card)"],
  [COLOUR.text, "var(--text)"],
  [COLOUR.highlight, "#fff"],
  [COLOUR.muted, "var(--muted)"],
  [COLOUR.grid, "#35393f"],
  [COLOUR.axis, "#80858c"],
  ["#0072B2", "#4aa3df"],
  [BASELINE_COLOUR, "#b79be0"],
  [TINT.ground, "#272a2f"],
  [TINT.empty, "#383b40"],
]);

/** Tints behind text: darker than the same colours of lines and dots, which are to stand out. */
export const DARK_TINTS: ReadonlyMap<string, string> = new Map<string, string>([
  [DIFFERENCE_COLOUR.lower, "#0072b2"],
  [DIFFERENCE_COLOUR.higher, "#b85000"],
]);

const darkPictures = [
  ...[...DARK_COLOURS].flatMap(([from, to]) =>
    ["fill", "stroke"].map((key) => `  .card [${key}="${from}"] { ${key}: ${to}; }`)
  ),
  ...[...DARK_TINTS].map(([from, to]) =>
    `  .card [aria-description="${TINT_LABEL}"] [fill="${from}"] { fill: ${to}; }`
  ),
].join("\n");

/** What a page of an experiment that still trains has beside {@linkcode PAGE_STYLE}. */
export const LIVE_STYLE = `
#live progress { width: min(20rem, 60%); vertical-align: middle; } #live [data-live=curves] { min-width: 0; font-size: 12px; }
.live-axes path { stroke: var(--line); } .live-axes text { fill: var(--muted); }
.live-curve { fill: none; stroke: #8a8f98; stroke-opacity: .55; stroke-width: 1; } .live-curve.out { display: none; }
.live-curve.running { stroke: var(--link); stroke-opacity: .9; } .live-curve.failed { stroke: var(--wrong); stroke-dasharray: 4 3; }
.live-curve.best { stroke: var(--text); stroke-opacity: 1; stroke-width: 2.5; } figcaption .running { color: var(--link); }
`;

export const PAGE_STYLE = `
:root { color-scheme: light dark; text-size-adjust: 100%; -webkit-text-size-adjust: 100%;
  --text: #1b1b1b; --muted: #555; --paper: #fafafa; --card: #fff; --line: #ddd;
  --link: #005a8e; --mark: #c2006b; --tint: #fdeaf4; --wrong: #b00020; }
@media screen and (prefers-color-scheme: dark) {
  :root { --text: ${DARK_TEXT}; --muted: #b0b3b8; --paper: #16181b; --card: #1f2226; --line: #3a3d42;
    --link: #7cc4f5; --mark: #ff7ac0; --tint: #40172f; --wrong: #ff8a9a; }
${darkPictures}
}
body { margin: 0 auto; padding: 1.5rem 1rem 5rem; max-width: 64rem; color: var(--text); background: var(--paper);
  font: 1rem/1.55 "DejaVu Sans", Verdana, "Segoe UI", system-ui, sans-serif; }
a { color: var(--link); } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } article h3 { margin: 0 0 .4rem; font-size: 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; padding: 0; list-style: none; }
.on-paper { display: none; } .lead { font-size: 1.15rem; }
.muted, figcaption { color: var(--muted); font-size: .9rem; }
figure { margin: 1.5rem 0; }
figcaption { margin-top: .4rem; overflow-wrap: anywhere; } .downloads { display: none; } .script .downloads { display: inline; } .filtered .files, body:has(#live) .files { display: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; overflow-x: auto; }
.card svg { display: block; width: 100%; height: auto; } .enlarge { display: none; }
.card [data-run] { cursor: pointer; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { vertical-align: bottom; } th.turn { white-space: normal; min-width: 3.2rem; }
.text { text-align: left; } .tick { text-align: center; }
code { font-size: .95em; overflow-wrap: anywhere; }
th button { font: inherit; font-weight: bold; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
  text-align: inherit; white-space: inherit; }
th[aria-sort] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.filters { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; margin: -1.5rem -1rem 1rem;
  padding: .5rem 1rem; background: var(--card); font-size: .9rem;
  border-image: linear-gradient(to top, var(--line) 1px, var(--card) 1px) fill 0 / 0 / 0 100vmax; }
.filters > label { display: flex; min-width: 0; flex: 1 1 16rem; max-width: 100%; gap: .5rem; align-items: center; white-space: nowrap; }
.filters input, .filters select, .filters button { font: inherit; } .filters input { line-height: 1.6; }
[tabindex="-1"]:focus-visible { outline: none; } p, li, summary { overflow-wrap: anywhere; }
.filters input { flex: 1; min-width: 6rem; width: 0; font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.filters details { margin: 0; background: none; } .filters details[open] { flex-basis: 100%; } .filters summary { padding: .1rem .6rem; }
.filters details > div { display: flex; flex-wrap: wrap; gap: .4rem .9rem; max-height: 40vh; overflow-y: auto; }
.filters details label { display: grid; font-size: .85rem; } .filters details p { flex-basis: 100%; margin: 0; }
.filters [role=alert] { flex-basis: 100%; margin: 0; color: var(--wrong); overflow-wrap: anywhere; }
.script [id] { scroll-margin-top: calc(var(--bar, 4rem) + .5rem); }
[aria-busy] { cursor: progress; }
[hidden] { display: none !important; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; background: var(--card); }
summary { cursor: pointer; padding: .45rem .8rem; } details > div { padding: 0 .8rem .8rem; }
.equations { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .85rem; overflow-x: auto; white-space: pre; }
article { border-top: 1px solid var(--line); margin-top: .9rem; padding: .9rem 0; scroll-margin-top: 1rem; }
article:target, article.target { background: var(--tint); box-shadow: -.8rem 0 0 var(--tint), .8rem 0 0 var(--tint); }
.beside { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: start; font-size: .9rem; }
.beside > div { flex: 1 1 18rem; min-width: 0; overflow-wrap: anywhere; }
.curve { width: 20rem; max-width: 100%; height: auto; font-size: 11px; }
.curve .band { fill: #0072B2; fill-opacity: .3; } .curve .line { fill: none; stroke: #0072B2; stroke-width: 1.8; }
@media screen and (prefers-color-scheme: dark) { .curve .line { stroke: #4aa3df; } .curve .band { fill: #4aa3df; } }
.curve-grid { stroke: var(--line); } .curve-level { stroke: var(--muted); stroke-dasharray: 2 3; } .curve-text { fill: var(--muted); }
.sample { margin: .6rem 0 0; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere;
  border-left: .25rem solid var(--line); padding-left: .8rem; }
.sample b { font-weight: normal; color: var(--muted); }
.cell-picture { max-width: 100%; height: auto; }
tr.marked > *, article.marked { background: var(--tint); }
.card .marked { stroke: var(--mark) !important; stroke-opacity: 1; stroke-width: 3.5; }
.card circle.marked, .card path.marked[transform] { stroke-width: 3; fill-opacity: 1; }
#marked { position: fixed; inset: auto 0 0 0; margin: 0; padding: .5rem 1rem; background: var(--card);
  border-top: 2px solid var(--mark); font-size: .9rem; }
@media screen and (max-width: 44rem) {
  .enlarge { display: flex; justify-content: flex-end; align-items: center; gap: .4rem; padding: .3rem 0; font-size: .9rem; }
  .equations { white-space: pre-wrap; overflow-wrap: anywhere; }
  .enlarge input { width: 1.2rem; height: 1.2rem; } .enlarge:has(:checked) + .card svg { width: ${SIZE.width}px; }
}
@media print {
  :root { --text: #000; --muted: #444; --paper: #fff; --card: #fff; --line: #bbb; }
  body { max-width: none; padding: 0; font-size: .8rem; } .lead { font-size: .9rem; } figure, tr, article { break-inside: avoid; }
  table { font-size: .46rem; } th, td { padding: .1rem .12rem; } th, th.turn, td { white-space: normal; min-width: 0; }
  .beside, .equations, .sample, .muted, figcaption { font-size: .7rem; } .on-paper { display: block; }
  .card { border: 0; } .card, .scroll { overflow: visible; }
  nav, .filters, #marked, .files, .script .downloads { display: none; } h2, h3 { break-after: avoid; } td code { white-space: nowrap; } .equations { white-space: pre-wrap; }
}
${TABLE_STYLE}${COMPARE_STYLE}${CELL_PICTURE_STYLE}`;
