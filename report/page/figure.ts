/** A picture on the page, with its caption. */
import type { Picture } from "../figures/pictures.ts";
import { escapeHtml } from "./html.ts";

/** What a picture shows, and in which files it is. On a phone it is whole at first, and as large as can be read where it is asked for, without a script. */
export function figure({ name, caption, svg, notes = [] }: Picture): string {
  const file = escapeHtml(name), more = notes.map((note) => `<br>\n${escapeHtml(note)}`).join("");
  return `<figure id="${file}">
<label class="enlarge"><input type="checkbox"> enlarge</label>
<div class="card" tabindex="0">
${svg.trim()}
</div>
<figcaption>${escapeHtml(caption)} (<code>${file}.svg</code>, <code>${file}.png</code>)${more}</figcaption>
</figure>`;
}
