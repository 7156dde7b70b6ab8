/** The bar above the page: which configurations it shows. The page's script brings it to life; without that it is hidden. */
import { type FactorTable, formatLevel } from "../../cells/factor.ts";
import { exampleSelection } from "../../experiments/study/selection.ts";
import { nameOfLevel } from "../data/cell_names.ts";
import { type Configured, levelsIn, rowsOf, shownIn } from "../data/rows.ts";
import { escapeHtml } from "./html.ts";

/**
 * The bar, with a list of values for each factor that has several.
 *
 * @param configured what can be chosen from
 */
export function filterBar(configured: readonly Configured[], table: FactorTable): string {
  const choices = shownIn(table, configured).flatMap((factor) => {
    const levels = levelsIn(factor, rowsOf(table, factor, configured));
    if (levels.length < 2) return [];
    const options = levels.map((level) => {
      const value = factor.kind === "switch" ? `${level}` : formatLevel(factor, level);
      return `<option value="${escapeHtml(value)}">${escapeHtml(nameOfLevel(factor, level))}</option>`;
    });
    return [
      `<label>${escapeHtml(factor.label)} <select data-key="${escapeHtml(factor.key)}"><option value="">any</option>${
        options.join("")
      }</select></label>`,
    ];
  });
  return `<form class="filters" role="search" aria-label="Which configurations this page shows" hidden>
<label>show only <input name="only" size="40" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="only-wrong" placeholder="${
    escapeHtml(exampleSelection(table))
  }"></label>
<button>show</button>
<button type="reset">show all</button>
<output aria-live="polite"></output>
<details><summary>choose</summary>
<div>
${choices.join("\n")}
</div>
</details>
<p id="only-wrong" role="alert" hidden></p>
</form>`;
}
