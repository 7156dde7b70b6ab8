/** Pieces of HTML that the page is made of. */
import { escapeHtml } from "../../cells/markup.ts";
import type { Cells } from "../tables/effect_tables.ts";
import { showable } from "../../cells/visible_text.ts";

export { escapeHtml };

/** The class of what is shown where a person asks for it, and where the script is off; never on paper, which has no room for it. */
export const EXTRA = "extra";

/** The class of what is of no use where the script is off, and so is hidden there. */
export const WITH_SCRIPT = "with-script";

/** Text from a model or a file, which may hold anything. */
export function visibleText(text: string): string {
  return escapeHtml(showable(text));
}

/** A list of lines of text; nothing where there are none. */
export function listOf(lines: readonly string[]): string[] {
  return lines.length ? [`<ul>\n${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join("\n")}\n</ul>`] : [];
}

/** A table that scrolls sideways where it is too wide; `head` holds cells, `body` rows. */
export function table(head: string, body: string): string {
  return `<div class="scroll" tabindex="0">
<table>
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody>
</table>
</div>`;
}

/** A table of plain text, whose first column names its rows; the other headings break into lines where the page is too narrow, and names where they may. */
export function textTable({ headings, lines, wraps = false }: Cells): string {
  const head = headings.map((name, i) => `<th scope="col" class="${i ? "turn" : "text"}">${escapeHtml(name)}</th>`);
  const body = lines.map(([label, ...cells]) => {
    const rest = cells.map((text) => `<td>${escapeHtml(text)}</td>`).join("");
    return `<tr><th scope="row" class="text${wraps ? " turn" : ""}">${escapeHtml(label)}</th>${rest}</tr>`;
  });
  return table(head.join(""), body.join("\n"));
}
