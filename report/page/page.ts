/** The report as one HTML page: no network, whole without its script, readable in the dark, on a small screen and on paper. */
import type { ReportContent } from "../content/report_content.ts";
import { cellsInFull } from "./cells.ts";
import { filterBar } from "./filter_bar.ts";
import { CELLS_PART, PARTS_ID } from "./ids.ts";
import { escapeHtml } from "./html.ts";
import { type PagePart, pageParts } from "./parts.ts";
import { runsInFull } from "./run_part.ts";
import { PAGE_STYLE } from "./style.ts";

/** Nothing is loaded from anywhere, whatever a result's text holds. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; worker-src blob:; connect-src 'self'";

/**
 * The whole page. All text from outside is escaped; nothing on it changes from one call to the next.
 *
 * @param carried what the page's script needs, as HTML
 */
export function pageOf(content: ReportContent, carried = ""): string {
  const { title, rows, table } = content;
  const cells = cellsInFull(runsInFull(content), { reads: rows[0].reads, table });
  return pageAround({
    title,
    style: PAGE_STYLE,
    bar: filterBar(rows, table),
    body: partsAround(pageParts(content), `<div data-part="${CELLS_PART}">\n${cells}\n</div>`),
    carried,
  });
}

/** What holds the parts of a page. @param cells HTML of the part that stays */
export function partsAround(parts: readonly PagePart[], cells: string): string {
  const html = parts.map(({ id, html }) => `<div data-part="${escapeHtml(id)}">\n${html}\n</div>`);
  return `<div id="${PARTS_ID}">\n${[...html, cells].join("\n")}\n</div>`;
}

/** Pieces of a page: HTML, but for the title. */
interface PagePieces {
  readonly title: string;
  readonly style: string;
  /** Above what the page shows. */
  readonly bar: string;
  readonly body: string;
  /** The scripts, and what they work on. */
  readonly carried: string;
}

/** A whole page of these pieces. */
export function pageAround({ title, style, bar, body, carried }: PagePieces): string {
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
