/** The report as one HTML page: no network, whole without its script, readable in the dark, on a small screen and on paper. */
import type { ReportContent } from "../content/report_content.ts";
import { cellsInFull } from "./cells.ts";
import { FILTER_BAR } from "./filter_bar.ts";
import { escapeHtml } from "./html.ts";
import { pageParts } from "./parts.ts";
import { DYNAMICS_STYLE, PAGE_STYLE } from "./style.ts";

/** Nothing is loaded from anywhere, whatever a result's text holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; worker-src blob:";

/** The parts that hold each cell and its runs: their own pieces are replaced, not they. */
export const CELLS_PART = "cells";

/**
 * The whole page. All text from outside is escaped; nothing on it changes from one call to the next.
 *
 * @param carried what the page's script needs, as HTML
 */
export function pageOf(content: ReportContent, carried = ""): string {
  const { experiment, title, rows, levels = [], table, dynamics } = content;
  const parts = pageParts(content).map(({ id, html }) => `<div data-part="${escapeHtml(id)}">\n${html}\n</div>`);
  const style = `${PAGE_STYLE}${dynamics ? DYNAMICS_STYLE : ""}`;
  return pageAround(
    title,
    style,
    `${parts.join("\n")}
<div data-part="${CELLS_PART}">
${cellsInFull(experiment, rows, levels, table)}
</div>`,
    carried,
  );
}

/** A page with the filter bar above what it shows, and the scripts behind it. @param body HTML */
export function pageAround(title: string, style: string, body: string, carried: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${FILTER_BAR}
<main>
${body}
</main>
<p id="marked" role="status" hidden></p>
${carried}
</body>
</html>
`;
}
