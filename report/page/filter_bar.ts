/** The bar above the page: which configurations it shows. The page's script brings it to life; without that it is hidden. */
import { type FactorTable, type FactorValue, formatLevel } from "../../cells/factor.ts";
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
    const valueOf = (level: FactorValue) => factor.kind === "switch" ? `${level}` : formatLevel(factor, level);
    return levels.length > 1 ? [{ factor, levels, example: `${factor.key}=${valueOf(levels.at(-1)!)}`, valueOf }] : [];
  });
  const selects = choices.map(({ factor, levels, valueOf }) => {
    const options = levels.map((level) =>
      `<option value="${escapeHtml(valueOf(level))}">${escapeHtml(nameOfLevel(factor, level))}</option>`
    );
    return `<label>${escapeHtml(factor.label)} <select data-key="${
      escapeHtml(factor.key)
    }"><option value="">any</option>${options.join("")}</select></label>`;
  });
  // A size and the last switch, say: what can be chosen here.
  const examples = [...new Set([choices.at(-1), choices[0]])].flatMap((choice) => choice?.example ?? []);
  return `<form class="filters" role="search" aria-label="Which configurations this page shows" hidden>
<label>show only <input name="only" size="40" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="only-wrong"></label>
<button>show</button>
<button type="reset">show all</button>
<output aria-live="polite"></output>
<details><summary>choose</summary>
<div>
${selects.join("\n")}
${
    examples.length
      ? `<p class="muted">or as an expression, as for <code>--only</code>: <code>${
        escapeHtml(examples.join(","))
      }</code></p>`
      : ""
  }
</div>
</details>
<p id="only-wrong" role="alert" hidden></p>
</form>`;
}
