/** What stands around the parts of a page. The page's own script saves a page with it, so it loads little. */
import { escapeHtml } from "../../cells/markup.ts";
import { PARTS_ID } from "./ids.ts";
import type { PagePart } from "./parts.ts";

/** Nothing is loaded from anywhere, whatever a result's text holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; worker-src blob:";

/** Of a page that is served: it asks its own server. */
const ASKS = "; connect-src 'self'";

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
  /** Whether its scripts ask the server that it came from. */
  readonly asks?: boolean;
}

/** A whole page of these pieces. */
export function pageAround({ title, style, bar, body, carried, asks }: PagePieces): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}${asks ? ASKS : ""}">
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
