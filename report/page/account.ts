/** What a report leaves out of a study, as the page says it. */
import { type AccountEntry, MOST_NAMES, NOTHING } from "../data/account.ts";
import { escapeHtml, listOf } from "./html.ts";

/** One paragraph or list for each reason, folded where there are many names. */
export function accountOnPage(entries: readonly AccountEntry[]): string {
  if (!entries.length) return `<p class="muted">${NOTHING}</p>`;
  return entries.map(({ lead, names, lines }) => {
    const list = lines ? listOf(names).join("") : escapeHtml(names.join(", "));
    if (names.length > MOST_NAMES) {
      return `<details><summary>${escapeHtml(lead)}</summary>\n<div>${list}</div></details>`;
    }
    return lines ? `<p>${escapeHtml(lead)}:</p>\n${list}` : `<p>${escapeHtml(lead)}: ${list}.</p>`;
  }).join("\n");
}
