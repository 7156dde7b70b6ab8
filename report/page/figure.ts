/** A picture on the page, with its caption. */
import type { Picture } from "../figures/pictures.ts";
import { escapeHtml } from "./html.ts";

/**
 * What a picture shows, in which files beside the page it is, and what of it the page itself has to download. On a phone it is whole at first,
 * and as large as can be read where that is asked for, without a script.
 */
export function figure({ name, caption, svg, notes = [] }: Picture): string {
  const file = escapeHtml(name), more = notes.map((note) => `<br>\n${escapeHtml(note)}`).join("");
  const files = ["svg", "png"].map((kind) => `<a href="${file}.${kind}">${file}.${kind}</a>`);
  return `<figure id="${file}">
<label class="enlarge"><input type="checkbox"> enlarge</label>
<div class="card" tabindex="0">
${svg.trim()}
</div>
<figcaption>${escapeHtml(caption)}${more}<br>
<span class="files">Beside this page: ${files.join(", ")}.</span>
<span class="downloads">To download, as shown: ${download(file, "csv")}, ${download(file, "svg")}.</span></figcaption>
</figure>`;
}

/** What a download of a picture holds: what it shows as a table, or the picture. */
export type DownloadKind = "csv" | "svg";

/** A link that the page's script answers, with what the picture shows then; without the script it is not seen. */
function download(file: string, kind: DownloadKind): string {
  const label = kind.toUpperCase();
  return `<a download="${file}.${kind}" data-download="${kind}" href="#${file}" aria-label="${label} of ${file}">${label}</a>`;
}
