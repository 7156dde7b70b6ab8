/** The report as one HTML page: no network, no script, readable in the dark, on a small screen and on paper. */
import { SWITCHES } from "../cells/config.ts";
import type { RunResult } from "../experiments/result.ts";
import { countConfigurations, type MergedRow, mostSeeds } from "./merged.ts";
import { distinct } from "./rows.ts";
import type { Effects } from "./effects.ts";
import { effectsInFigures, effectsInWords } from "./page_effects.ts";
import { promotionOnPage } from "./page_promotion.ts";
import type { PromotionAudit } from "./promotion_audit.ts";
import { escapeHtml, table } from "./html.ts";
import type { Picture } from "./pictures.ts";
import { forwardInWords, testScore } from "./tables.ts";
import { formatCount, formatSeconds, formatSpread, plural } from "./theme.ts";

/** What the page tells. */
export interface PageContent {
  title: string;
  /** At least one configuration, best first. */
  rows: readonly MergedRow[];
  effects: Effects;
  unfinished: readonly RunResult[];
  /** One line on each result file that could not be read. */
  unreadable: readonly string[];
  /** The runs' corpus and training settings, in a sentence. */
  settings: string;
  pictures: readonly Picture[];
  /** Of an experiment that was chosen by the ranking of another. */
  promotion?: PromotionAudit;
}

const STYLE = `
:root { color-scheme: light dark; --text: #1b1b1b; --muted: #555; --paper: #fafafa; --card: #fff; --line: #ddd; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --muted: #aaa; --paper: #16181b; --card: #1f2226; --line: #3a3d42; }
}
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 64rem; color: var(--text); background: var(--paper);
  font: 1rem/1.55 "DejaVu Sans", Verdana, "Segoe UI", system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.lead { font-size: 1.15rem; } .muted { color: var(--muted); }
figure { margin: 1.5rem 0; }
figcaption { color: var(--muted); font-size: .9rem; margin-top: .4rem; }
.card { background: #fff; border: 1px solid var(--line); border-radius: .4rem; overflow-x: auto; }
.card svg { display: block; width: 100%; min-width: 40rem; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { vertical-align: bottom; } th.turn { white-space: normal; min-width: 3.2rem; }
.text { text-align: left; } .tick { text-align: center; }
code { font-size: .95em; overflow-wrap: anywhere; }
@media print {
  :root { --text: #000; --muted: #444; --paper: #fff; --card: #fff; --line: #bbb; }
  body { max-width: none; padding: 0; font-size: .8rem; } figure, tr { break-inside: avoid; }
  table { font-size: .55rem; } th, td { padding: .12rem .25rem; } th.turn { min-width: 0; }
  .card { border: 0; } .card, .scroll { overflow: visible; } .card svg { min-width: 0; }
}`;

/** The whole page. All text from outside is escaped; nothing on it changes from one call to the next. */
export function pageOf(content: PageContent): string {
  const [best] = content.rows;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(content.title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<main>
<h1>${escapeHtml(content.title)}</h1>
<p class="lead">${escapeHtml(headline(content.rows))}</p>
<p>${escapeHtml(content.settings)}</p>
${missing(content)}
${promotionOnPage(content.promotion)}
${effectsInWords(content.effects)}
${content.pictures.map(figure).join("\n")}
<h2>What each switch changes</h2>
${effectsInFigures(content.effects)}
<h2>The best configuration, in words</h2>
${inWords(best)}
<h2>All configurations</h2>
${runsTable(content.rows)}
</main>
</body>
</html>
`;
}

/** The answer in one sentence. */
export function headline(rows: readonly MergedRow[]): string {
  const [best] = rows;
  const test = best.test_bits_per_byte === undefined
    ? "it has not been scored on the test split"
    : `on the test split it needs ${testScore(best)} bits per byte`;
  const loss = `${formatSpread(best.min_loss)} nats per byte`;
  const seeds = best.runs.length > 1 ? ` (mean ± standard deviation of ${best.runs.length} seeds)` : "";
  const count = countConfigurations(rows);
  const control = best.control ? " It is a control: the short ranking of experiment 01 had left it out." : "";
  return (count === 1
    ? `The only configuration with a finished run is ${best.label}: its training loss fell to ${loss}${seeds}, and ${test}.`
    : `Of ${
      formatCount(count)
    } configurations, ${best.label} has the lowest training loss, ${loss}${seeds}; ${test}.`) + control;
}

function missing({ unfinished: all, unreadable }: PageContent): string {
  const parts: string[] = [];
  const failed = all.filter((run) => run.failed !== undefined);
  const unfinished = all.filter((run) => run.failed === undefined);
  if (failed.length) {
    const lines = failed.map((run) => `<li>${escapeHtml(`${run.id.slice(0, 8)}: ${run.failed}`)}</li>`).join("\n");
    parts.push(`<p>${plural(failed.length, "run")} failed:</p>\n<ul>\n${lines}\n</ul>`);
  }
  if (unfinished.length) {
    const names = unfinished.slice(0, 20).map((run) => `${run.id.slice(0, 8)}${run.seed ? ` seed ${run.seed}` : ""}`);
    const more = unfinished.length > names.length ? `, and ${unfinished.length - names.length} more` : "";
    const have = unfinished.length === 1 ? "has" : "have";
    parts.push(
      `<p>${plural(unfinished.length, "run")} ${have} not finished and ${have} no part in this report: ` +
        `${escapeHtml(names.join(", "))}${more}.</p>`,
    );
  }
  if (unreadable.length) {
    const lines = unreadable.map((line) => `<li>${escapeHtml(line)}</li>`).join("\n");
    parts.push(`<p>${plural(unreadable.length, "result file")} could not be read:</p>\n<ul>\n${lines}\n</ul>`);
  }
  return parts.join("\n") || `<p class="muted">No run is unfinished, and every result file could be read.</p>`;
}

function figure({ name, caption, svg }: Picture): string {
  const file = escapeHtml(name);
  return `<figure id="${file}">
<div class="card" tabindex="0">
${svg.trim()}
</div>
<figcaption>${escapeHtml(caption)} (<code>${file}.svg</code>, <code>${file}.png</code>)</figcaption>
</figure>`;
}

function inWords(best: MergedRow): string {
  const { before, lead, layer, after } = forwardInWords(best);
  return `<p>${escapeHtml(best.label)} (<code>${best.id}</code>)</p>
<p>${escapeHtml(before)} ${escapeHtml(lead)}</p>
<ul>
${layer.map((line) => `<li>${escapeHtml(line)}</li>`).join("\n")}
</ul>
<p>${escapeHtml(after)}</p>`;
}

function runsTable(rows: readonly MergedRow[]): string {
  const seeds = mostSeeds(rows) > 1;
  const others = rows.some((row) => extras(row)), controls = rows.some(({ control }) => control);
  const head = [
    `<th scope="col">rank</th><th scope="col" class="text">id</th>`,
    controls ? `<th scope="col" class="text">chosen as</th>` : "",
    seeds ? `<th scope="col">seeds</th>` : "",
    `<th scope="col">layers</th><th scope="col">state size</th>`,
    ...SWITCHES.map(({ label }) => `<th scope="col" class="tick turn">${escapeHtml(label)}</th>`),
    others ? `<th scope="col" class="text">cell</th>` : "",
    `<th scope="col" class="turn">least loss, nats/byte</th><th scope="col" class="turn">test, bits/byte</th>`,
    `<th scope="col">parameters</th><th scope="col">steps</th><th scope="col">time</th>`,
    `<th scope="col" class="text">engine</th>`,
  ].join("");
  const body = rows.map((row, i) =>
    [
      `<tr><td>${i + 1}</td><td class="text"><code>${row.name}</code></td>`,
      controls ? `<td class="text">${row.control ? "control" : ""}</td>` : "",
      seeds ? `<td>${row.runs.length}</td>` : "",
      `<td>${row.config.n_layers}</td><td>${row.config.state_size}</td>`,
      ...SWITCHES.map(({ key }) => `<td class="tick">${row.config[key] ? "on" : "·"}</td>`),
      others ? `<td class="text">${escapeHtml(extras(row))}</td>` : "",
      `<td>${formatSpread(row.min_loss)}</td><td>${testScore(row)}</td>`,
      `<td>${formatCount(row.parameters)}</td><td>${formatCount(row.steps_done)}</td>`,
      `<td>${formatSeconds(row.train_seconds.mean)}</td><td class="text">${
        escapeHtml(distinct(row.runs, ({ engine }) => engine).join(", "))
      }</td></tr>`,
    ].join("")
  );
  return table(head, body.join("\n"));
}

/** What sets a configuration apart beside its switches, layers and state size; mostly nothing. */
function extras({ config }: MergedRow): string {
  const cell = config.cell !== undefined && config.cell !== "gated" ? config.cell : "";
  const gates = config.gate_inputs === "x,h" ? "gates read x,h" : "";
  return [cell, gates].filter(Boolean).join(", ");
}
