/** The report as one HTML page: no network, whole without its script, readable in the dark, on a small screen and on paper. */
import type { ReportContent } from "../content/report_content.ts";
import { cellsInFull } from "./cells.ts";
import { filterBar } from "./filter_bar.ts";
import { CELLS_PART } from "./ids.ts";
import { pageAround, partsAround } from "./page_around.ts";
import { pageParts } from "./parts.ts";
import { runsInFull } from "./run_part.ts";
import { PAGE_STYLE } from "./style.ts";

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
