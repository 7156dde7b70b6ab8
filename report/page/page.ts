/** The report as one HTML page: no network, whole without its script, readable in the dark, on a small screen and on paper. */
import type { ReportContent } from "../content/report_content.ts";
import { cellsInFull } from "./cells.ts";
import { filterBar } from "./filter_bar.ts";
import { CELLS_PART } from "./ids.ts";
import { escapeHtml } from "./html.ts";
import { pageParts } from "./parts.ts";
import { runsInFull } from "./run_part.ts";
import { PAGE_STYLE } from "./style.ts";

/** Nothing is loaded from anywhere, whatever a result's text holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; worker-src blob:";

/**
 * The whole page. All text from outside is escaped; nothing on it changes from one call to the next.
 *
 * @param carried what the page's script needs, as HTML
 */
export function pageOf(content: ReportContent, carried = ""): string {
  const { title, rows, table } = content;
  const parts = pageParts(content).map(({ id, html }) => `<div data-part="${escapeHtml(id)}">\n${html}\n</div>`);
  return pageAround(
    title,
    PAGE_STYLE,
    filterBar(rows, table),
    `${parts.join("\n")}
<div data-part="${CELLS_PART}">
${cellsInFull(runsInFull(content), { reads: rows[0].reads, table })}
</div>`,
    carried,
  );
}

/** A page with a bar above what it shows, and the scripts behind it: pieces of HTML. */
export function pageAround(title: string, style: string, bar: string, body: string, carried: string): string {
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
${bar}
<main>
${body}
</main>
<p id="marked" role="status" hidden></p>
${carried}
</body>
</html>
`;
}
